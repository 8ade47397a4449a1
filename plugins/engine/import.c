/* import.c: see import.h; settings, from the command line, the file's metadata and the data set.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import_internal.h"
#include "topo.h"

bool wb_import_numbers(const wb_import *in, const char *key, double *values, size_t count) {
  const char *text = wb_import_text(in, key);
  for (size_t i = 0; i < count; i++) {
    char *end = NULL;
    if (!text) return false;
    values[i] = strtod(text, &end);
    if (end == text || *end != (i + 1 < count ? ',' : '\0')) return false;
    text = end + 1;
  }
  return true;
}

/* ROWSxCOLS; false where it is malformed. */
static bool parse_grid(const char *text, size_t *rows, size_t *cols) {
  char after;
  unsigned r, c;
  if (sscanf(text, "%5ux%5u%c", &r, &c, &after) != 2 || !r || !c) return false;
  *rows = r;
  *cols = c;
  return true;
}

wb_status wb_import_check(const wb_host *host, const wb_import_params *p) {
  size_t rows, cols;
  if (p->grid && !parse_grid(p->grid, &rows, &cols))
    return wb_host_fail(host, WB_ARG, "--grid is %s; it must be rows x columns, such as 16x16", p->grid);
  if (p->mean.count != p->sd.count)
    return wb_host_fail(host, WB_ARG, "--mean and --sd belong together: one number each for every channel");
  for (size_t i = 0; i < p->sd.count; i++)
    if (!(p->sd.items[i] > 0)) return wb_host_fail(host, WB_ARG, "--sd must be above 0");
  for (size_t i = 0; i < p->factors.count; i++) {
    const char *equals = strchr(p->factors.items[i], '=');
    if (!equals || equals == p->factors.items[i] || !equals[1])
      return wb_host_fail(host, WB_ARG, "--factors holds %s; each must be NAME=VALUE, such as rho=0.2",
                          p->factors.items[i]);
  }
  return WB_OK;
}

static wb_status settle_arch(wb_import *in, wb_error *err) {
  in->config.arch = in->params->arch ? in->params->arch : wb_import_text(in, "arch");
  if (in->config.arch) return WB_OK;
  return wb_fail(err, WB_ARG,
                 "%s does not say of which architecture it is\n--arch names one: resnet18, shallowcnn, "
                 "truong-mnist or truong-cifar.",
                 in->path);
}

/* Height and width: --image-size, or as the metadata say, or as the data set has them, or 32. */
static void settle_image(wb_import *in) {
  double image[3];
  const int64_t given = in->params->image_size;
  in->config.channels = 3;
  in->config.height = in->config.img_width = given ? (int)given : 32;
  if (!given && wb_import_numbers(in, "image", image, 3)) {
    in->config.height = (int)fmin(fmax(image[1], 0), 65536);
    in->config.img_width = (int)fmin(fmax(image[2], 0), 65536);
  } else if (!given && in->data) {
    const wb_images *images = in->data->test.count ? &in->data->test : &in->data->train;
    in->config.height = (int)images->height;
    in->config.img_width = (int)images->width;
  }
}

/* Mean and sd of the channels, likewise; images as they are, with a warning, where nobody says. */
static wb_status settle_norm(wb_import *in, wb_error *err) {
  const wb_import_params *p = in->params;
  const size_t channels = (size_t)in->config.channels;
  double mean[4] = {0}, sd[4] = {1, 1, 1, 1};
  if (p->mean.count) {
    if (p->mean.count != channels)
      return wb_fail(err, WB_ARG, "--mean has %zu numbers; the network of %s reads %zu channels",
                     p->mean.count, in->path, channels);
    memcpy(mean, p->mean.items, channels * sizeof *mean);
    memcpy(sd, p->sd.items, channels * sizeof *sd);
  } else if (!wb_import_numbers(in, "mean", mean, channels) || !wb_import_numbers(in, "sd", sd, channels)) {
    for (size_t c = 0; c < channels; c++) {
      mean[c] = in->data ? (double)in->data->mean[c] : 0;
      sd[c] = in->data ? (double)in->data->sd[c] : 1;
    }
    if (!in->data)
      wb_host_log(
          in->host, WB_WARNING,
          "%s does not say how the network's images are normalised: it will see them from 0 to 1; --mean "
          "and --sd, or --data, say it",
          in->path);
  }
  for (size_t c = 0; c < channels; c++) {
    if (!isfinite(mean[c]) || !(sd[c] > 0) || !isfinite(sd[c]))
      return wb_fail(err, WB_INPUT, "%s: mean or sd in its metadata is no number to normalise by", in->path);
    in->mean[c] = (float)mean[c];
    in->sd[c] = (float)sd[c];
  }
  return WB_OK;
}

static wb_status settle_grid(wb_import *in, wb_error *err) {
  const size_t units = (size_t)in->config.units;
  double grid[2];
  wb_grid_for_units(units, &in->rows, &in->cols);
  if (in->params->grid) {
    parse_grid(in->params->grid, &in->rows, &in->cols);
  } else if (wb_import_numbers(in, "grid", grid, 2) && grid[0] >= 1 && grid[1] >= 1 &&
             grid[0] * grid[1] == (double)units) {
    in->rows = (size_t)grid[0];
    in->cols = (size_t)grid[1];
  }
  if (in->rows * in->cols == units) return WB_OK;
  return wb_fail(err, WB_ARG, "--grid %s does not hold the %zu units of %s", in->params->grid, units,
                 in->path);
}

static void release_dataset(void *data) {
  wb_dataset_free(data);
}

static void release_arrays(void *arrays) {
  wb_arrays_close(arrays);
}

static wb_status import(wb_import *in, wb_error *err) {
  const wb_host *host = in->host;
  wb_status status = wb_arrays_open(in->path, &in->arrays, err);
  if (status == WB_OK) status = host->defer(host, release_arrays, in->arrays);
  if (status == WB_OK) status = settle_arch(in, err);
  if (status == WB_OK && in->params->data) {
    status = wb_dataset_open(in->params->data, &in->data, err);
    if (status == WB_OK) status = host->defer(host, release_dataset, in->data);
  }
  if (status != WB_OK) return status;
  settle_image(in);
  in->config.batch = 1; // no images pass through this network: the run file's own is made for them
  in->dropout = 0.5;
  wb_import_numbers(in, "dropout", &in->dropout, 1);
  if (!(in->dropout >= 0 && in->dropout < 1)) in->dropout = 0.5;
  status = wb_import_fit(in, err);
  if (status == WB_OK) status = settle_norm(in, err);
  if (status == WB_OK) status = settle_grid(in, err);
  return status == WB_OK ? wb_import_write(in, err) : status;
}

wb_status wb_import_run(const wb_host *host, const wb_import_params *params) {
  wb_import in = {.host = host, .params = params, .path = host->run_path(host, 0)};
  wb_error err = {0};
  const wb_status status = import(&in, &err);
  return err.status != WB_OK ? host->fail(host, status, err.message) : status;
}
