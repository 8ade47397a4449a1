/* memory.h: refuses what cannot fit before any work is done. Header-only; the rest of a call's rules are
 * plugin.h's. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_MEMORY_H
#define WB_MEMORY_H

#include <sys/resource.h>
#include <unistd.h>
#include <workbench/plugin_util.h>

/* For what grows with the square of the units, whose number no option lowers. */
#define WB_FEWER_UNITS "--object activations=/PATH measures a layer of fewer units"

/* Bytes that a run may take: those of the machine, or --memory where that is less. */
static inline double wb_memory_limit(void) {
  struct rlimit limit;
  const double most = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    return fmin(most, (double)limit.rlim_cur);
  return most;
}

/* WB_INPUT where `bytes` are more than there are; `instead` says which option would make it fit. */
static inline wb_status wb_check_memory(const wb_host *host, double bytes, const char *what,
                                        const char *instead) {
  const double gib = 1073741824, base = 0.25 * gib; // base: libraries, their buffers, threads' stacks
  const double most = wb_memory_limit();
  if (bytes + base <= most) return WB_OK;
  return wb_host_fail(host, WB_INPUT,
                      "%s needs %.0f bytes (%.1f GiB), and %.1f GiB may be used. %s; --memory sets the limit",
                      what, bytes, bytes / gib, most / gib, instead);
}

/* The same for what is done with all stimuli of run 0: "x.h5: correlating 2048 units needs ..". */
static inline wb_status wb_check_units(const wb_host *host, double bytes, const char *doing, uint64_t units) {
  char what[1024];
  snprintf(what, sizeof what, "%s: %s %llu units", host->run_path(host, 0), doing, (unsigned long long)units);
  return wb_check_memory(host, bytes, what, WB_FEWER_UNITS);
}

#endif
