/* profile.c: see profile.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "limits.h"

enum { MOST_PARTS = 256 };

typedef struct part {
  const char *name, *pass;
  long calls;
  double seconds, flops, bytes;
} part;

struct wb_profile {
  int count;
  part parts[MOST_PARTS];
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

wb_status wb_profile_create(wb_profile **out, wb_error *err) {
  *out = calloc(1, sizeof **out);
  return *out ? WB_OK : wb_fail_nomem(err, "a profile", sizeof **out);
}

void wb_profile_free(wb_profile *profile) {
  free(profile);
}

double wb_profile_start(const wb_profile *profile) {
  return profile ? now() : 0;
}

/* Names are compared by address: each comes from one place. */
static part *find(wb_profile *profile, const char *name, const char *pass) {
  int i = 0;
  while (i < profile->count && (profile->parts[i].name != name || profile->parts[i].pass != pass)) i++;
  if (i == MOST_PARTS) return &profile->parts[i - 1];
  if (i == profile->count) profile->parts[profile->count++] = (part){.name = name, .pass = pass};
  return &profile->parts[i];
}

void wb_profile_stop(wb_profile *profile, double start, const char *name, const char *pass, double flops,
                     double bytes) {
  if (!profile) return;
  part *p = find(profile, name, pass);
  p->calls++;
  p->seconds += now() - start;
  p->flops += flops;
  p->bytes += bytes;
}

/* "   123   45%": a rate in units of 1e9 and its share of the limit; blanks where it is not known. */
static void put_rate(char out[16], double amount, double seconds, double limit) {
  if (amount > 0 && seconds > 0 && limit > 0)
    snprintf(out, 16, "%6.1f %4.0f%%", amount / seconds * 1e-9, 100 * amount / seconds / limit);
  else
    snprintf(out, 16, "%12s", "");
}

void wb_profile_report(const wb_profile *profile, void (*line)(void *context, const char *text),
                       void *context) {
  if (!profile) return;
  const wb_limits limits = wb_limits_measure();
  char text[160], flops[16], bytes[16];
  double total = 0;
  for (int i = 0; i < profile->count; i++) total += profile->parts[i].seconds;
  snprintf(
      text, sizeof text,
      "profile of %.2f s; limits, measured now with %d threads: %.0f GF/s multiply-add, %.1f GB/s memory",
      total, limits.threads, limits.flops * 1e-9, limits.memory * 1e-9);
  line(context, text);
  snprintf(text, sizeof text, "%-19s %-18s %6s %9s %6s %12s %12s", "layer", "pass", "calls", "ms/call",
           "time", "GF/s, share", "GB/s, share");
  line(context, text);
  for (int i = 0; i < profile->count; i++) {
    const part *p = &profile->parts[i];
    put_rate(flops, p->flops, p->seconds, limits.flops);
    put_rate(bytes, p->bytes, p->seconds, limits.memory);
    snprintf(text, sizeof text, "%-19s %-18s %6ld %9.3f %5.1f%% %s %s", p->name, p->pass, p->calls,
             1e3 * p->seconds / (double)p->calls, total > 0 ? 100 * p->seconds / total : 0, flops, bytes);
    line(context, text);
  }
  line(context,
       "GF/s are those of direct convolution, so that Winograd's may pass the limit; GB/s are of each "
       "array once");
}
