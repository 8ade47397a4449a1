/* h5.h: HDF5 files, thinly: objects by absolute path, errors in sentences, whole-file atomic writes.
 *
 * All HDF5 calls of the program are in formats/. The library's own error output is off. Not thread-safe: one
 * thread at a time uses HDF5 (the library is serial). SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_H5_H
#define WB_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/sha256.h"

enum { WB_H5_MAX_RANK = 8 };

typedef struct wb_h5 wb_h5;

/* Version of the HDF5 library in use, "1.10.8"; `text` holds at least 32 bytes. Returns it. */
const char *wb_h5_version(char *text);

/* Opens for reading. WB_INPUT where there is no such file, it is not HDF5, or it is damaged or still being
 * written. */
wb_status wb_h5_open(const char *path, wb_h5 **out, wb_error *err);

/* Starts a new file under a temporary name in the same folder; nothing appears at `path` before wb_h5_commit.
 */
wb_status wb_h5_create(const char *path, wb_h5 **out, wb_error *err);

/* Flushes, syncs to disk, and renames to the final path (replacing what was there); closes and frees. */
wb_status wb_h5_commit(wb_h5 *file, wb_error *err);

/* Closes and frees; a file that was created and not committed is removed. NULL is fine. */
void wb_h5_close(wb_h5 *file);

const char *wb_h5_path(const wb_h5 *file); // the final path
/* Lets messages, and wb_h5_path, name a file that was opened for reading by another path. */
wb_status wb_h5_show_as(wb_h5 *file, const char *path, wb_error *err);

typedef struct wb_h5_shape {
  uint32_t rank;
  uint64_t dims[WB_H5_MAX_RANK];
  wb_element element; // the closest of ours; 0 where the data are not numbers
  bool contiguous; // stored unchunked and in this machine's byte order and exactly `element`: can be mapped
} wb_h5_shape;

bool wb_h5_exists(const wb_h5 *file, const char *object); // follows soft links
/* WB_INPUT where there is no data set of that name; the message lists the data sets that there are. */
wb_status wb_h5_get_shape(const wb_h5 *file, const char *object, wb_h5_shape *shape, wb_error *err);

/* Rows first .. first+count-1 of the first axis, converted to `element`, into out. WB_INPUT where the data
 * are not numbers, or integers are asked for and a value is none, or not one that fits. */
wb_status wb_h5_read_rows(const wb_h5 *file, const char *object, wb_element element, uint64_t first,
                          uint64_t count, void *out, wb_error *err);
/* The whole data set into out. */
wb_status wb_h5_read(const wb_h5 *file, const char *object, wb_element element, void *out, wb_error *err);

/* A data set as it lies in the file, read-only; the file may be closed meanwhile. */
typedef struct wb_h5_mapping {
  const void *data; // aligned to its element
  void *base;       // what was mapped, from a page's start
  size_t length;
} wb_h5_mapping;

/* Maps a data set whose shape says `contiguous`; WB_UNSUPPORTED for another. Free with wb_h5_unmap. */
wb_status wb_h5_map(const wb_h5 *file, const char *object, wb_h5_mapping *out, wb_error *err);
void wb_h5_unmap(wb_h5_mapping *mapping); // a zeroed one is fine

/* Creates a data set (and the groups above it), contiguous. data NULL leaves it to wb_h5_write_rows. */
wb_status wb_h5_write(wb_h5 *file, const char *object, wb_element element, uint32_t rank,
                      const uint64_t *dims, const void *data, wb_error *err);
wb_status wb_h5_write_rows(wb_h5 *file, const char *object, wb_element element, uint64_t first,
                           uint64_t count, const void *data, wb_error *err);
wb_status wb_h5_make_group(wb_h5 *file, const char *object, wb_error *err);
wb_status wb_h5_soft_link(wb_h5 *file, const char *link, const char *target, wb_error *err);

/* Attributes of a group or data set ("/" is the root). Getters: WB_INPUT where there is none of that name and
 * type; texts are malloc'ed and freed by the caller (arrays: the block and each text, by wb_h5_free_texts).
 */
bool wb_h5_has_attribute(const wb_h5 *file, const char *object, const char *name);
wb_status wb_h5_set_text(wb_h5 *file, const char *object, const char *name, const char *text, wb_error *err);
wb_status wb_h5_set_texts(wb_h5 *file, const char *object, const char *name, const char *const *texts,
                          size_t count, wb_error *err);
wb_status wb_h5_set_ints(wb_h5 *file, const char *object, const char *name, const int64_t *values,
                         size_t count, wb_error *err);
wb_status wb_h5_set_doubles(wb_h5 *file, const char *object, const char *name, const double *values,
                            size_t count, wb_error *err);
wb_status wb_h5_get_text(const wb_h5 *file, const char *object, const char *name, char **text, wb_error *err);
wb_status wb_h5_get_texts(const wb_h5 *file, const char *object, const char *name, char ***texts,
                          size_t *count, wb_error *err);
/* At most `capacity` numbers; *count is how many there are. Integers and floats convert. */
wb_status wb_h5_get_ints(const wb_h5 *file, const char *object, const char *name, int64_t *values,
                         size_t capacity, size_t *count, wb_error *err);
wb_status wb_h5_get_doubles(const wb_h5 *file, const char *object, const char *name, double *values,
                            size_t capacity, size_t *count, wb_error *err);
void wb_h5_free_texts(char **texts, size_t count);

/* A group with all that is below it, or a data set, to the same place of another file. */
wb_status wb_h5_copy(const wb_h5 *from, const char *object, wb_h5 *to, wb_error *err);
/* The attributes of an object that the same object of the other file does not have yet. */
wb_status wb_h5_copy_attributes(const wb_h5 *from, const char *object, wb_h5 *to, wb_error *err);

/* Names of an object's attributes, sorted. */
wb_status wb_h5_attribute_names(const wb_h5 *file, const char *object, char ***names, size_t *count,
                                wb_error *err);
/* Absolute paths of all data sets below `group`, sorted; soft links are not followed. */
wb_status wb_h5_datasets(const wb_h5 *file, const char *group, char ***paths, size_t *count, wb_error *err);

/* SHA-256 over element type, shape, data (little-endian, row-major) and attributes of one data set, or over a
 * group's own attributes. WB_INPUT for a data set that does not hold numbers. */
wb_status wb_h5_digest(const wb_h5 *file, const char *object, char digest[WB_DIGEST_SIZE], wb_error *err);

#endif
