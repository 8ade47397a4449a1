/* call_outputs.c: the host table's outputs, each checked against its declaration. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <workbench/plugin_util.h>

#include "call.h"

static const char *const shape_names[] = {"", "scalar", "curve", "matrix", "points", "histogram"};

/* The run or runs that the call is about, for messages. */
static const char *where(const wb_call *call) {
  return call->run_count ? call->runs[0].path : "no run";
}

static const char *and_others(const wb_call *call) {
  return call->run_count > 1 ? " and the other runs" : "";
}

#define REFUSE(call, format, ...)                                                                            \
  ((call)->emit_failed = true, wb_call_fail((call), WB_INTERNAL, "%s on %s%s: " format, (call)->spec->id,    \
                                            where(call), and_others(call), __VA_ARGS__))

/* The declaration of an output that may be emitted now; NULL with the failure recorded. */
static const wb_output *declared(wb_call *call, const char *name, uint32_t shape) {
  const wb_output *out = wb_spec_output(call->spec, name);
  if (!out)
    REFUSE(call, "it emitted %s, which it does not declare as an output", name);
  else if (wb_values_find(&call->values, name))
    REFUSE(call, "it emitted %s twice", name);
  else if (shape && out->shape != shape)
    REFUSE(call, "it emitted %s as a %s and declares it as a %s", name, shape_names[shape],
           shape_names[out->shape]);
  return call->emit_failed ? NULL : out;
}

/* A bound may be passed by rounding alone; then the value is the bound. */
static double settle(double value, double low, double high) {
  const double slack = 1e-9;
  if (value < low && value >= low - slack * fmax(1, fabs(low))) return low;
  if (value > high && value <= high + slack * fmax(1, fabs(high))) return high;
  return value;
}

static wb_status check_values(wb_call *call, const wb_output *out, double *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!isfinite(values[i])) {
      if (out->flags & WB_OUTPUT_NONFINITE_OK) continue;
      return REFUSE(call, "its output %s is %s (value %zu of %zu); it must be a finite number", out->name,
                    isnan(values[i]) ? "NaN" : "infinite", i + 1, count);
    }
    values[i] = settle(values[i], out->low, out->high);
    if (values[i] < out->low || values[i] > out->high)
      return REFUSE(call, "its output %s is %.9g (value %zu of %zu); it must be in [%g, %g]", out->name,
                    values[i], i + 1, count, out->low, out->high);
  }
  return WB_OK;
}

/* Adds a copy of `value` after checking its numbers. */
static wb_status add(wb_call *call, const wb_output *out, const wb_value *value) {
  const size_t count = value->missing ? 0 : value->rows * value->cols;
  if (wb_values_add(&call->values, value, &call->err) != WB_OK) {
    call->emit_failed = true;
    return call->err.status;
  }
  return check_values(call, out, call->values.items[call->values.count - 1].data, count);
}

static wb_status refuse_empty(wb_call *call, const char *name) {
  return REFUSE(call, "it emitted %s without any value; a value that is not there is emitted as missing",
                name);
}

static wb_status emit_scalar(const wb_host *host, const char *name, double value) {
  wb_call *call = wb_call_of(host);
  const wb_output *out = declared(call, name, WB_SCALAR);
  if (!out) return call->err.status;
  const wb_value v = {.name = (char *)name, .shape = WB_SCALAR, .rows = 1, .cols = 1, .data = &value};
  return add(call, out, &v);
}

static wb_status emit_missing(const wb_host *host, const char *name, const char *reason) {
  wb_call *call = wb_call_of(host);
  const wb_output *out = declared(call, name, 0);
  if (!out) return call->err.status;
  if (!(out->flags & WB_OUTPUT_MAY_BE_MISSING))
    return REFUSE(call, "its output %s is missing (%s), and it does not declare that this may be", name,
                  reason);
  const wb_value v = {.name = (char *)name, .shape = out->shape, .missing = (char *)reason};
  return add(call, out, &v);
}

static wb_status emit_curve(const wb_host *host, const char *name, size_t n, const double *x,
                            const double *y) {
  wb_call *call = wb_call_of(host);
  const wb_output *out = declared(call, name, WB_CURVE);
  if (!out) return call->err.status;
  if (!n) return refuse_empty(call, name);
  for (size_t i = 0; x && i < n; i++)
    if (!isfinite(x[i]))
      return REFUSE(call, "place %zu of the x axis of its output %s is not finite", i + 1, name);
  const wb_value v = {
      .name = (char *)name, .shape = WB_CURVE, .rows = n, .cols = 1, .data = (double *)y, .x = (double *)x};
  return add(call, out, &v);
}

/* What the figures will want to know of the classes. The texts live until `run` returns. */
static wb_status name_classes(const wb_host *host, wb_value *value) {
  const char *const *names, *const *superclasses;
  uint32_t count, superclass_count;
  WB_TRY(host->names(host, 0, "class", &names, &count));
  WB_TRY(host->names(host, 0, "superclass", &superclasses, &superclass_count));
  value->class_count = count;
  value->class_names = (char **)(uintptr_t)names;
  if (superclass_count == count) value->superclass_names = (char **)(uintptr_t)superclasses;
  return WB_OK;
}

static wb_status emit_matrix(const wb_host *host, const char *name, size_t rows, size_t cols,
                             const double *values, const char *const *row_labels,
                             const char *const *col_labels) {
  wb_call *call = wb_call_of(host);
  const wb_output *out = declared(call, name, WB_MATRIX);
  if (!out) return call->err.status;
  if (!rows || !cols) return refuse_empty(call, name);
  wb_value v = {.name = (char *)name,
                .shape = WB_MATRIX,
                .rows = rows,
                .cols = cols,
                .data = (double *)values,
                .row_labels = (char **)(uintptr_t)row_labels,
                .col_labels = (char **)(uintptr_t)col_labels};
  if (out->plot == WB_PLOT_MAPS && (size_t)call->runs[0].rows * call->runs[0].cols == cols) {
    v.grid_rows = call->runs[0].rows;
    v.grid_cols = call->runs[0].cols;
  }
  if (out->flags & WB_OUTPUT_CLASSES) WB_TRY(name_classes(host, &v));
  return add(call, out, &v);
}

static wb_status emit_points(const wb_host *host, const char *name, size_t n, const double *xy,
                             const int32_t *classes) {
  wb_call *call = wb_call_of(host);
  const wb_output *out = declared(call, name, WB_POINTS);
  if (!out) return call->err.status;
  if (!n) return refuse_empty(call, name);
  wb_value v = {.name = (char *)name,
                .shape = WB_POINTS,
                .rows = n,
                .cols = 2,
                .data = (double *)xy,
                .classes = (int32_t *)classes};
  WB_TRY(name_classes(host, &v));
  return add(call, out, &v);
}

static wb_status emit_histogram(const wb_host *host, const char *name, size_t bins, const double *edges,
                                const double *counts) {
  wb_call *call = wb_call_of(host);
  const wb_output *out = declared(call, name, WB_HISTOGRAM);
  if (!out) return call->err.status;
  if (!bins) return refuse_empty(call, name);
  for (size_t i = 0; i <= bins; i++)
    if (!isfinite(edges[i]) || (i && edges[i] <= edges[i - 1]))
      return REFUSE(call, "edge %zu of its output %s is not above the one before", i + 1, name);
  const wb_value v = {.name = (char *)name,
                      .shape = WB_HISTOGRAM,
                      .rows = bins,
                      .cols = 1,
                      .data = (double *)counts,
                      .x = (double *)edges};
  return add(call, out, &v);
}

wb_status wb_call_check_outputs(wb_call *call) {
  for (size_t i = 0; i < call->spec->output_count; i++) {
    const wb_output *out = &call->spec->outputs[i];
    if (wb_values_find(&call->values, out->name)) continue;
    if (!(out->flags & WB_OUTPUT_MAY_BE_MISSING))
      return REFUSE(call, "it ended without emitting its output %s", out->name);
    const wb_value v = {
        .name = (char *)out->name, .shape = out->shape, .missing = (char *)"the plugin did not emit it"};
    const wb_status status = add(call, out, &v);
    if (status != WB_OK) return status;
  }
  return WB_OK;
}

void wb_call_set_outputs(wb_host *host) {
  host->emit_scalar = emit_scalar;
  host->emit_missing = emit_missing;
  host->emit_curve = emit_curve;
  host->emit_matrix = emit_matrix;
  host->emit_points = emit_points;
  host->emit_histogram = emit_histogram;
}
