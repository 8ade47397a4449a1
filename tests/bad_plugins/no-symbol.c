/* no-symbol.c: does not export the one symbol. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

WB_EXPORT int something_else(void);
int something_else(void) {
  return (int)(sizeof bad_inputs + sizeof bad_outputs);
}
