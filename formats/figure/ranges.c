/* ranges.c: the ranges of axes and the steps between their ticks. See figure_internal.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "figure/figure_internal.h"

typedef struct span {
  double low, high; // low > high: nothing yet
} span;

static const span nothing = {INFINITY, -INFINITY};

double wb_axis_step(double low, double high, double count) {
  const double raw = (high - low) / count;
  if (!(raw > 0) || !isfinite(raw)) return 1;
  const double power = pow(10, floor(log10(raw))), lead = raw / power;
  return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

static void widen(span *s, const double *values, size_t n, bool positive) {
  for (size_t i = 0; values && i < n; i++) {
    if (!isfinite(values[i]) || (positive && values[i] <= 0)) continue;
    s->low = fmin(s->low, values[i]);
    s->high = fmax(s->high, values[i]);
  }
}

static span layer_span(const wb_layer *layer, bool is_x, bool positive) {
  span s = nothing;
  const bool in_x = layer->style & WB_DRAW_HBARS;
  if (layer->kind == WB_LAYER_HEAT || layer->kind == WB_LAYER_IMAGE)
    return (span){-0.5, (double)(is_x ? layer->cols : layer->rows) - 0.5};
  if (layer->kind != WB_LAYER_XY) return s;
  widen(&s, is_x ? layer->x : layer->y, layer->rows, positive);
  if (is_x == in_x) {
    widen(&s, layer->low, layer->rows, positive);
    widen(&s, layer->high, layer->rows, positive);
  }
  return s;
}

/* A reference line far away would press the data flat: it stretches the axis by at most half of the data's
 * span. A level that the legend names is data. */
static void include_levels(span *s, const wb_panel *panel) {
  const span data = *s;
  const double reach = 0.5 * (data.high - data.low);
  for (size_t i = 0; i < panel->layer_count; i++) {
    const wb_layer *layer = panel->layers[i];
    if (layer->kind != WB_LAYER_LEVEL || !layer->y) continue;
    const double ends[3] = {layer->y[0], layer->low ? layer->low[0] : NAN,
                            layer->high ? layer->high[0] : NAN};
    for (int k = 0; k < 3; k++)
      if (layer->label || data.low > data.high ||
          (ends[k] >= data.low - reach && ends[k] <= data.high + reach))
        widen(s, &ends[k], 1, false);
  }
}

static bool has_map(const wb_panel *panel) {
  return panel->layer_count &&
         (panel->layers[0]->kind == WB_LAYER_HEAT || panel->layers[0]->kind == WB_LAYER_IMAGE);
}

/* Values that agree in the digits of the ticks, six, have no extent. */
static bool is_flat(span s) {
  return s.high - s.low <= 1e-5 * fmax(fabs(s.low), fabs(s.high));
}

static span pad(span s, bool logarithmic, double share) {
  if (s.low > s.high) return logarithmic ? (span){1, 10} : (span){0, 1};
  if (logarithmic) {
    const double factor = is_flat(s) ? 2 : pow(s.high / s.low, share);
    return (span){s.low / factor, s.high * factor};
  }
  const double reach = is_flat(s) ? fmax(0.1 * fabs(s.low), 1e-3) : share * (s.high - s.low);
  return (span){s.low - reach, s.high + reach};
}

static span panel_span(const wb_panel *panel, bool is_x) {
  const wb_axis *axis = is_x ? &panel->x : &panel->y;
  if (axis->categories) return (span){-0.5, (double)axis->category_count - 0.5};
  span s = nothing;
  for (size_t i = 0; i < panel->layer_count; i++) {
    const span own = layer_span(panel->layers[i], is_x, axis->log);
    widen(&s, (const double[]){own.low, own.high}, 2, false);
  }
  if (!is_x) include_levels(&s, panel);
  return has_map(panel) ? s : pad(s, axis->log, 0.05);
}

static void set_range(wb_axis *axis, span s) {
  if (isnan(axis->low)) axis->low = s.low;
  if (isnan(axis->high)) axis->high = s.high;
  if (axis->low >= axis->high) axis->high = axis->low + 1; // given by the caller, beside data of no extent
}

bool wb_axis_alike(const wb_axis *a, const wb_axis *b) {
  return a->label && b->label ? strcmp(a->label, b->label) == 0 : a->label == b->label;
}

static void set_ranges(wb_figure *figure, bool is_x) {
  const bool share = is_x ? figure->share_x : figure->share_y;
  span *own = wb_figure_alloc(figure, figure->panel_count, sizeof *own);
  for (size_t i = 0; own && i < figure->panel_count; i++) own[i] = panel_span(figure->panels[i], is_x);
  for (size_t i = 0; own && i < figure->panel_count; i++) {
    wb_axis *axis = is_x ? &figure->panels[i]->x : &figure->panels[i]->y;
    span s = own[i];
    for (size_t k = 0; share && k < figure->panel_count; k++) {
      const wb_axis *other = is_x ? &figure->panels[k]->x : &figure->panels[k]->y;
      if (wb_axis_alike(axis, other)) widen(&s, (const double[]){own[k].low, own[k].high}, 2, false);
    }
    set_range(axis, s);
  }
}

void wb_figure_ranges(wb_figure *figure) {
  set_ranges(figure, true);
  set_ranges(figure, false);
}
