/* sha256.h: SHA-256 digests as 64 hexadecimal characters (libcrypto). SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_SHA256_H
#define WB_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { WB_DIGEST_SIZE = 65 }; // 64 hexadecimal characters and the terminating NUL

typedef struct wb_sha256
    wb_sha256; // opaque; NULL on creation failure is tolerated by update, reported by finish

wb_sha256 *wb_sha256_new(void);
void wb_sha256_update(wb_sha256 *hash, const void *data, size_t bytes);
void wb_sha256_text(wb_sha256 *hash, const char *text); // the characters and the terminating NUL
/* Writes the digest and frees `hash`. */
wb_status wb_sha256_finish(wb_sha256 *hash, char digest[WB_DIGEST_SIZE], wb_error *err);
wb_status wb_sha256_file(const char *path, char digest[WB_DIGEST_SIZE], wb_error *err);

#endif
