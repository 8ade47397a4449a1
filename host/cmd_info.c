/* cmd_info.c: workbench info FILE. SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "commands.h"
#include "exit.h"
#include "heap.h"
#include "json.h"
#include "opt.h"
#include "pool.h"
#include "say.h"

static const wb_opt options[] = {
    {"json", 0, WB_OPT_FLAG, NULL, "as JSON", NULL},
    {"help", 'h', WB_OPT_FLAG, NULL, "this text", NULL},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static void print_help(void) {
  puts("workbench info FILE.h5 [--json]\n\n"
       "What is in a run file, or in any HDF5 file, and whether its content is what was written: exit code 4 "
       "where\n"
       "it is not.");
  wb_opt_usage(stdout, options, OPTIONS);
  puts("\nexample\n  workbench info runs/ce_builtin_shallowcnn_ws-rho0.2_do0.5_seed3_5f0c2a91.h5");
}

static void print_factors(const json_t *factors) {
  const json_t *pair;
  size_t i;
  json_array_foreach(factors, i, pair) {
    printf("%-10s%s %s\n", i ? "" : "factors", json_string_value(json_array_get(pair, 0)),
           json_string_value(json_array_get(pair, 1)));
  }
}

static void print_objects(const json_t *objects) {
  const json_t *object, *length;
  size_t i, a;
  int width = 0;
  json_array_foreach(objects, i, object) {
    const int own = (int)strlen(wb_json_text(object, "path"));
    if (own > width) width = own;
  }
  json_array_foreach(objects, i, object) {
    printf("%-10s%-*s  %-5s [", i ? "" : "holds", width, wb_json_text(object, "path"),
           wb_json_text(object, "element"));
    char grouped[WB_GROUPED_SIZE];
    json_array_foreach(json_object_get(object, "dims"), a, length) {
      printf("%s%s", a ? ", " : "", wb_text_grouped(grouped, (unsigned long long)json_integer_value(length)));
    }
    printf("]%s%s\n", strcmp(wb_json_text(object, "digest"), "ok") ? "  " : "",
           strcmp(wb_json_text(object, "digest"), "ok") ? wb_json_text(object, "digest") : "");
  }
}

static void print_text(const json_t *info) {
  char size[24];
  const char *state = wb_json_text(info, "state"), *created = wb_json_text(info, "created");
  const bool is_run = wb_json_true(info, "run");
  printf("file      %s, %s\n", wb_json_text(info, "file"),
         wb_say_bytes(size, (double)wb_json_int(info, "bytes")));
  if (is_run)
    printf("run       %s%s%s\n", state && !strcmp(state, "training") ? "unfinished" : "complete",
           created ? ", written " : "", created ? created : "");
  else
    puts("run       no, some other HDF5 file");
  print_factors(json_object_get(info, "factors"));
  print_objects(json_object_get(info, "objects"));
  const json_t *intact = json_object_get(info, "intact");
  printf("digests   %s\n", json_is_null(intact)   ? "none recorded"
                           : json_is_true(intact) ? "ok: everything is as it was written"
                                                  : "changed: something is not as it was written");
}

static void report_damage(const json_t *info) {
  const json_t *item;
  size_t i;
  const char *file = wb_json_text(info, "file");
  json_array_foreach(json_object_get(info, "objects"), i, item) {
    if (!strcmp(wb_json_text(item, "digest"), "changed"))
      wb_say_error("%s: %s is not what was written", file, wb_json_text(item, "path"));
  }
  json_array_foreach(json_object_get(info, "missing"), i, item) {
    wb_say_error("%s: %s is missing, or its attributes are not what was written", file,
                 json_string_value(item));
  }
}

static int show(const char *path, bool as_json) {
  wb_error err = {0};
  wb_task task = {.work = wb_json("{ss so}", "do", "info", "file", wb_json_string(path))};
  const wb_pool pool = {.jobs = 1};
  wb_status status = wb_pool_run(&pool, &task, 1, &err);
  if (status == WB_OK && task.crash)
    status = wb_fail(&err, WB_INPUT, "%s: the process that read it %s; it is damaged", path, task.crash);
  if (status == WB_OK && task.status != WB_OK) status = wb_fail(&err, task.status, "%s", task.message);
  if (status == WB_OK) {
    if (as_json)
      wb_json_print(task.result);
    else
      print_text(task.result);
    report_damage(task.result);
    if (json_is_false(json_object_get(task.result, "intact"))) status = WB_INPUT;
  } else {
    wb_say_error("%s", err.message);
  }
  json_decref(task.work);
  wb_task_clear(&task);
  return wb_exit_code(status);
}

int wb_cmd_info(int argc, char *const *argv) {
  wb_error err = {0};
  wb_args args;
  wb_status status = wb_args_parse("workbench info", options, OPTIONS, argv, argc, &args, &err);
  if (status == WB_OK && !wb_args_flag(&args, "help") && args.word_count != 1)
    status = wb_fail(&err, WB_ARG, "workbench info needs one file: workbench info runs/x.h5");
  int code = wb_exit_code(status);
  if (status != WB_OK)
    wb_say_error("%s", err.message);
  else if (wb_args_flag(&args, "help"))
    print_help();
  else
    code = show(args.words[0], wb_args_flag(&args, "json"));
  wb_args_free(&args);
  return code;
}
