/* tsne.c: see tsne.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "tsne.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "neighbours.h"
#include "pca.h"
#include "tsne_forces.h"
#include "tsne_mesh.h"

static const double START_SD = 1e-4, NOISE = 0.01;

/* The usual 0.8 leaves 10,000 points 0.03 above the divergence that 0.9 reaches; 0.95 overshoots. */
static const double EARLY_MOMENTUM = 0.5, MOMENTUM = 0.9;

wb_tsne_options wb_tsne_defaults(void) {
  return (wb_tsne_options){
      .perplexity = 30, .iterations = 1000, .exaggerated = 250, .exaggeration = 12, .start = WB_TSNE_PCA};
}

size_t wb_tsne_neighbours(double perplexity) {
  return (size_t)(3 * perplexity);
}

static float *new_floats(size_t count) {
  return aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
}

/* ---- Preparation ---- */

/* The first map: noise, and the principal components scaled so that the first has sd START_SD. */
static wb_status place_points(float *xy, const float *x, size_t n, size_t d, const wb_tsne_options *o,
                              wb_error *err) {
  double *scores = calloc(2 * n, sizeof *scores), square = 0;
  if (!scores) return wb_fail_nomem(err, "t-SNE", 2 * n * sizeof *scores);
  const size_t count = d < 2 ? d : 2;
  wb_status status = o->start == WB_TSNE_PCA ? wb_pca(scores, x, n, d, count, err) : WB_OK;
  for (size_t i = 0; i < n; i++) square += scores[count * i] * scores[count * i] / (double)n;
  const double scale = square > 0 ? START_SD / sqrt(square) : 0;
  const double noise = square > 0 ? NOISE * START_SD : START_SD;
  for (size_t i = 0; i < n; i++) {
    wb_rng rng = wb_rng_make(o->seed, "tsne", i);
    for (size_t a = 0; a < 2; a++) {
      const double score = a < count ? scores[count * i + a] : 0;
      xy[2 * i + a] = (float)(scale * score + noise * wb_rng_normal(&rng));
    }
  }
  free(scores);
  return status;
}

/* The bits of v, with a zero between any two. */
static uint64_t part_bits(uint64_t v) {
  v = (v | v << 8) & 0x00ff00ff;
  v = (v | v << 4) & 0x0f0f0f0f;
  v = (v | v << 2) & 0x33333333;
  return (v | v << 1) & 0x55555555;
}

static int compare(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* order (n): the points along Morton's curve through the first map. Neighbours are then near each other in
 * memory: attraction takes a third less time. keys (n) is scratch. */
static void sort_points(uint32_t *order, uint64_t *keys, const float *xy, size_t n) {
  float low[2] = {INFINITY, INFINITY}, extent = 0;
  for (size_t k = 0; k < 2 * n; k++) low[k % 2] = fminf(low[k % 2], xy[k]);
  for (size_t k = 0; k < 2 * n; k++) extent = fmaxf(extent, xy[k] - low[k % 2]);
  const float scale = extent > 0 ? 65535 / extent : 0;
  for (size_t i = 0; i < n; i++) {
    const uint64_t x = (uint64_t)((xy[2 * i] - low[0]) * scale),
                   y = (uint64_t)((xy[2 * i + 1] - low[1]) * scale);
    keys[i] = (part_bits(x & 0xffff) | part_bits(y & 0xffff) << 1) << 32 | i;
  }
  qsort(keys, n, sizeof *keys, compare);
  for (size_t i = 0; i < n; i++) order[i] = (uint32_t)keys[i];
}

/* out (n, d) = x in the given order, less its column means: distances lose the fewest digits so. */
static void centre(float *out, const float *x, const uint32_t *order, double *mean, size_t n, size_t d) {
  memset(mean, 0, d * sizeof *mean);
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < d; k++) mean[k] += (double)x[i * d + k] / (double)n;
  }
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < d; k++) out[i * d + k] = (float)((double)x[order[i] * d + k] - mean[k]);
  }
}

static wb_status find_affinity(wb_tsne_affinity *p, const float *x, const uint32_t *order, size_t n, size_t d,
                               double perplexity, wb_error *err) {
  const size_t k = wb_tsne_neighbours(perplexity);
  float *centred = malloc(n * d * sizeof *centred), *square = malloc(n * k * sizeof *square);
  uint32_t *index = malloc(n * k * sizeof *index);
  double *mean = malloc(d * sizeof *mean);
  wb_status status = WB_OK;
  if (!centred || !square || !index || !mean) {
    status = wb_fail_nomem(err, "t-SNE", n * (d + 2 * k) * sizeof(float));
    goto done;
  }
  centre(centred, x, order, mean, n, d);
  status = wb_neighbours(index, square, centred, n, d, k, err);
  if (status == WB_OK) status = wb_tsne_affinity_new(p, index, square, n, k, perplexity, err);
done:
  free(centred);
  free(square);
  free(index);
  free(mean);
  return status;
}

/* ---- Descent ---- */

typedef struct descent {
  size_t n;
  const wb_tsne_affinity *p;
  const wb_tsne_options *options;
  wb_tsne_mesh *mesh;                                   // NULL: all pairs
  float *xy, *attraction, *repulsion, *velocity, *gain; // (n, 2)
  float *work;
} descent;

static wb_status find_forces(descent *s, double *z, wb_error *err) {
  const bool plain = s->options->plain;
  (plain ? wb_tsne_attract_plain : wb_tsne_attract)(s->attraction, s->xy, s->p);
  if (s->mesh) return wb_tsne_mesh_repel(s->repulsion, z, s->mesh, s->xy, err);
  *z = plain ? wb_tsne_repel_plain(s->repulsion, s->xy, s->n)
             : wb_tsne_repel(s->repulsion, s->work, s->xy, s->n);
  return WB_OK;
}

/* Gradient descent with momentum and a gain for each coordinate that grows while its gradient keeps its sign
 * (Jacobs 1988). A step is at most 5 long: the exaggerated phase overshoots with very many points. */
static void step(descent *s, double z, double exaggeration, double momentum, double rate) {
  const float pull = (float)(4 * exaggeration), push = (float)(4 / z), m = (float)momentum, r = (float)rate;
#pragma omp parallel for simd schedule(static)
  for (size_t k = 0; k < 2 * s->n; k++) {
    const float gradient = pull * s->attraction[k] - push * s->repulsion[k];
    float gain = s->velocity[k] * gradient < 0 ? s->gain[k] + 0.2F : s->gain[k] * 0.8F;
    gain = gain < 0.01F ? 0.01F : gain;
    float v = m * s->velocity[k] - r * gain * gradient;
    v = v > 5 ? 5 : v < -5 ? -5 : v;
    s->gain[k] = gain;
    s->velocity[k] = v;
    s->xy[k] += v;
  }
}

static void rest(descent *s) {
  for (size_t k = 0; k < 2 * s->n; k++) {
    s->velocity[k] = 0;
    s->gain[k] = 1;
  }
}

static wb_status descend(descent *s, wb_error *err) {
  const wb_tsne_options *o = s->options;
  const double rate = o->learning_rate > 0 ? o->learning_rate : fmax((double)s->n / 48, 50);
  rest(s);
  for (size_t t = 0; t < o->iterations; t++) {
    if (o->stop && o->stop(o->context, t)) return wb_fail(err, WB_CANCELLED, "stopped");
    if (t == o->exaggerated) rest(s);
    double z;
    const wb_status status = find_forces(s, &z, err);
    if (status != WB_OK) return status;
    if (!isfinite(z))
      return wb_fail(err, WB_NUMERIC, "t-SNE diverged at iteration %zu; a smaller learning rate helps", t);
    const bool early = t < o->exaggerated;
    step(s, z, early ? o->exaggeration : 1, early ? EARLY_MOMENTUM : MOMENTUM, rate);
  }
  return WB_OK;
}

wb_status wb_tsne(float *xy, double *divergence, const float *x, size_t n, size_t d,
                  const wb_tsne_options *options, wb_error *err) {
  const size_t k = wb_tsne_neighbours(options->perplexity);
  if (n <= k || k < 2) {
    return wb_fail(
        err, WB_ARG,
        "t-SNE with perplexity %g looks at %zu neighbours of each point, and there are %zu points; it "
        "needs more points than neighbours and at least 2 neighbours: choose another perplexity",
        options->perplexity, k, n);
  }
  wb_tsne_affinity p = {0};
  const bool grid =
      options->repulsion == WB_TSNE_GRID || (options->repulsion == WB_TSNE_BY_SIZE && n > WB_TSNE_EXACT);
  float *memory = new_floats(10 * n), *work = new_floats(grid ? 16 : wb_tsne_repel_work(n));
  uint32_t *order = malloc(n * sizeof *order);
  descent s = {.n = n, .p = &p, .options = options, .work = work};
  wb_status status = WB_OK;
  if (!memory || !work || !order) {
    status = wb_fail_nomem(err, "t-SNE", 10 * n * sizeof *memory);
    goto done;
  }
  s.attraction = memory;
  s.repulsion = memory + 2 * n;
  s.velocity = memory + 4 * n;
  s.gain = memory + 6 * n;
  s.xy = memory + 8 * n;
  status = place_points(xy, x, n, d, options, err);
  if (status != WB_OK) goto done;
  sort_points(order, (uint64_t *)(void *)memory, xy, n);
  for (size_t i = 0; i < n; i++) memcpy(s.xy + 2 * i, xy + 2 * (size_t)order[i], 2 * sizeof *xy);
  status = find_affinity(&p, x, order, n, d, options->perplexity, err);
  if (status == WB_OK && grid)
    status = wb_tsne_mesh_new(&s.mesh, n, wb_stats_has_avx2() && !options->plain, err);
  if (status == WB_OK) status = descend(&s, err);
  if (status == WB_OK && divergence) *divergence = wb_tsne_divergence(s.xy, &p);
  for (size_t i = 0; i < n; i++) memcpy(xy + 2 * (size_t)order[i], s.xy + 2 * i, 2 * sizeof *xy);
done:
  wb_tsne_mesh_free(s.mesh);
  wb_tsne_affinity_free(&p);
  free(memory);
  free(work);
  free(order);
  return status;
}

/* ---- Divergence ---- */

/* Sum over j != i of q_ij. */
static double row_of_z(const float *xy, size_t i, size_t n) {
  const double x = (double)xy[2 * i], y = (double)xy[2 * i + 1];
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t j = 0; j < n; j++) {
    const double dx = x - (double)xy[2 * j], dy = y - (double)xy[2 * j + 1];
    sum += 1 / (1 + dx * dx + dy * dy);
  }
  return sum - 1;
}

double wb_tsne_divergence(const float *xy, const wb_tsne_affinity *p) {
  double z = 0, sum = 0, mass = 0;
#pragma omp parallel for schedule(static, 64) ordered
  for (size_t first = 0; first < p->n; first += 64) {
    const size_t end = p->n - first < 64 ? p->n : first + 64;
    double part_z = 0, part_sum = 0, part_mass = 0;
    for (size_t i = first; i < end; i++) {
      part_z += row_of_z(xy, i, p->n);
      for (uint64_t e = p->start[i]; e < p->start[i + 1]; e++) {
        const double value = (double)p->value[e];
        const float *other = xy + 2 * (size_t)p->column[e];
        const double dx = (double)xy[2 * i] - (double)other[0], dy = (double)xy[2 * i + 1] - (double)other[1];
        part_mass += value;
        if (value > 0) part_sum += value * (log(value) + log1p(dx * dx + dy * dy));
      }
    }
#pragma omp ordered
    {
      z += part_z;
      sum += part_sum;
      mass += part_mass;
    }
  }
  return sum + mass * log(z);
}
