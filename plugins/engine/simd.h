/* simd.h: lets the compiler vectorise hot leaf functions for AVX2 + FMA while the build stays generic.
 *
 * `WB_CLONES static void f(...)` is compiled twice and the better version is chosen when the program is
 * loaded. The bodies that OpenMP outlines are not cloned: keep the inner loop in a leaf of its own. Nothing
 * happens where the compiler cannot do it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_SIMD_H
#define WB_SIMD_H

/* Choosing at load time runs before a sanitizer is ready, so sanitized builds go without. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&     \
    !defined(__SANITIZE_THREAD__)
#define WB_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define WB_CLONES
#endif

#endif
