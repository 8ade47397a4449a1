/* figures.h: chooses and writes the figures of a study. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_FIGURES_H
#define WB_FIGURES_H

#include "study.h"

typedef struct wb_figure_entry {
  char *name;         // of the files NAME.svg, .png, .gp, .tsv
  const char *output; // what it shows; the spec's
  char *caption;
} wb_figure_entry;

/* Writes a figure for each output that has one into `folder` and draws it, unless the folder `earlier`, if
 * there is one, holds the same figure already drawn. *figures is malloc'ed and freed with
 * wb_figure_entries_free. Where gnuplot is missing or fails *warning (malloc'ed, else NULL) says so and what
 * to do; `shown` is the folder's name in that sentence. */
wb_status wb_figures_write(const wb_study *study, const char *folder, const char *earlier, const char *shown,
                           wb_figure_entry **figures, size_t *count, char **warning, wb_error *err);
void wb_figure_entries_free(wb_figure_entry *figures, size_t count);

#endif
