/* frozen.c: what a host of any version may rely on in a plugin of any version, and what this version has.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <workbench/plugin.h>
#include <workbench/plugin_util.h>

/* For ever: how a host finds out whether it understands the rest. */
_Static_assert(offsetof(wb_plugin, struct_size) == 0, "frozen");
_Static_assert(offsetof(wb_plugin, abi_major) == 4, "frozen");
_Static_assert(offsetof(wb_plugin, abi_minor) == 6, "frozen");
_Static_assert(offsetof(wb_plugin, needs_minor) == 8, "frozen");
_Static_assert(offsetof(wb_plugin, reserved) == 10, "frozen");
_Static_assert(offsetof(wb_host, struct_size) == 0, "frozen");
_Static_assert(offsetof(wb_host, abi_major) == 4, "frozen");
_Static_assert(offsetof(wb_host, abi_minor) == 6, "frozen");

/* Within this major: members stay, new ones follow at the end. */
_Static_assert(offsetof(wb_plugin, kind) == 12, "append only");
_Static_assert(offsetof(wb_plugin, params_size) == 24, "append only");
_Static_assert(offsetof(wb_plugin, id) == 32, "append only");
_Static_assert(offsetof(wb_plugin, params) == 96, "append only");
_Static_assert(offsetof(wb_plugin, run) == 152, "append only");
_Static_assert(sizeof(wb_table) == 16, "append only");
_Static_assert(sizeof(wb_param) == 80, "append only");
_Static_assert(sizeof(wb_input) == 80, "append only");
_Static_assert(sizeof(wb_output) == 104, "append only");
_Static_assert(WB_OK == 0 && WB_INTERNAL == 8 && WB_U8 == 5 && WB_STRING_LIST == 9 && WB_DERIVED == 3 &&
                   WB_HISTOGRAM == 5 && WB_ROBUSTNESS == 4 && WB_PER_STUDY == 2,
               "append only");

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  return host->fail(host, WB_UNSUPPORTED, "this plugin is only compiled");
}

static const wb_plugin plugin = {WB_PLUGIN_HEAD, .kind = WB_METRIC, .id = "frozen",
                                 .version = "1", .title = "frozen", .run = run};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index ? NULL : &plugin;
}
