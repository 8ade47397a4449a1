/* loss_contrastive.c: row normalisation, supervised contrastive loss, SimCLR. See loss.h.
 *
 * With s_ij = f_i.f_j / t, p_ij = exp(s_ij) / sum_{a != i} exp(s_ia) and P(i) the positives of anchor i,
 *   loss = mean_i [log sum_{a != i} exp(s_ia) - mean_{p in P(i)} s_ip]   (0 where P(i) is empty)
 *   d loss / d s_ij = (p_ij - [j in P(i)] / |P(i)|) / n =: C_ij,   d loss / d f = (C + C') f / t.
 * Positives share their label, hence |P(i)| = |P(j)|: C + C' is made in place of s, element by element.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <cblas.h>
#include <math.h>

#include "fastmath.h"
#include "loss.h"
#include "simd.h"

static const double tiny = 1e-12; // torch.nn.functional.normalize's epsilon

WB_CLONES static double dot(const float *a, const float *b, size_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

/* out = scale * (x - shift * y) */
WB_CLONES static void combine(float *out, const float *x, const float *y, double shift, double scale,
                              size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) out[i] = (float)(scale * ((double)x[i] - shift * (double)y[i]));
}

void wb_normalize_rows(float *out, float *norms, const float *x, size_t n, size_t dims) {
#pragma omp parallel for schedule(static) if (n * dims > 16384)
  for (size_t i = 0; i < n; i++) {
    const float *row = x + i * dims;
    const double norm = sqrt(dot(row, row, dims));
    norms[i] = (float)norm;
    combine(out + i * dims, row, row, 0, 1 / (norm > tiny ? norm : tiny), dims);
  }
}

void wb_normalize_rows_backward(float *dx, const float *d_out, const float *out, const float *norms, size_t n,
                                size_t dims) {
#pragma omp parallel for schedule(static) if (n * dims > 16384)
  for (size_t i = 0; i < n; i++) {
    const float *d = d_out + i * dims, *unit = out + i * dims;
    const double norm = (double)norms[i];
    const double along = norm > tiny ? dot(d, unit, dims) : 0; // below, out is x / tiny: linear
    combine(dx + i * dims, d, unit, along, 1 / (norm > tiny ? norm : tiny), dims);
  }
}

/* What the second pass needs of the first: exp(s_ij - top_i) * share_i = p_ij. */
typedef struct rows {
  float *s;      // (n, n) similarities, then C + C' times n
  float *top;    // (n) largest similarity of the row without itself; infinite where it has no positive
  float *share;  // (n) 1 / sum exp; 0 where it has no positive
  float *weight; // (n) 1 / |P(i)|; 0 where it is empty
} rows;

size_t wb_loss_contrastive_work(size_t n, size_t dims) {
  return n * n + n * dims + 3 * n;
}

/* Number of the images with `label`, and the sum of their similarities in s (images). */
WB_CLONES static size_t same_label(double *sum, const float *s, const int32_t *labels, int32_t label,
                                   size_t images) {
  size_t count = 0;
  double total = 0;
#pragma omp simd reduction(+ : count, total)
  for (size_t j = 0; j < images; j++) {
    count += labels[j] == label ? 1 : 0;
    total += labels[j] == label ? (double)s[j] : 0.0;
  }
  *sum += total;
  return count;
}

WB_CLONES static double sum_exp(float *top, const float *s, size_t n) {
  float largest = s[0];
  for (size_t j = 1; j < n; j++) largest = s[j] > largest ? s[j] : largest;
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t j = 0; j < n; j++) sum += (double)wb_exp_negative(s[j] - largest);
  *top = largest;
  return sum;
}

/* Loss of anchor i. labels NULL: the twin view is the only positive. Leaves -infinity on the diagonal. */
static double anchor_loss(const rows *r, size_t i, const int32_t *labels, size_t images, size_t views) {
  const size_t n = images * views;
  float *s = r->s + i * n;
  s[i] = 0;
  size_t positives = 0;
  double sum = 0;
  if (labels) {
    for (size_t v = 0; v < views; v++)
      positives += same_label(&sum, s + v * images, labels, labels[i % images], images);
    positives--; // itself
  } else {
    positives = 1;
    sum = (double)s[(i + images) % n];
  }
  s[i] = -INFINITY;
  r->top[i] = INFINITY;
  r->share[i] = r->weight[i] = 0;
  if (!positives) return 0;
  const double total = sum_exp(&r->top[i], s, n);
  r->share[i] = (float)(1 / total);
  r->weight[i] = 1.f / (float)positives;
  return log(total) + (double)r->top[i] - sum / (double)positives;
}

/* s_j <- p_ij + p_ji */
WB_CLONES static void softmax_both_ways(float *s, float top, float share, const float *tops,
                                        const float *shares, size_t n) {
#pragma omp simd
  for (size_t j = 0; j < n; j++)
    s[j] = wb_exp_negative(s[j] - top) * share + wb_exp_negative(s[j] - tops[j]) * shares[j];
}

WB_CLONES static void subtract_where(float *s, const int32_t *labels, int32_t label, float value,
                                     size_t images) {
#pragma omp simd
  for (size_t j = 0; j < images; j++) s[j] -= labels[j] == label ? value : 0.f;
}

/* Row i of s <- row i of n (C + C'). */
static void anchor_gradient(const rows *r, size_t i, const int32_t *labels, size_t images, size_t views) {
  const size_t n = images * views;
  float *s = r->s + i * n;
  softmax_both_ways(s, r->top[i], r->share[i], r->top, r->share, n);
  const float both = 2 * r->weight[i];
  if (labels)
    for (size_t v = 0; v < views; v++)
      subtract_where(s + v * images, labels, labels[i % images], both, images);
  else
    s[(i + images) % n] -= both;
  s[i] = 0;
}

static double contrastive(float *d_features, const float *features, const int32_t *labels, size_t images,
                          size_t views, size_t dims, double temperature, double scale, float *work) {
  const size_t n = images * views;
  const rows r = {work, work + n * n, work + n * n + n, work + n * n + 2 * n};
  const int size = (int)n, width = (int)dims;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size, size, width, (float)(1 / temperature), features,
              width, features, width, 0, r.s, size);
  double parts[WB_PARTS] = {0};
#pragma omp parallel for schedule(static) if (n > 64)
  for (size_t k = 0; k < WB_PARTS; k++)
    for (size_t i = wb_part(k, n); i < wb_part(k + 1, n); i++)
      parts[k] += anchor_loss(&r, i, labels, images, views);
  if (d_features) {
#pragma omp parallel for schedule(static) if (n > 64)
    for (size_t i = 0; i < n; i++) anchor_gradient(&r, i, labels, images, views);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, width, size,
                (float)(scale / (temperature * (double)n)), r.s, size, features, width, 0, d_features, width);
  }
  return scale * wb_parts_sum(parts) / (double)n;
}

double wb_loss_supcon(float *d_features, const float *features, const int32_t *labels, size_t images,
                      size_t views, size_t dims, double temperature, float *work) {
  return contrastive(d_features, features, labels, images, views, dims, temperature, 1, work);
}

double wb_loss_simclr(float *d_features, const float *features, size_t images, size_t dims,
                      double temperature, double scale, float *work) {
  return contrastive(d_features, features, NULL, images, 2, dims, temperature, scale, work);
}
