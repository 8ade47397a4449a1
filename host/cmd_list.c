/* cmd_list.c: workbench list. SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "exit.h"
#include "heap.h"
#include "json.h"
#include "opt.h"
#include "registry.h"
#include "say.h"

static const wb_opt options[] = {
    {"kind", 0, WB_OPT_ONE, "<train|convert|metric|robustness>", "only plugins of this kind", NULL},
    {"json", 0, WB_OPT_FLAG, NULL, "as JSON, with the path and version of each", NULL},
    {"trust-dir", 0, WB_OPT_FLAG, NULL, "load plugins from folders that others may write to, too", NULL},
    {"help", 'h', WB_OPT_FLAG, NULL, "this text", NULL},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static void print_help(void) {
  puts("workbench list [--kind KIND] [--json]\n\n"
       "The plugins there are, one a line. Those that cannot be loaded are named on stderr.");
  wb_opt_usage(stdout, options, OPTIONS);
  puts("\nexample\n  workbench list --kind metric");
}

static bool is_kind(const char *name) {
  for (uint32_t kind = WB_TRAIN; kind <= WB_ROBUSTNESS; kind++)
    if (!strcmp(wb_kind_name(kind), name)) return true;
  return false;
}

static void print_json(const wb_registry *registry, const char *kind) {
  json_t *plugins = wb_must(json_array()), *faults = wb_must(json_array());
  for (size_t i = 0; i < registry->count; i++) {
    const wb_spec *s = registry->specs[i];
    if (kind && strcmp(wb_kind_name(s->kind), kind)) continue;
    wb_json_append(plugins, wb_json("{ss so so so so}", "kind", wb_kind_name(s->kind), "id",
                                    wb_json_string(s->id), "version", wb_json_string(s->version), "title",
                                    wb_json_string(s->title), "path", wb_json_string(s->path)));
  }
  for (size_t i = 0; i < registry->fault_count; i++)
    wb_json_append(faults, wb_json("{so so}", "path", wb_json_string(registry->faults[i].path), "reason",
                                   wb_json_string(registry->faults[i].reason)));
  json_t *json = wb_json("{so so}", "plugins", plugins, "faults", faults);
  wb_json_print(json);
  json_decref(json);
}

static void print_lines(const wb_registry *registry, const char *kind) {
  int width = 0;
  for (size_t i = 0; i < registry->count; i++) {
    const int length = (int)strlen(registry->specs[i]->id);
    if (length > width) width = length;
  }
  for (size_t i = 0; i < registry->count; i++) {
    const wb_spec *s = registry->specs[i];
    if (!kind || !strcmp(wb_kind_name(s->kind), kind)) printf("%-*s  %s\n", width, s->id, s->title);
  }
}

int wb_cmd_list(int argc, char *const *argv) {
  wb_error err = {0};
  wb_args args;
  wb_status status = wb_args_parse("workbench list", options, OPTIONS, argv, argc, &args, &err);
  const char *kind = status == WB_OK ? wb_args_value(&args, "kind") : NULL;
  if (status == WB_OK && wb_args_flag(&args, "help")) {
    print_help();
    wb_args_free(&args);
    return WB_EXIT_OK;
  }
  if (status == WB_OK && args.word_count)
    status = wb_fail(&err, WB_ARG, "workbench list takes no word such as %s", args.words[0]);
  if (status == WB_OK && kind && !is_kind(kind))
    status =
        wb_fail(&err, WB_ARG, "--kind cannot be %s; it must be train, convert, metric or robustness", kind);
  wb_registry registry = {0};
  if (status == WB_OK) status = wb_registry_open(wb_args_flag(&args, "trust-dir"), &registry, &err);
  if (status == WB_OK) {
    wb_registry_report(&registry);
    if (wb_args_flag(&args, "json"))
      print_json(&registry, kind);
    else
      print_lines(&registry, kind);
  } else {
    wb_say_error("%s", err.message);
  }
  wb_registry_close(&registry);
  wb_args_free(&args);
  return wb_exit_code(status);
}
