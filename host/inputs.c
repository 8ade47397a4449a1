/* inputs.c: see inputs.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "inputs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "pattern.h"
#include "say.h"

void wb_sources_open(const wb_request *request, wb_sources *out) {
  *out = (wb_sources){.items = wb_new(wb_source, request->input_count)};
  char **real = wb_new(char *, request->input_count);
  for (size_t i = 0; i < request->input_count; i++) {
    const char *path = request->inputs[i];
    real[i] = realpath(path, NULL);
    bool seen = false;
    for (size_t k = 0; k < i && real[i]; k++) seen = seen || (real[k] && !strcmp(real[k], real[i]));
    if (seen)
      wb_say_warning("%s was given twice; it counts once", path);
    else
      out->items[out->count++].path = wb_copy(path);
  }
  wb_free_texts(real, request->input_count);
}

void wb_sources_close(wb_sources *sources) {
  for (size_t i = 0; i < sources->count; i++) {
    wb_source *s = &sources->items[i];
    for (size_t f = 0; f < s->factor_count; f++) {
      free(s->factors[f].name);
      free(s->factors[f].value);
    }
    free(s->factors);
    free(s->path);
    free(s->reason);
  }
  free(sources->items);
  *sources = (wb_sources){0};
}

size_t wb_sources_usable(const wb_sources *sources) {
  size_t usable = 0;
  for (size_t i = 0; i < sources->count; i++) usable += sources->items[i].usable == WB_USABLE;
  return usable;
}

void wb_source_fail(wb_source *source, wb_status status, const char *format, ...) {
  if (source->usable != WB_USABLE) return;
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  source->usable = WB_UNUSABLE;
  source->status = status;
  source->reason = wb_copy(text);
}

static void set_factor(wb_source *s, const char *name, const char *value) {
  for (size_t f = 0; f < s->factor_count; f++) {
    if (strcmp(s->factors[f].name, name) != 0) continue;
    free(s->factors[f].value);
    s->factors[f].value = wb_copy(value);
    return;
  }
  wb_grow(s->factors, s->factor_count);
  s->factors[s->factor_count++] = (wb_factor){wb_copy(name), wb_copy(value)};
}

static void take_factor(void *context, const char *name, int name_length, const char *value,
                        int value_length) {
  char *own_name = wb_format("%.*s", name_length, name), *own_value = wb_format("%.*s", value_length, value);
  set_factor(context, own_name, own_value);
  free(own_name);
  free(own_value);
}

void wb_source_describe(wb_source *source, const json_t *facts, const wb_request *request) {
  const char *state = wb_json_text(facts, "state");
  source->is_run = wb_json_true(facts, "run");
  if (state && !strcmp(state, "training") && source->usable == WB_USABLE) source->usable = WB_UNFINISHED;
  const json_t *pair;
  size_t i;
  json_array_foreach(json_object_get(facts, "factors"), i, pair) {
    const char *name = json_string_value(json_array_get(pair, 0)),
               *value = json_string_value(json_array_get(pair, 1));
    if (name && value) set_factor(source, name, value);
  }
  if (request->pattern && !wb_pattern_match(request->pattern, source->path, take_factor, source))
    wb_source_fail(source, WB_INPUT, "the name of %s does not match --pattern %s", source->path,
                   request->pattern);
  for (size_t f = 0; f < request->factor_count; f++)
    set_factor(source, request->factors[f].name, request->factors[f].value);
}

/* Length of an axis of a role in a file, -1 where the role is absent. */
static int64_t axis_length(const json_t *facts, const char *role, uint32_t axis) {
  const json_t *dims = json_object_get(json_object_get(json_object_get(facts, "roles"), role), "dims");
  const json_t *length = json_array_get(dims, axis);
  return length ? json_integer_value(length) : -1;
}

/* Calls `text` for each usable file, finds the text that most have (the first of equals), and makes the files
 * with another one unusable: `refuse` says why. */
typedef struct comparison {
  char **texts; // by source; NULL: not compared
  const char *most;
  size_t agreeing;
} comparison;

static void find_most(comparison *c, size_t count) {
  c->most = NULL;
  c->agreeing = 0;
  for (size_t i = 0; i < count; i++) {
    size_t same = 0;
    for (size_t k = 0; k < count && c->texts[i]; k++)
      same += c->texts[k] && !strcmp(c->texts[i], c->texts[k]);
    if (same <= c->agreeing) continue;
    c->agreeing = same;
    c->most = c->texts[i];
  }
}

static void check_axis(wb_sources *sources, json_t *const *facts, const wb_input *input, uint32_t axis) {
  comparison c = {.texts = wb_new(char *, sources->count)};
  for (size_t i = 0; i < sources->count; i++) {
    const int64_t length = axis_length(facts[i], input->role, axis);
    if (sources->items[i].usable == WB_USABLE && length >= 0)
      c.texts[i] = wb_format("%lld", (long long)length);
  }
  find_most(&c, sources->count);
  for (size_t i = 0; i < sources->count; i++)
    if (c.texts[i] && strcmp(c.texts[i], c.most) != 0)
      wb_source_fail(&sources->items[i], WB_INPUT,
                     "%s has %s on the axis %s of %s; the other %zu files have %s, and they must be equal",
                     sources->items[i].path, c.texts[i], input->axes[axis], input->role, c.agreeing, c.most);
  wb_free_texts(c.texts, sources->count);
}

static void check_stimuli(wb_sources *sources, json_t *const *facts) {
  comparison c = {.texts = wb_new(char *, sources->count)};
  for (size_t i = 0; i < sources->count; i++) {
    const char *stimuli = wb_json_text(facts[i], "stimuli");
    if (sources->items[i].usable == WB_USABLE) c.texts[i] = wb_copy(stimuli);
  }
  find_most(&c, sources->count);
  for (size_t i = 0; i < sources->count; i++)
    if (c.texts[i] && strcmp(c.texts[i], c.most) != 0)
      wb_source_fail(
          &sources->items[i], WB_INPUT,
          "%s holds activations for other stimuli (another index or data set) than the other %zu files",
          sources->items[i].path, c.agreeing);
  wb_free_texts(c.texts, sources->count);
}

/* One condition or study looks at the same images in every run. */
static void check_images(wb_sources *sources, json_t *const *facts, const char *role) {
  comparison c = {.texts = wb_new(char *, sources->count)};
  for (size_t i = 0; i < sources->count; i++) {
    const char *digest = wb_json_text(json_object_get(json_object_get(facts[i], "roles"), role), "digest");
    if (sources->items[i].usable == WB_USABLE) c.texts[i] = wb_copy(digest);
  }
  find_most(&c, sources->count);
  for (size_t i = 0; i < sources->count; i++)
    if (c.texts[i] && strcmp(c.texts[i], c.most) != 0)
      wb_source_fail(
          &sources->items[i], WB_INPUT,
          "%s stands for other images (another data set, or another part of it) than the other %zu "
          "files; --data names one for all",
          sources->items[i].path, c.agreeing);
  wb_free_texts(c.texts, sources->count);
}

void wb_sources_check_shared(wb_sources *sources, json_t *const *facts, const wb_spec *spec) {
  bool stimuli = false;
  for (size_t i = 0; i < spec->input_count; i++) {
    const wb_input *input = &spec->inputs[i];
    if (input->kind == WB_IMAGES && spec->scope != WB_PER_RUN) check_images(sources, facts, input->role);
    if (input->kind != WB_ARRAY) continue;
    for (uint32_t axis = 0; axis < input->rank; axis++) {
      if (!(input->shared_axes & (1u << axis))) continue;
      check_axis(sources, facts, input, axis);
      stimuli = stimuli || !strcmp(input->axes[axis], "stimulus");
    }
  }
  if (stimuli) check_stimuli(sources, facts);
}

void wb_sources_report(const wb_sources *sources) {
  enum { SHOWN = 5 };
  size_t unusable = 0, unfinished = 0;
  const char *first = NULL;
  for (size_t i = 0; i < sources->count; i++) {
    const wb_source *s = &sources->items[i];
    if (s->usable == WB_UNFINISHED && !unfinished++) first = s->path;
    if (s->usable == WB_UNUSABLE && unusable++ < SHOWN) wb_say_error("%s", s->reason);
  }
  if (unusable > SHOWN) wb_say_error("%zu more files cannot be used either", unusable - SHOWN);
  if (unfinished == 1) wb_say_warning("%s is skipped: its training has not ended", first);
  if (unfinished > 1)
    wb_say_warning("%s and %zu more are skipped: their training has not ended", first, unfinished - 1);
}
