/* cmd_describe.c: workbench describe PLUGIN. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "exit.h"
#include "heap.h"
#include "json.h"
#include "params.h"
#include "registry.h"
#include "say.h"

enum { COLUMN = 12, WIDTH = 100 };

static const wb_opt options[] = {
    {"json", 0, WB_OPT_FLAG, NULL, "as JSON, with everything that the plugin declares", NULL},
    {"trust-dir", 0, WB_OPT_FLAG, NULL, "load plugins from folders that others may write to, too", NULL},
    {"help", 'h', WB_OPT_FLAG, NULL, "this text", NULL},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static void print_help(void) {
  puts("workbench describe PLUGIN [--json]\n\n"
       "What a plugin measures or makes, what it reads, its options, and what it gives.");
  wb_opt_usage(stdout, options, OPTIONS);
  puts("\nexample\n  workbench describe moran");
}

/* Rows of up to three columns under one heading; the texts are owned. */
typedef struct row {
  char *cells[3];
} row;

static void print_rows(const char *heading, row *rows, size_t count) {
  enum { WIDEST = 34 }; // what is wider has the rest on the next line
  int width[2] = {0, 0}, column = COLUMN;
  for (int c = 0; c < 2; c++) {
    for (size_t i = 0; i < count; i++) {
      const int length = (int)strlen(rows[i].cells[c]);
      if (length > width[c] && length <= WIDEST) width[c] = length;
    }
    column += width[c] ? width[c] + 2 : 0;
  }
  for (size_t i = 0; i < count; i++) {
    char *left = wb_format("%-*s%-*s%s%-*s", COLUMN, i ? "" : heading, width[0], rows[i].cells[0],
                           width[1] ? "  " : "", width[1], rows[i].cells[1]);
    int length = (int)strlen(left);
    while (length && left[length - 1] == ' ') length--;
    printf("%.*s", length, left);
    if (*rows[i].cells[2]) {
      if (length > column - 2) putchar('\n');
      printf("%*s", length > column - 2 ? column : column - length, "");
      wb_print_wrapped(stdout, rows[i].cells[2], column, WIDTH);
    } else {
      putchar('\n');
    }
    free(left);
    for (int c = 0; c < 3; c++) free(rows[i].cells[c]);
  }
}

static char *origin_text(const wb_input *in) {
  const char *optional = in->flags & WB_INPUT_OPTIONAL ? " (optional)" : "";
  switch (in->kind) {
  case WB_MODEL:
    return wb_format("the network%s", optional);
  case WB_IMAGES:
    return wb_format("the run's data set, or --data%s", optional);
  case WB_DERIVED:
    return wb_format("%s of %.*s, computed first%s", strchr(in->object, '/') + 1,
                     (int)strcspn(in->object, "/"), in->object, optional);
  default:
    break;
  }
  if (!strcmp(in->role, "positions")) return wb_copy("the grid, unless the file has positions");
  return wb_format("%s%s", in->object ? in->object : "--object", optional);
}

static void print_inputs(const wb_spec *spec) {
  row *rows = wb_new(row, spec->input_count);
  for (size_t i = 0; i < spec->input_count; i++) {
    const wb_input *in = &spec->inputs[i];
    rows[i] = (row){{wb_copy(in->role), wb_input_axes(in), origin_text(in)}};
  }
  print_rows("reads", rows, spec->input_count);
  free(rows);
}

static void print_options(const wb_spec *spec) {
  wb_opt *table = wb_params_options(spec);
  row *rows = wb_new(row, spec->param_count);
  for (size_t i = 0; i < spec->param_count; i++)
    rows[i] = (row){{wb_format("--%s%s%s", table[i].name, table[i].value ? " " : "",
                               table[i].value ? table[i].value : ""),
                     wb_copy(""), wb_copy(table[i].help)}};
  print_rows("options", rows, spec->param_count);
  free(rows);
  wb_params_free_options(table, spec->param_count);
}

static char *bounds_text(const wb_output *out) {
  static const char *const shapes[] = {"", "scalar", "curve", "matrix", "points", "histogram"};
  char *unit = out->unit ? wb_format(" %s", out->unit) : wb_copy(""), *text;
  if (isinf(out->low) && isinf(out->high))
    text = wb_format("%s%s", shapes[out->shape], unit);
  else if (isinf(out->high))
    text = wb_format("%s >= %g%s", shapes[out->shape], out->low, unit);
  else if (isinf(out->low))
    text = wb_format("%s <= %g%s", shapes[out->shape], out->high, unit);
  else
    text = wb_format("%s [%g, %g]%s", shapes[out->shape], out->low, out->high, unit);
  free(unit);
  return text;
}

static void print_outputs(const wb_spec *spec) {
  row *rows = wb_new(row, spec->output_count);
  for (size_t i = 0; i < spec->output_count; i++) {
    const wb_output *out = &spec->outputs[i];
    rows[i] = (row){
        {wb_copy(out->name), bounds_text(out),
         wb_format("%s%s%s%s%s", out->title, *out->help ? ": " : "", out->help,
                   out->higher_means ? "; higher is " : "", out->higher_means ? out->higher_means : "")}};
  }
  print_rows("gives", rows, spec->output_count);
  free(rows);
}

static void print_line(const char *heading, const char *text) {
  if (!*text) return;
  printf("%-*s", COLUMN, heading);
  wb_print_wrapped(stdout, text, COLUMN, WIDTH);
}

static void describe(const wb_spec *spec) {
  static const char *const scopes[] = {"per run", "per condition", "over all runs"};
  const bool measures = spec->kind == WB_METRIC || spec->kind == WB_ROBUSTNESS;
  printf("%s %s, %s%s%s\n", spec->id, spec->version, wb_kind_name(spec->kind), measures ? ", " : "",
         measures ? scopes[spec->scope] : "");
  wb_print_wrapped(stdout, *spec->summary ? spec->summary : spec->title, 0, WIDTH);
  putchar('\n');
  print_inputs(spec);
  print_options(spec);
  print_outputs(spec);
  if (spec->kind == WB_TRAIN || spec->kind == WB_CONVERT) print_line("writes", "a run file");
  print_line("cite", spec->reference);
  print_line("author", spec->author);
  print_line("license", spec->license);
  print_line("file", spec->path);
  print_line("example", spec->example);
}

int wb_cmd_describe(int argc, char *const *argv) {
  wb_error err = {0};
  wb_args args;
  wb_status status = wb_args_parse("workbench describe", options, OPTIONS, argv, argc, &args, &err);
  if (status == WB_OK && wb_args_flag(&args, "help")) {
    print_help();
    wb_args_free(&args);
    return WB_EXIT_OK;
  }
  if (status == WB_OK && args.word_count != 1)
    status = wb_fail(&err, WB_ARG, "workbench describe needs one plugin: workbench describe moran");
  wb_registry registry = {0};
  if (status == WB_OK) status = wb_registry_open(wb_args_flag(&args, "trust-dir"), &registry, &err);
  if (status != WB_OK) wb_say_error("%s", err.message);
  int code = wb_exit_code(status);
  const wb_spec *spec = status == WB_OK ? wb_registry_require(&registry, args.words[0], &code) : NULL;
  if (spec && wb_args_flag(&args, "json")) {
    json_t *json = wb_spec_to_json(spec);
    wb_json_print(json);
    json_decref(json);
  } else if (spec) {
    describe(spec);
  }
  wb_registry_close(&registry);
  wb_args_free(&args);
  return code;
}
