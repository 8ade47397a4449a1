/* corrupt_images.c: corrupts images, for tests/reference/check_corruptions.py. SPDX-License-Identifier:
 * GPL-3.0-or-later
 *
 *     corrupt_images NAME SEVERITY CHANNELS HEIGHT WIDTH <images >corrupted     bytes, one image after the
 * other, each (channels, height, width)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corruption.h"

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: corrupt_images NAME SEVERITY CHANNELS HEIGHT WIDTH <images >corrupted\n");
    return 2;
  }
  int type = 0;
  while (wb_corruption_names[type] && strcmp(wb_corruption_names[type], argv[1]) != 0) type++;
  const int severity = atoi(argv[2]), channels = atoi(argv[3]), height = atoi(argv[4]), width = atoi(argv[5]);
  if (!wb_corruption_names[type] || severity < 1 || severity > WB_SEVERITIES) {
    fprintf(stderr, "corrupt_images: no corruption %s of severity %s\n", argv[1], argv[2]);
    return 2;
  }
  wb_corruptor *corruptor = NULL;
  wb_error err = {0};
  if (wb_corruptor_create(channels, height, width, &corruptor, &err) != WB_OK) {
    fprintf(stderr, "corrupt_images: %s\n", err.message);
    return 2;
  }
  const size_t size = (size_t)channels * (size_t)height * (size_t)width;
  uint8_t *in = malloc(size), *out = malloc(size);
  int failed = !in || !out;
  for (uint64_t index = 0; !failed && fread(in, 1, size, stdin) == size; index++)
    failed = wb_corrupt(corruptor, out, in, type, severity, 0, index, &err) != WB_OK ||
             fwrite(out, 1, size, stdout) != size;
  failed = fflush(stdout) != 0 || failed;
  if (failed) fprintf(stderr, "corrupt_images: %s\n", err.status != WB_OK ? err.message : "cannot write");
  free(in);
  free(out);
  wb_corruptor_free(corruptor);
  return failed;
}
