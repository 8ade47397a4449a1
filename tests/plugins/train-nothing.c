/* train-nothing.c: a training plugin that trains nothing: it writes its parameters into the file, one line
 * each, so that the host's part of training can be seen.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <time.h>
#include <workbench/plugin_util.h>

typedef struct nothing_params {
  int64_t epochs, seed;
  double rho, pause;
  const char *init;
} nothing_params;

static const wb_param params_table[] = {
    {.name = "epochs",
     .help = "passes over nothing",
     .unit = "epochs",
     .type = WB_INT,
     .default_text = "2",
     .min = 1,
     .max = 1000,
     .offset = offsetof(nothing_params, epochs)},
    {.name = "rho",
     .help = "size of the topographic gradient",
     .type = WB_FLOAT,
     .default_text = "0.2",
     .min = 0,
     .max = 100,
     .offset = offsetof(nothing_params, rho)},
    {.name = "seed",
     .help = "of nothing",
     .type = WB_INT,
     .default_text = "0",
     .offset = offsetof(nothing_params, seed)},
    {.name = "pause",
     .help = "between epochs",
     .unit = "seconds",
     .type = WB_FLOAT,
     .default_text = "0",
     .flags = WB_PARAM_NOT_IDENTITY,
     .offset = offsetof(nothing_params, pause)},
    {.name = "init",
     .help = "a file that counts by its content",
     .type = WB_PATH,
     .offset = offsetof(nothing_params, init)},
};

static wb_status write_file(const wb_host *host, const wb_target *target) {
  FILE *file = fopen(target->path, target->resume ? "a" : "w");
  if (!file) return wb_host_fail(host, WB_IO, "cannot write %s", target->path);
  const char *name, *value;
  fprintf(file, "identity %s, resume %d, exists %d\n", target->identity, target->resume, target->exists);
  for (uint32_t i = 0; (value = host->parameter(host, i, &name)); i++)
    fprintf(file, "%s = %s\n", name, value);
  fclose(file);
  return WB_OK;
}

static wb_status run(const wb_host *host, const void *params) {
  const nothing_params *p = params;
  wb_target target;
  WB_TRY(host->target(host, "nothing", &target));
  wb_host_log(host, WB_INFO, "data    none");
  for (int64_t epoch = 1; epoch <= p->epochs; epoch++) {
    struct timespec left = {(time_t)p->pause, (long)(1e9 * (p->pause - floor(p->pause)))};
    while (nanosleep(&left, &left) !=
           0) { // whatever interrupts it: it does not look up before the pause is over
    }
    host->progress(host, (double)epoch, (double)p->epochs, "loss 0");
    wb_host_log(host, WB_INFO, "epoch  %lld/%lld", (long long)epoch, (long long)p->epochs);
    if (host->cancelled(host)) {
      WB_TRY(write_file(host, &target));
      return wb_host_fail(host, WB_CANCELLED, "stopped after epoch %lld", (long long)epoch);
    }
  }
  return write_file(host, &target);
}

static const wb_plugin plugin = {WB_PLUGIN_HEAD,
                                 .kind = WB_TRAIN,
                                 .params_size = sizeof(nothing_params),
                                 .id = "train-nothing",
                                 .version = "1.0",
                                 .title = "no training at all",
                                 .params = WB_TABLE(params_table),
                                 .run = run};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
