/* duplicate-param.c: declares one parameter twice. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

typedef struct bad_params {
  double a, b;
} bad_params;

static const wb_param params_table[] = {
    {.name = "rate", .help = "one", .type = WB_FLOAT, .default_text = "1", .offset = offsetof(bad_params, a)},
    {.name = "rate",
     .help = "two",
     .type = WB_FLOAT,
     .default_text = "2",
     .offset = offsetof(bad_params, b)}};

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  return host->emit_scalar(host, "value", 0.5);
}

static const wb_plugin plugin = {WB_PLUGIN_HEAD, BAD_FIELDS("duplicate-param", run),
                                 .params_size = sizeof(bad_params), .params = WB_TABLE(params_table)};
BAD_EXPORT(plugin)
