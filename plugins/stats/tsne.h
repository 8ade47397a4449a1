/* tsne.h: t-distributed stochastic neighbour embedding (van der Maaten & Hinton 2008) into the plane.
 *
 * Attraction over each point's 3 * perplexity exact nearest neighbours; repulsion over all pairs up to
 * WB_TSNE_EXACT points, and through a grid beyond. Bit-identical for a seed on one kind of CPU, for any
 * number of threads. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TSNE_H
#define WB_TSNE_H

#include <stdbool.h>
#include <stdint.h>

#include "tsne_affinity.h"

enum { WB_TSNE_EXACT = 2500 };

typedef enum wb_tsne_start { WB_TSNE_PCA, WB_TSNE_RANDOM } wb_tsne_start;
typedef enum wb_tsne_repulsion { WB_TSNE_BY_SIZE, WB_TSNE_ALL_PAIRS, WB_TSNE_GRID } wb_tsne_repulsion;

typedef struct wb_tsne_options {
  double perplexity;
  size_t iterations, exaggerated; // in all, and how many of them come first with exaggerated attraction
  double exaggeration;
  double learning_rate; // 0: max(n / 48, 50)
  wb_tsne_start start;
  wb_tsne_repulsion repulsion;
  uint64_t
      seed; // of the random start, and of the hundredth part of noise in the PCA start that parts duplicates
  bool plain;                                    // without AVX2 even where the CPU has it
  bool (*stop)(void *context, size_t iteration); // asked before each iteration; NULL: never
  void *context;
} wb_tsne_options;

/* Perplexity 30, 1,000 iterations, the first 250 exaggerated 12 times, from PCA. */
wb_tsne_options wb_tsne_defaults(void);

/* Neighbours for a perplexity, 3 * perplexity; n must be larger. */
size_t wb_tsne_neighbours(double perplexity);

/* xy (n, 2): the map of the points x (n, d). *divergence: sum of p_ij log(p_ij / q_ij) over pairs of
 * neighbours, with q_ij normalised over all pairs, in double; see wb_tsne_divergence. WB_ARG for too few
 * points, WB_NOMEM, WB_NUMERIC, WB_CANCELLED. */
wb_status wb_tsne(float *xy, double *divergence, const float *x, size_t n, size_t d,
                  const wb_tsne_options *options, wb_error *err);

/* The Kullback-Leibler divergence of the map xy (n, 2) from the affinities. */
double wb_tsne_divergence(const float *xy, const wb_tsne_affinity *p);

#endif
