/* cmd_doctor.c: workbench doctor. SPDX-License-Identifier: GPL-3.0-or-later */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "commands.h"
#include "exit.h"
#include "files.h"
#include "heap.h"
#include "json.h"
#include "opt.h"
#include "pool.h"
#include "registry.h"
#include "say.h"

static const wb_opt options[] = {
    {"json", 0, WB_OPT_FLAG, NULL, "as JSON", NULL},
    {"help", 'h', WB_OPT_FLAG, NULL, "this text", NULL},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static void print_help(void) {
  puts("workbench doctor [--json]\n\n"
       "Versions, processor, plugin folders and cache; what is missing and which Debian package brings it. "
       "Exit code 1\n"
       "where something is missing.");
  wb_opt_usage(stdout, options, OPTIONS);
}

static json_t *instruction_sets(void) {
  json_t *flags = wb_must(json_array());
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.2")) wb_json_append(flags, json_string("SSE4.2"));
  if (__builtin_cpu_supports("avx")) wb_json_append(flags, json_string("AVX"));
  if (__builtin_cpu_supports("avx2")) wb_json_append(flags, json_string("AVX2"));
  if (__builtin_cpu_supports("fma")) wb_json_append(flags, json_string("FMA"));
  if (__builtin_cpu_supports("avx512f")) wb_json_append(flags, json_string("AVX-512"));
#endif
  return flags;
}

static void add_missing(json_t *missing, const char *what, const char *package) {
  wb_json_append(missing, wb_json("{ss ss}", "what", what, "package", package));
}

static json_t *find_missing(const json_t *versions) {
  json_t *missing = wb_must(json_array());
  if (!wb_json_text(versions, "gnuplot"))
    add_missing(missing, "gnuplot, which draws the figures", "gnuplot-nox");
  if (!wb_json_text(versions, "onednn"))
    add_missing(missing, "oneDNN, which the networks run on", "libdnnl2");
  if (!wb_json_text(versions, "openblas") || !wb_json_true(versions, "openblas_openmp"))
    add_missing(missing, "OpenBLAS in its OpenMP flavour (another one is slow beside our own threads)",
                "libopenblas0-openmp");
  return missing;
}

static json_t *find_plugins(const wb_registry *registry) {
  json_t *folders = wb_must(json_array());
  size_t count;
  char **paths = wb_search_path(&count);
  for (size_t i = 0; i < count; i++) {
    size_t plugins = 0;
    const size_t length = strlen(paths[i]);
    for (size_t k = 0; k < registry->count; k++)
      plugins +=
          !strncmp(registry->specs[k]->path, paths[i], length) && registry->specs[k]->path[length] == '/';
    wb_json_append(folders,
                   wb_json("{so sI}", "folder", wb_json_string(paths[i]), "plugins", (json_int_t)plugins));
  }
  wb_free_texts(paths, count);
  return folders;
}

static json_t *examine(const wb_registry *registry, const json_t *versions) {
  size_t files;
  double bytes;
  wb_cache_size(&files, &bytes);
  cpu_set_t cores;
  const int usable = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
  const double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
  json_t *cache =
      wb_json("{ss sI sf}", "folder", wb_cache_folder(), "results", (json_int_t)files, "bytes", bytes);
  json_t *json = wb_json("{ss si si sf so so so so sI so}", "workbench", WORKBENCH_VERSION, "cores", usable,
                         "threads", usable, "memory_bytes", memory, "isa", instruction_sets(), "versions",
                         json_incref((json_t *)versions), "plugins", find_plugins(registry), "cache", cache,
                         "faults", (json_int_t)registry->fault_count, "missing", find_missing(versions));
  return json;
}

static const char *or_missing(const json_t *versions, const char *key) {
  const char *text = wb_json_text(versions, key);
  return text ? text : "missing";
}

static void print_text(const json_t *json) {
  const json_t *versions = json_object_get(json, "versions"), *cache = json_object_get(json, "cache"), *item;
  char size[24];
  size_t i;
  printf("workbench   %s\n", wb_json_text(json, "workbench"));
  printf("processor   %lld cores,", (long long)wb_json_int(json, "cores"));
  json_array_foreach(json_object_get(json, "isa"), i, item) printf(" %s", json_string_value(item));
  printf("\nmemory      %s\n", wb_say_bytes(size, wb_json_number(json, "memory_bytes", 0)));
  printf("HDF5        %s\nGSL         %s\n", or_missing(versions, "hdf5"), or_missing(versions, "gsl"));
  printf("OpenBLAS    %s%s\n", or_missing(versions, "openblas"),
         wb_json_true(versions, "openblas_openmp") ? ", OpenMP" : "");
  printf("oneDNN      %s\ngnuplot     %s\n", or_missing(versions, "onednn"), or_missing(versions, "gnuplot"));
  json_array_foreach(json_object_get(json, "plugins"), i, item) {
    printf("%-12s%s: %lld\n", i ? "" : "plugins", wb_json_text(item, "folder"),
           (long long)wb_json_int(item, "plugins"));
  }
  printf("cache       %s: %lld results, %s\n", wb_json_text(cache, "folder"),
         (long long)wb_json_int(cache, "results"), wb_say_bytes(size, wb_json_number(cache, "bytes", 0)));
  const json_t *missing = json_object_get(json, "missing");
  if (!json_array_size(missing)) puts("missing     nothing");
  json_array_foreach(missing, i, item) {
    printf("%-12s%s: apt-get install %s\n", i ? "" : "missing", wb_json_text(item, "what"),
           wb_json_text(item, "package"));
  }
}

static int show(bool as_json) {
  wb_error err = {0};
  wb_registry registry = {0};
  wb_status status = wb_registry_open(false, &registry, &err);
  wb_task task = {.work = wb_json("{ss}", "do", "versions")};
  const wb_pool pool = {.jobs = 1};
  if (status == WB_OK) status = wb_pool_run(&pool, &task, 1, &err);
  if (status == WB_OK && (task.crash || task.status != WB_OK))
    status = wb_fail(&err, WB_INTERNAL, "the process that asks for versions %s\n%s",
                     task.crash ? task.crash : "failed", task.crash ? task.output : task.message);
  int code = wb_exit_code(status);
  if (status != WB_OK) {
    wb_say_error("%s", err.message);
  } else {
    json_t *json = examine(&registry, task.result);
    wb_registry_report(&registry);
    if (as_json)
      wb_json_print(json);
    else
      print_text(json);
    if (json_array_size(json_object_get(json, "missing"))) code = WB_EXIT_FAILED;
    json_decref(json);
  }
  json_decref(task.work);
  wb_task_clear(&task);
  wb_registry_close(&registry);
  return code;
}

int wb_cmd_doctor(int argc, char *const *argv) {
  wb_error err = {0};
  wb_args args;
  wb_status status = wb_args_parse("workbench doctor", options, OPTIONS, argv, argc, &args, &err);
  if (status == WB_OK && args.word_count)
    status = wb_fail(&err, WB_ARG, "workbench doctor takes no word such as %s", args.words[0]);
  int code = wb_exit_code(status);
  if (status != WB_OK)
    wb_say_error("%s", err.message);
  else if (wb_args_flag(&args, "help"))
    print_help();
  else
    code = show(wb_args_flag(&args, "json"));
  wb_args_free(&args);
  return code;
}
