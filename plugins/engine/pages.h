/* pages.h: large zeroed allocations, on large pages where the system has them.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_PAGES_H
#define WB_PAGES_H

#include <stddef.h>

/* Zeroed, aligned to 2 MiB; memory is taken as it is touched. NULL where there is none, or for 0 bytes. Free
 * with wb_pages_free and the same number of bytes. */
void *wb_pages_alloc(size_t bytes);
void wb_pages_free(void *pages, size_t bytes); // NULL is fine

#endif
