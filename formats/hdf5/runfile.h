/* runfile.h: run files, one per trained model; formats/SCHEMA.md says what is in them. A run file is written
 * anew each time: wb_runfile_create, fill, wb_runfile_commit.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_RUNFILE_H
#define WB_RUNFILE_H

#include "hdf5/h5.h"

#define WB_RUNFILE_SCHEMA "workbench.run/1"

typedef enum wb_factor_type { WB_FACTOR_TEXT, WB_FACTOR_INT, WB_FACTOR_FLOAT } wb_factor_type;

/* What tells one run from another: objective, rho, seed, .. */
typedef struct wb_runfile_factor {
  const char *name;
  wb_factor_type type;
  const char *text; // the field that `type` names counts
  int64_t whole;
  double real;
} wb_runfile_factor;

/* Starts a file with the schema and the time. */
wb_status wb_runfile_create(const char *path, wb_h5 **out, wb_error *err);
/* Attributes of the root, and their names in this order. Once per file. */
wb_status wb_runfile_write_factors(wb_h5 *file, const wb_runfile_factor *factors, size_t count,
                                   wb_error *err);
/* The model's outputs over one split of a data set. Whatever is NULL is left out. */
typedef struct wb_runfile_activations {
  const char *split;                   // "test"
  size_t count;                        // stimuli
  size_t units, classes;               // classes: columns of logits and number of names
  size_t rows, cols;                   // the grid
  const float *embedding;              // (count, units), before ReLU
  const float *logits;                 // (count, classes)
  const int32_t *labels;               // (count)
  const int64_t *index;                // (count), position in the data set's own order
  const int64_t *ids;                  // (count), stimulus ids
  const char *const *class_names;      // (classes)
  const char *const *superclass_names; // (classes), of each class
  const char *data_spec, *data_digest; // of the data set
} wb_runfile_activations;
wb_status wb_runfile_write_activations(wb_h5 *file, const wb_runfile_activations *a, wb_error *err);
/* Sets the state ("training" or "complete"), writes the digests, and puts the file in its place. Frees `file`
 * either way. */
wb_status wb_runfile_commit(wb_h5 *file, const char *state, wb_error *err);

/* *is_run: whether the file says that it is a run file. WB_INPUT where it is one of another major version. */
wb_status wb_runfile_check(const wb_h5 *file, bool *is_run, wb_error *err);
/* Opens a file that must be a run file. */
wb_status wb_runfile_open(const char *path, wb_h5 **out, wb_error *err);
/* Whether training has ended. */
wb_status wb_runfile_is_complete(const wb_h5 *file, bool *complete, wb_error *err);
/* Factors as text ("0.2"), in their order; both arrays are freed with wb_h5_free_texts. In a file without the
 * list `factors` they are those attributes of the root that are called like a run file's factors. */
wb_status wb_runfile_read_factors(const wb_h5 *file, char ***names, char ***values, size_t *count,
                                  wb_error *err);
/* Recomputes all digests. *changed lists the objects whose content is not what the file says, or which it
 * does not mention, or which are gone; freed with wb_h5_free_texts. */
wb_status wb_runfile_verify(const wb_h5 *file, char ***changed, size_t *count, wb_error *err);

#endif
