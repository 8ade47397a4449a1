// frozen.cpp: a plugin in C++17. SPDX-License-Identifier: GPL-3.0-or-later
#include <workbench/plugin.h>
#include <workbench/plugin_util.h>

static_assert(offsetof(wb_plugin, run) == 152, "the same layout as in C");

namespace {

const wb_output outputs[] = {{"value", "value", "some number", nullptr, nullptr, nullptr, nullptr, nullptr, 0, 1, NAN,
                              WB_SCALAR, WB_PLOT_AUTO, WB_OUTPUT_HEADLINE}};

wb_status run(const wb_host *host, const void *) {
  WB_TRY(host->emit_scalar(host, "value", wb_host_factor(host, 0, "rho", 0.5)));
  double *const block = WB_ALLOC(host, double, 4);
  if (!block) return WB_NOMEM;
  wb_host_log(host, WB_INFO, "%d numbers", 4);
  return WB_OK;
}

wb_plugin make() {
  wb_plugin plugin = {};
  plugin.struct_size = sizeof(wb_plugin);
  plugin.abi_major = WB_ABI_MAJOR;
  plugin.abi_minor = WB_ABI_MINOR;
  plugin.kind = WB_METRIC;
  plugin.id = "frozen-cpp";
  plugin.version = "1";
  plugin.title = "frozen";
  plugin.outputs = WB_TABLE(outputs);
  plugin.run = run;
  return plugin;
}

const wb_plugin plugin = make();

} // namespace

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t, uint32_t index) {
  return index ? nullptr : &plugin;
}
