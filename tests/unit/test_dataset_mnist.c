/* test_dataset_mnist.c: IDX files, plain and compressed, on made files. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <zlib.h>

#include "dataset_made.h"

enum { COUNT = 20, HEIGHT = 3, WIDTH = 2, IMAGE = HEIGHT * WIDTH };

/* An IDX file in memory: `rank` dims, then bytes first, first + 1, .. (labels: modulo 10). */
typedef struct idx_bytes {
  uint8_t bytes[4096];
  size_t size;
} idx_bytes;

static idx_bytes make_idx(uint32_t rank, uint32_t count, uint8_t first) {
  idx_bytes f = {.bytes = {0, 0, 8, (uint8_t)rank, 0, 0, (uint8_t)(count >> 8), (uint8_t)count}};
  f.size = 8;
  for (uint32_t i = 1; i < rank; i++) {
    f.bytes[f.size + 3] = i == 1 ? HEIGHT : WIDTH;
    f.size += 4;
  }
  for (uint32_t i = 0; i < count * (rank == 3 ? IMAGE : 1); i++)
    f.bytes[f.size++] = (uint8_t)(rank == 3 ? first + i : (first + i) % 10);
  return f;
}

static const char *file_in(const char *dir, const char *name) {
  static char path[2 * MADE_PATH];
  snprintf(path, sizeof path, "%s/%s", made(dir), name);
  return path;
}

static void write_gz(const char *path, const idx_bytes *f) {
  gzFile file = gzopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(gzwrite(file, f->bytes, (unsigned)f->size), f->size);
  assert_int_equal(gzclose(file), Z_OK);
}

/* A directory with four good files; returns its spec. */
static const char *make_mnist(const char *dir, int compressed) {
  assert_int_equal(mkdir(made(dir), 0700), 0);
  const idx_bytes files[4] = {make_idx(3, COUNT, 0), make_idx(1, COUNT, 3), make_idx(3, 10, 100),
                              make_idx(1, 10, 0)};
  static const char *const names[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                       "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
  for (int i = 0; i < 4; i++) {
    char name[64];
    snprintf(name, sizeof name, "%s%s", names[i], compressed ? ".gz" : "");
    if (compressed)
      write_gz(file_in(dir, name), &files[i]);
    else
      write_file(file_in(dir, name), files[i].bytes, files[i].size);
  }
  return spec_of("mnist", made(dir), "");
}

static void check_content(const wb_dataset *data) {
  assert_string_equal(data->name, "mnist");
  assert_int_equal(data->train.count, COUNT);
  assert_int_equal(data->test.count, 10);
  assert_int_equal(data->train.channels, 1);
  assert_int_equal(data->train.height, HEIGHT);
  assert_int_equal(data->train.width, WIDTH);
  for (int i = 0; i < COUNT; i++) assert_int_equal(data->train.labels[i], (3 + i) % 10);
  for (int i = 0; i < COUNT * IMAGE; i++) assert_int_equal(data->train.pixels[i], i);
  assert_int_equal(data->test.pixels[10 * IMAGE - 1], 159);
  assert_int_equal(data->classes, 10);
  assert_string_equal(data->class_names[7], "7");
  assert_int_equal(data->superclasses, 0);
  assert_null(data->superclass_of);
  assert_float_equal(data->mean[0], 0.1307, 1e-7);
  assert_float_equal(data->sd[0], 0.3081, 1e-7);
}

static void reads_plain_and_compressed_alike(void **state) {
  (void)state;
  wb_dataset *plain = open_ok(make_mnist("plain", 0));
  wb_dataset *compressed = open_ok(make_mnist("gz", 1));
  check_content(plain);
  check_content(compressed);
  assert_string_equal(plain->digest, compressed->digest);
  wb_dataset_free(plain);
  wb_dataset_free(compressed);
}

static void missing_file_is_named(void **state) {
  (void)state;
  const char *spec = make_mnist("missing", 0);
  assert_int_equal(unlink(file_in("missing", "t10k-labels-idx1-ubyte")), 0);
  refused(spec, WB_INPUT, made("missing"), "t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz", NULL);
}

static void wrong_magic_is_refused(void **state) {
  (void)state;
  const char *spec = make_mnist("magic", 0);
  const idx_bytes labels = make_idx(1, COUNT, 0);
  write_file(file_in("magic", "train-images-idx3-ubyte"), labels.bytes, labels.size);
  refused(spec, WB_INPUT, "train-images-idx3-ubyte", "0x00000801", "images begin with 0x00000803", NULL);
}

static void wrong_length_is_refused(void **state) {
  (void)state;
  const char *spec = make_mnist("length", 0);
  const idx_bytes images = make_idx(3, COUNT, 0);
  write_file(file_in("length", "train-images-idx3-ubyte"), images.bytes, images.size - 1);
  refused(spec, WB_INPUT, "train-images-idx3-ubyte holds 135 bytes", "promises 136 (20 images)", NULL);
  write_file(file_in("length", "train-images-idx3-ubyte"), images.bytes, images.size + 1);
  refused(spec, WB_INPUT, "holds 137 bytes", NULL);
  write_file(file_in("length", "train-images-idx3-ubyte"), images.bytes, 15);
  refused(spec, WB_INPUT, "15 bytes", "the 16 of an IDX header", NULL);
  write_file(file_in("length", "train-images-idx3-ubyte"), "", 0);
  refused(spec, WB_INPUT, "holds 0 bytes", NULL);
}

static void absurd_sizes_are_refused(void **state) {
  (void)state;
  const char *spec = make_mnist("absurd", 0);
  idx_bytes images = make_idx(3, COUNT, 0);
  memset(images.bytes + 4, 0xff, 12); // (2^32 - 1)^3 pixels overflow 64 bits
  write_file(file_in("absurd", "train-images-idx3-ubyte"), images.bytes, images.size);
  refused(spec, WB_INPUT, "train-images-idx3-ubyte", "4294967295 pixels", NULL);
  images = make_idx(3, COUNT, 0);
  images.bytes[11] = 0; // height
  write_file(file_in("absurd", "train-images-idx3-ubyte"), images.bytes, 16);
  refused(spec, WB_INPUT, "20 images of 0x2 pixels", NULL);
}

static void counts_must_match(void **state) {
  (void)state;
  const char *spec = make_mnist("counts", 0);
  const idx_bytes labels = make_idx(1, COUNT - 1, 0);
  write_file(file_in("counts", "train-labels-idx1-ubyte"), labels.bytes, labels.size);
  refused(spec, WB_INPUT, "19 labels", "20 images", NULL);
}

static void splits_must_have_one_size(void **state) {
  (void)state;
  const char *spec = make_mnist("sizes", 0);
  idx_bytes images = make_idx(3, 10, 0);
  images.bytes[11] = WIDTH;
  images.bytes[15] = HEIGHT;
  write_file(file_in("sizes", "t10k-images-idx3-ubyte"), images.bytes, images.size);
  refused(spec, WB_INPUT, "3x2", "2x3", NULL);
}

static void label_out_of_range_is_refused(void **state) {
  (void)state;
  const char *spec = make_mnist("label", 0);
  idx_bytes labels = make_idx(1, 10, 0);
  labels.bytes[8 + 4] = 11;
  write_file(file_in("label", "t10k-labels-idx1-ubyte"), labels.bytes, labels.size);
  refused(spec, WB_INPUT, "t10k-labels-idx1-ubyte", "image 4 is 11", "0 to 9", NULL);
}

static void damaged_gzip_is_refused(void **state) {
  (void)state;
  const char *spec = make_mnist("bad-gz", 1);
  const char *name = "train-images-idx3-ubyte.gz";
  uint8_t bytes[4096];
  FILE *file = fopen(file_in("bad-gz", name), "rb");
  assert_non_null(file);
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  write_file(file_in("bad-gz", name), bytes, size / 2);
  refused(spec, WB_INPUT, name, "ends within its compressed data", NULL);
  bytes[size - 6] ^= 1; // the checksum
  write_file(file_in("bad-gz", name), bytes, size);
  refused(spec, WB_INPUT, name, "damaged within its compressed data", NULL);
  write_file(file_in("bad-gz", name), "this is not compressed", 22);
  refused(spec, WB_INPUT, name, "magic number", NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_plain_and_compressed_alike), cmocka_unit_test(missing_file_is_named),
      cmocka_unit_test(wrong_magic_is_refused),           cmocka_unit_test(wrong_length_is_refused),
      cmocka_unit_test(absurd_sizes_are_refused),         cmocka_unit_test(counts_must_match),
      cmocka_unit_test(splits_must_have_one_size),        cmocka_unit_test(label_out_of_range_is_refused),
      cmocka_unit_test(damaged_gzip_is_refused),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
