/* linear.h: fully connected layers, row-major, on OpenBLAS. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_LINEAR_H
#define WB_LINEAR_H

#include <stdint.h>

/* y (n, outs) = x (n, ins) w^T + b; w (outs, ins), b (outs). */
void wb_linear_forward(float *y, const float *x, const float *w, const float *b, int n, int ins, int outs);

/* The same, each output by itself in a fixed order of summation: a row's result does not depend on which rows
 * come with it, as it does in a matrix product. For evaluation in pieces. */
void wb_linear_rows(float *y, const float *x, const float *w, const float *b, int n, int ins, int outs);

/* Overwrites dw, db, and dx unless NULL, from dy (n, outs). */
void wb_linear_backward(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
                        int n, int ins, int outs);

/* Dropout's factors (n, units): 0 with probability p, else 1 / (1 - p). Factor (row, unit) depends on seed,
 * step and row * units + unit alone. */
void wb_dropout_factors(float *factors, int n, int units, float p, uint64_t seed, uint64_t step);

#endif
