/* members.h: what the plugins on ensembles share: the logits of several runs on the same images, setting by
 * setting (clean, then each type of noise at each level), a block of images at a time. Header-only.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_MEMBERS_H
#define WB_MEMBERS_H

#include <stdbool.h>
#include <string.h>

#include "noise_params.h"
#include "voting.h"

#define WB_PARAM_BOOTSTRAP(struct_type)                                                                      \
  {                                                                                                          \
    .name = "bootstrap", .help = "draws of images for the 95% intervals; 0 for none", .type = WB_INT,        \
    .default_text = "1000", .max = 100000, .offset = offsetof(struct_type, bootstrap)                        \
  }

/* The images are not read here, but must be the same for all runs. */
#define WB_MEMBERS_INPUT_ROWS                                                                                \
  WB_NOISE_INPUT_ROWS, {                                                                                     \
    .role = "images", .help = "test images, the same for all runs", .kind = WB_IMAGES                        \
  }

enum { WB_MEMBERS_BLOCK = 1024 };

typedef struct wb_members {
  const wb_host *host;
  const wb_float_list *levels;
  size_t settings; // 1 + WB_NOISE_TYPES x levels
  size_t count, classes;
  int32_t *labels; // (count)
  size_t most;     // members at most
  float *logits;   // (most, WB_MEMBERS_BLOCK, classes)
  wb_ballots ballots;
} wb_members;

/* The role and the place within it of a setting. */
static inline const char *wb_members_role(const wb_members *m, size_t setting, size_t *level) {
  *level = setting ? (setting - 1) % m->levels->count : 0;
  return setting ? wb_noise_types[(setting - 1) / m->levels->count] : "none";
}

/* Names of the settings: "clean", "white 0.01", .. */
static inline wb_status wb_members_names(const wb_members *m, const char ***names) {
  *names = WB_ALLOC(m->host, const char *, m->settings);
  if (!*names) return WB_NOMEM;
  (*names)[0] = "clean";
  for (size_t i = 1; i < m->settings; i++) {
    char before[32];
    size_t level;
    snprintf(before, sizeof before, "%s ", wb_members_role(m, i, &level));
    (*names)[i] = wb_noise_level_label(m->host, before, m->levels->items[level]);
    if (!(*names)[i]) return WB_NOMEM;
  }
  return WB_OK;
}

/* Run `run` has images, classes and labels as run 0; WB_INPUT. labels (count): scratch. */
static inline wb_status wb_members_compare(const wb_members *m, uint32_t run, int32_t *labels) {
  const wb_host *host = m->host;
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "none", run, dims));
  if (dims[1] != m->classes)
    return wb_host_fail(
        host, WB_INPUT, "%s tells %llu classes and %s %zu; members of one ensemble need the same",
        host->run_path(host, run), (unsigned long long)dims[1], host->run_path(host, 0), m->classes);
  if (dims[0] != m->count)
    return wb_host_fail(host, WB_INPUT, "%s was tested on %llu images and %s on %zu; they need the same",
                        host->run_path(host, run), (unsigned long long)dims[0], host->run_path(host, 0),
                        m->count);
  WB_TRY(host->read(host, "labels", run, 0, m->count, labels));
  if (memcmp(labels, m->labels, m->count * sizeof *labels) != 0)
    return wb_host_fail(host, WB_INPUT, "%s was tested on images of other classes than %s",
                        host->run_path(host, run), host->run_path(host, 0));
  return WB_OK;
}

/* For at most `most` of the study's runs at once. WB_INPUT where the runs do not go together. */
static inline wb_status wb_members_open(const wb_host *host, const wb_float_list *levels, size_t most,
                                        wb_members *m) {
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "none", 0, dims));
  *m = (wb_members){.host = host,
                    .levels = levels,
                    .settings = 1 + WB_NOISE_TYPES * levels->count,
                    .count = dims[0],
                    .classes = dims[1],
                    .most = most};
  const size_t answers = most * WB_MEMBERS_BLOCK;
  m->labels = WB_ALLOC(host, int32_t, m->count);
  int32_t *others = WB_ALLOC(host, int32_t, m->count);
  m->logits = WB_ALLOC(host, float, answers * m->classes);
  m->ballots = (wb_ballots){.classes = m->classes,
                            .logits = m->logits,
                            .probabilities = WB_ALLOC(host, double, answers * m->classes),
                            .confidence = WB_ALLOC(host, double, answers),
                            .answers = WB_ALLOC(host, int32_t, answers)};
  if (!m->labels || !others || !m->logits || !m->ballots.probabilities || !m->ballots.confidence ||
      !m->ballots.answers)
    return WB_NOMEM;
  WB_TRY(host->read(host, "labels", 0, 0, m->count, m->labels));
  for (uint32_t r = 1; r < host->run_count(host); r++) WB_TRY(wb_members_compare(m, r, others));
  return WB_OK;
}

/* ballots = what `members` of the runs say about the block of images that begins at `first`, its n <=
 * WB_MEMBERS_BLOCK. */
static inline wb_status wb_members_read(wb_members *m, size_t setting, size_t first, const uint32_t *runs,
                                        size_t members) {
  size_t level;
  const char *role = wb_members_role(m, setting, &level);
  const size_t n = m->count - first < WB_MEMBERS_BLOCK ? m->count - first : WB_MEMBERS_BLOCK;
  m->ballots.members = members;
  m->ballots.n = n;
  for (size_t k = 0; k < members; k++)
    WB_TRY(
        m->host->read(m->host, role, runs[k], level * m->count + first, n, m->logits + k * n * m->classes));
  wb_ballots_fill(&m->ballots);
  return m->host->cancelled(m->host) ? WB_CANCELLED : WB_OK;
}

/* gain (n): for each image of the block, whether the soft vote is right minus the share of members that are.
 */
static inline void wb_members_gain(const wb_members *m, size_t first, const int32_t *vote, double *gain) {
  const wb_ballots *b = &m->ballots;
  for (size_t i = 0; i < b->n; i++) {
    const int32_t label = m->labels[first + i];
    double right = 0;
    for (size_t k = 0; k < b->members; k++) right += b->answers[k * b->n + i] == label;
    gain[i] = (vote[i] == label) - right / (double)b->members;
  }
}

#endif
