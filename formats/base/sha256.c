/* sha256.c: see sha256.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/sha256.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

struct wb_sha256; // an EVP_MD_CTX under another name

wb_sha256 *wb_sha256_new(void) {
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
    EVP_MD_CTX_free(ctx);
    ctx = NULL;
  }
  return (wb_sha256 *)ctx;
}

void wb_sha256_update(wb_sha256 *hash, const void *data, size_t bytes) {
  if (hash) EVP_DigestUpdate((EVP_MD_CTX *)hash, data, bytes);
}

void wb_sha256_text(wb_sha256 *hash, const char *text) {
  wb_sha256_update(hash, text, strlen(text) + 1);
}

wb_status wb_sha256_finish(wb_sha256 *hash, char digest[WB_DIGEST_SIZE], wb_error *err) {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const int done = hash && EVP_DigestFinal_ex((EVP_MD_CTX *)hash, raw, &size) == 1;
  EVP_MD_CTX_free((EVP_MD_CTX *)hash);
  if (!done || size != 32) return wb_fail(err, WB_INTERNAL, "libcrypto could not compute a SHA-256 digest");
  for (unsigned i = 0; i < size; i++) snprintf(digest + 2 * i, 3, "%02x", raw[i]);
  return WB_OK;
}

wb_status wb_sha256_file(const char *path, char digest[WB_DIGEST_SIZE], wb_error *err) {
  FILE *file = fopen(path, "rb");
  if (!file) return wb_fail_errno(err, "cannot read %s", path);
  wb_sha256 *hash = wb_sha256_new();
  unsigned char block[1 << 16];
  size_t got;
  while ((got = fread(block, 1, sizeof block, file)) > 0) wb_sha256_update(hash, block, got);
  const int failed = ferror(file);
  fclose(file);
  const wb_status status = wb_sha256_finish(hash, digest, err);
  return failed ? wb_fail_errno(err, "cannot read %s", path) : status;
}
