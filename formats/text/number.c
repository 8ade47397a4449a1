/* number.c: see number.h.
 *
 * |value| is scaled by 10^k to nine digits before the point. The product and its rounding error together are
 * exact (fma), so that rounding to an integer is right unless it is as good as a tie, which printf decides,
 * as it does everything outside 1e-4 .. 1e9.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "text/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { MOST_DECIMALS = 12 }; // 1e-4 has nine digits after twelve decimals

static const double powers[MOST_DECIMALS + 1] = {1e0, 1e1, 1e2, 1e3,  1e4,  1e5, 1e6,
                                                 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};

/* magnitude = *digits / 10^*decimals, rounded to nine significant digits, without closing zeros. False where
 * this is not sure. */
static bool round_to_nine(double magnitude, uint64_t *digits, int *decimals) {
  int k = 0;
  while (k <= MOST_DECIMALS && magnitude * powers[k] < 1e8) k++;
  if (k > MOST_DECIMALS || !(magnitude < 1e9)) return false;
  const double product = magnitude * powers[k], whole = floor(product);
  const double rest = product - whole + fma(magnitude, powers[k], -product);
  if (fabs(rest - 0.5) < 1e-6) return false;
  uint64_t n = (uint64_t)whole + (rest > 0.5);
  if (n == 1000000000 && k == 0) return false;
  for (; k > 0 && n % 10 == 0; k--) n /= 10;
  *digits = n;
  *decimals = k;
  return true;
}

size_t wb_print_number(double value, char text[WB_NUMBER_SIZE]) {
  uint64_t digits = 0;
  int decimals = 0;
  if (value != 0 && !round_to_nine(fabs(value), &digits, &decimals))
    return (size_t)snprintf(text, WB_NUMBER_SIZE, "%.9g", value);
  char reversed[WB_NUMBER_SIZE];
  size_t count = 0, length = 0;
  for (int place = 0; digits > 0 || place <= decimals; place++, digits /= 10) {
    if (place == decimals && place > 0) reversed[count++] = '.';
    reversed[count++] = (char)('0' + digits % 10);
  }
  if (signbit(value)) text[length++] = '-';
  while (count > 0) text[length++] = reversed[--count];
  text[length] = '\0';
  return length;
}
