/* test_arrays.c: safetensors, npz and npy: bytes written by hand, round trips, and files broken in every way.
 * What NumPy itself writes and reads: tests/e2e/test_exchange.py. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "exchange/arrays.h"
#include "exchange/arrays_write.h"

static char folder[] = "/tmp/wb_arrays_XXXXXX";
static char path[64];

static const char *at(const char *name) {
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void save(const char *name, const void *data, size_t size) {
  unlink(at(name)); // a new file: some file systems write one that is replaced to disk at once
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  fclose(file);
}

static size_t load(const char *name, uint8_t *out, size_t room) {
  FILE *file = fopen(at(name), "rb");
  assert_non_null(file);
  const size_t size = fread(out, 1, room, file);
  fclose(file);
  assert_true(size < room);
  return size;
}

/* A safetensors file of a header and zero bytes of data. */
static void save_safetensors(const char *name, const char *header, size_t data) {
  uint8_t bytes[4096] = {0};
  const size_t length = strlen(header);
  bytes[0] = (uint8_t)length;
  bytes[1] = (uint8_t)(length >> 8);
  memcpy(bytes + 8, header, length);
  save(name, bytes, 8 + length + data);
}

/* A .npy file, version 1. */
static size_t make_npy(uint8_t *out, const char *header, const void *data, size_t size) {
  const size_t length = strlen(header);
  memcpy(out, "\x93NUMPY\1\0", 8);
  out[8] = (uint8_t)length;
  out[9] = (uint8_t)(length >> 8);
  memcpy(out + 10, header, length);
  if (size) memcpy(out + 10 + length, data, size);
  return 10 + length + size;
}

static void save_npy(const char *name, const char *header, const void *data, size_t size) {
  uint8_t bytes[4096];
  save(name, bytes, make_npy(bytes, header, data, size));
}

static uint8_t *put(uint8_t *out, uint64_t value, int bytes) {
  for (int b = 0; b < bytes; b++) *out++ = b < 8 ? (uint8_t)(value >> 8 * b) : 0;
  return out;
}

/* A zip archive of one deflated member, as zlib makes it. */
static void save_deflated(const char *name, const uint8_t *npy, size_t size, uint32_t crc) {
  uint8_t bytes[8192] = "PK\3\4", *p = bytes + 4;
  uint8_t packed[4096];
  z_stream stream = {.next_in = (uint8_t *)(uintptr_t)npy,
                     .avail_in = (unsigned)size,
                     .next_out = packed,
                     .avail_out = sizeof packed};
  assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  deflateEnd(&stream);
  const size_t stored = stream.total_out;
  p = put(put(put(put(p, 20, 2), 0, 2), 8, 2), 0, 4);
  p = put(put(put(put(put(p, crc, 4), stored, 4), size, 4), 5, 2), 0, 2);
  memcpy(p, "x.npy", 5);
  memcpy(p + 5, packed, stored);
  p += 5 + stored;
  const size_t directory = (size_t)(p - bytes);
  memcpy(p, "PK\1\2", 4);
  p = put(put(put(put(put(p + 4, 20, 2), 20, 2), 0, 2), 8, 2), 0, 4);
  p = put(put(put(put(put(p, crc, 4), stored, 4), size, 4), 5, 2), 0, 2);
  p = put(put(p, 0, 10), 0, 4);
  memcpy(p, "x.npy", 5);
  p += 5;
  const size_t end = (size_t)(p - bytes);
  memcpy(p, "PK\5\6", 4);
  p = put(put(put(p + 4, 0, 4), 1, 2), 1, 2);
  p = put(put(put(p, end - directory, 4), directory, 4), 0, 2);
  save(name, bytes, (size_t)(p - bytes));
}

static void refused(const char *name, const char *words) {
  wb_error err = {0};
  wb_arrays *file = NULL;
  assert_int_equal(wb_arrays_open(at(name), &file, &err), WB_INPUT);
  assert_null(file);
  if (!strstr(err.message, words)) fail_msg("\"%s\" lacks \"%s\"", err.message, words);
}

static wb_arrays *opened(const char *name) {
  wb_error err = {0};
  wb_arrays *file = NULL;
  if (wb_arrays_open(at(name), &file, &err) != WB_OK) fail_msg("%s", err.message);
  return file;
}

static void test_safetensors_by_hand(void **state) {
  (void)state;
  static const char header[] = "{\"__metadata__\":{\"arch\":\"resnet18\"},"
                               "\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[8,16]},"
                               "\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}   ";
  uint8_t bytes[512] = {sizeof header - 1};
  const float a[] = {1.5f, -2};
  const int64_t b = -7;
  memcpy(bytes + 8, header, sizeof header - 1);
  memcpy(bytes + 8 + sizeof header - 1, a, 8);
  memcpy(bytes + 16 + sizeof header - 1, &b, 8);
  save("hand.safetensors", bytes, 24 + sizeof header - 1);
  wb_arrays *file = opened("hand.safetensors");
  assert_int_equal(wb_arrays_count(file), 2);
  assert_string_equal(wb_arrays_at(file, 0)->name, "a");
  assert_string_equal(wb_arrays_metadata(file, "arch"), "resnet18");
  assert_null(wb_arrays_metadata(file, "width"));
  const wb_array *array = wb_arrays_find(file, "a");
  assert_int_equal(array->rank, 2);
  assert_int_equal(array->dims[0], 2);
  double wide[2];
  assert_int_equal(wb_arrays_read(file, array, WB_F64, 0, 2, wide, NULL), WB_OK);
  assert_true(wide[0] == 1.5 && wide[1] == -2);
  int32_t whole;
  assert_int_equal(wb_arrays_read(file, wb_arrays_find(file, "b"), WB_I32, 0, 1, &whole, NULL), WB_OK);
  assert_int_equal(whole, -7);
  wb_error err = {0};
  assert_int_equal(wb_arrays_read(file, array, WB_I32, 0, 1, &whole, &err), WB_INPUT); // 1.5
  assert_int_equal(wb_arrays_read(file, array, WB_F32, 1, 2, wide, NULL), WB_INPUT);   // beyond the end
  wb_arrays_close(file);
}

static void test_safetensors_refused(void **state) {
  (void)state;
  const char *name = "bad.safetensors";
  save(name, "short", 5);
  refused(name, "too short");
  save(name, "\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10);
  refused(name, "announce a header");
  save_safetensors(name, "[1]", 0);
  refused(name, "not a JSON object");
  save_safetensors(name, "{\"a\":1,\"a\":2}", 0);
  refused(name, "not a JSON object: duplicate");
  save_safetensors(name, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4);
  refused(name, "lacks one of");
  save_safetensors(name, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 4);
  refused(name, "said to lie at");
  save_safetensors(name, "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4);
  refused(name, "contradict");
  save_safetensors(name, "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4);
  refused(name, "not a list of lengths");
  save_safetensors(name,
                   "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0);
  refused(name, "contradict"); // 2^66 bytes are not zero
  save_safetensors(name, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}",
                   1);
  refused(name, "9 axes");
  save_safetensors(name, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2);
  refused(name, "does not begin where");
  save_safetensors(name, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 2);
  refused(name, "belong to no tensor");
  save_safetensors(name, "{\"__metadata__\":{\"a\":1}}", 0);
  refused(name, "is no text");
  save("x.bin", "", 0);
  refused("x.bin", "ends in none");
  refused("absent.npy", "no file");
  /* A type that is not known is listed; only reading it fails. */
  save_safetensors(name, "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1);
  wb_arrays *file = opened(name);
  wb_error err = {0};
  float value;
  assert_int_equal(wb_arrays_read(file, wb_arrays_at(file, 0), WB_F32, 0, 1, &value, &err), WB_INPUT);
  assert_non_null(strstr(err.message, "F8_E4M3"));
  wb_arrays_close(file);
}

static void test_npy_orders_and_types(void **state) {
  (void)state;
  /* Fortran order, big-endian halves: [[1, 2, 0.5], [-2, inf, 2^-24]]. */
  const uint8_t halves[] = {0x3c, 0, 0xc0, 0, 0x40, 0, 0x7c, 0, 0x38, 0, 0, 1};
  save_npy("f.npy", "{'descr': '>f2', 'fortran_order': True, 'shape': (2, 3), }\n", halves, sizeof halves);
  wb_arrays *file = opened("f.npy");
  float rows[6];
  assert_int_equal(wb_arrays_read(file, wb_arrays_find(file, "data"), WB_F32, 0, 2, rows, NULL), WB_OK);
  const float expected[] = {1, 2, 0.5f, -2, INFINITY, 0x1p-24f};
  for (int i = 0; i < 6; i++) assert_true(rows[i] == expected[i]);
  assert_int_equal(wb_arrays_read(file, wb_arrays_at(file, 0), WB_F32, 1, 1, rows, NULL), WB_OK);
  for (int i = 0; i < 3; i++) assert_true(rows[i] == expected[3 + i]);
  wb_arrays_close(file);
  /* Three axes in Fortran order: value at (i, j, k) is 100 i + 10 j + k. */
  uint8_t cube[24];
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 3; j++)
      for (int k = 0; k < 4; k++) cube[i + 2 * j + 6 * k] = (uint8_t)(100 * i + 10 * j + k);
  save_npy("c.npy", "{\"shape\":(2,3,4),\"fortran_order\":True,\"descr\":\"|u1\"}", cube, sizeof cube);
  file = opened("c.npy");
  int64_t plain[12];
  assert_int_equal(wb_arrays_read(file, wb_arrays_at(file, 0), WB_I64, 1, 1, plain, NULL), WB_OK);
  for (int j = 0; j < 3; j++)
    for (int k = 0; k < 4; k++) assert_int_equal(plain[4 * j + k], 100 + 10 * j + k);
  wb_arrays_close(file);
  /* What does not fit is refused, what does not is kept exactly. */
  const uint64_t large[] = {UINT64_MAX, 3};
  save_npy("u.npy", "{'descr': '<u8', 'fortran_order': False, 'shape': (2L,)}", large, sizeof large);
  file = opened("u.npy");
  int64_t whole;
  double real;
  assert_int_equal(wb_arrays_read(file, wb_arrays_at(file, 0), WB_I64, 0, 1, &whole, NULL), WB_INPUT);
  assert_int_equal(wb_arrays_read(file, wb_arrays_at(file, 0), WB_I64, 1, 1, &whole, NULL), WB_OK);
  assert_int_equal(whole, 3);
  assert_int_equal(wb_arrays_read(file, wb_arrays_at(file, 0), WB_F64, 0, 1, &real, NULL), WB_OK);
  assert_true(real == 0x1p64);
  wb_arrays_close(file);
  save_npy("t.npy", "{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (0,)}", "", 0);
  file = opened("t.npy");
  assert_int_equal(wb_arrays_at(file, 0)->number, WB_NUMBER_OTHER);
  wb_arrays_close(file);
}

static void test_npy_refused(void **state) {
  (void)state;
  const char *name = "bad.npy";
  save(name, "\x93NUM", 4);
  refused(name, "ends too early");
  save(name, "\x94NUMPY\1\0\0\0", 10);
  refused(name, "does not begin with");
  save(name, "\x93NUMPY\7\0\0\0", 10);
  refused(name, "version 7");
  save(name, "\x93NUMPY\1\0\x40\0", 10);
  refused(name, "announces a header");
  save_npy(name, "{'descr': '<f4', 'shape': (1,)}", "1234", 4);
  refused(name, "does not say");
  save_npy(name, "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", "1234", 4);
  refused(name, "does not say");
  save_npy(name, "{'descr': '<f4', 'fortran_order': False, 'shape': (1", "1234", 4);
  refused(name, "does not say");
  save_npy(name, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "1234", 4);
  refused(name, "at most 8 axes");
  save_npy(name, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "1234", 4);
  refused(name, "contradict");
  save_npy(name, "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,4)}", "1234", 4);
  refused(name, "contradict");
}

static const wb_array_data *sample(size_t *count) {
  static const float weight[] = {1, 2, 3, 4, 5, 6};
  static const int64_t index[] = {INT64_MIN, INT64_MAX};
  static const double scalar = 0.1;
  static const wb_array_data arrays[] = {{"encoder.conv1.weight", WB_F32, 2, {2, 3}, weight},
                                         {"index", WB_I64, 1, {2}, index},
                                         {"scalar", WB_F64, 0, {0}, &scalar},
                                         {"none", WB_F32, 2, {0, 3}, weight}};
  *count = sizeof arrays / sizeof arrays[0];
  return arrays;
}

static void check_sample(const char *name) {
  size_t count;
  const wb_array_data *written = sample(&count);
  wb_arrays *file = opened(name);
  for (size_t i = 0; i < count; i++) {
    const wb_array *array = wb_arrays_find(file, written[i].name);
    assert_non_null(array);
    assert_int_equal(wb_array_element(array), written[i].element);
    assert_int_equal(array->rank, written[i].rank);
    uint8_t bytes[64] = {0};
    size_t size = written[i].element == WB_F32 ? 4 : 8;
    for (uint32_t a = 0; a < array->rank; a++) {
      assert_int_equal(array->dims[a], written[i].dims[a]);
      size *= (size_t)array->dims[a];
    }
    assert_int_equal(wb_arrays_verify(file, array, NULL), WB_OK);
    const uint64_t rows = array->rank ? array->dims[0] : 1;
    assert_int_equal(wb_arrays_read(file, array, written[i].element, 0, rows, bytes, NULL), WB_OK);
    assert_memory_equal(bytes, written[i].data, size);
  }
  wb_arrays_close(file);
}

static void test_round_trip(void **state) {
  (void)state;
  size_t count;
  const wb_array_data *arrays = sample(&count);
  json_t *metadata = json_pack("{s:s}", "arch", "caf\xc3\xa9");
  assert_int_equal(wb_safetensors_write(at("r.safetensors"), arrays, count, metadata, NULL), WB_OK);
  check_sample("r.safetensors");
  wb_arrays *file = opened("r.safetensors");
  assert_string_equal(wb_arrays_metadata(file, "arch"), "caf\xc3\xa9");
  wb_arrays_close(file);
  assert_int_equal(wb_npz_write(at("r.npz"), arrays, count, metadata, NULL), WB_OK);
  check_sample("r.npz");
  file = opened("r.npz");
  assert_int_equal(wb_arrays_count(file), count);
  assert_string_equal(wb_arrays_metadata(file, "arch"), "caf\xc3\xa9");
  wb_arrays_close(file);
  json_decref(metadata);
  wb_error err = {0};
  assert_int_equal(wb_npz_write("/nowhere/r.npz", arrays, count, NULL, &err), WB_IO);
}

static void test_deflated(void **state) {
  (void)state;
  uint8_t npy[4096];
  float values[600];
  for (int i = 0; i < 600; i++) values[i] = (float)(i % 17);
  const size_t size =
      make_npy(npy, "{'descr': '<f4', 'fortran_order': False, 'shape': (200, 3)}", values, 2400);
  const uint32_t crc = (uint32_t)crc32(0, npy, (unsigned)size);
  save_deflated("d.npz", npy, size, crc);
  wb_arrays *file = opened("d.npz");
  const wb_array *array = wb_arrays_find(file, "x");
  assert_int_equal(wb_arrays_verify(file, array, NULL), WB_OK);
  float row[3];
  for (uint64_t i = 200; i-- > 0;) { // backwards: each time from the start
    assert_int_equal(wb_arrays_read(file, array, WB_F32, i, 1, row, NULL), WB_OK);
    assert_memory_equal(row, values + 3 * i, sizeof row);
  }
  wb_arrays_close(file);
  save_deflated("d.npz", npy, size, crc ^ 1);
  file = opened("d.npz");
  wb_error err = {0};
  assert_int_equal(wb_arrays_verify(file, wb_arrays_at(file, 0), &err), WB_INPUT);
  assert_non_null(strstr(err.message, "checksum"));
  wb_arrays_close(file);
  save("e.npz", "PK\5\6", 4);
  refused("e.npz", "too short");
  save("e.npz", "no archive, but long enough for one", 35);
  refused("e.npz", "no end record");
}

/* Opens and reads whatever there is; only crashes and sanitizers can object. */
static void try(const char *name) {
  wb_error err = {0};
  wb_arrays *file;
  if (wb_arrays_open(at(name), &file, &err) != WB_OK) {
    assert_true(err.message[0]);
    return;
  }
  for (size_t i = 0; i < wb_arrays_count(file); i++) {
    const wb_array *array = wb_arrays_at(file, i);
    uint64_t rows = array->rank ? array->dims[0] : 1, row = 8;
    for (uint32_t a = 1; a < array->rank; a++)
      if (__builtin_mul_overflow(row, array->dims[a], &row)) row = UINT64_MAX;
    wb_arrays_verify(file, array, NULL);
    if (rows && row > (1u << 20) / rows) continue;
    void *out = malloc(rows * row + 1);
    wb_arrays_read(file, array, WB_F64, 0, rows, out, NULL);
    free(out);
  }
  wb_arrays_close(file);
}

/* Each file shortened to every length, and each of its bytes replaced by a few others. */
static void break_every_way(const char *source, const char *copy) {
  static const uint8_t others[] = {0, 0xff, 0x80, '9'};
  uint8_t bytes[8192];
  const size_t size = load(source, bytes, sizeof bytes);
  for (size_t length = 0; length < size; length += 3) {
    save(copy, bytes, length);
    try(copy);
  }
  for (size_t i = 0; i < size; i++) {
    const uint8_t kept = bytes[i];
    for (size_t k = 0; k < sizeof others; k++) {
      bytes[i] = others[k];
      save(copy, bytes, size);
      try(copy);
    }
    bytes[i] = kept;
  }
}

static void test_broken_files(void **state) {
  (void)state;
  uint8_t npy[512];
  const float values[] = {1, 2, 3, 4};
  const size_t size = make_npy(npy, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", values, 16);
  save_deflated("small.npz", npy, size, (uint32_t)crc32(0, npy, (unsigned)size));
  break_every_way("small.npz", "broken.npz");
  break_every_way("r.npz", "broken.npz");
  break_every_way("r.safetensors", "broken.safetensors");
  break_every_way("f.npy", "broken.npy");
}

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  char command[64];
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_safetensors_by_hand),  cmocka_unit_test(test_safetensors_refused),
      cmocka_unit_test(test_npy_orders_and_types), cmocka_unit_test(test_npy_refused),
      cmocka_unit_test(test_round_trip),           cmocka_unit_test(test_deflated),
      cmocka_unit_test(test_broken_files)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
