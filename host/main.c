/* main.c: from the first word to its verb. SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "exit.h"
#include "opt.h"
#include "say.h"
#include "session.h"

typedef struct verb {
  const char *name;
  int (*run)(int argc, char *const *argv);
  const char *help;
} verb;

static const verb verbs[] = {
    {"run", wb_cmd_run, "train a network, convert a model, or measure saved runs"},
    {"list", wb_cmd_list, "the plugins there are"},
    {"describe", wb_cmd_describe, "what a plugin reads, its options, and what it gives"},
    {"skeleton", wb_cmd_skeleton, "a parameter file with every default written out"},
    {"sweep", wb_cmd_sweep, "a whole study: many trainings, then analyses, then a report"},
    {"report", wb_cmd_report, "one page about a study, from its results"},
    {"info", wb_cmd_info, "what is in a run file, and whether it is undamaged"},
    {"export", wb_cmd_export, "the model of a run file for other programs: safetensors, npz"},
    {"doctor", wb_cmd_doctor, "versions, processor, folders, and what is missing"},
};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static void print_help(void) {
  puts("workbench " WORKBENCH_VERSION ": train topographic networks, and measure and compare saved models\n");
  for (size_t i = 0; i < VERBS; i++) printf("  workbench %-10s %s\n", verbs[i].name, verbs[i].help);
  puts("\n"
       "workbench VERB --help tells more. To begin:\n"
       "\n"
       "  workbench run train-ce --rho 0.2       trains a small network on built-in images: runs/..h5\n"
       "  workbench run moran --in runs/*.h5     measures it: results/moran/\n"
       "  workbench list                         what else there is");
}

static int unknown(const char *word) {
  const char *names[VERBS];
  for (size_t i = 0; i < VERBS; i++) names[i] = verbs[i].name;
  char *hint = wb_did_you_mean(word, "workbench ", names, VERBS);
  wb_say_error("there is no verb %s%s\nworkbench --help lists them.", word, *hint ? hint : ".");
  free(hint);
  return WB_EXIT_USAGE;
}

int main(int argc, char **argv) {
  setlocale(LC_CTYPE, "C.UTF-8"); // never LC_NUMERIC: numbers have a point
  const char *word = argc > 1 ? argv[1] : "--help";
  if (!strcmp(word, "_worker")) return wb_worker_main(argc - 2, argv + 2);
  if (!strcmp(word, "--version")) {
    puts("workbench " WORKBENCH_VERSION);
    return WB_EXIT_OK;
  }
  if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
    print_help();
    return WB_EXIT_OK;
  }
  for (size_t i = 0; i < VERBS; i++)
    if (!strcmp(verbs[i].name, word)) return verbs[i].run(argc - 2, argv + 2);
  return unknown(word);
}
