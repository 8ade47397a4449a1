/* shapes.h: outlines of the ten classes of the built-in data set, as signed distances.
 *
 * A shape is the union of polygons, thick strokes (capsules, thinner towards one end perhaps) and discs,
 * minus a hole. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_SHAPES_H
#define WB_SHAPES_H

#include "base/rng.h"

enum { WB_SHAPE_KINDS = 10, WB_SHAPE_CORNERS = 40, WB_SHAPE_STROKES = 48 };

extern const char *const wb_shape_names[WB_SHAPE_KINDS];
extern const char *const wb_shape_families[WB_SHAPE_KINDS]; // "organic" or "rigid"

typedef struct wb_point {
  float x, y;
} wb_point;

/* A straight stroke from a to b whose half-width goes from ra to rb; a disc if a = b. */
typedef struct wb_stroke {
  wb_point a, b;
  float ra, rb;
} wb_stroke;

typedef struct wb_shape {
  wb_point corner[WB_SHAPE_CORNERS]; // of one closed polygon
  wb_stroke stroke[WB_SHAPE_STROKES];
  int corners, strokes;
  float joint; // strokes melt into each other over about this length
  wb_point centre;
  float hole; // radius of the hole at the centre, 0 for none
} wb_shape;

/* A random shape of `kind`, upright (y upwards), filling the unit circle about the origin. */
void wb_shape_make(wb_shape *shape, int kind, wb_rng *rng);

/* Maps every point p to matrix * p + shift; matrix is row-major 2x2. */
void wb_shape_transform(wb_shape *shape, const float matrix[4], wb_point shift);

/* Signed distance from p to the outline, negative inside. */
float wb_shape_distance(const wb_shape *shape, wb_point p);

#endif
