/* clock.h: seconds that only ever go forward. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_CLOCK_H
#define WB_CLOCK_H

#include <time.h>

static inline double wb_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
