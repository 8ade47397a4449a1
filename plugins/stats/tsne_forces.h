/* tsne_forces.h: the forces of t-SNE in the plane, exactly.
 *
 * With q_ij = 1 / (1 + |y_i - y_j|^2) and Z = sum over i != j of q_ij, the gradient of the Kullback-Leibler
 * divergence by y_i is 4 (attraction_i - repulsion_i / Z):
 *
 *     attraction_i = sum_j p_ij q_ij (y_i - y_j)        repulsion_i = sum_j q_ij^2 (y_i - y_j)
 *
 * On x86 CPUs with AVX2 and FMA eight pairs are done at a time. Bit-identical for any number of threads on
 * one kind of CPU. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TSNE_FORCES_H
#define WB_TSNE_FORCES_H

#include <stdbool.h>

#include "tsne_affinity.h"

enum { WB_TSNE_CHUNKS = 16 }; // parts of the repulsion that threads take

/* Whether this CPU has AVX2 and FMA. */
bool wb_stats_has_avx2(void);

/* attraction (n, 2) at the points xy (n, 2). */
void wb_tsne_attract(float *attraction, const float *xy, const wb_tsne_affinity *p);

/* repulsion (n, 2) over all pairs; returns Z. work holds wb_tsne_repel_work(n) floats, 64-byte aligned. */
double wb_tsne_repel(float *repulsion, float *work, const float *xy, size_t n);
size_t wb_tsne_repel_work(size_t n);

/* The two ways in which they are done; on other CPUs the second does not exist. */
void wb_tsne_attract_plain(float *attraction, const float *xy, const wb_tsne_affinity *p);
void wb_tsne_attract_avx2(float *attraction, const float *xy, const wb_tsne_affinity *p);
double wb_tsne_repel_plain(float *repulsion, const float *xy, size_t n);
double wb_tsne_repel_avx2(float *repulsion, float *work, const float *xy, size_t n);

#endif
