/* spec_internal.h: what spec.c and spec_json.c share. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SPEC_INTERNAL_H
#define WB_SPEC_INTERNAL_H

#include "spec.h"

/* Ids, names, types, ranks, bounds and defaults. WB_INTERNAL with a sentence that begins with the plugin's
 * id. */
wb_status wb_spec_check(const wb_spec *spec, wb_error *err);

#endif
