/* bench_conv.c: our convolutions beside oneDNN's, layer by layer, as a Markdown table.
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 *   bench_conv [batch [repetitions [name]]]      64 images, 9 repetitions, all layers whose name contains
 * `name`
 *
 * GF/s are those of the definition, two operations a tap, whatever the algorithm really does, from the
 * shortest and from the median time. Errors are root mean square, relative to float64 on a sample of the
 * outputs. It measures and asserts nothing.
 */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/rng.h"
#include "conv.h"

enum { PASSES = 3, MOST_REPETITIONS = 101, SAMPLE = 2000 };

static const char *const pass_names[PASSES] = {"forward", "data", "weights"};

static const struct {
  const char *name;
  int in, out, size, kernel, stride;
} layers[] = {
    {"resnet18 conv1", 3, 64, 32, 3, 1},
    {"resnet18 layer1", 64, 64, 32, 3, 1},
    {"resnet18 layer2.0", 64, 128, 32, 3, 2},
    {"resnet18 layer2.0 shortcut", 64, 128, 32, 1, 2},
    {"resnet18 layer2", 128, 128, 16, 3, 1},
    {"resnet18 layer3.0", 128, 256, 16, 3, 2},
    {"resnet18 layer3.0 shortcut", 128, 256, 16, 1, 2},
    {"resnet18 layer3", 256, 256, 8, 3, 1},
    {"resnet18 layer4.0", 256, 512, 8, 3, 2},
    {"resnet18 layer4.0 shortcut", 256, 512, 8, 1, 2},
    {"resnet18 layer4", 512, 512, 4, 3, 1},
    {"shallowcnn conv1", 3, 32, 32, 3, 1},
    {"shallowcnn conv2", 32, 64, 16, 3, 1},
    {"shallowcnn conv3", 64, 128, 8, 3, 1},
    {"shallowcnn conv4", 128, 256, 4, 3, 1},
};

typedef struct problem {
  wb_conv_shape shape;
  int height, width; // of the output
  size_t x_count, y_count, w_count;
  float *x, *dy, *w;  // blocked
  float *y, *dx, *dw; // results
  double *sums;
} problem;

typedef struct result {
  double best, median, error;
} result;

/* Memory as the engine's arena has it: large pages where the system gives them. */
static void *alloc(size_t bytes) {
  const size_t page = (size_t)2 << 20, size = (bytes + page) / page * page;
  void *p = aligned_alloc(page, size);
  if (!p) {
    fprintf(stderr, "bench_conv: out of memory\n");
    exit(1);
  }
  madvise(p, size, MADV_HUGEPAGE);
  memset(p, 0, size);
  return p;
}

static float *random_array(size_t count, uint64_t index, double scale, bool positive) {
  float *a = alloc(count * sizeof *a);
  wb_rng rng = wb_rng_make(1, "bench", index);
  for (size_t i = 0; i < count; i++) {
    const double v = scale * wb_rng_normal(&rng);
    a[i] = (float)(positive && v < 0 ? 0 : v);
  }
  return a;
}

static problem make(wb_conv_shape s) {
  problem p = {
      .shape = s, .height = wb_conv_out(s.height, s.stride), .width = wb_conv_out(s.width, s.stride)};
  p.x_count = (size_t)s.batch * s.in_channels * s.height * s.width;
  p.y_count = (size_t)s.batch * s.out_channels * p.height * p.width;
  p.w_count = wb_conv_weight_count(&s);
  p.x = random_array(p.x_count, 0, 1, true); // as after a ReLU
  p.dy = random_array(p.y_count, 1, 1, false);
  p.w = random_array(p.w_count, 2, sqrt(2.0 / (s.in_channels * s.kernel * s.kernel)), false);
  p.y = alloc(p.y_count * sizeof *p.y);
  p.dx = alloc(p.x_count * sizeof *p.dx);
  p.dw = alloc(p.w_count * sizeof *p.dw);
  p.sums = alloc(2 * (size_t)s.out_channels * sizeof *p.sums);
  return p;
}

static void drop(problem *p) {
  void *all[] = {p->x, p->dy, p->w, p->y, p->dx, p->dw, p->sums};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static size_t at_pixel(int n, int c, int row, int column, int channels, int height, int width) {
  if (channels < 8) return (((size_t)n * channels + c) * height + row) * width + column;
  return ((((size_t)n * (channels / 8) + c / 8) * height + row) * width + column) * 8 + c % 8;
}

static size_t at_weight(const wb_conv_shape *s, int o, int i, int tap) {
  const int taps = s->kernel * s->kernel, ins = s->in_channels;
  if (ins < 8) return ((size_t)(o / 8 * taps + tap) * ins + i) * 8 + o % 8;
  return ((size_t)(o / 8 * (ins / 8) + i / 8) * taps + tap) * 64 + i % 8 * 8 + o % 8;
}

/* x[n, i] under tap `tap` of output (row, column), zero outside. */
static double x_under(const problem *p, int n, int i, int row, int column, int tap) {
  const wb_conv_shape *s = &p->shape;
  const int r = row * s->stride + tap / s->kernel - s->kernel / 2;
  const int c = column * s->stride + tap % s->kernel - s->kernel / 2;
  if (r < 0 || c < 0 || r >= s->height || c >= s->width) return 0;
  return (double)p->x[at_pixel(n, i, r, c, s->in_channels, s->height, s->width)];
}

static double right_y(const problem *p, int n, int o, int row, int column) {
  double sum = 0;
  for (int i = 0; i < p->shape.in_channels; i++)
    for (int tap = 0; tap < p->shape.kernel * p->shape.kernel; tap++)
      sum += x_under(p, n, i, row, column, tap) * (double)p->w[at_weight(&p->shape, o, i, tap)];
  return sum;
}

static double right_dx(const problem *p, int n, int i, int row, int column) {
  const wb_conv_shape *s = &p->shape;
  double sum = 0;
  for (int tap = 0; tap < s->kernel * s->kernel; tap++) {
    const int r = row + s->kernel / 2 - tap / s->kernel, c = column + s->kernel / 2 - tap % s->kernel;
    if (r < 0 || c < 0 || r % s->stride || c % s->stride) continue;
    if (r / s->stride >= p->height || c / s->stride >= p->width) continue;
    for (int o = 0; o < s->out_channels; o++)
      sum +=
          (double)p->w[at_weight(s, o, i, tap)] *
          (double)p->dy[at_pixel(n, o, r / s->stride, c / s->stride, s->out_channels, p->height, p->width)];
  }
  return sum;
}

static double right_dw(const problem *p, int o, int i, int tap) {
  double sum = 0;
  for (int n = 0; n < p->shape.batch; n++)
    for (int row = 0; row < p->height; row++)
      for (int column = 0; column < p->width; column++)
        sum += x_under(p, n, i, row, column, tap) *
               (double)p->dy[at_pixel(n, o, row, column, p->shape.out_channels, p->height, p->width)];
  return sum;
}

static double sampled_error(const problem *p, int pass) {
  const wb_conv_shape *s = &p->shape;
  const int sample = pass == 2 ? SAMPLE / 10 : SAMPLE;
  wb_rng rng = wb_rng_make(2, "sample", 0);
  double error = 0, norm = 0;
  for (int i = 0; i < sample; i++) {
    const int n = (int)wb_rng_below(&rng, (uint32_t)s->batch),
              a = (int)wb_rng_below(&rng, (uint32_t)s->in_channels);
    const int o = (int)wb_rng_below(&rng, (uint32_t)s->out_channels);
    const int height = pass == 1 ? s->height : p->height, width = pass == 1 ? s->width : p->width;
    const int row = (int)wb_rng_below(&rng, (uint32_t)height),
              column = (int)wb_rng_below(&rng, (uint32_t)width);
    const int tap = (int)wb_rng_below(&rng, (uint32_t)(s->kernel * s->kernel));
    double right, got;
    if (pass == 0) {
      right = right_y(p, n, o, row, column);
      got = (double)p->y[at_pixel(n, o, row, column, s->out_channels, height, width)];
    } else if (pass == 1) {
      right = right_dx(p, n, a, row, column);
      got = (double)p->dx[at_pixel(n, a, row, column, s->in_channels, height, width)];
    } else {
      right = right_dw(p, o, a, tap);
      got = (double)p->dw[at_weight(s, o, a, tap)];
    }
    error += (got - right) * (got - right);
    norm += right * right;
  }
  return sqrt(error / norm);
}

static double run(wb_conv *conv, const problem *p, int pass, void *scratch) {
  wb_error err = {0};
  const double begin = omp_get_wtime();
  wb_status status;
  if (pass == 0)
    status = wb_conv_forward(conv, p->shape.batch, &(wb_conv_input){.x = p->x}, p->w, p->y, p->sums, scratch,
                             &err);
  else if (pass == 1)
    status = wb_conv_backward_data(conv, p->shape.batch, p->dy, p->w, p->dx, scratch, &err);
  else
    status = wb_conv_backward_weights(conv, p->shape.batch, &(wb_conv_input){.x = p->x}, p->dy, p->dw,
                                      scratch, &err);
  if (status) {
    fprintf(stderr, "bench_conv: %s\n", err.message);
    exit(1);
  }
  return omp_get_wtime() - begin;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Both implementations in turn, so that both see the same disturbances. */
static void measure(result results[2], wb_conv *convs[2], const problem *p, int pass, void *scratch,
                    int repetitions) {
  double times[2][MOST_REPETITIONS];
  for (int k = 0; k < 2; k++) {
    run(convs[k], p, pass, scratch);
    results[k].error = sampled_error(p, pass);
  }
  for (int r = 0; r < repetitions; r++)
    for (int k = 0; k < 2; k++) times[k][r] = run(convs[k], p, pass, scratch);
  for (int k = 0; k < 2; k++) {
    qsort(times[k], (size_t)repetitions, sizeof(double), ascending);
    results[k].best = times[k][0];
    results[k].median = times[k][repetitions / 2];
  }
}

static void bench_layer(size_t layer, int batch, int repetitions) {
  const wb_conv_shape s = {batch,
                           layers[layer].in,
                           layers[layer].out,
                           layers[layer].size,
                           layers[layer].size,
                           layers[layer].kernel,
                           layers[layer].stride};
  const wb_conv_choice choices[2] = {WB_CONV_ONEDNN, WB_CONV_AUTO};
  wb_conv *convs[2];
  size_t bytes = 0;
  for (int k = 0; k < 2; k++) {
    wb_error err = {0};
    if (wb_conv_create(&s, choices[k], &convs[k], &err)) {
      fprintf(stderr, "bench_conv: %s\n", err.message);
      exit(1);
    }
    if (wb_conv_scratch(convs[k]) > bytes) bytes = wb_conv_scratch(convs[k]);
  }
  void *scratch = alloc(bytes);
  problem p = make(s);
  const double flop = 2e-9 * (double)p.y_count * s.in_channels * s.kernel * s.kernel;
  for (int pass = 0; pass < PASSES; pass++) {
    result r[2];
    if (pass == 1 && s.in_channels < 8) continue;
    measure(r, convs, &p, pass, scratch, repetitions);
    printf("| %s | %d -> %d @ %d | %s | %s | %.0f (%.0f) | %.0f (%.0f) | %.2f | %.1e | %.1e |\n",
           layers[layer].name, s.in_channels, s.out_channels, s.height, pass_names[pass],
           wb_conv_name(convs[1]), flop / r[0].best, flop / r[0].median, flop / r[1].best, flop / r[1].median,
           r[0].best / r[1].best, r[0].error, r[1].error);
    fflush(stdout);
  }
  drop(&p);
  free(scratch);
  for (int k = 0; k < 2; k++) wb_conv_free(convs[k]);
}

int main(int argc, char **argv) {
  const int batch = argc > 1 ? atoi(argv[1]) : 64, repetitions = argc > 2 ? atoi(argv[2]) : 9;
  const char *name = argc > 3 ? argv[3] : "";
  if (batch < 1 || repetitions < 1 || repetitions > MOST_REPETITIONS) {
    fprintf(stderr, "usage: bench_conv [batch [repetitions (at most %d) [name]]]\n", MOST_REPETITIONS);
    return 2;
  }
  printf("Batch %d, %d threads, best (median) of %d.\n\n", batch, omp_get_max_threads(), repetitions);
  printf("| layer | shape | pass | ours | oneDNN GF/s | ours GF/s | ratio | oneDNN error | our error |\n");
  printf("|---|---|---|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
    if (strstr(layers[i].name, name)) bench_layer(i, batch, repetitions);
  return 0;
}
