/* bad.h: a metric with one scalar output, of which each file here breaks one thing.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef BAD_H
#define BAD_H

#include <workbench/plugin_util.h>

static const wb_input bad_inputs[] = {{.role = "activations",
                                       .help = "embedding before ReLU",
                                       .object = "/activations/test/embedding",
                                       .axes = {"stimulus", "unit"},
                                       .element = WB_F32,
                                       .rank = 2}};

static const wb_output bad_outputs[] = {{.name = "value",
                                         .help = "some number",
                                         .low = 0,
                                         .high = 1,
                                         .reference = NAN,
                                         .shape = WB_SCALAR,
                                         .flags = WB_OUTPUT_HEADLINE}};

#define BAD_FIELDS(name, function)                                                                           \
  .kind = WB_METRIC, .scope = WB_PER_RUN, .id = name, .version = "1.0", .title = "a plugin with a fault",    \
  .inputs = WB_TABLE(bad_inputs), .outputs = WB_TABLE(bad_outputs), .run = (function)

#define BAD_EXPORT(descriptor)                                                                               \
  WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {                               \
    (void)host_abi;                                                                                          \
    return index == 0 ? &(descriptor) : NULL;                                                                \
  }

#define BAD_PLUGIN(name, function)                                                                           \
  static const wb_plugin plugin = {WB_PLUGIN_HEAD, BAD_FIELDS(name, function)};                              \
  BAD_EXPORT(plugin)

#endif
