/* synthetic_example.h: what a plugin with outputs of every kind might give, for synthetic_study.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYNTHETIC_EXAMPLE_H
#define SYNTHETIC_EXAMPLE_H

#include "synthetic_study.h"

/* A smoothness that rises and falls with the strength, by objective and dropout. */
static inline double synthetic_level(const wb_condition *c) {
  const double strength = fmax(synthetic_number(c, "rho", 0), synthetic_number(c, "lambda", 0));
  const char *objective = c ? wb_factor_get(c->factors, c->factor_count, "objective") : NULL;
  const double peak = !objective ? 0.5 : 0.75 - 0.06 * (double)(objective[0] + objective[1] - 'c' - 'e') / 12;
  const double dry = synthetic_number(c, "dropout", 0.5) == 0 ? 0.5 : 1;
  return strength > 0 ? dry * peak * exp(-0.12 * pow(log(strength / 0.3), 2)) : 0.003;
}

/* A 16 x 16 map, the smoother the higher the level. */
static inline void synthetic_map(double *map, double level, wb_rng *rng) {
  const double angle = 6.28 * wb_rng_uniform(rng), phase = 6.28 * wb_rng_uniform(rng);
  for (int i = 0; i < 256; i++) {
    const double wave = sin(0.4 * (cos(angle) * (i % 16) + sin(angle) * (i / 16)) + phase);
    map[i] = 3 * (level * wave + (1 - level) * 0.7 * wb_rng_normal(rng));
  }
}

static const char *const synthetic_classes[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                "dog",      "frog",       "horse", "ship", "truck"};
static const char *const synthetic_superclasses[] = {"inanimate", "inanimate", "animate", "animate",
                                                     "animate",   "animate",   "animate", "animate",
                                                     "inanimate", "inanimate"};

static inline void synthetic_emit(wb_values *values, const wb_study *study, const wb_condition *c,
                                  unsigned seed) {
  wb_rng rng = wb_rng_make(seed, "synthetic", study->condition_count);
  const double level = synthetic_level(c) + 0.02 * wb_rng_normal(&rng);
  static const double thresholds[] = {0.1, 0.3, 0.5, 0.6, 0.7, 0.8}, noise[] = {0.01, 0.05, 0.1, 0.15, 0.2};
  double map[10 * 256], image[10 * 192], curve[6], drop[5], matrix[100], points[600], counts[40], edges[41];
  int32_t classes[300];
  synthetic_add(values, (wb_value){.name = "i", .shape = WB_SCALAR, .data = (double[]){level}});
  for (int k = 0; k < 6; k++) curve[k] = 8.3 - 6 * level * thresholds[k] + 0.1 * wb_rng_normal(&rng);
  if (level < 0.1) curve[5] = NAN; // no pair of units
  synthetic_add(
      values,
      (wb_value){.name = "distance", .shape = WB_CURVE, .rows = 6, .data = curve, .x = (double *)thresholds});
  for (int k = 0; k < 5; k++)
    drop[k] = 0.85 - 3.5 * noise[k] * (1 - 0.4 * level) + 0.01 * wb_rng_normal(&rng);
  synthetic_add(
      values, (wb_value){.name = "noise", .shape = WB_CURVE, .rows = 5, .data = drop, .x = (double *)noise});
  for (int k = 0; k < 10; k++) synthetic_map(map + 256 * k, fmax(level, 0), &rng);
  for (int k = 0; k < 10; k++)
    for (int i = 0; i < 192; i++)
      image[192 * k + i] = (i / 64 == k % 3) * 128 + (i % 8) * 16 * (i / 8 % 8 > 3);
  synthetic_add(values, (wb_value){.name = "map",
                                   .shape = WB_MATRIX,
                                   .rows = 10,
                                   .cols = 256,
                                   .data = map,
                                   .row_labels = (char **)synthetic_classes,
                                   .grid_rows = 16,
                                   .grid_cols = 16});
  synthetic_add(values,
                (wb_value){.name = "stimulus", .shape = WB_MATRIX, .rows = 10, .cols = 192, .data = image});
  for (int k = 0; k < 100; k++)
    matrix[k] = k / 10 == k % 10 ? 0.9 : 0.1 * wb_rng_uniform(&rng) + (k / 50 == k % 10 / 5) * 0.1;
  synthetic_add(values, (wb_value){.name = "confusion",
                                   .shape = WB_MATRIX,
                                   .rows = 10,
                                   .cols = 10,
                                   .data = matrix,
                                   .row_labels = (char **)synthetic_classes,
                                   .col_labels = (char **)synthetic_classes});
  for (int k = 0; k < 300; k++) {
    classes[k] = k % 10;
    points[2 * k] = 20 * cos(0.63 * (k % 10)) + 3 * wb_rng_normal(&rng);
    points[2 * k + 1] = 20 * sin(0.63 * (k % 10)) + 3 * wb_rng_normal(&rng);
  }
  synthetic_add(values, (wb_value){.name = "tsne",
                                   .shape = WB_POINTS,
                                   .rows = 300,
                                   .data = points,
                                   .classes = classes,
                                   .class_count = 10,
                                   .class_names = (char **)synthetic_classes,
                                   .superclass_names = (char **)synthetic_superclasses});
  for (int k = 0; k <= 40; k++) edges[k] = -1 + k / 20.0;
  for (int k = 0; k < 40; k++)
    counts[k] = floor(1000 * exp(-pow((edges[k] - level / 2) / (0.2 + 0.3 * level), 2)));
  synthetic_add(values,
                (wb_value){.name = "r", .shape = WB_HISTOGRAM, .rows = 40, .data = counts, .x = edges});
}

static wb_output synthetic_outputs[] = {
    {.name = "i",
     .title = "Moran's I",
     .shape = WB_SCALAR,
     .low = -1,
     .high = 1,
     .reference = 0,
     .help = "spatial autocorrelation of activation maps, mean over stimuli",
     .higher_means = "smoother",
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "distance",
     .title = "mean grid distance",
     .unit = "units",
     .shape = WB_CURVE,
     .plot = WB_PLOT_LINES,
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .x_label = "r \xe2\x89\xa5",
     .help = "mean grid distance of pairs of units that correlate by at least r"},
    {.name = "noise",
     .title = "accuracy",
     .shape = WB_CURVE,
     .low = 0,
     .high = 1,
     .reference = 0.1,
     .x_label = "noise level (sd)",
     .help = "accuracy on noisy test images"},
    {.name = "map",
     .title = "activation",
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS,
     .low = -INFINITY,
     .high = INFINITY,
     .reference = NAN,
     .beside = "stimulus",
     .help = "the embedding of the first test image of each class on the unit grid"},
    {.name = "stimulus",
     .title = "stimulus",
     .shape = WB_MATRIX,
     .plot = WB_PLOT_IMAGES,
     .low = 0,
     .high = 255,
     .reference = NAN},
    {.name = "confusion",
     .title = "share",
     .shape = WB_MATRIX,
     .low = 0,
     .high = 1,
     .reference = NAN,
     .x_label = "predicted class",
     .y_label = "true class",
     .help = "share of the images of a class that are taken for another"},
    {.name = "tsne",
     .title = "t-SNE",
     .shape = WB_POINTS,
     .low = -INFINITY,
     .high = INFINITY,
     .reference = NAN,
     .help = "embeddings of test images in two dimensions"},
    {.name = "r",
     .title = "correlation",
     .shape = WB_HISTOGRAM,
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .x_label = "Pearson r of two units",
     .help = "correlation of all pairs of units"}};

static wb_spec synthetic_spec = {.path = (char[]){"/p/example.so"},
                                 .build = (char[]){"0123abcd"},
                                 .kind = WB_METRIC,
                                 .scope = WB_PER_RUN,
                                 .id = (char[]){"example"},
                                 .version = (char[]){"1.0"},
                                 .title = (char[]){"an example"},
                                 .summary = (char[]){""},
                                 .author = (char[]){""},
                                 .license = (char[]){""},
                                 .reference = (char[]){"Moran 1950, Biometrika"},
                                 .example = (char[]){""},
                                 .outputs = synthetic_outputs,
                                 .output_count = sizeof synthetic_outputs / sizeof *synthetic_outputs};

#endif
