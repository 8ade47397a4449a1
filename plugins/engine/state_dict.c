/* state_dict.c: see state_dict.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "state_dict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static wb_status load_tensor(wb_net *net, int i, const wb_h5 *file, const char *group, wb_error *err) {
  const wb_tensor *tensor = wb_net_tensor(net, i);
  char object[128];
  wb_h5_shape shape;
  snprintf(object, sizeof object, "%s/%s", group, tensor->name);
  wb_status status = wb_h5_get_shape(file, object, &shape, err);
  if (status != WB_OK) return status;
  bool same = shape.rank == (uint32_t)tensor->rank;
  for (int a = 0; same && a < tensor->rank; a++) same = shape.dims[a] == (uint64_t)tensor->dims[a];
  if (!same) {
    char expected[96] = "";
    for (int a = 0; a < tensor->rank; a++)
      snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%d", a ? ", " : "",
               tensor->dims[a]);
    return wb_fail(err, WB_INPUT, "%s of %s has another shape than this network's [%s]", object,
                   wb_h5_path(file), expected);
  }
  float *plain = malloc(tensor->count * sizeof *plain);
  if (!plain) return wb_fail_nomem(err, object, tensor->count * sizeof *plain);
  status = wb_h5_read(file, object, WB_F32, plain, err);
  if (status == WB_OK) wb_net_set(net, i, plain);
  free(plain);
  return status;
}

wb_status wb_state_dict_load(wb_net *net, const wb_h5 *file, const char *group, wb_error *err) {
  wb_status status = WB_OK;
  for (int i = 0; status == WB_OK && i < wb_net_tensor_count(net); i++)
    status = load_tensor(net, i, file, group, err);
  return status;
}
