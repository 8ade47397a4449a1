/* call_inputs.c: the host table's inputs: arrays of run files, positions on the grid, other plugins' values.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "data_file.h"
#include "heap.h"

static size_t element_size(uint32_t element) {
  switch (element) {
  case WB_F64:
  case WB_I64:
    return 8;
  case WB_U8:
    return 1;
  default:
    return 4;
  }
}

/* The binding of a declared role that is there; NULL with the failure recorded. */
static wb_binding *find(wb_call *call, const char *role, uint32_t run) {
  const char *id = call->spec->id;
  if (run >= call->run_count) {
    wb_call_fail(call, WB_INTERNAL, "%s asked for run %u of %u", id, run, call->run_count);
    return NULL;
  }
  for (size_t i = 0; i < call->spec->input_count; i++) {
    wb_binding *b = &call->runs[run].bindings[i];
    if (strcmp(b->input->role, role) != 0) continue;
    if (b->present && b->input->kind != WB_MODEL && b->input->kind != WB_IMAGES) return b;
    if (b->present)
      wb_call_fail(call, WB_INTERNAL, "%s reads its role %s as an array; it is for the service engine/1", id,
                   role);
    else
      wb_call_fail(call, WB_INPUT, "%s has no %s, which %s asked for", call->runs[run].path, role, id);
    return NULL;
  }
  wb_call_fail(call, WB_INTERNAL, "%s asked for the role %s, which it does not declare", id, role);
  return NULL;
}

static int32_t host_has(const wb_host *host, const char *role, uint32_t run) {
  const wb_call *call = wb_call_of(host);
  for (size_t i = 0; run < call->run_count && i < call->spec->input_count; i++)
    if (!strcmp(call->spec->inputs[i].role, role)) return call->runs[run].bindings[i].present;
  return 0;
}

/* The run's file, open; NULL with the failure recorded. */
static wb_h5 *file_of(wb_call *call, uint32_t run) {
  const uint32_t slot = run % WB_OPEN_FILES;
  if (call->files[slot] && call->file_runs[slot] == run) return call->files[slot];
  wb_h5_close(call->files[slot]);
  call->files[slot] = NULL;
  call->file_runs[slot] = run;
  wb_data_file_open(call->runs[run].path, &call->files[slot], &call->err);
  return call->files[slot];
}

static void set_dims(wb_binding *b, const wb_value *value) {
  const uint64_t rows = value->shape == WB_SCALAR ? 1 : value->rows;
  const uint64_t cols = value->shape == WB_MATRIX ? value->cols : value->shape == WB_POINTS ? 2 : 1;
  b->dims[0] = rows;
  b->dims[1] = cols;
}

static size_t held_bytes(const wb_values *values) {
  size_t numbers = 0;
  for (size_t i = 0; i < values->count; i++) numbers += values->items[i].rows * values->items[i].cols;
  return numbers * sizeof(double);
}

/* Lets go of what was read of other plugins, once it is much: a study may go through many runs. */
static void make_room(wb_call *call) {
  const size_t much = (size_t)256 << 20;
  size_t held = 0;
  for (int freeing = 0; freeing < 2 && (!freeing || held > much); freeing++)
    for (uint32_t r = 0; r < call->run_count; r++)
      for (size_t i = 0; i < call->spec->input_count; i++) {
        wb_binding *b = &call->runs[r].bindings[i];
        held += freeing ? 0 : held_bytes(&b->derived);
        if (freeing) wb_values_free(&b->derived);
      }
}

/* The value of another plugin behind a binding, read from its file the first time; lives until the next call.
 */
static const wb_value *derived(wb_call *call, wb_binding *b, uint32_t run) {
  if (!b->derived.count) make_room(call);
  if (!b->derived.count && wb_values_read(b->entry, &b->derived, &call->err) != WB_OK) return NULL;
  const wb_value *value = wb_values_find(&b->derived, b->output);
  const char *path = call->runs[run].path;
  if (!value || value->missing) {
    wb_call_fail(call, WB_INPUT, "%s: %s needs %s, which is missing for this run%s%s", path, call->spec->id,
                 b->input->object, value ? ": " : "", value ? value->missing : "");
    return NULL;
  }
  set_dims(b, value);
  const uint32_t rank = value->shape == WB_SCALAR                                ? 0
                        : value->shape == WB_MATRIX || value->shape == WB_POINTS ? 2
                                                                                 : 1;
  if (b->input->rank == rank) return value;
  wb_call_fail(call, WB_INTERNAL, "%s declares its role %s with %u axes; %s has %u", call->spec->id,
               b->input->role, b->input->rank, b->input->object, rank);
  return NULL;
}

static wb_status host_shape(const wb_host *host, const char *role, uint32_t run, uint64_t dims[WB_MAX_RANK]) {
  wb_call *call = wb_call_of(host);
  wb_binding *b = find(call, role, run);
  if (!b || (b->entry && !derived(call, b, run))) return call->err.status;
  memcpy(dims, b->dims, sizeof b->dims);
  return WB_OK;
}

static void convert(void *out, uint32_t element, const double *from, size_t count) {
  for (size_t i = 0; i < count; i++) switch (element) {
    case WB_F32:
      ((float *)out)[i] = (float)from[i];
      break;
    case WB_F64:
      ((double *)out)[i] = from[i];
      break;
    case WB_I32:
      ((int32_t *)out)[i] = (int32_t)from[i];
      break;
    case WB_I64:
      ((int64_t *)out)[i] = (int64_t)from[i];
      break;
    default:
      ((uint8_t *)out)[i] = (uint8_t)from[i];
      break;
    }
}

/* Unit u of a grid lies at x = its column, y = its row. */
static void grid_positions(void *out, uint32_t element, uint64_t first, uint64_t count, uint32_t cols) {
  const size_t size = element_size(element);
  for (uint64_t u = 0; u < count; u++) {
    const double xy[2] = {(double)((first + u) % cols), (double)((first + u) / cols)};
    convert((char *)out + 2 * u * size, element, xy, 2);
  }
}

/* Position of the first number that is not finite; count where all are. */
static size_t first_nonfinite(const void *data, uint32_t element, size_t count) {
  size_t i = 0;
  if (element == WB_F32)
    while (i < count && isfinite(((const float *)data)[i])) i++;
  else if (element == WB_F64)
    while (i < count && isfinite(((const double *)data)[i])) i++;
  else
    i = count;
  return i;
}

static size_t row_length(const wb_binding *b) {
  size_t length = 1;
  for (uint32_t a = 1; a < b->input->rank; a++) length *= b->dims[a];
  return length;
}

static wb_status refuse_nonfinite(wb_call *call, const wb_binding *b, uint32_t run, const void *data,
                                  uint64_t first, uint64_t count) {
  const size_t row = row_length(b), total = count * row;
  const size_t bad = first_nonfinite(data, b->input->element, total);
  if (bad == total) return WB_OK;
  size_t rest = bad % row;
  char index[128];
  int used = snprintf(index, sizeof index, "%llu", (unsigned long long)(first + bad / row));
  size_t step = row;
  for (uint32_t a = 1; a < b->input->rank; a++) {
    step /= b->dims[a];
    used += snprintf(index + used, sizeof index - (size_t)used, ", %zu", rest / step);
    rest %= step;
  }
  const double value =
      b->input->element == WB_F32 ? (double)((const float *)data)[bad] : ((const double *)data)[bad];
  return wb_call_fail(call, WB_INPUT, "%s: %s holds %s at [%s]; %s needs finite numbers",
                      call->runs[run].path, b->object, isnan(value) ? "NaN" : "infinity", index,
                      call->spec->id);
}

static wb_status host_read(const wb_host *host, const char *role, uint32_t run, uint64_t first,
                           uint64_t count, void *out) {
  wb_call *call = wb_call_of(host);
  wb_binding *b = find(call, role, run);
  const wb_value *value = b && b->entry ? derived(call, b, run) : NULL;
  if (!b || (b->entry && !value)) return call->err.status;
  const uint64_t rows = b->input->rank ? b->dims[0] : 1;
  if (first > rows || count > rows - first)
    return wb_call_fail(call, WB_INTERNAL, "%s asked for rows %llu to %llu of its role %s, which has %llu",
                        call->spec->id, (unsigned long long)first, (unsigned long long)(first + count), role,
                        (unsigned long long)rows);
  if (!count) return WB_OK;
  if (value) {
    convert(out, b->input->element, value->data + first * row_length(b), count * row_length(b));
    return WB_OK;
  }
  if (b->from_grid) {
    grid_positions(out, b->input->element, first, count, call->runs[run].cols);
    return WB_OK;
  }
  wb_h5 *file = file_of(call, run);
  if (!file) return call->err.status;
  const wb_status status =
      wb_h5_read_rows(file, b->object, (wb_element)b->input->element, first, count, out, &call->err);
  return status == WB_OK ? refuse_nonfinite(call, b, run, out, first, count) : status;
}

static void release_mapping(void *object) {
  wb_h5_unmap(object);
  free(object);
}

/* Maps the file's own bytes where they are just what the plugin wants; *out stays NULL otherwise. */
static wb_status map_file(wb_call *call, wb_binding *b, uint32_t run, const void **out) {
  wb_h5 *file = file_of(call, run);
  wb_h5_shape shape;
  if (!file || wb_h5_get_shape(file, b->object, &shape, &call->err) != WB_OK) return call->err.status;
  if (!shape.contiguous || shape.element != b->input->element) return WB_OK;
  wb_h5_mapping *mapping = wb_new(wb_h5_mapping, 1);
  if (wb_h5_map(file, b->object, mapping, NULL) != WB_OK) {
    free(mapping);
    return WB_OK;
  }
  call->host.defer(&call->host, release_mapping, mapping);
  *out = mapping->data;
  return refuse_nonfinite(call, b, run, mapping->data, 0, b->dims[0]);
}

static wb_status host_map(const wb_host *host, const char *role, uint32_t run, const void **out) {
  wb_call *call = wb_call_of(host);
  wb_binding *b = find(call, role, run);
  *out = NULL;
  if (!b || (b->entry && !derived(call, b, run))) return call->err.status;
  if (!b->whole && b->object) {
    const void *mapped = NULL;
    const wb_status status = map_file(call, b, run, &mapped);
    if (status != WB_OK) return status;
    b->whole = (void *)(uintptr_t)mapped;
  }
  if (!b->whole) {
    const uint64_t rows = b->input->rank ? b->dims[0] : 1;
    void *copy = host->alloc(host, rows * row_length(b) * element_size(b->input->element));
    if (!copy) return WB_NOMEM;
    const wb_status status = host_read(host, role, run, 0, rows, copy);
    if (status != WB_OK) return status;
    b->whole = copy;
  }
  *out = b->whole;
  return WB_OK;
}

static wb_status host_grid(const wb_host *host, uint32_t run, uint32_t *rows, uint32_t *cols) {
  wb_call *call = wb_call_of(host);
  if (run >= call->run_count || !call->runs[run].rows)
    return wb_call_fail(call, WB_INTERNAL, "%s asked for the unit grid but reads nothing with a unit axis",
                        call->spec->id);
  *rows = call->runs[run].rows;
  *cols = call->runs[run].cols;
  return WB_OK;
}

typedef struct texts {
  char **items;
  size_t count;
} texts;

static void release_texts(void *object) {
  texts *t = object;
  wb_h5_free_texts(t->items, t->count);
  free(t);
}

static wb_status host_names(const wb_host *host, uint32_t run, const char *axis, const char *const **names,
                            uint32_t *count) {
  wb_call *call = wb_call_of(host);
  *names = NULL;
  *count = 0;
  const char *attribute = !strcmp(axis, "class")        ? "classes"
                          : !strcmp(axis, "superclass") ? "superclasses"
                                                        : NULL;
  if (!attribute || run >= call->run_count)
    return wb_call_fail(call, WB_INTERNAL,
                        "%s asked for the names of %s; there are names of class and superclass",
                        call->spec->id, axis);
  const char *object = call->runs[run].labels;
  if (!object) return WB_OK;
  wb_h5 *file = file_of(call, run);
  if (!file) return call->err.status;
  if (!wb_h5_has_attribute(file, object, attribute)) return WB_OK;
  texts *t = wb_new(texts, 1);
  const wb_status status = wb_h5_get_texts(file, object, attribute, &t->items, &t->count, &call->err);
  host->defer(host, release_texts, t);
  *names = (const char *const *)t->items;
  *count = (uint32_t)t->count;
  return status;
}

static const char *host_data_spec(const wb_host *host, uint32_t run) {
  const wb_call *call = wb_call_of(host);
  return run < call->run_count ? call->runs[run].data_spec : NULL;
}

void wb_call_set_inputs(wb_host *host) {
  host->has = host_has;
  host->shape = host_shape;
  host->read = host_read;
  host->map = host_map;
  host->grid = host_grid;
  host->names = host_names;
  host->data_spec = host_data_spec;
}
