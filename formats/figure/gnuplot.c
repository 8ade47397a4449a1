/* gnuplot.c: see figure.h; files, and running gnuplot. SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "figure/figure_internal.h"

static char *file_path(const char *folder, const char *name, const char *ending, wb_error *err) {
  const size_t size = strlen(folder) + strlen(name) + strlen(ending) + 2;
  char *path = malloc(size);
  if (path)
    snprintf(path, size, "%s/%s%s", folder, name, ending);
  else
    wb_fail_nomem(err, "a path", size);
  return path;
}

static wb_status write_script(const wb_figure *figure, const wb_layout *layout, const char *path,
                              wb_error *err) {
  FILE *out = fopen(path, "w");
  if (!out) return wb_fail_errno(err, "cannot write %s", path);
  wb_figure_write_script(figure, layout, out);
  const bool failed = ferror(out) != 0;
  return fclose(out) != 0 || failed ? wb_fail_errno(err, "cannot write %s", path) : WB_OK;
}

wb_status wb_figure_write(wb_figure *figure, const char *folder, wb_error *err) {
  if (!figure || figure->failed || !figure->name) return wb_fail_nomem(err, "a figure", sizeof *figure);
  wb_layout layout;
  wb_status status = wb_figure_layout(figure, &layout, err);
  if (status != WB_OK) return status;
  char *data = file_path(folder, figure->name, ".tsv", err),
       *script = file_path(folder, figure->name, ".gp", err);
  status = data && script ? wb_figure_write_data(figure, data, err) : WB_NOMEM;
  if (status == WB_OK) status = write_script(figure, &layout, script, err);
  free(data);
  free(script);
  return status;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Starts gnuplot without the user's own settings; *said is the reading end of its output. */
static int spawn(const char *script, pid_t *child, int *said) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); // so that the time limit ends all of it
  char *const args[] = {(char[]){"gnuplot"}, (char[]){"-d"}, (char *)script, NULL};
  const int failure = posix_spawnp(child, "gnuplot", &actions, &attributes, args, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failure)
    close(ends[0]);
  else
    *said = ends[0];
  return failure;
}

static wb_status fail_absent(wb_error *err) {
  return wb_fail(err, WB_UNSUPPORTED, "gnuplot is not installed (apt install gnuplot-nox)");
}

/* Collects output, the last `size` - 1 bytes of it, until the end or the deadline; false at the deadline. */
static bool listen_until(int said, double deadline, char *text, size_t size) {
  size_t length = 0;
  for (;;) {
    struct pollfd wait = {.fd = said, .events = POLLIN};
    const double left = deadline - now();
    if (left <= 0) return false;
    if (poll(&wait, 1, (int)(left * 1000) + 1) <= 0) continue;
    char block[512];
    const ssize_t got = read(said, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    const size_t more = (size_t)got, keep = length + more < size ? length : size - 1 - more;
    memmove(text, text + length - keep, keep);
    memcpy(text + keep, block, more);
    length = keep + more;
    text[length] = '\0';
  }
}

/* The last line that says something, without the place in the script that precedes gnuplot's errors. */
static const char *last_line(char *text) {
  const char *last = "it said nothing";
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
    if (line[strspn(line, " \t^")]) last = line + strspn(line, " \t");
  return last;
}

static wb_status run(const char *script, const char *name, double seconds, wb_error *err) {
  pid_t child = 0;
  int said = -1, code = 0;
  char text[2048] = "";
  const int failure = spawn(script, &child, &said);
  if (failure == ENOENT || failure == EACCES) return fail_absent(err);
  if (failure) return wb_fail(err, WB_IO, "gnuplot could not be started: %s", strerror(failure));
  const bool ended = listen_until(said, now() + seconds, text, sizeof text);
  if (!ended) kill(-child, SIGKILL);
  close(said);
  while (waitpid(child, &code, 0) < 0 && errno == EINTR) continue;
  if (!ended) return wb_fail(err, WB_IO, "gnuplot did not finish %s.gp within %g seconds", name, seconds);
  if (WIFEXITED(code) && WEXITSTATUS(code) == 127) return fail_absent(err); // spawning cannot always say so
  if (code != 0) return wb_fail(err, WB_IO, "gnuplot failed on %s.gp: %s", name, last_line(text));
  return WB_OK;
}

/* Whether two files hold the same bytes. */
static bool same_content(const char *a, const char *b) {
  FILE *x = fopen(a, "rb"), *y = fopen(b, "rb");
  char p[8192], q[8192];
  bool same = x && y;
  for (size_t n = 1; same && n;) {
    n = fread(p, 1, sizeof p, x);
    same = n == fread(q, 1, sizeof q, y) && !memcmp(p, q, n) && !ferror(x) && !ferror(y);
  }
  if (x) fclose(x);
  if (y) fclose(y);
  return same;
}

bool wb_figure_reuse(const char *earlier, const char *folder, const char *name) {
  static const char *const endings[] = {".tsv", ".gp", ".svg", ".png"};
  bool good = true;
  for (size_t i = 0; i < 4 && good; i++) {
    char *old = file_path(earlier, name, endings[i], NULL), *new = file_path(folder, name, endings[i], NULL);
    good = old && new && (i < 2 ? same_content(old, new) : link(old, new) == 0);
    free(old);
    free(new);
  }
  if (!good) {
    char *svg = file_path(folder, name, ".svg", NULL);
    if (svg) unlink(svg);
    free(svg);
  }
  return good;
}

wb_status wb_figure_draw(const char *folder, const char *name, double seconds, wb_error *err) {
  char *script = file_path(folder, name, ".gp", err);
  char *svg = file_path(folder, name, ".svg", err), *png = file_path(folder, name, ".png", err);
  const bool complete = script && svg && png;
  const wb_status status = complete ? run(script, name, seconds, err) : WB_NOMEM;
  if (complete && status != WB_OK) { // nothing half-drawn
    unlink(svg);
    unlink(png);
  }
  free(script);
  free(svg);
  free(png);
  return status;
}
