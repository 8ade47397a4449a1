/* attack.h: steps of adversarial attacks in the maximum norm, on images in [0, 1]; pure numerics.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_ATTACK_H
#define WB_ATTACK_H

#include <stddef.h>
#include <stdint.h>

/* x = clean + epsilon u, u uniform on [-1, 1), kept in [0, 1]: where an attack on image `index` of n values
 * starts. A function of seed, index and position alone. */
void wb_attack_start(float *x, const float *clean, float epsilon, uint64_t seed, uint64_t index, size_t n);

/* x += step sign(gradient), then back into the ball |x - clean| <= epsilon and into [0, 1]; sign(0) is 0.
 * From x = clean with step = epsilon this is the fast gradient sign method (Goodfellow et al. 2015);
 * repeated, it is projected gradient descent (Madry et al. 2018). All arrays (n). */
void wb_attack_step(float *x, const float *gradient, const float *clean, float step, float epsilon, size_t n);

/* How far the worst of n values lies outside of the ball or of [0, 1]: 0 where all are inside, but for
 * rounding; infinity where one is not a number. */
double wb_attack_excess(const float *x, const float *clean, float epsilon, size_t n);

/* Cross-entropy -log softmax(logits)[label] of one image. logits (classes). */
double wb_attack_loss(const float *logits, size_t label, size_t classes);

#endif
