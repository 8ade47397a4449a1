/* test_cache.c: what is remembered, and when it is not. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "cache.h"
#include "params.h"
#include "stage.h"

#include "made_plugin.h"

static char folder[] = "/tmp/wb_cache_XXXXXX", path[64];

static void write_file(const char *where, const char *text) {
  FILE *file = fopen(where, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int setup(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/data", folder);
  return setenv("WORKBENCH_CACHE_DIR", folder, 1);
}

static int teardown(void **state) {
  (void)state;
  char command[64];
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command);
}

static void test_places(void **state) {
  (void)state;
  const char key[WB_DIGEST_SIZE] = "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789";
  char *entry = wb_cache_result_path(key), expected[160];
  snprintf(expected, sizeof expected, "%s/results/ab/%s.h5", folder, key + 2);
  assert_string_equal(entry, expected);
  write_file(entry, "12345"); // its folder exists
  size_t files;
  double bytes;
  wb_cache_size(&files, &bytes);
  assert_int_equal(files, 1);
  assert_true(bytes == 5);
  free(entry);
}

/* Digests are remembered of a file that has not changed for a while, and forgotten as soon as it does. */
static void test_digests(void **state) {
  (void)state;
  write_file(path, "one");
  json_t *digests = json_pack("{ss}", "/x", "abc");
  wb_cache_remember_digests(path, digests); // too fresh: a change within the clock's tick would go unseen
  json_t *known = wb_cache_digests(path);
  assert_int_equal(json_object_size(known), 0);
  json_decref(known);
  sleep(2);
  wb_cache_remember_digests(path, digests);
  known = wb_cache_digests(path);
  assert_true(json_equal(known, digests));
  json_decref(known);
  assert_int_equal(chmod(path, 0600), 0); // even this shows
  known = wb_cache_digests(path);
  assert_int_equal(json_object_size(known), 0);
  json_decref(known);
  json_decref(digests);
  known = wb_cache_digests("/no/such/file");
  assert_int_equal(json_object_size(known), 0);
  json_decref(known);
}

/* A folder is as its files are; what lies in folders below does not count. */
static void test_folder(void **state) {
  (void)state;
  char place[80], file[96], below[96];
  snprintf(place, sizeof place, "%s/images", folder);
  snprintf(file, sizeof file, "%s/one.bin", place);
  snprintf(below, sizeof below, "%s/below", place);
  assert_int_equal(mkdir(place, 0700), 0);
  write_file(file, "one");
  json_t *digests = json_pack("{ss}", "cifar10:images", "abc");
  sleep(2);
  wb_cache_remember_digests(place, digests);
  assert_int_equal(mkdir(below, 0700), 0);
  json_t *known = wb_cache_digests(place);
  assert_true(json_equal(known, digests));
  json_decref(known);
  assert_int_equal(chmod(file, 0600), 0);
  known = wb_cache_digests(place);
  assert_int_equal(json_object_size(known), 0);
  json_decref(known);
  json_decref(digests);
}

/* Which changes make another result. */
static void test_identity(void **state) {
  (void)state;
  wb_spec *spec = NULL;
  assert_int_equal(wb_spec_from_plugin(&made_plugin, "/p", 0, "b", &spec, NULL), WB_OK);
  char **settings = wb_settings_new(spec);
  const char *parts[] = {"digest", NULL};
  char first[WB_DIGEST_SIZE], other[WB_DIGEST_SIZE];
  assert_int_equal(wb_identity(spec, settings, 1, true, parts, 2, first, NULL), WB_OK);
  assert_int_equal(wb_identity(spec, settings, 1, true, parts, 2, other, NULL), WB_OK);
  assert_string_equal(first, other);
  assert_int_equal(wb_identity(spec, settings, 2, true, parts, 2, other, NULL), WB_OK);
  assert_string_not_equal(first, other);
  assert_int_equal(wb_identity(spec, settings, 1, true, parts, 1, other, NULL), WB_OK);
  assert_string_not_equal(first, other);
  assert_int_equal(wb_settings_set(settings, spec, "file", "/no/such/file", NULL), WB_OK); // not part of it
  assert_int_equal(wb_identity(spec, settings, 1, true, parts, 2, other, NULL), WB_OK);
  assert_string_equal(first, other);
  assert_int_equal(wb_settings_set(settings, spec, "rate", "0.10", NULL), WB_OK); // the default again
  assert_int_equal(wb_identity(spec, settings, 1, true, parts, 2, other, NULL), WB_OK);
  assert_string_equal(first, other);
  assert_int_equal(wb_settings_set(settings, spec, "rate", "0.2", NULL), WB_OK);
  assert_int_equal(wb_identity(spec, settings, 1, true, parts, 2, other, NULL), WB_OK);
  assert_string_not_equal(first, other);
  assert_int_equal(wb_identity(spec, settings, 1, false, parts, 2, first, NULL), WB_OK);
  assert_int_equal(wb_identity(spec, settings, 2, false, parts, 2, other, NULL), WB_OK);
  assert_string_equal(first, other); // a plugin without random numbers
  wb_settings_free(settings, spec);
  wb_spec_free(spec);
}

/* Of a path the content counts, not the name. */
static void test_identity_of_paths(void **state) {
  (void)state;
  static const wb_param row = {.name = "target", .type = WB_PATH};
  wb_plugin plugin = made_plugin;
  plugin.params = (wb_table){&row, 1, sizeof row};
  wb_spec *spec = NULL;
  assert_int_equal(wb_spec_from_plugin(&plugin, "/p", 0, "b", &spec, NULL), WB_OK);
  char name[3][80], key[3][WB_DIGEST_SIZE];
  for (int i = 0; i < 3; i++) {
    snprintf(name[i], sizeof name[i], "%s/file%d", folder, i);
    write_file(name[i], i < 2 ? "same" : "other");
    char *setting = name[i];
    assert_int_equal(wb_identity(spec, &setting, 0, true, NULL, 0, key[i], NULL), WB_OK);
  }
  assert_string_equal(key[0], key[1]);
  assert_string_not_equal(key[0], key[2]);
  char *missing = (char *)"/no/such/file";
  wb_error err = {0};
  assert_int_equal(wb_identity(spec, &missing, 0, true, NULL, 0, key[0], &err), WB_INPUT);
  assert_string_equal(err.message, "there is no file /no/such/file");
  wb_spec_free(spec);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_places), cmocka_unit_test(test_digests),
                                     cmocka_unit_test(test_folder), cmocka_unit_test(test_identity),
                                     cmocka_unit_test(test_identity_of_paths)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
