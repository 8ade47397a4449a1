/* train_made.h: trainings of small networks on made images, for tests of what comes of them.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TEST_TRAIN_MADE_H
#define WB_TEST_TRAIN_MADE_H

#include "train.h" // before cmocka.h, whose macro `fail` is also the name of a host function

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/rng.h"
#include "hdf5/runfile.h"
#include "train_host.h"

enum { SIDE = 16, CLASSES = 4, TRAIN = 120, TEST = 40, UNITS = 16 };

static char folder[] = "/tmp/workbench-train-XXXXXX";
static char data_option[96];

static const wb_param ce_rows[] = {WB_TRAIN_DATA_ROWS("crop"), WB_TRAIN_MODEL_ROWS, WB_TRAIN_TOPOGRAPHY_ROWS,
                                   WB_TRAIN_OPTIMISATION_ROWS("4", "16"), WB_TRAIN_RUN_ROWS};
static const wb_param supcon_rows[] = {WB_TRAIN_DATA_ROWS("contrastive"),
                                       WB_TRAIN_MODEL_ROWS,
                                       WB_TRAIN_PROJECTION_ROWS,
                                       WB_TRAIN_TEMPERATURE_ROWS,
                                       WB_TRAIN_TOPOGRAPHY_ROWS,
                                       WB_TRAIN_OPTIMISATION_ROWS("4", "16"),
                                       WB_TRAIN_READOUT_ROWS,
                                       WB_TRAIN_RUN_ROWS};

static inline wb_status check_ce(const wb_host *host, const void *params) {
  return wb_train_check(host, &wb_objective_ce, params);
}

static inline wb_status run_ce(const wb_host *host, const void *params) {
  return wb_train_run(host, &wb_objective_ce, params);
}

static inline wb_status check_supcon(const wb_host *host, const void *params) {
  return wb_train_check(host, &wb_objective_supcon, params);
}

static inline wb_status run_supcon(const wb_host *host, const void *params) {
  return wb_train_run(host, &wb_objective_supcon, params);
}

static const wb_plugin ce = {WB_PLUGIN_HEAD, .params_size = sizeof(wb_train_params),
                             .params = WB_TABLE(ce_rows), .check = check_ce, .run = run_ce};
static const wb_plugin supcon = {WB_PLUGIN_HEAD, .params_size = sizeof(wb_train_params),
                                 .params = WB_TABLE(supcon_rows), .check = check_supcon, .run = run_supcon};

/* ---- Images: a bar whose direction and colour tell the class, on noise ---- */

static inline void draw(uint8_t *pixels, int32_t label, uint64_t image) {
  wb_rng rng = wb_rng_make(1, "bars", image);
  const uint32_t at = 4 + wb_rng_below(&rng, SIDE - 8);
  for (uint32_t y = 0; y < SIDE; y++)
    for (uint32_t x = 0; x < SIDE; x++)
      for (int c = 0; c < 3; c++) {
        const bool bar = (label & 1 ? x : y) - at + 1 < 3 && (label & 2 ? c == 0 : c == 2);
        pixels[(y * SIDE + x) * 3 + (uint32_t)c] = (uint8_t)(wb_rng_below(&rng, 80) + (bar ? 150 : 0));
      }
}

static inline int write_split(wb_h5 *file, const char *split, uint64_t count, uint64_t first) {
  static uint8_t pixels[TRAIN * SIDE * SIDE * 3];
  static int32_t labels[TRAIN];
  char object[32];
  for (uint64_t i = 0; i < count; i++) {
    labels[i] = (int32_t)(i % CLASSES);
    draw(pixels + i * SIDE * SIDE * 3, labels[i], first + i);
  }
  snprintf(object, sizeof object, "/%s/images", split);
  if (wb_h5_write(file, object, WB_U8, 4, (uint64_t[]){count, SIDE, SIDE, 3}, pixels, NULL) != WB_OK)
    return -1;
  snprintf(object, sizeof object, "/%s/labels", split);
  return wb_h5_write(file, object, WB_I32, 1, &count, labels, NULL) == WB_OK ? 0 : -1;
}

static inline const char *in_folder(const char *name) {
  static char paths[8][128];
  static unsigned turn;
  char *path = paths[turn++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static inline int write_data(const char *name, uint64_t train) {
  wb_h5 *file;
  if (wb_h5_create(in_folder(name), &file, NULL) != WB_OK) return -1;
  if (write_split(file, "train", train, 0) || write_split(file, "test", TEST, TRAIN)) return -1;
  return wb_h5_commit(file, NULL) == WB_OK ? 0 : -1;
}

static inline int make_data(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(data_option, sizeof data_option, "data=h5:%s", in_folder("bars.h5"));
  return write_data("bars.h5", TRAIN);
}

static inline int remove_data(void **state) {
  (void)state;
  char command[64];
  snprintf(command, sizeof command, "rm -r '%s'", folder);
  return system(command);
}

/* ---- Running ---- */

#define SMALL data_option, "width=8", "units=16", "validation-per-class=5"
#define WITH(...)                                                                                            \
  (const char *const[]) {                                                                                    \
    __VA_ARGS__, SMALL, "projection-dim=8", NULL                                                             \
  }

static inline train_host run(const wb_plugin *plugin, const char *name, const char *const *options) {
  train_host h = {.plugin = plugin, .path = in_folder(name), .identity = "id", .options = options};
  if (train_host_run(&h) != WB_OK) fail_msg("%s", h.message);
  return h;
}

static inline wb_h5 *opened(const char *name) {
  wb_h5 *file;
  wb_error err = {0};
  if (wb_runfile_open(in_folder(name), &file, &err) != WB_OK) fail_msg("%s", err.message);
  return file;
}

/* All of `object` as float, malloc'ed. */
static inline float *read_floats(const wb_h5 *file, const char *object, uint64_t *count) {
  wb_h5_shape shape;
  wb_error err = {0};
  if (wb_h5_get_shape(file, object, &shape, &err) != WB_OK) fail_msg("%s", err.message);
  *count = 1;
  for (uint32_t a = 0; a < shape.rank; a++) *count *= shape.dims[a];
  float *values = malloc(*count * sizeof *values);
  assert_int_equal(wb_h5_read(file, object, WB_F32, values, NULL), WB_OK);
  return values;
}

static inline double last_of(const wb_h5 *file, const char *object) {
  uint64_t n;
  float *values = read_floats(file, object, &n);
  const double last = (double)values[n - 1];
  free(values);
  return last;
}

/* Whether all data sets below `group` are the same, bit for bit, in two runs. */
static inline bool same_group(const char *a, const char *b, const char *group) {
  wb_h5 *first = opened(a), *second = opened(b);
  char **paths, x[WB_DIGEST_SIZE], y[WB_DIGEST_SIZE];
  size_t count;
  assert_int_equal(wb_h5_datasets(first, group, &paths, &count, NULL), WB_OK);
  assert_true(count > 0);
  bool same = true;
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(wb_h5_digest(first, paths[i], x, NULL), WB_OK);
    assert_int_equal(wb_h5_digest(second, paths[i], y, NULL), WB_OK);
    same &= strcmp(x, y) == 0;
  }
  wb_h5_free_texts(paths, count);
  wb_h5_close(first);
  wb_h5_close(second);
  return same;
}

static inline void assert_intact(const wb_h5 *file) {
  char **changed;
  size_t count;
  assert_int_equal(wb_runfile_verify(file, &changed, &count, NULL), WB_OK);
  assert_int_equal(count, 0);
  wb_h5_free_texts(changed, count);
}

static inline void refused(const wb_plugin *plugin, const char *const *options, wb_status status,
                           const char *part) {
  unlink(in_folder("refused.h5"));
  train_host h = {.plugin = plugin, .path = in_folder("refused.h5"), .identity = "id", .options = options};
  assert_int_equal(train_host_run(&h), status);
  if (!strstr(h.message, part)) fail_msg("no '%s' in: %s", part, h.message);
  assert_int_equal(access(h.path, F_OK), -1);
}

#endif
