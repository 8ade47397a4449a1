/* made_plugin.h: a descriptor with a parameter of every type, for tests of the host.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_MADE_PLUGIN_H
#define WB_MADE_PLUGIN_H

#include <workbench/plugin.h>

typedef struct made_params {
  int32_t torus, neighbours;
  int64_t count;
  double rate;
  const char *name, *file;
  wb_int_list units;
  wb_float_list levels;
  wb_string_list layers;
} made_params;

static const char *const made_choices[] = {"rook", "queen", "distance", NULL};

#define MADE_PARAM(field, ...)                                                                               \
  { .name = #field, .help = "help of " #field, .offset = offsetof(made_params, field), __VA_ARGS__ }

static const wb_param made_param_rows[] = {
    MADE_PARAM(torus, .type = WB_BOOL, .default_text = "no"),
    MADE_PARAM(neighbours, .type = WB_CHOICE, .choices = made_choices, .default_text = "queen"),
    MADE_PARAM(count, .type = WB_INT, .unit = "stimuli", .min = -5, .max = 1000000),
    MADE_PARAM(rate, .type = WB_FLOAT, .default_text = "0.10", .min = 0, .max = 1),
    MADE_PARAM(name, .type = WB_STRING),
    MADE_PARAM(file, .type = WB_PATH, .flags = WB_PARAM_NOT_IDENTITY),
    MADE_PARAM(units, .type = WB_INT_LIST, .default_text = "3,1,2"),
    MADE_PARAM(levels, .type = WB_FLOAT_LIST, .min = 0, .max = 2, .flags = WB_PARAM_ADVANCED),
    MADE_PARAM(layers, .type = WB_STRING_LIST, .default_text = "conv1,fc"),
};

static const wb_input made_input_rows[] = {{.role = "activations",
                                            .help = "embedding",
                                            .object = "/activations/test/embedding",
                                            .axes = {"stimulus", "unit"},
                                            .element = WB_F32,
                                            .rank = 2,
                                            .shared_axes = 1u << 0},
                                           {.role = "rdm",
                                            .help = "of each run",
                                            .kind = WB_DERIVED,
                                            .object = "rdm/rdm",
                                            .axes = {"stimulus", "stimulus"},
                                            .element = WB_F64,
                                            .rank = 2,
                                            .flags = WB_INPUT_OPTIONAL}};

static const wb_output made_output_rows[] = {{.name = "i",
                                              .title = "Moran's I",
                                              .help = "mean",
                                              .low = -1,
                                              .high = INFINITY,
                                              .reference = 0,
                                              .shape = WB_SCALAR,
                                              .flags = WB_OUTPUT_HEADLINE},
                                             {.name = "local",
                                              .help = "map",
                                              .low = -INFINITY,
                                              .high = INFINITY,
                                              .reference = NAN,
                                              .shape = WB_MATRIX,
                                              .plot = WB_PLOT_MAPS}};

static wb_status made_run(const wb_host *host, const void *params) {
  (void)host;
  (void)params;
  return WB_OK;
}

static const wb_plugin made_plugin = {WB_PLUGIN_HEAD,
                                      .kind = WB_METRIC,
                                      .scope = WB_PER_GROUP,
                                      .flags = WB_STOCHASTIC | WB_NEEDS_ENGINE,
                                      .params_size = sizeof(made_params),
                                      .id = "made",
                                      .version = "1.2",
                                      .title = "a made plugin",
                                      .reference = "Nobody 2000",
                                      .params = WB_TABLE(made_param_rows),
                                      .inputs = WB_TABLE(made_input_rows),
                                      .outputs = WB_TABLE(made_output_rows),
                                      .run = made_run};

#endif
