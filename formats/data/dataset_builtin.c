/* dataset_builtin.c: procedural shapes, made on the fly.
 *
 * 32 x 32 RGB images of ten classes, five organic and five rigid (shapes.h), interleaved: image i is of class
 * i % 10. Position, size, rotation, stretch, colours, stripes on the shape, the background's gradient, an
 * occluder and pixel noise are random with the same distribution in every class, so that only the shape tells
 * it: a linear classifier on pixels stays below 45% (tests/reference/builtin_linear.py). Each image has a
 * random stream of its own: it depends on seed, split and position only, and the first N of a larger set are
 * the set of N. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>

#include "data/dataset_internal.h"
#include "data/shapes.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, DEFAULT_TRAIN = 4500, DEFAULT_TEST = 1000, MOST = 1000000 };

static const float pi = 3.14159265f;

typedef struct colour {
  float r, g, b;
} colour;

/* `light` and a random hue of strength up to `chroma`. */
static colour random_colour(wb_rng *rng, float light, float chroma) {
  const float hue = wb_rng_range(rng, 0, 2 * pi), c = chroma * wb_rng_uniform(rng);
  return (colour){light + c * cosf(hue), light + c * cosf(hue - 2 * pi / 3),
                  light + c * cosf(hue + 2 * pi / 3)};
}

static colour mix(colour a, colour b, float share) {
  return (colour){a.r + share * (b.r - a.r), a.g + share * (b.g - a.g), a.b + share * (b.b - a.b)};
}

static colour lighten(colour a, float by) {
  return (colour){a.r + by, a.g + by, a.b + by};
}

/* A wave across the image: sin of it makes stripes, its own value a gradient. */
typedef struct wave {
  float x, y, phase;
} wave;

static wave random_wave(wb_rng *rng, float radians_per_pixel) {
  const float angle = wb_rng_range(rng, 0, 2 * pi);
  return (wave){radians_per_pixel * cosf(angle), radians_per_pixel * sinf(angle),
                wb_rng_range(rng, 0, 2 * pi)};
}

typedef struct scene {
  wb_shape shape, occluder; // in pixels
  colour near, far, fill, bar;
  wave gradient, stripes;
  float stripe_strength, noise;
} scene;

static void place(wb_shape *shape, wb_rng *rng) {
  const float radius = wb_rng_range(rng, 10, 14), angle = wb_rng_range(rng, -0.8f, 0.8f);
  const float stretch = sqrtf(wb_rng_range(rng, 0.8f, 1.25f)), shear = wb_rng_range(rng, -0.15f, 0.15f);
  const float c = radius * cosf(angle), s = radius * sinf(angle), room = SIDE / 2 + 1 - radius;
  // A rotation times [stretch, shear; 0, 1 / stretch]; then y downwards, as rows run.
  const float matrix[4] = {c * stretch, c * shear - s / stretch, -s * stretch, -s * shear - c / stretch};
  const wb_point at = {SIDE / 2 + wb_rng_range(rng, -room, room), SIDE / 2 + wb_rng_range(rng, -room, room)};
  wb_shape_transform(shape, matrix, at);
}

static void make_scene(scene *s, int kind, wb_rng *rng) {
  *s = (scene){0};
  wb_shape_make(&s->shape, kind, rng);
  place(&s->shape, rng);
  // Light on dark or dark on light.
  const float dark = wb_rng_range(rng, 0.2f, 0.4f), light = wb_rng_range(rng, 0.6f, 0.85f);
  const int inverted = wb_rng_uniform(rng) < 0.2f;
  s->fill = random_colour(rng, inverted ? dark : light, 0.25f);
  s->near = random_colour(rng, inverted ? light : dark, 0.2f);
  s->far = lighten(s->near, wb_rng_range(rng, -0.15f, 0.15f));
  s->bar = random_colour(rng, wb_rng_range(rng, 0.2f, 0.85f), 0.25f);
  s->gradient = random_wave(rng, 1.0f / SIDE);
  s->stripes = random_wave(rng, wb_rng_range(rng, 0.8f, 1.8f));
  s->stripe_strength = wb_rng_range(rng, 0.03f, 0.1f);
  s->noise = wb_rng_range(rng, 0.01f, 0.05f);
  const wb_point a = {wb_rng_range(rng, 2, SIDE - 2), wb_rng_range(rng, 2, SIDE - 2)};
  const float length = wb_rng_range(rng, 0, 10), angle = wb_rng_range(rng, 0, 2 * pi),
              half = wb_rng_range(rng, 1, 2.5f);
  s->occluder.stroke[0] =
      (wb_stroke){a, {a.x + length * cosf(angle), a.y + length * sinf(angle)}, half, half};
  s->occluder.strokes = 1;
}

/* How much of a pixel a shape covers whose outline is `distance` pixels away. */
static float coverage(float distance) {
  return fminf(fmaxf(0.5f - distance, 0), 1);
}

static colour shade(const scene *s, wb_point p) {
  const wb_point centred = {p.x - SIDE / 2, p.y - SIDE / 2};
  const float across = 0.5f + s->gradient.x * centred.x + s->gradient.y * centred.y;
  const float stripe = sinf(s->stripes.x * p.x + s->stripes.y * p.y + s->stripes.phase);
  const colour ground = mix(s->near, s->far, across), fill = lighten(s->fill, s->stripe_strength * stripe);
  const colour scenery = mix(ground, fill, coverage(wb_shape_distance(&s->shape, p)));
  return mix(scenery, s->bar, coverage(wb_shape_distance(&s->occluder, p)));
}

/* Nearly normal with sd 1: the sum of four random bytes. */
static float noise(wb_rng *rng) {
  const uint32_t u = wb_rng_u32(rng);
  const float sum = (float)((u & 255) + (u >> 8 & 255) + (u >> 16 & 255) + (u >> 24));
  return (sum - 510) / 147.8f; // mean 4 * 127.5, variance 4 * (256^2 - 1) / 12
}

static uint8_t to_byte(float value) {
  return (uint8_t)(255 * fminf(fmaxf(value, 0), 1) + 0.5f);
}

static void render(uint8_t *pixels, const scene *s, wb_rng *rng) {
  for (int i = 0; i < PLANE; i++) {
    const colour c = shade(s, (wb_point){(float)(i % SIDE) + 0.5f, (float)(i / SIDE) + 0.5f});
    pixels[i] = to_byte(c.r + s->noise * noise(rng));
    pixels[PLANE + i] = to_byte(c.g + s->noise * noise(rng));
    pixels[2 * PLANE + i] = to_byte(c.b + s->noise * noise(rng));
  }
}

static wb_status make_split(wb_images *images, const char *stream, long long count, uint64_t seed,
                            wb_error *err) {
  if (count > MOST)
    return wb_fail(err, WB_ARG, "builtin makes at most 1,000,000 images of a split; %lld are too many",
                   count);
  if (count == 0) return WB_OK;
  uint8_t *pixels;
  int32_t *labels;
  const wb_status status =
      wb_images_alloc(images, "builtin", (uint64_t)count, 3, SIDE, SIDE, &pixels, &labels, err);
  if (status) return status;
#pragma omp parallel for schedule(dynamic, 16)
  for (long long i = 0; i < count; i++) {
    wb_rng rng = wb_rng_make(seed, stream, (uint64_t)i);
    scene s;
    labels[i] = (int32_t)(i % WB_SHAPE_KINDS);
    make_scene(&s, labels[i], &rng);
    render(pixels + (size_t)i * 3 * PLANE, &s, &rng);
  }
  return WB_OK;
}

wb_status wb_dataset_load_builtin(const wb_dataset_request *request, wb_dataset *data, wb_error *err) {
  const long long train = request->train >= 0 ? request->train : DEFAULT_TRAIN;
  const long long test = request->test >= 0 ? request->test : DEFAULT_TEST;
  const uint64_t seed = request->seed >= 0 ? (uint64_t)request->seed : 0;
  wb_status status;
  if ((status = make_split(&data->train, "builtin-train", train, seed, err)) ||
      (status = make_split(&data->test, "builtin-test", test, seed, err)))
    return status;
  return wb_dataset_describe(data, "builtin", WB_SHAPE_KINDS, wb_shape_names, wb_shape_families, err);
}
