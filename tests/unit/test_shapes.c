/* test_shapes.c: outlines against brute force. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/shapes.h"

static const float pi = 3.14159265f;

static wb_shape random_shape(int kind, uint64_t index) {
  wb_rng rng = wb_rng_make(7, "shapes", index);
  wb_shape shape;
  wb_shape_make(&shape, kind, &rng);
  return shape;
}

/* Distance to many points along the polygon, negative where the corners turn about p. */
static float polygon_by_points(const wb_shape *s, wb_point p) {
  enum { STEPS = 2000 };
  float nearest = INFINITY, turn = 0;
  for (int i = 0; i < s->corners; i++) {
    const wb_point a = s->corner[i], b = s->corner[(i + 1) % s->corners];
    for (int k = 0; k < STEPS; k++) {
      const float t = (float)k / STEPS;
      nearest = fminf(nearest, hypotf(a.x + t * (b.x - a.x) - p.x, a.y + t * (b.y - a.y) - p.y));
    }
    turn += remainderf(atan2f(b.y - p.y, b.x - p.x) - atan2f(a.y - p.y, a.x - p.x), 2 * pi);
  }
  return fabsf(turn) > pi ? -nearest : nearest;
}

/* Distance to many discs along the strokes; exact where their width is constant and they do not melt. */
static float strokes_by_discs(const wb_shape *s, wb_point p) {
  enum { STEPS = 2000 };
  float nearest = INFINITY;
  for (int i = 0; i < s->strokes; i++)
    for (int k = 0; k <= STEPS; k++) {
      const wb_stroke *w = &s->stroke[i];
      const float t = (float)k / STEPS;
      const wb_point c = {w->a.x + t * (w->b.x - w->a.x), w->a.y + t * (w->b.y - w->a.y)};
      nearest = fminf(nearest, hypotf(c.x - p.x, c.y - p.y) - w->ra);
    }
  return nearest;
}

static void distances_agree_with_brute_force(void **state) {
  (void)state;
  for (int kind = 0; kind < WB_SHAPE_KINDS; kind++) {
    const wb_shape s = random_shape(kind, 1);
    if (s.joint > 0 || s.hole > 0 || (s.strokes && s.stroke[0].ra != s.stroke[0].rb)) continue;
    wb_rng rng = wb_rng_make(1, "points", (uint64_t)kind);
    for (int i = 0; i < 60; i++) {
      const wb_point p = {wb_rng_range(&rng, -1.2f, 1.2f), wb_rng_range(&rng, -1.2f, 1.2f)};
      const float expected = s.corners ? polygon_by_points(&s, p) : strokes_by_discs(&s, p);
      assert_float_equal(wb_shape_distance(&s, p), expected, 2e-3f);
    }
  }
}

static void every_kind_differs_in_its_parts(void **state) {
  (void)state;
  const char polygon[WB_SHAPE_KINDS] = {1, 0, 0, 0, 0, 1, 1, 1, 1, 0};
  for (int kind = 0; kind < WB_SHAPE_KINDS; kind++) {
    const wb_shape s = random_shape(kind, 2);
    assert_int_equal(s.corners > 0, polygon[kind]);
    assert_int_equal(s.strokes > 0, !polygon[kind]);
    assert_true(s.corners <= WB_SHAPE_CORNERS && s.strokes <= WB_SHAPE_STROKES);
  }
  assert_int_equal(random_shape(5, 0).corners, 3);
  assert_int_equal(random_shape(6, 0).corners, 4);
  assert_int_equal(random_shape(7, 0).corners, 12);
  assert_int_equal(random_shape(2, 0).strokes, 1 + 2 + 4 + 8);
}

static void shapes_fill_the_unit_circle(void **state) {
  (void)state;
  enum { GRID = 60 };
  for (int kind = 0; kind < WB_SHAPE_KINDS; kind++)
    for (uint64_t index = 0; index < 20; index++) {
      const wb_shape s = random_shape(kind, index);
      float reach = 0;
      int inside = 0;
      for (int i = 0; i < GRID * GRID; i++) {
        const wb_point p = {1.2f * (2 * (float)(i % GRID) / GRID - 1),
                            1.2f * (2 * (float)(i / GRID) / GRID - 1)};
        if (wb_shape_distance(&s, p) > 0) continue;
        reach = fmaxf(reach, hypotf(p.x, p.y));
        inside++;
      }
      assert_true(reach < 1.02f && reach > 0.9f); // joints swell a little; the grid is 0.04 wide
      assert_true(inside > GRID * GRID / 25);
    }
}

/* A rotation and a magnification by 3 magnify all distances by 3. */
static void distances_follow_similarities(void **state) {
  (void)state;
  const float c = 3 * cosf(0.7f), d = 3 * sinf(0.7f), matrix[4] = {c, -d, d, c};
  for (int kind = 0; kind < WB_SHAPE_KINDS; kind++) {
    const wb_shape before = random_shape(kind, 3);
    wb_shape after = before;
    wb_shape_transform(&after, matrix, (wb_point){5, -2});
    wb_rng rng = wb_rng_make(2, "points", (uint64_t)kind);
    for (int i = 0; i < 100; i++) {
      const wb_point p = {wb_rng_range(&rng, -1.2f, 1.2f), wb_rng_range(&rng, -1.2f, 1.2f)};
      const wb_point q = {c * p.x - d * p.y + 5, d * p.x + c * p.y - 2};
      assert_float_equal(wb_shape_distance(&after, q), 3 * wb_shape_distance(&before, p), 1e-4f);
    }
  }
}

static void hand_made_shapes(void **state) {
  (void)state;
  wb_shape s = {.corner = {{-2, -1}, {2, -1}, {2, 1}, {-2, 1}}, .corners = 4};
  assert_float_equal(wb_shape_distance(&s, (wb_point){0, 0}), -1, 1e-6f);
  assert_float_equal(wb_shape_distance(&s, (wb_point){5, 5}), 5, 1e-6f); // 3, 4, 5 from the corner
  s = (wb_shape){.stroke = {{{0, 0}, {0, 0}, 2, 2}}, .strokes = 1, .hole = 1};
  assert_float_equal(wb_shape_distance(&s, (wb_point){0, 0}), 1, 1e-6f);
  assert_float_equal(wb_shape_distance(&s, (wb_point){0, 1.75f}), -0.25f, 1e-6f);
  s = (wb_shape){.stroke = {{{0, 0}, {4, 0}, 1, 0.5f}}, .strokes = 1};
  assert_float_equal(wb_shape_distance(&s, (wb_point){2, 3}), 2.25f, 1e-6f);
  s = (wb_shape){
      .stroke = {{{-1, 0}, {-1, 0}, 0.5f, 0.5f}, {{1, 0}, {1, 0}, 0.5f, 0.5f}}, .strokes = 2, .joint = 0.8f};
  assert_float_equal(wb_shape_distance(&s, (wb_point){0, 0}), 0.5f - 0.2f,
                     1e-6f); // equal distances: a quarter of joint
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(distances_agree_with_brute_force),
      cmocka_unit_test(every_kind_differs_in_its_parts),
      cmocka_unit_test(shapes_fill_the_unit_circle),
      cmocka_unit_test(distances_follow_similarities),
      cmocka_unit_test(hand_made_shapes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
