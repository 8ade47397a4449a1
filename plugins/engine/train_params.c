/* train_params.c: see train_params.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "train_params.h"

#include <stdlib.h>
#include <string.h>

#include "topo.h"

/* In the order of the enums that the choices are compared with, there and in topo.h and conv.h. */
const char *const wb_train_archs[] = {"shallowcnn", "resnet18", "truong-mnist", "truong-cifar", NULL};
const char *const wb_train_augments[] = {"none", "crop", "contrastive", "pad", NULL};
const char *const wb_train_distances[] = {"l2", "cosine", "correlation", NULL};
const char *const wb_train_means[] = {"pair-mean", "unit-sum", NULL};
const char *const wb_train_balances[] = {"embedding", "encoder", NULL};
const char *const wb_train_keeps[] = {"best", "last", "best-total", NULL};
const char *const wb_train_schedules[] = {"cosine", "constant", NULL};
const char *const wb_train_readout_augments[] = {"none", "pad", NULL};
const char *const wb_train_convs[] = {"auto", "onednn", "winograd", NULL};

size_t wb_train_units(const wb_train_params *params) {
  if (params->units) return (size_t)params->units;
  return strncmp(wb_train_archs[params->arch], "truong-", 7) == 0 ? 121 : 256;
}

bool wb_train_grid(const wb_train_params *params, size_t *rows, size_t *cols) {
  const size_t units = wb_train_units(params);
  if (!params->grid) {
    wb_grid_for_units(units, rows, cols);
    return true;
  }
  char *end;
  const long r = strtol(params->grid, &end, 10);
  if (end == params->grid || *end != 'x' || r < 1 || r > 65536) return false;
  const char *second = end + 1;
  const long c = strtol(second, &end, 10);
  if (end == second || *end || c < 1 || c > 65536 || (size_t)r * (size_t)c != units) return false;
  *rows = (size_t)r;
  *cols = (size_t)c;
  return true;
}

wb_status wb_train_check(const wb_host *host, const wb_objective *objective, const wb_train_params *params) {
  const size_t units = wb_train_units(params);
  size_t rows, cols;
  if (units < 2) return wb_host_fail(host, WB_ARG, "--units is 1; a grid has neighbours from 2 on");
  if (!wb_train_grid(params, &rows, &cols)) {
    wb_grid_for_units(units, &rows, &cols);
    return wb_host_fail(host, WB_ARG,
                        "--grid %s does not hold %zu units; rows x columns must multiply to them, as %zux%zu "
                        "does",
                        params->grid, units, rows, cols);
  }
  wb_error err = {0};
  const wb_status topo = wb_train_topo_check(params, &err);
  if (topo != WB_OK) return host->fail(host, topo, err.message);
  if (params->width % 8 != 0)
    return wb_host_fail(host, WB_ARG, "--width %lld is not a multiple of 8", (long long)params->width);
  if (params->batch < objective->least)
    return wb_host_fail(host, WB_ARG, "%s compares images with each other and needs --batch %d or more",
                        objective->name, objective->least);
  for (size_t i = 0; i < params->snapshot_epochs.count; i++)
    if (params->snapshot_epochs.items[i] > params->epochs)
      return wb_host_fail(host, WB_ARG, "--snapshot-epochs has %lld, and there are at most %lld epochs",
                          (long long)params->snapshot_epochs.items[i], (long long)params->epochs);
  if (params->keep == WB_KEEP_BEST_TOTAL && params->validation_per_class == 0)
    return wb_host_fail(host, WB_ARG,
                        "--keep best-total needs images to judge by: --validation-per-class is 0");
  return WB_OK;
}
