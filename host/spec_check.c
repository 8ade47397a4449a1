/* spec_check.c: what a descriptor must hold, see spec.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "params.h"
#include "spec_internal.h"

/* Options of the host that a parameter may not hide. (It may declare seed: then that is the seed.) */
static const char *const reserved[] = {"in",        "out",     "help",   "params",  "json",     "object",
                                       "overwrite", "resume",  "preset", "quiet",   "verbose",  "threads",
                                       "jobs",      "timeout", "memory", "isolate", "recompute"};

/* Lower-case words joined by single '-' (or '_' where allowed), beginning with a letter. */
static bool is_name(const char *name, bool underscore) {
  if (!(name[0] >= 'a' && name[0] <= 'z')) return false;
  for (const char *c = name; *c; c++) {
    const bool word = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9');
    const bool joint = (*c == '-' || (underscore && *c == '_')) && c[1] && c[1] != '-';
    if (!word && !joint) return false;
  }
  return true;
}

#define FAULT(...) wb_fail(err, WB_INTERNAL, __VA_ARGS__)

static wb_status check_default(const wb_spec *s, const wb_param *p, wb_error *err) {
  const bool must = p->type == WB_BOOL || p->type == WB_CHOICE;
  if (!p->default_text)
    return must ? FAULT("%s: its parameter %s has no default; only numbers, texts and lists may be unset",
                        s->id, p->name)
                : WB_OK;
  char *canonical = NULL;
  wb_error why = {0};
  const wb_status status = wb_param_normalise(p, p->default_text, &canonical, &why);
  free(canonical);
  return status == WB_OK
             ? WB_OK
             : FAULT("%s: the default of its parameter %s is wrong: %s", s->id, p->name, why.message);
}

static wb_status check_param(const wb_spec *s, size_t i, wb_error *err) {
  const wb_param *p = &s->params[i];
  if (!is_name(p->name, false))
    return FAULT("%s: \"%s\" is no name for a parameter (lower-case words joined by -)", s->id, p->name);
  if (wb_spec_param(s, p->name) != p) return FAULT("%s: it declares the parameter %s twice", s->id, p->name);
  for (size_t r = 0; r < sizeof reserved / sizeof reserved[0]; r++)
    if (!strcmp(reserved[r], p->name))
      return FAULT("%s: --%s is an option of workbench itself", s->id, p->name);
  const size_t size = wb_type_size(p->type);
  if (!size) return FAULT("%s: its parameter %s has no known type", s->id, p->name);
  if ((size_t)p->offset + size > s->params_size || p->offset % (size < 8 ? size : 8))
    return FAULT(
        "%s: its parameter %s lies outside of the parameter struct (offset %u, %zu bytes, struct of %u)",
        s->id, p->name, p->offset, size, s->params_size);
  if (p->type == WB_CHOICE && (!p->choices || !p->choices[0]))
    return FAULT("%s: its parameter %s has no choices", s->id, p->name);
  if (!(p->min <= p->max))
    return FAULT("%s: the bounds of its parameter %s are out of order: [%g..%g]", s->id, p->name, p->min,
                 p->max);
  return check_default(s, p, err);
}

static wb_status check_input(const wb_spec *s, size_t i, wb_error *err) {
  const wb_input *in = &s->inputs[i];
  if (!is_name(in->role, true)) return FAULT("%s: \"%s\" is no name for a role", s->id, in->role);
  if (wb_spec_input(s, in->role) != in) return FAULT("%s: it declares the role %s twice", s->id, in->role);
  if (in->kind > WB_DERIVED) return FAULT("%s: its role %s is of no known kind", s->id, in->role);
  if (in->kind == WB_MODEL || in->kind == WB_IMAGES) return WB_OK;
  if (in->element < WB_F32 || in->element > WB_U8)
    return FAULT("%s: its role %s has no known element type", s->id, in->role);
  if (in->rank > WB_MAX_RANK || (in->kind == WB_ARRAY && !in->rank))
    return FAULT("%s: its role %s has rank %u (1 to %d)", s->id, in->role, in->rank, WB_MAX_RANK);
  for (uint32_t a = 0; a < in->rank; a++)
    if (!in->axes[a]) return FAULT("%s: axis %u of its role %s has no name", s->id, a, in->role);
  if (in->shared_axes >> in->rank)
    return FAULT("%s: its role %s shares an axis that it does not have", s->id, in->role);
  const char *slash = in->object ? strchr(in->object, '/') : NULL;
  if (in->kind == WB_DERIVED && (!slash || slash == in->object || !slash[1]))
    return FAULT("%s: its role %s must name a plugin and its output (\"rdm/rdm\")", s->id, in->role);
  if (in->kind == WB_ARRAY && in->object && in->object[0] != '/')
    return FAULT("%s: the object of its role %s must be an absolute path in the file", s->id, in->role);
  return WB_OK;
}

static wb_status check_output(const wb_spec *s, size_t i, wb_error *err) {
  const wb_output *out = &s->outputs[i];
  if (!is_name(out->name, true)) return FAULT("%s: \"%s\" is no name for an output", s->id, out->name);
  if (strcmp(out->name, s->id) == 0)
    return FAULT("%s: an output must not have the plugin's own name, which is its figure's", s->id);
  if (wb_spec_output(s, out->name) != out)
    return FAULT("%s: it declares the output %s twice", s->id, out->name);
  if (out->shape < WB_SCALAR || out->shape > WB_HISTOGRAM)
    return FAULT("%s: its output %s has no known shape", s->id, out->name);
  if (out->plot > WB_PLOT_PANELS) return FAULT("%s: its output %s has no known plot", s->id, out->name);
  if (!(out->low < out->high))
    return FAULT(
        "%s: the bounds of its output %s are out of order: [%g, %g]; without bounds they are -INFINITY and "
        "INFINITY",
        s->id, out->name, out->low, out->high);
  if (out->beside && !wb_spec_output(s, out->beside))
    return FAULT("%s: its output %s is to be drawn beside %s, which it does not declare", s->id, out->name,
                 out->beside);
  return WB_OK;
}

wb_status wb_spec_check(const wb_spec *s, wb_error *err) {
  if (!is_name(s->id, false))
    return FAULT("\"%s\" is no id for a plugin (lower-case words joined by -)", s->id);
  if (s->kind < WB_TRAIN || s->kind > WB_ROBUSTNESS)
    return FAULT("%s: it is of no known kind (%u)", s->id, s->kind);
  if (s->scope > WB_PER_STUDY) return FAULT("%s: it has no known scope (%u)", s->id, s->scope);
  if (!*s->version || !*s->title) return FAULT("%s: it lacks a version or a title", s->id);
  const bool measures = s->kind == WB_METRIC || s->kind == WB_ROBUSTNESS;
  if (measures && !s->output_count) return FAULT("%s: it declares no output", s->id);
  wb_status status = WB_OK;
  for (size_t i = 0; i < s->param_count && status == WB_OK; i++) status = check_param(s, i, err);
  for (size_t i = 0; i < s->input_count && status == WB_OK; i++) status = check_input(s, i, err);
  for (size_t i = 0; i < s->output_count && status == WB_OK; i++) status = check_output(s, i, err);
  return status;
}
