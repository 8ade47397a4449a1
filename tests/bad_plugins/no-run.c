/* no-run.c: has no run function. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

BAD_PLUGIN("no-run", NULL)
