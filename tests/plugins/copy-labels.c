/* copy-labels.c: a conversion that writes the labels of a file as text, one a line; and one that reads any
 * file by its path. Two plugins in one file.
 *
 *     workbench run copy-labels --in runs/x.h5 --out labels.txt
 *     workbench run count-bytes --in anything --out count.txt
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <workbench/plugin_util.h>

static const wb_input inputs_table[] = {{.role = "labels",
                                         .help = "class of each stimulus",
                                         .object = "/activations/test/labels",
                                         .axes = {"stimulus"},
                                         .element = WB_I64,
                                         .rank = 1}};

static wb_status copy_labels(const wb_host *host, const void *params) {
  (void)params;
  wb_target target;
  uint64_t dims[WB_MAX_RANK];
  const void *labels;
  WB_TRY(host->target(host, "labels", &target));
  WB_TRY(host->shape(host, "labels", 0, dims));
  WB_TRY(host->map(host, "labels", 0, &labels));
  FILE *file = fopen(target.path, "w");
  if (!file) return wb_host_fail(host, WB_IO, "cannot write %s", target.path);
  for (uint64_t i = 0; i < dims[0]; i++) fprintf(file, "%lld\n", (long long)((const int64_t *)labels)[i]);
  fclose(file);
  return WB_OK;
}

static wb_status count_bytes(const wb_host *host, const void *params) {
  (void)params;
  wb_target target;
  WB_TRY(host->target(host, "count", &target));
  FILE *from = fopen(host->run_path(host, 0), "rb"), *to = fopen(target.path, "w");
  if (!from || !to) return wb_host_fail(host, WB_IO, "cannot copy %s", host->run_path(host, 0));
  fseek(from, 0, SEEK_END);
  fprintf(to, "%ld\n", ftell(from));
  fclose(from);
  fclose(to);
  return WB_OK;
}

static const wb_plugin plugins[] = {
    {WB_PLUGIN_HEAD, .kind = WB_CONVERT, .id = "copy-labels", .version = "1.0", .title = "labels as text",
     .inputs = WB_TABLE(inputs_table), .run = copy_labels},
    {WB_PLUGIN_HEAD, .kind = WB_CONVERT, .id = "count-bytes", .version = "1.0",
     .title = "size of a file as text", .run = count_bytes}};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index < 2 ? &plugins[index] : NULL;
}
