/* shapes.c: see shapes.h. Distances after Quilez (iquilezles.org/articles/distfunctions2d).
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "data/shapes.h"

#include <string.h>

static const float pi = 3.14159265f;

const char *const wb_shape_names[WB_SHAPE_KINDS] = {"blob",     "starfish", "tree",  "worm", "flower",
                                                    "triangle", "square",   "cross", "arch", "ladder"};
const char *const wb_shape_families[WB_SHAPE_KINDS] = {"organic", "organic", "organic", "organic", "organic",
                                                       "rigid",   "rigid",   "rigid",   "rigid",   "rigid"};

// fminf and fmaxf are calls because of NaN, which does not occur here.
static float least(float a, float b) {
  return a < b ? a : b;
}

static float most(float a, float b) {
  return a > b ? a : b;
}

static wb_point polar(float radius, float angle) {
  return (wb_point){radius * cosf(angle), radius * sinf(angle)};
}

static wb_point plus(wb_point a, wb_point b) {
  return (wb_point){a.x + b.x, a.y + b.y};
}

static wb_point minus(wb_point a, wb_point b) {
  return (wb_point){a.x - b.x, a.y - b.y};
}

static float dot(wb_point a, wb_point b) {
  return a.x * b.x + a.y * b.y;
}

static void add_corner(wb_shape *s, float x, float y) {
  if (s->corners < WB_SHAPE_CORNERS) s->corner[s->corners++] = (wb_point){x, y};
}

static void add_stroke(wb_shape *s, wb_point a, wb_point b, float ra, float rb) {
  if (s->strokes < WB_SHAPE_STROKES) s->stroke[s->strokes++] = (wb_stroke){a, b, ra, rb};
}

/* A closed curve r = 1 + a few low harmonics. */
static void make_blob(wb_shape *s, wb_rng *rng) {
  float amplitude[5], phase[5];
  for (int k = 2; k < 5; k++) {
    amplitude[k] = wb_rng_range(rng, 0.5f, 1) * (k == 2 ? 0.22f : k == 3 ? 0.14f : 0.05f);
    phase[k] = wb_rng_range(rng, 0, 2 * pi);
  }
  for (int i = 0; i < WB_SHAPE_CORNERS; i++) {
    const float angle = 2 * pi * (float)i / WB_SHAPE_CORNERS;
    float r = 1;
    for (int k = 2; k < 5; k++) r += amplitude[k] * cosf((float)k * angle + phase[k]);
    add_corner(s, r * cosf(angle), r * sinf(angle));
  }
}

/* Four to six arms, each bent once and thinner outwards. */
static void make_starfish(wb_shape *s, wb_rng *rng) {
  const int arms = 4 + (int)wb_rng_below(rng, 3);
  const float bend = wb_rng_range(rng, -0.5f, 0.5f);
  for (int i = 0; i < arms; i++) {
    const float angle = 2 * pi * ((float)i + wb_rng_range(rng, -0.15f, 0.15f)) / (float)arms;
    const wb_point knee = polar(0.55f, angle);
    add_stroke(s, (wb_point){0, 0}, knee, 0.3f, 0.17f);
    add_stroke(s, knee, plus(knee, polar(wb_rng_range(rng, 0.4f, 0.55f), angle + bend)), 0.17f, 0.07f);
  }
  s->joint = 0.12f;
}

static void grow(wb_shape *s, wb_rng *rng, wb_point root, float angle, float length, float radius,
                 int level) {
  const wb_point tip = plus(root, polar(length, angle));
  add_stroke(s, root, tip, radius, 0.8f * radius);
  if (level == 0) return;
  for (int side = -1; side <= 1; side += 2)
    grow(s, rng, tip, angle + (float)side * wb_rng_range(rng, 0.4f, 0.75f),
         length * wb_rng_range(rng, 0.65f, 0.85f), 0.8f * radius, level - 1);
}

/* A trunk that forks three times. */
static void make_tree(wb_shape *s, wb_rng *rng) {
  grow(s, rng, (wb_point){0, 0}, pi / 2, 0.75f, 0.11f, 3);
  s->joint = 0.04f;
}

/* A thick sine wave, thinner at its ends. */
static void make_worm(wb_shape *s, wb_rng *rng) {
  enum { PIECES = 16 };
  const float waves = wb_rng_range(rng, 1, 1.4f), height = wb_rng_range(rng, 0.3f, 0.38f);
  const float phase = wb_rng_range(rng, 0, 2 * pi), thick = wb_rng_range(rng, 0.2f, 0.26f);
  wb_point last = {0, 0};
  float last_radius = 0;
  for (int i = 0; i <= PIECES; i++) {
    const float t = (float)i / PIECES;
    const wb_point p = {2 * t - 1, height * sinf(2 * pi * waves * t + phase)};
    const float radius = thick * (1 - 0.5f * (2 * t - 1) * (2 * t - 1));
    if (i) add_stroke(s, last, p, last_radius, radius);
    last = p;
    last_radius = radius;
  }
}

/* Five to seven round petals about a hole. */
static void make_flower(wb_shape *s, wb_rng *rng) {
  const int petals = 5 + (int)wb_rng_below(rng, 3);
  const float radius = sinf(pi / (float)petals) * 0.68f;
  for (int i = 0; i < petals; i++) {
    const float angle = 2 * pi * (float)i / (float)petals;
    add_stroke(s, polar(0.4f, angle), polar(wb_rng_range(rng, 0.62f, 0.72f), angle), 0.8f * radius, radius);
  }
  s->hole = 0.2f;
}

static void make_triangle(wb_shape *s, wb_rng *rng) {
  for (int i = 0; i < 3; i++) {
    const wb_point p = polar(1, pi / 2 + 2 * pi * ((float)i + wb_rng_range(rng, -0.12f, 0.12f)) / 3);
    add_corner(s, p.x, p.y);
  }
}

static void make_square(wb_shape *s, wb_rng *rng) {
  const float w = 1, h = wb_rng_range(rng, 0.7f, 1);
  add_corner(s, -w, -h);
  add_corner(s, w, -h);
  add_corner(s, w, h);
  add_corner(s, -w, h);
}

static void make_cross(wb_shape *s, wb_rng *rng) {
  const float w = wb_rng_range(rng, 0.22f, 0.34f);
  const float turn[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
  for (int i = 0; i < 4; i++) {
    const float c = turn[i][0], d = turn[i][1], arm = wb_rng_range(rng, 0.85f, 1);
    add_corner(s, c * arm + d * w, d * arm - c * w);
    add_corner(s, c * arm - d * w, d * arm + c * w);
    add_corner(s, (c - d) * w, (c + d) * w);
  }
}

/* A half ring on two legs. */
static void make_arch(wb_shape *s, wb_rng *rng) {
  enum { ARC = 12 };
  const float inner = wb_rng_range(rng, 0.42f, 0.55f), legs = wb_rng_range(rng, 0.6f, 1.1f);
  add_corner(s, 1, -legs);
  for (int i = 0; i <= ARC; i++) add_corner(s, cosf(pi * (float)i / ARC), sinf(pi * (float)i / ARC));
  add_corner(s, -1, -legs);
  add_corner(s, -inner, -legs);
  for (int i = ARC; i >= 0; i--)
    add_corner(s, inner * cosf(pi * (float)i / ARC), inner * sinf(pi * (float)i / ARC));
  add_corner(s, inner, -legs);
}

/* Two rails and three or four rungs. */
static void make_ladder(wb_shape *s, wb_rng *rng) {
  const int rungs = 3 + (int)wb_rng_below(rng, 2);
  const float width = wb_rng_range(rng, 0.4f, 0.55f), half = wb_rng_range(rng, 0.09f, 0.12f);
  for (int side = -1; side <= 1; side += 2)
    add_stroke(s, (wb_point){(float)side * width, -1}, (wb_point){(float)side * width, 1}, half, half);
  for (int i = 0; i < rungs; i++) {
    const float y = -0.7f + 1.4f * (float)i / (float)(rungs - 1);
    add_stroke(s, (wb_point){-width, y}, (wb_point){width, y}, half, half);
  }
}

void wb_shape_transform(wb_shape *s, const float m[4], wb_point shift) {
  const float scale = sqrtf(fabsf(m[0] * m[3] - m[1] * m[2])); // of widths: the mean of both directions
  wb_point *points[WB_SHAPE_CORNERS + 2 * WB_SHAPE_STROKES + 1];
  int count = 0;
  for (int i = 0; i < s->corners; i++) points[count++] = &s->corner[i];
  for (int i = 0; i < s->strokes; i++) {
    points[count++] = &s->stroke[i].a;
    points[count++] = &s->stroke[i].b;
    s->stroke[i].ra *= scale;
    s->stroke[i].rb *= scale;
  }
  points[count++] = &s->centre;
  for (int i = 0; i < count; i++) {
    const wb_point p = *points[i];
    *points[i] = (wb_point){m[0] * p.x + m[1] * p.y + shift.x, m[2] * p.x + m[3] * p.y + shift.y};
  }
  s->joint *= scale;
  s->hole *= scale;
}

/* Moves the middle of the bounding box to the origin and the farthest point to distance 1. */
static void normalise(wb_shape *s) {
  wb_stroke discs[WB_SHAPE_CORNERS + 2 * WB_SHAPE_STROKES]; // a and ra count
  int count = 0;
  for (int i = 0; i < s->corners; i++) discs[count++] = (wb_stroke){.a = s->corner[i]};
  for (int i = 0; i < s->strokes; i++) {
    discs[count++] = s->stroke[i];
    discs[count++] = (wb_stroke){.a = s->stroke[i].b, .ra = s->stroke[i].rb};
  }
  wb_point low = {INFINITY, INFINITY}, high = {-INFINITY, -INFINITY};
  for (int i = 0; i < count; i++) {
    const wb_stroke d = discs[i];
    low = (wb_point){least(low.x, d.a.x - d.ra), least(low.y, d.a.y - d.ra)};
    high = (wb_point){most(high.x, d.a.x + d.ra), most(high.y, d.a.y + d.ra)};
  }
  const wb_point middle = {(low.x + high.x) / 2, (low.y + high.y) / 2};
  float reach = 0;
  for (int i = 0; i < count; i++) {
    const wb_point p = minus(discs[i].a, middle);
    reach = most(reach, sqrtf(dot(p, p)) + discs[i].ra);
  }
  const float shrink[4] = {1 / reach, 0, 0, 1 / reach};
  wb_shape_transform(s, shrink, (wb_point){-middle.x / reach, -middle.y / reach});
}

void wb_shape_make(wb_shape *shape, int kind, wb_rng *rng) {
  static void (*const makers[WB_SHAPE_KINDS])(wb_shape *, wb_rng *) = {
      make_blob,     make_starfish, make_tree,  make_worm, make_flower,
      make_triangle, make_square,   make_cross, make_arch, make_ladder};
  memset(shape, 0, sizeof *shape);
  makers[kind](shape, rng);
  normalise(shape);
}

static float polygon_distance(const wb_point *v, int count, wb_point p) {
  float nearest = INFINITY, sign = 1;
  for (int i = 0, j = count - 1; i < count; j = i++) {
    const wb_point edge = minus(v[j], v[i]), to = minus(p, v[i]);
    const float t = least(most(dot(to, edge) / dot(edge, edge), 0), 1);
    const wb_point off = {to.x - t * edge.x, to.y - t * edge.y};
    nearest = least(nearest, dot(off, off));
    const int above = p.y >= v[i].y, below = p.y<v[j].y, left = edge.x * to.y> edge.y * to.x;
    if (above == below && below == left) sign = -sign;
  }
  return sign * sqrtf(nearest);
}

static float stroke_distance(const wb_stroke *s, wb_point p) {
  const wb_point along = minus(s->b, s->a), to = minus(p, s->a);
  const float square = dot(along, along);
  const float t = square > 0 ? least(most(dot(to, along) / square, 0), 1) : 0;
  const wb_point off = {to.x - t * along.x, to.y - t * along.y};
  return sqrtf(dot(off, off)) - (s->ra + t * (s->rb - s->ra));
}

/* min(a, b), rounded where they are within k of each other. */
static float smooth_min(float a, float b, float k) {
  const float h = k > 0 ? most(k - fabsf(a - b), 0) / k : 0;
  return least(a, b) - h * h * k / 4;
}

float wb_shape_distance(const wb_shape *s, wb_point p) {
  float d = s->corners ? polygon_distance(s->corner, s->corners, p) : INFINITY;
  for (int i = 0; i < s->strokes; i++) {
    const float stroke = stroke_distance(&s->stroke[i], p);
    d = i || s->corners ? smooth_min(d, stroke, s->joint) : stroke;
  }
  if (s->hole > 0) {
    const wb_point off = minus(p, s->centre);
    d = most(d, s->hole - sqrtf(dot(off, off)));
  }
  return d;
}
