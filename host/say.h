/* say.h: everything that people read on stderr: messages, and a progress bar where that is a terminal. The
 * terminal is one for the whole process, so is this. Main thread. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_SAY_H
#define WB_SAY_H

#include <workbench/plugin.h>

typedef enum wb_verbosity { WB_QUIET = -1, WB_NORMAL = 0, WB_VERBOSE = 1 } wb_verbosity;

void wb_say_set(wb_verbosity verbosity);

/* "workbench: ..", with the lines after the first indented. */
void wb_say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void wb_say_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As it is; not when quiet. */
void wb_say_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A plugin's message: WB_DEBUG only when verbose, WB_INFO not when quiet, WB_WARNING always. */
void wb_say_log(wb_level level, const char *text);

/* A line that is drawn over: "moran [####----] 58%  note  0:18 left". `fraction` of the work is done (NAN:
 * unknown). Only on a terminal, and at most ten times a second. */
void wb_bar_draw(const char *label, double fraction, const char *note);
/* Removes the bar; the next one starts a new clock. */
void wb_bar_end(void);

/* "0:57", "1:02:03"; `text` holds at least 24 bytes. */
const char *wb_say_duration(char *text, double seconds);
/* "412 MB"; `text` holds at least 24 bytes. */
const char *wb_say_bytes(char *text, double bytes);

#endif
