/* cmd_run.c: workbench run PLUGIN. SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "exit.h"
#include "run.h"
#include "say.h"

static void print_help(void) {
  puts("workbench run PLUGIN [options]\n\n"
       "Trains a network (train-..), converts a model, or measures saved runs. Every plugin has its own\n"
       "options: workbench run PLUGIN --help.\n\n"
       "examples\n"
       "  workbench run train-ce --rho 0.2 --seed 3      writes runs/..h5\n"
       "  workbench run moran --in runs/*.h5             writes results/moran/\n"
       "  workbench list                                 the plugins there are");
}

static bool has_word(int argc, char *const *argv, const char *word) {
  for (int i = 0; i < argc; i++)
    if (!strcmp(argv[i], word)) return true;
  return false;
}

static int run_plugin(const wb_registry *registry, const wb_spec *spec, int argc, char *const *argv) {
  wb_error err = {0};
  wb_request request;
  const wb_status status = wb_request_read(registry, spec, argc, argv, &request, &err);
  int code = wb_exit_code(status);
  if (status != WB_OK)
    wb_say_error("%s", err.message);
  else if (wb_args_flag(&request.args, "help"))
    wb_request_help(spec);
  else if (spec->kind == WB_TRAIN || spec->kind == WB_CONVERT)
    code = wb_run_make(&request);
  else
    code = wb_run_measure(&request);
  wb_request_free(&request);
  return code;
}

int wb_cmd_run(int argc, char *const *argv) {
  if (argc && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"))) {
    print_help();
    return WB_EXIT_OK;
  }
  if (!argc || argv[0][0] == '-') {
    wb_say_error(
        "run needs a plugin first: workbench run moran --in runs/*.h5\nworkbench list shows all plugins.");
    return WB_EXIT_USAGE;
  }
  wb_error err = {0};
  wb_registry registry;
  const wb_status status = wb_registry_open(has_word(argc, argv, "--trust-dir"), &registry, &err);
  int code = wb_exit_code(status);
  if (status != WB_OK) wb_say_error("%s", err.message);
  const wb_spec *spec = status == WB_OK ? wb_registry_require(&registry, argv[0], &code) : NULL;
  if (spec) code = run_plugin(&registry, spec, argc - 1, argv + 1);
  wb_registry_close(&registry);
  return code;
}
