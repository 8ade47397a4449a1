/* cmd_skeleton.c: workbench skeleton PLUGIN. SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "exit.h"
#include "heap.h"
#include "params.h"
#include "registry.h"
#include "say.h"

static const wb_opt options[] = {
    {"trust-dir", 0, WB_OPT_FLAG, NULL, "load plugins from folders that others may write to, too", NULL},
    {"help", 'h', WB_OPT_FLAG, NULL, "this text", NULL},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static void print_help(void) {
  puts("workbench skeleton PLUGIN > FILE.yaml\n\n"
       "A parameter file with every default written out, to be changed and given to --params.");
  wb_opt_usage(stdout, options, OPTIONS);
  puts("\nexample\n  workbench skeleton moran > moran.yaml\n"
       "  workbench run moran --in runs/*.h5 --params moran.yaml");
}

static void print_comment(const char *text) {
  char *copy = wb_copy(text);
  for (char *line = copy, *end; line; line = end) {
    end = strchr(line, '\n');
    if (end) *end++ = '\0';
    printf("# %s\n", line);
  }
  free(copy);
}

/* Text that YAML might take for something else, or that holds its punctuation, is quoted. */
static void print_value(const wb_param *p, const char *text) {
  const bool list = p->type == WB_INT_LIST || p->type == WB_FLOAT_LIST || p->type == WB_STRING_LIST;
  const bool words = p->type == WB_STRING || p->type == WB_PATH || p->type == WB_STRING_LIST;
  if (list) {
    printf(" [%s]\n", text);
    return;
  }
  if (!words || !*text) {
    printf("%s%s\n", *text ? " " : "", text);
    return;
  }
  fputs(" '", stdout);
  for (const char *c = text; *c; c++) printf(*c == '\'' ? "''" : "%c", *c);
  puts("'");
}

static void print_param(const wb_param *p) {
  char *range = wb_param_range_text(p), *value = wb_param_value_text(p);
  char *line =
      wb_format("%s%s%s%s%s%s%s%s", p->help, p->unit ? ", " : "", p->unit ? p->unit : "", *range ? " " : "",
                range, p->type == WB_CHOICE ? " " : "", p->type == WB_CHOICE ? value : "",
                p->flags & WB_PARAM_REQUIRED ? " (required)" : "");
  putchar('\n');
  print_comment(line);
  printf("%s:", p->name);
  print_value(p, p->default_text ? p->default_text : "");
  free(range);
  free(value);
  free(line);
}

static void print_skeleton(const wb_spec *spec) {
  const bool reads = spec->kind != WB_TRAIN;
  printf("# Parameters of %s %s: %s.\n# workbench run %s%s --params THIS-FILE\n", spec->id, spec->version,
         spec->title, spec->id, reads ? " --in runs/*.h5" : "");
  for (size_t i = 0; i < spec->param_count; i++) print_param(&spec->params[i]);
}

int wb_cmd_skeleton(int argc, char *const *argv) {
  wb_error err = {0};
  wb_args args;
  wb_status status = wb_args_parse("workbench skeleton", options, OPTIONS, argv, argc, &args, &err);
  if (status == WB_OK && wb_args_flag(&args, "help")) {
    print_help();
    wb_args_free(&args);
    return WB_EXIT_OK;
  }
  if (status == WB_OK && args.word_count != 1)
    status = wb_fail(&err, WB_ARG, "workbench skeleton needs one plugin: workbench skeleton moran");
  wb_registry registry = {0};
  if (status == WB_OK) status = wb_registry_open(wb_args_flag(&args, "trust-dir"), &registry, &err);
  if (status != WB_OK) wb_say_error("%s", err.message);
  int code = wb_exit_code(status);
  const wb_spec *spec = status == WB_OK ? wb_registry_require(&registry, args.words[0], &code) : NULL;
  if (spec) print_skeleton(spec);
  wb_registry_close(&registry);
  wb_args_free(&args);
  return code;
}
