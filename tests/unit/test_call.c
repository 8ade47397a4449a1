/* test_call.c: the host table as a plugin sees it. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "call.h"
#include "json.h"

#include "made_plugin.h"

#ifdef __SANITIZE_ADDRESS__
/* One test asks for more memory than there is. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "allocator_may_return_null=1";
}
#endif

/* A session with the made plugin, as if loaded, and one call over runs that exist only on paper. */
typedef struct fixture {
  wb_session session;
  json_t *common, *task, *last; // last: the record sent last
  int sent;
  wb_call call;
} fixture;

static void keep_record(void *context, const json_t *record) {
  fixture *f = context;
  json_decref(f->last);
  f->last = json_incref((json_t *)record);
  f->sent++;
}

static const char task_text[] = "{\"do\": \"run\", \"runs\": ["
                                " {\"path\": \"a.h5\", \"condition\": 0, \"factors\": [[\"rho\", \"0.2\"], "
                                "[\"seed\", \"1\"]], \"grid\": [2, 3],"
                                "  \"roles\": {\"activations\": {\"object\": \"/e\", \"dims\": [10, 6]}}},"
                                " {\"path\": \"b.h5\", \"condition\": 1, \"factors\": [], \"roles\": {}}]}";

static int setup(void **state) {
  fixture *f = calloc(1, sizeof *f);
  f->common = json_loads("{\"params\": {\"torus\": \"yes\", \"rate\": \"0.5\"}, \"seed\": 7, \"threads\": 3}",
                         0, NULL);
  f->task = json_loads(task_text, 0, NULL);
  wb_session_open(&f->session, f->common, keep_record, f);
  wb_error err = {0};
  f->session.plugin = &made_plugin;
  if (wb_spec_from_plugin(&made_plugin, "/p", 0, "b", &f->session.spec, &err) != WB_OK) return -1;
  *state = f;
  return wb_call_open(&f->session, f->task, &f->call, &err) == WB_OK ? 0 : -1;
}

static int teardown(void **state) {
  fixture *f = *state;
  wb_call_close(&f->call);
  wb_session_close(&f->session);
  json_decref(f->common);
  json_decref(f->task);
  json_decref(f->last);
  free(f);
  return 0;
}

#define HOST(state) (&((fixture *)*(state))->call.host)

/* Every function of the table is there. */
static void test_complete(void **state) {
  const wb_host *host = HOST(state);
  const void *null = NULL;
  for (size_t at = offsetof(wb_host, log); at < sizeof *host; at += sizeof null)
    assert_memory_not_equal((const char *)host + at, &null, sizeof null);
  assert_int_equal(host->struct_size, sizeof *host);
  assert_int_equal(host->abi_major, WB_ABI_MAJOR);
}

static void test_runs(void **state) {
  const wb_host *host = HOST(state);
  assert_int_equal(host->run_count(host), 2);
  assert_int_equal(host->condition_count(host), 2);
  assert_int_equal(host->condition(host, 1), 1);
  assert_string_equal(host->run_path(host, 1), "b.h5");
  assert_null(host->run_path(host, 2));
  assert_string_equal(host->factor(host, 0, "rho"), "0.2");
  assert_null(host->factor(host, 0, "lambda"));
  assert_null(host->factor(host, 1, "rho"));
  assert_null(host->factor(host, 2, "rho"));
  assert_int_equal(host->threads(host), 3);
  assert_null(host->service(host, "zebra/1"));
  ((fixture *)*state)->session.spec->flags = 0; // no longer WB_NEEDS_ENGINE
  assert_null(host->service(host, "engine/1"));
  assert_string_equal(((fixture *)*state)->call.err.message,
                      "made uses the service engine/1 without declaring WB_NEEDS_ENGINE");
}

static void test_parameters(void **state) {
  const wb_host *host = HOST(state);
  const char *name;
  assert_string_equal(host->parameter(host, 0, &name), "yes");
  assert_string_equal(name, "torus");
  assert_string_equal(host->parameter(host, 2, &name), ""); // unset
  assert_null(host->parameter(host, 9, &name));
}

/* A stream's seed depends on the run's seed and the name alone. */
static void test_seed(void **state) {
  fixture *f = *state;
  const wb_host *host = HOST(state);
  const uint64_t a = host->seed(host, "a"), b = host->seed(host, "b");
  assert_true(a != b);
  assert_true(host->seed(host, "a") == a);
  json_object_set_new(f->common, "seed", json_integer(8));
  assert_true(host->seed(host, "a") != a);
}

static int released[3], releases;

static void release(void *object) {
  released[releases++] = *(int *)object;
}

static void test_memory(void **state) {
  fixture *f = *state;
  const wb_host *host = HOST(state);
  char *first = host->alloc(host, 100), *second = host->alloc(host, 0);
  assert_int_equal((uintptr_t)first % 64, 0);
  assert_int_equal((uintptr_t)second % 64, 0);
  memset(first, 1, 100);
  assert_null(host->alloc(host, (size_t)1 << 60));
  assert_int_equal(f->call.err.status, WB_NOMEM);
  static int numbers[] = {1, 2};
  assert_int_equal(host->defer(host, release, &numbers[0]), WB_OK);
  assert_int_equal(host->defer(host, release, &numbers[1]), WB_OK);
  wb_call_close(&f->call); // what teardown closes again is empty
  assert_int_equal(releases, 2);
  assert_int_equal(released[0], 2); // last deferred first
  memset(&f->call, 0, sizeof f->call);
}

static void test_inputs(void **state) {
  fixture *f = *state;
  const wb_host *host = HOST(state);
  uint64_t dims[WB_MAX_RANK];
  uint32_t rows, cols;
  assert_true(host->has(host, "activations", 0));
  assert_false(host->has(host, "activations", 1));
  assert_false(host->has(host, "zebra", 0));
  assert_int_equal(host->shape(host, "activations", 0, dims), WB_OK);
  assert_true(dims[0] == 10 && dims[1] == 6);
  assert_int_equal(host->grid(host, 0, &rows, &cols), WB_OK);
  assert_true(rows == 2 && cols == 3);
  float x[6];
  assert_int_equal(host->read(host, "activations", 0, 10, 1, x), WB_INTERNAL);
  assert_non_null(strstr(f->call.err.message, "rows 10 to 11 of its role activations, which has 10"));
  f->call.err = (wb_error){0};
  assert_int_equal(host->read(host, "activations", 0, UINT64_MAX, 2, x), WB_INTERNAL); // no wrap-around
  f->call.err = (wb_error){0};
  assert_int_equal(host->shape(host, "rdm", 0, dims), WB_INPUT);
  assert_string_equal(f->call.err.message, "a.h5 has no rdm, which made asked for");
  f->call.err = (wb_error){0};
  assert_int_equal(host->shape(host, "activations", 9, dims), WB_INTERNAL);
  f->call.err = (wb_error){0};
  assert_int_equal(host->grid(host, 1, &rows, &cols), WB_INTERNAL);
}

/* The first failure counts, and success cannot be a failure. (Brackets: cmocka has a macro of that name.) */
static void test_failures(void **state) {
  fixture *f = *state;
  const wb_host *host = HOST(state);
  assert_int_equal((host->fail)(host, WB_NUMERIC, "first"), WB_NUMERIC);
  assert_int_equal((host->fail)(host, WB_INPUT, "second"), WB_INPUT);
  assert_string_equal(f->call.err.message, "first");
  assert_int_equal(f->call.err.status, WB_NUMERIC);
  assert_int_equal((host->fail)(host, WB_OK, "third"), WB_INTERNAL);
}

static void test_outputs(void **state) {
  fixture *f = *state;
  const wb_host *host = HOST(state);
  assert_int_equal(host->emit_scalar(host, "i", -1 - 1e-12), WB_OK); // rounding is no fault
  assert_true(f->call.values.items[0].data[0] == -1);
  const double values[6] = {0};
  assert_int_equal(host->emit_matrix(host, "local", 1, 6, values, NULL, NULL), WB_OK);
  assert_int_equal(wb_call_check_outputs(&f->call), WB_OK);
  assert_int_equal(host->emit_scalar(host, "i", 0), WB_INTERNAL);
  assert_non_null(strstr(f->call.err.message, "i twice"));
}

static void refuses(void **state, wb_status status, const char *part) {
  fixture *f = *state;
  assert_int_equal(status, WB_INTERNAL);
  if (!strstr(f->call.err.message, part)) fail_msg("\"%s\" lacks \"%s\"", f->call.err.message, part);
  f->call.err = (wb_error){0};
  f->call.emit_failed = false;
  wb_values_free(&f->call.values);
  f->call.values = (wb_values){0};
}

static void test_refused_outputs(void **state) {
  const wb_host *host = HOST(state);
  const double values[6] = {0, NAN};
  refuses(state, host->emit_scalar(host, "i", NAN), "i is NaN");
  refuses(state, host->emit_scalar(host, "i", -INFINITY), "i is infinite");
  refuses(state, host->emit_scalar(host, "i", -1.001), "must be in [-1, inf]");
  refuses(state, host->emit_scalar(host, "zebra", 0), "does not declare");
  refuses(state, host->emit_curve(host, "i", 2, NULL, values), "as a curve and declares it as a scalar");
  refuses(state, host->emit_matrix(host, "local", 1, 6, values, NULL, NULL), "local is NaN (value 2 of 6)");
  refuses(state, host->emit_matrix(host, "local", 0, 6, values, NULL, NULL), "without any value");
  refuses(state, host->emit_missing(host, "i", "no reason"), "does not declare that this may be");
  refuses(state, wb_call_check_outputs(&((fixture *)*state)->call), "without emitting its output i");
}

static void test_talking(void **state) {
  fixture *f = *state;
  const wb_host *host = HOST(state);
  host->log(host, WB_WARNING, "careful");
  assert_string_equal(wb_json_text(f->last, "text"), "careful");
  assert_int_equal(wb_json_int(f->last, "log"), WB_WARNING);
  f->sent = 0;
  for (int i = 0; i < 1000; i++) host->progress(host, i, 1000, "loss 1");
  assert_in_range(f->sent, 1, 20); // cheap, however often it is called
  assert_false(host->cancelled(host));
}

static void test_no_target(void **state) {
  wb_target target;
  refuses(state, HOST(state)->target(HOST(state), "x", &target),
          "only plugins of kind train and convert write");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {TEST(test_complete), TEST(test_runs),     TEST(test_parameters),
                                     TEST(test_seed),     TEST(test_memory),   TEST(test_inputs),
                                     TEST(test_failures), TEST(test_outputs),  TEST(test_refused_outputs),
                                     TEST(test_talking),  TEST(test_no_target)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
