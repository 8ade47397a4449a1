/* workbench/base.h: how a call ended, and the types of array elements. Shared by the plugin ABI and the
 * libraries below it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef WORKBENCH_BASE_H
#define WORKBENCH_BASE_H

typedef enum wb_status {
  WB_OK = 0,
  WB_ARG = 1,         // a parameter is wrong; nothing was read
  WB_INPUT = 2,       // a file or an array is missing, malformed or unsuitable
  WB_NUMERIC = 3,     // a computation left the finite numbers or did not converge
  WB_NOMEM = 4,       // memory could not be had
  WB_IO = 5,          // the system refused to read or write
  WB_CANCELLED = 6,   // the user or the host asked to stop
  WB_UNSUPPORTED = 7, // valid, but not on this machine or in this version
  WB_INTERNAL = 8     // a broken promise inside the program
} wb_status;

typedef enum wb_element { WB_F32 = 1, WB_F64 = 2, WB_I32 = 3, WB_I64 = 4, WB_U8 = 5 } wb_element;

#endif
