/* cmd_export.c: workbench export RUN. SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "exit.h"
#include "files.h"
#include "heap.h"
#include "json.h"
#include "opt.h"
#include "pool.h"
#include "say.h"

static const wb_opt options[] = {
    {"format", 0, WB_OPT_ONE, "<safetensors|npz>", "of the file to write (default: safetensors)", NULL},
    {"out", 0, WB_OPT_ONE, "FILE", "the file to write (default: beside the run file)", NULL},
    {"overwrite", 0, WB_OPT_FLAG, NULL, "replace the file if there is one", NULL},
    {"json", 0, WB_OPT_FLAG, NULL, "the result as JSON on stdout", NULL},
    {"quiet", 'q', WB_OPT_FLAG, NULL, "only the path of what was written", NULL},
    {"help", 'h', WB_OPT_FLAG, NULL, "this text", NULL},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static void print_help(void) {
  puts("workbench export RUN.h5 [options]\n\n"
       "Writes the model of a run file for other programs: weights and buffers under the names of PyTorch's\n"
       "state dict, the linear classifier of a contrastive model as readout.weight and readout.bias, and as\n"
       "metadata what the model is: architecture, grid, normalisation of images, factors. `workbench run\n"
       "import` makes a run file of it again.");
  wb_opt_usage(stdout, options, OPTIONS);
  puts("\nexample\n  workbench export runs/ce_builtin_shallowcnn_ws-rho0.2_do0.5_seed3_5f0c2a91.h5 --format "
       "npz");
}

/* RUN.h5 -> RUN.safetensors, in the same folder; malloc'ed. */
static char *usual_place(const char *path, const char *format) {
  const size_t length = strlen(path) - (wb_ends_with(path, ".h5") ? strlen(".h5") : 0);
  return wb_format("%.*s.%s", (int)length, path, format);
}

static void print_answer(const wb_args *args, const json_t *result) {
  char size[24];
  if (wb_args_flag(args, "json"))
    wb_json_print(result);
  else if (wb_args_flag(args, "quiet"))
    puts(wb_json_text(result, "path"));
  else
    printf("wrote   %s   (%lld tensors, %s)\n", wb_json_text(result, "path"),
           (long long)wb_json_int(result, "tensors"),
           wb_say_bytes(size, (double)wb_json_int(result, "bytes")));
}

static int export(const wb_args *args, const char *format) {
  const char *path = args->words[0], *given = wb_args_value(args, "out");
  char *out = given ? wb_copy(given) : usual_place(path, format);
  wb_error err = {0};
  wb_task task = {.work = wb_json("{ss so ss so sb}", "do", "export", "file", wb_json_string(path), "format",
                                  format, "out", wb_json_string(out), "overwrite",
                                  (int)wb_args_flag(args, "overwrite"))};
  const wb_pool pool = {.jobs = 1};
  wb_status status = wb_pool_run(&pool, &task, 1, &err);
  if (status == WB_OK && task.crash)
    status = wb_fail(&err, WB_INPUT, "%s: the process that read it %s; it is damaged", path, task.crash);
  if (status == WB_OK && task.status != WB_OK) status = wb_fail(&err, task.status, "%s", task.message);
  if (status == WB_OK)
    print_answer(args, task.result);
  else
    wb_say_error("%s", err.message);
  json_decref(task.work);
  wb_task_clear(&task);
  free(out);
  return wb_exit_code(status);
}

static wb_status check(const wb_args *args, const char *format, wb_error *err) {
  if (args->word_count != 1)
    return wb_fail(err, WB_ARG, "workbench export needs one run file: workbench export runs/x.h5");
  if (strcmp(format, "safetensors") != 0 && strcmp(format, "npz") != 0)
    return wb_fail(err, WB_ARG, "--format is %s; it must be safetensors or npz", format);
  return WB_OK;
}

int wb_cmd_export(int argc, char *const *argv) {
  wb_error err = {0};
  wb_args args;
  wb_status status = wb_args_parse("workbench export", options, OPTIONS, argv, argc, &args, &err);
  const char *given = status == WB_OK ? wb_args_value(&args, "format") : NULL;
  const char *format = given ? given : "safetensors";
  const bool help = status == WB_OK && wb_args_flag(&args, "help");
  if (status == WB_OK && !help) status = check(&args, format, &err);
  int code = wb_exit_code(status);
  if (status != WB_OK)
    wb_say_error("%s", err.message);
  else if (help)
    print_help();
  else
    code = export(&args, format);
  wb_args_free(&args);
  return code;
}
