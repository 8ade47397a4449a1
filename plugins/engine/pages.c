/* pages.c: large zeroed allocations. SPDX-License-Identifier: GPL-3.0-or-later */
#include "pages.h"

#include <stdint.h>
#include <sys/mman.h>

enum { LARGE = 2 << 20 };

/* Maps one large page more than asked for and gives back what lies before and after the aligned part. */
void *wb_pages_alloc(size_t bytes) {
  if (!bytes || bytes > SIZE_MAX - 2 * LARGE) return NULL;
  const size_t size = (bytes + LARGE - 1) / LARGE * LARGE;
  char *map = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) return NULL;
  const size_t before = (LARGE - (uintptr_t)map % LARGE) % LARGE;
  if (before) munmap(map, before);
  if (LARGE - before) munmap(map + before + size, LARGE - before);
#ifdef MADV_HUGEPAGE
  madvise(map + before, size, MADV_HUGEPAGE);
#endif
  return map + before;
}

void wb_pages_free(void *pages, size_t bytes) {
  if (pages) munmap(pages, (bytes + LARGE - 1) / LARGE * LARGE);
}
