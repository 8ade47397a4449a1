/* opt.h: command-line options, declared in tables: parsing, nearest match for typing errors, usage text.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_OPT_H
#define WB_OPT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

typedef enum wb_opt_kind {
  WB_OPT_FLAG,   // --name
  WB_OPT_SWITCH, // --name and --no-name
  WB_OPT_ONE,    // --name VALUE or --name=VALUE; the last one given counts
  WB_OPT_EACH,   // the same, but may be given several times and all count
  WB_OPT_MANY    // --name VALUE...: takes all words up to the next option
} wb_opt_kind;

typedef struct wb_opt {
  const char *name; // after --
  char letter;      // after -; 0: none
  wb_opt_kind kind;
  const char
      *value;       // how the value is called in usage text: "FILE", "<rook|queen>"; NULL where there is none
  const char *help; // one line
  const char *group; // heading; NULL: "options"
} wb_opt;

typedef struct wb_given {
  const char *name;  // of the option
  const char *value; // NULL of flags and switches
  bool negated;      // --no-name
} wb_given;

typedef struct wb_args {
  wb_given *given; // in order; names and values point into argv and the option table
  size_t count;
  const char **words; // what is no option
  size_t word_count;
} wb_args;

/* `who` begins messages: "moran", "workbench list". WB_ARG for an unknown option (with the nearest known
 * one), a value missing or not expected. */
wb_status wb_args_parse(const char *who, const wb_opt *options, size_t count, char *const *argv, int argc,
                        wb_args *out, wb_error *err);
void wb_args_free(wb_args *args);

const wb_given *wb_args_find(const wb_args *args, const char *name); // the last one; NULL: not given
const char *wb_args_value(const wb_args *args, const char *name);    // of the last one; NULL: not given
bool wb_args_flag(const wb_args *args, const char *name);

/* The table as aligned text, group by group, wrapped to 100 columns. */
void wb_opt_usage(FILE *out, const wb_opt *options, size_t count);

/* "; did you mean NEAREST?", or "" where nothing is near; malloc'ed. prefix goes before the word: "--". */
char *wb_did_you_mean(const char *word, const char *prefix, const char *const *words, size_t count);

/* Prints `text` from column `indent` on, wrapped at words to `width` columns, with a final newline. */
void wb_print_wrapped(FILE *out, const char *text, int indent, int width);

#endif
