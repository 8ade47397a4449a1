/* number.h: numbers as text, as all tables and figures' data have them. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_NUMBER_H
#define WB_NUMBER_H

#include <stddef.h>

enum { WB_NUMBER_SIZE = 32 };

/* What printf's "%.9g" prints in the C locale, correctly rounded: writes it with a closing NUL and returns
 * its length. `value`: anything; NaN is "nan" or "-nan". */
size_t wb_print_number(double value, char text[WB_NUMBER_SIZE]);

#endif
