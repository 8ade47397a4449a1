/* inspect.h: looking into one file for a plugin: what task_inspect.c is made of. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_INSPECT_H
#define WB_INSPECT_H

#include "hdf5/h5.h"
#include "session.h"

/* One file under inspection. */
typedef struct wb_inspection {
  wb_session *session;
  const wb_spec *spec;
  const json_t *task;
  const char *path;
  wb_h5 *file;
  json_t *result, *roles, *digests; // of the record; the latter two are parts of the first
  uint64_t units;                   // length of the unit axis; 0: no role has one
  const char *unit_object;          // an array with that axis
  wb_error *err;
} wb_inspection;

/* Digest of an object, remembered from an earlier call where the file did not change since. */
wb_status wb_inspect_digest(wb_inspection *in, const char *object, char digest[WB_DIGEST_SIZE]);

/* The roles that the service engine/1 serves. */
wb_status wb_inspect_model(wb_inspection *in, const wb_input *input);
wb_status wb_inspect_images(wb_inspection *in, const wb_input *input);

/* A text attribute of the root, or else of the test activations; malloc'ed, NULL where there is none. */
char *wb_inspect_data_attribute(const wb_inspection *in, const char *name);

/* Rows of the grid for so many units: the largest divisor not above the square root, so that columns >= rows.
 */
uint64_t wb_grid_rows(uint64_t units);

/* WB_INPUT: the file has no such object (NULL: none is named); what it holds of the same rank instead, and a
 * command to try. */
wb_status wb_fail_missing(const wb_h5 *file, const wb_spec *spec, const wb_input *input, const char *object,
                          wb_error *err);

#endif
