/* test_h5_abandoned.c: what killed writers of HDF5 files left behind is removed, what is being written is
 * not. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "h5_folder.h"

/* A file beside `path` as a writer of that PID would have left it, an hour old unless it is new. */
static int left_by(pid_t writer, bool new) {
  char name[128];
  const struct timespec hour_ago = {time(NULL) - 3600, 0}, times[] = {hour_ago, hour_ago};
  snprintf(name, sizeof name, "%s/.file.h5.%ld-99.partial", folder, (long)writer);
  const int file = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  assert_true(file >= 0);
  if (!new) assert_int_equal(futimens(file, times), 0);
  return file;
}

/* Files that remain, with the one that is being written. */
static int remaining(void) {
  wb_h5 *file = created();
  const int count = count_files();
  wb_h5_close(file);
  return count;
}

static void abandoned_files_are_removed(void **state) {
  (void)state;
  const pid_t child = fork();
  if (child == 0) {
    created();
    raise(SIGKILL);
  }
  siginfo_t info;
  assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
  assert_int_equal(count_files(), 1);
  usleep(200000);
  assert_int_equal(remaining(), 1); // though the zombie still has its PID
  assert_int_equal(waitpid(child, NULL, 0), child);

  close(left_by(child, true)); // new, but nobody has that PID
  assert_int_equal(remaining(), 1);
  close(left_by(getpid(), false)); // the PID is another process' by now
  assert_int_equal(remaining(), 1);
}

static void files_of_writers_are_kept(void **state) {
  (void)state;
  close(left_by(getpid(), true)); // about to be locked
  assert_int_equal(remaining(), 2);
  empty_folder(NULL);
  const int elsewhere = left_by(999999999, false); // no PID of this machine
  assert_int_equal(flock(elsewhere, LOCK_EX), 0);
  assert_int_equal(remaining(), 2);
  close(elsewhere);
  assert_int_equal(remaining(), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(abandoned_files_are_removed),
                                     cmocka_unit_test(files_of_writers_are_kept)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
