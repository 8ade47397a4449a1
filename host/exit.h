/* exit.h: the program's exit codes. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_EXIT_H
#define WB_EXIT_H

#include <workbench/base.h>

enum {
  WB_EXIT_OK = 0,
  WB_EXIT_FAILED = 1,     // a run failed, crashed or took too long
  WB_EXIT_USAGE = 2,      // an unknown plugin, option or value
  WB_EXIT_PLUGIN = 3,     // the plugin could not be loaded
  WB_EXIT_INPUT = 4,      // no usable input
  WB_EXIT_CANCELLED = 130 // as shells report SIGINT
};

static inline int wb_exit_code(wb_status status) {
  switch (status) {
  case WB_OK:
    return WB_EXIT_OK;
  case WB_ARG:
    return WB_EXIT_USAGE;
  case WB_INPUT:
    return WB_EXIT_INPUT;
  case WB_CANCELLED:
    return WB_EXIT_CANCELLED;
  default:
    return WB_EXIT_FAILED;
  }
}

#endif
