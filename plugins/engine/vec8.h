/* vec8.h: eight floats at a time, the channels of one pixel in nChw8c. Private to the engine.
 *
 * GCC's vector extension, in functions cloned for AVX2 where the compiler and CPU have it: portable, and as
 * fast as memory. Vectors are never passed by value (the ABI of that depends on the instruction set).
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_VEC8_H
#define WB_VEC8_H

#include "simd.h"

#include <stdint.h>

typedef float v8 __attribute__((vector_size(32), may_alias));
typedef int32_t m8 __attribute__((vector_size(32), may_alias)); // lanes all ones or all zeros

/* a where the mask holds, zero or b elsewhere. */
#define V8_KEEP(mask, a)      ((v8)((mask) & (m8)(a)))
#define V8_SELECT(mask, a, b) ((v8)(((mask) & (m8)(a)) | (~(mask) & (m8)(b))))

#endif
