/* task_versions.c: the libraries that the program runs on.
 * {"do": "versions"} -> {"hdf5", "gsl", "openblas", "openblas_openmp", "onednn", "engine", "gnuplot"}; null
 * where missing SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <dlfcn.h>
#include <gsl/gsl_version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hdf5/h5.h"
#include "heap.h"
#include "json.h"
#include "session.h"

/* A function of a library that is loaded, or that the loader finds by name. */
static void find_function(const char *library, const char *name, void *out, size_t size) {
  void *symbol = dlsym(RTLD_DEFAULT, name);
  void *handle = symbol || !library ? NULL : dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle) symbol = dlsym(handle, name);
  memcpy(out, &symbol, size);
}

/* What openblas_get_config says: "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY Haswell
 * MAX_THREADS=64". */
static void add_openblas(json_t *result) {
  char *(*config)(void) = NULL, *(*core)(void) = NULL;
  int (*parallel)(void) = NULL;
  find_function(NULL, "openblas_get_config", &config, sizeof config);
  find_function(NULL, "openblas_get_corename", &core, sizeof core);
  find_function(NULL, "openblas_get_parallel", &parallel, sizeof parallel);
  char version[32] = "";
  if (config) sscanf(config(), "OpenBLAS %31s", version);
  char *text = config ? wb_format("%s%s%s", version, core ? ", core " : "", core ? core() : "") : NULL;
  wb_json_set(result, "openblas", wb_json_string(text));
  wb_json_set(result, "openblas_openmp", json_boolean(parallel && parallel() == 2));
  free(text);
}

static void add_onednn(json_t *result) {
  typedef struct version { // as dnnl_version_t begins in versions 1 to 3
    int major, minor, patch;
  } version;
  const version *(*get)(void) = NULL;
  find_function("libdnnl.so.2", "dnnl_version", &get, sizeof get);
  char *text = get ? wb_format("%d.%d.%d", get()->major, get()->minor, get()->patch) : NULL;
  char *engine = wb_engine_path();
  wb_json_set(result, "onednn", wb_json_string(text));
  wb_json_set(result, "engine", wb_json_string(engine));
  free(text);
  free(engine);
}

static void add_gnuplot(json_t *result) {
  char line[128] = "";
  FILE *pipe = popen("gnuplot --version 2>/dev/null", "r");
  if (pipe && fgets(line, sizeof line, pipe)) line[strcspn(line, "\n")] = '\0';
  if (pipe) pclose(pipe);
  const char *version = strncmp(line, "gnuplot ", 8) ? line : line + 8;
  wb_json_set(result, "gnuplot", *version ? wb_json_string(version) : json_null());
}

wb_status wb_task_versions(wb_session *session, const json_t *task, json_t **result, wb_error *err) {
  (void)session;
  (void)task;
  (void)err;
  char hdf5[32];
  *result = wb_json("{ss ss}", "hdf5", wb_h5_version(hdf5), "gsl", gsl_version);
  add_openblas(*result);
  add_onednn(*result);
  add_gnuplot(*result);
  return WB_OK;
}
