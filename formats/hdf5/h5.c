/* h5.c: files, see h5.h; what is in them: h5_data.c, h5_attributes.c, h5_contents.c.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hdf5/h5_internal.h"

static herr_t keep_first(unsigned n, const H5E_error2_t *entry, void *out) {
  if (n == 0) snprintf(out, 512, "%s", entry->desc ? entry->desc : "no reason given");
  return 0;
}

wb_status wb_h5_fail(wb_error *err, wb_status status, const char *format, ...) {
  char what[900], reason[512] = "no reason given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, reason);
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  return wb_fail(err, status, "%s (HDF5: %s)", what, reason);
}

static wb_status make_handle(const char *path, wb_h5 **out, wb_error *err) {
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  wb_h5 *file = calloc(1, sizeof *file);
  char *copy = strdup(path);
  if (!file || !copy) {
    free(file);
    free(copy);
    return wb_fail_nomem(err, path, sizeof *file);
  }
  file->id = H5I_INVALID_HID;
  file->path = copy;
  *out = file;
  return WB_OK;
}

/* Closing the file closes whatever is open in it. Large arrays start on cache lines, so that they can be
 * mapped. The format of HDF5 1.8 lets an attribute (the labels of a large matrix) exceed 64 KiB. */
static hid_t access_properties(void) {
  const hid_t list = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
  H5Pset_alignment(list, 256, 64);
  H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
  H5Pset_file_locking(list, true, true);
  return list;
}

wb_status wb_h5_open(const char *path, wb_h5 **out, wb_error *err) {
  *out = NULL;
  struct stat info;
  if (stat(path, &info) != 0)
    return errno == ENOENT || errno == ENOTDIR ? wb_fail(err, WB_INPUT, "there is no file %s", path)
                                               : wb_fail_errno(err, "cannot open %s", path);
  if (!S_ISREG(info.st_mode)) return wb_fail(err, WB_INPUT, "%s is not a file", path);
  if (access(path, R_OK) != 0) return wb_fail_errno(err, "cannot read %s", path);

  wb_h5 *file = NULL;
  wb_status status = make_handle(path, &file, err);
  if (status != WB_OK) return status;
  if (H5Fis_hdf5(path) <= 0) {
    wb_h5_close(file);
    return wb_fail(err, WB_INPUT, "%s is not an HDF5 file (%lld bytes)", path, (long long)info.st_size);
  }
  const hid_t access_list = access_properties();
  file->id = H5Fopen(path, H5F_ACC_RDONLY, access_list);
  if (file->id < 0)
    status =
        wb_h5_fail(err, WB_INPUT, "%s is an HDF5 file, but damaged, incomplete or still being written", path);
  H5Pclose(access_list);
  if (status != WB_OK) {
    wb_h5_close(file);
    return status;
  }
  *out = file;
  return WB_OK;
}

/* Splits "folder/name" into folder ("." where there is none) and name. folder is malloc'ed. */
static char *split_path(const char *path, const char **name) {
  const char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  if (!slash) return strdup(".");
  return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Whether nobody writes a file any more. HDF5 locks what it writes, until the process is gone; the PID alone
 * may be that of a zombie, of another process by now, or of another machine. It decides where there are no
 * locks, and for what is so new that its writer may be about to lock it. */
static bool is_abandoned(int folder, const char *name, pid_t writer) {
  struct stat info;
  struct timespec now;
  const int file = openat(folder, name, O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  const bool unlocked = flock(file, LOCK_EX | LOCK_NB) == 0, locked = !unlocked && errno == EWOULDBLOCK;
  const bool known = fstat(file, &info) == 0 && clock_gettime(CLOCK_REALTIME, &now) == 0;
  close(file);
  if (locked || !known) return false;
  const double age =
      difftime(now.tv_sec, info.st_mtim.tv_sec) + 1e-9 * (double)(now.tv_nsec - info.st_mtim.tv_nsec);
  return (unlocked && age > 0.1) || (kill(writer, 0) != 0 && errno == ESRCH);
}

/* Removes what killed processes left of earlier attempts: .NAME.PID-N.partial. */
static void remove_stale(const char *folder, const char *name) {
  DIR *dir = opendir(folder);
  if (!dir) return;
  const size_t length = strlen(name);
  for (struct dirent *entry; (entry = readdir(dir));) {
    const char *s = entry->d_name;
    if (s[0] != '.' || strncmp(s + 1, name, length) != 0 || s[1 + length] != '.') continue;
    if (!isdigit((unsigned char)s[2 + length])) continue;
    char *rest;
    const long pid = strtol(s + 2 + length, &rest, 10);
    const size_t left = strlen(rest);
    if (left < 9 || strcmp(rest + left - 8, ".partial") != 0 || pid <= 0) continue;
    if (is_abandoned(dirfd(dir), s, (pid_t)pid)) unlinkat(dirfd(dir), s, 0);
  }
  closedir(dir);
}

wb_status wb_h5_create(const char *path, wb_h5 **out, wb_error *err) {
  static unsigned serial;
  *out = NULL;
  wb_h5 *file = NULL;
  wb_status status = make_handle(path, &file, err);
  if (status != WB_OK) return status;
  const char *name;
  char *folder = split_path(path, &name);
  const size_t length = strlen(path) + 64;
  file->temporary = malloc(length);
  if (!folder || !file->temporary) {
    status = wb_fail_nomem(err, "a file name", length);
    goto failed;
  }
  snprintf(file->temporary, length, "%s/.%s.%ld-%u.partial", folder, name, (long)getpid(), serial++);
  struct stat info;
  if (stat(folder, &info) != 0) {
    status = wb_fail_errno(err, "cannot write %s: its folder %s", path, folder);
    goto failed;
  }
  remove_stale(folder, name);
  const hid_t access_list = access_properties();
  file->id = H5Fcreate(file->temporary, H5F_ACC_EXCL, H5P_DEFAULT, access_list);
  if (file->id < 0) status = wb_h5_fail(err, WB_IO, "cannot write in the folder %s", folder);
  H5Pclose(access_list);
  if (status != WB_OK) goto failed;
  free(folder);
  *out = file;
  return WB_OK;
failed:
  free(file->temporary); // not ours to unlink
  file->temporary = NULL;
  free(folder);
  wb_h5_close(file);
  return status;
}

static wb_status sync_path(const char *path, int flags, wb_error *err) {
  const int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0) return wb_fail_errno(err, "cannot write %s", path);
  /* Some file systems cannot sync a folder; then the rename is as durable as they make it. */
  const bool failed = fsync(fd) != 0 && errno != EINVAL;
  wb_status status = failed ? wb_fail_errno(err, "cannot write %s to disk", path) : WB_OK;
  close(fd);
  return status;
}

wb_status wb_h5_commit(wb_h5 *file, wb_error *err) {
  if (!file || !file->temporary) return wb_fail(err, WB_INTERNAL, "commit of a file not being written");
  wb_status status = WB_OK;
  const char *name;
  char *folder = split_path(file->path, &name);
  if (!folder) status = wb_fail_nomem(err, "a file name", strlen(file->path));
  if (H5Fclose(file->id) < 0 && status == WB_OK)
    status = wb_h5_fail(err, WB_IO, "cannot write %s; is the disk full?", file->path);
  file->id = H5I_INVALID_HID;
  if (status == WB_OK) status = sync_path(file->temporary, O_RDONLY, err);
  if (status == WB_OK && rename(file->temporary, file->path) != 0)
    status = wb_fail_errno(err, "cannot put %s in its place", file->path);
  if (status == WB_OK) {
    free(file->temporary);
    file->temporary = NULL;
    status = sync_path(folder, O_RDONLY | O_DIRECTORY, err);
  }
  free(folder);
  wb_h5_close(file);
  return status;
}

void wb_h5_close(wb_h5 *file) {
  if (!file) return;
  if (file->id >= 0) H5Fclose(file->id);
  if (file->temporary) unlink(file->temporary);
  free(file->temporary);
  free(file->path);
  free(file);
}

wb_status wb_h5_show_as(wb_h5 *file, const char *path, wb_error *err) {
  char *copy = strdup(path);
  if (!copy) return wb_fail_nomem(err, path, strlen(path) + 1);
  free(file->path);
  file->path = copy;
  return WB_OK;
}

const char *wb_h5_path(const wb_h5 *file) {
  return file->path;
}

const char *wb_h5_version(char *text) {
  unsigned major = 0, minor = 0, patch = 0;
  H5get_libversion(&major, &minor, &patch);
  snprintf(text, 32, "%u.%u.%u", major, minor, patch);
  return text;
}
