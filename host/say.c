/* say.c: see say.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "say.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"

static struct {
  wb_verbosity verbosity;
  bool shown;          // a bar is on the screen
  double begun, drawn; // of this bar, seconds; 0: none yet
  double first;        // the fraction that it began with
} terminal;

void wb_say_set(wb_verbosity verbosity) {
  terminal.verbosity = verbosity;
}

static void clear_bar(void) {
  if (terminal.shown) fputs("\r\033[K", stderr);
  terminal.shown = false;
}

static void print_indented(const char *text) {
  for (const char *c = text; *c; c++) {
    fputc(*c, stderr);
    if (*c == '\n' && c[1]) fputs("  ", stderr);
  }
  fputc('\n', stderr);
}

static void print(const char *prefix, const char *format, va_list args) {
  char text[4096];
  vsnprintf(text, sizeof text, format, args);
  clear_bar();
  fputs(prefix, stderr);
  print_indented(text);
}

void wb_say_error(const char *format, ...) {
  va_list args;
  va_start(args, format);
  print("workbench: ", format, args);
  va_end(args);
}

void wb_say_warning(const char *format, ...) {
  va_list args;
  va_start(args, format);
  print("workbench: warning: ", format, args);
  va_end(args);
}

void wb_say_note(const char *format, ...) {
  if (terminal.verbosity == WB_QUIET) return;
  va_list args;
  va_start(args, format);
  print("", format, args);
  va_end(args);
}

void wb_say_log(wb_level level, const char *text) {
  if (level == WB_WARNING)
    wb_say_warning("%s", text);
  else if (level == WB_INFO || terminal.verbosity == WB_VERBOSE)
    wb_say_note("%s", text);
}

static bool draws_bars(void) {
  const char *kind = getenv("TERM"), *plain = getenv("NO_COLOR");
  return terminal.verbosity != WB_QUIET && isatty(STDERR_FILENO) && kind && strcmp(kind, "dumb") &&
         !(plain && *plain);
}

void wb_bar_draw(const char *label, double fraction, const char *note) {
  enum { CELLS = 20 };
  const double time = wb_now();
  if (!draws_bars() || (terminal.begun > 0 && time - terminal.drawn < 0.1)) return;
  const double done = isnan(fraction) ? 0 : fmin(fmax(fraction, 0), 1);
  if (terminal.begun <= 0) {
    terminal.begun = time;
    terminal.first = done;
  }
  terminal.drawn = time;
  const double spent = time - terminal.begun, gained = done - terminal.first; // resumed work begins half-way
  char cells[CELLS + 1], left[24] = "", head[160], tail[40] = "";
  memset(cells, '-', CELLS);
  memset(cells, '#', (size_t)(done * CELLS));
  cells[CELLS] = '\0';
  if (gained > 0 && spent > 1) wb_say_duration(left, spent * (1 - done) / gained);
  snprintf(head, sizeof head, "%s  [%s] %3.0f%%%s", label, cells, 100 * done, note ? "  " : "");
  if (*left) snprintf(tail, sizeof tail, "  %s left", left);
  struct winsize size = {0};
  ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
  const int columns = size.ws_col > 1 ? size.ws_col - 1 : 79;
  const int room = columns - (int)strlen(head) - (int)strlen(tail); // where it is narrow the note is cut
  fprintf(stderr, "\r%.*s%.*s%s\033[K", columns, head, room > 0 ? room : 0, note ? note : "", tail);
  fflush(stderr);
  terminal.shown = true;
}

void wb_bar_end(void) {
  clear_bar();
  terminal.begun = 0;
}

const char *wb_say_duration(char *text, double seconds) {
  const long whole = lround(seconds);
  if (whole < 3600)
    snprintf(text, 24, "%ld:%02ld", whole / 60, whole % 60);
  else
    snprintf(text, 24, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return text;
}

const char *wb_say_bytes(char *text, double bytes) {
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  for (; bytes >= 1000 && unit < 4; unit++) bytes /= 1000;
  snprintf(text, 24, unit && bytes < 10 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
  return text;
}
