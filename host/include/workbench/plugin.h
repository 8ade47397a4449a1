/* workbench/plugin.h: the whole interface between workbench and its plugins.
 *
 * A plugin is one function from arrays to declared outputs. It declares parameters, inputs and outputs in
 * static tables; the host parses the command line, finds and checks the files, calls the plugin once per run
 * file (or per condition, or once for the whole study), and does everything afterwards: statistics over
 * seeds, caching, tables, figures.
 *
 * A minimal metric:
 *
 *     #include <workbench/plugin.h>
 *
 *     static const wb_input inputs[] = {{.role = "activations",
 *                                        .help = "embedding before ReLU",
 *                                        .object = "/activations/test/embedding",
 *                                        .axes = {"stimulus", "unit"},
 *                                        .element = WB_F32,
 *                                        .rank = 2}};
 *     static const wb_output outputs[] = {{.name = "mean",
 *                                          .help = "mean activation",
 *                                          .low = -INFINITY,
 *                                          .high = INFINITY,
 *                                          .shape = WB_SCALAR}};
 *
 *     static wb_status run(const wb_host *host, const void *params) {
 *       ... host->read(host, "activations", 0, first, count, rows); ...
 *       return host->emit_scalar(host, "mean", mean);
 *     }
 *
 *     static const wb_plugin plugin = {WB_PLUGIN_HEAD,
 *                                      .kind = WB_METRIC,
 *                                      .scope = WB_PER_RUN,
 *                                      .id = "mean-activation",
 *                                      .version = "1.0",
 *                                      .title = "mean activation",
 *                                      .inputs = WB_TABLE(inputs),
 *                                      .outputs = WB_TABLE(outputs),
 *                                      .run = run};
 *
 *     WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
 *       return index ? NULL : &plugin;
 *     }
 *
 *     cc -std=c17 -fPIC -shared -fvisibility=hidden mean.c -o mean.so
 *     WORKBENCH_PLUGIN_PATH=. workbench run mean-activation --in runs/x.h5
 *
 * Rules for every call below, unless it says otherwise:
 *   - Text is UTF-8 and NUL-terminated. Descriptors and tables are static; the host never frees them.
 *   - Host functions are called from the thread of `run`; log, progress and cancelled from any thread.
 *   - What a plugin emits is copied before the call returns. What the host returns lives until `run` returns.
 *   - A plugin never prints, exits, aborts, or changes signal handlers, the working directory or the locale.
 *   - A failing host function has already recorded its message: return its status unchanged.
 *
 * SPDX-License-Identifier: MIT
 * Copyright (c) the workbench authors. Permission is granted to use, copy, modify and distribute this file
 * without restriction, provided that this notice stays; it comes without warranty of any kind.
 */
#ifndef WORKBENCH_PLUGIN_H
#define WORKBENCH_PLUGIN_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A host refuses another major in words. Minors only append: to structs (see struct_size), to enums, to the
 * host table. */
#define WB_ABI_MAJOR 0
#define WB_ABI_MINOR 1

#if defined(__GNUC__) || defined(__clang__)
#define WB_EXPORT __attribute__((visibility("default")))
#else
#define WB_EXPORT
#endif

typedef struct wb_host wb_host;

/* ---- Tables ---- */

/* A table carries the size of its rows as the plugin was compiled, so that rows can grow at their end. */
typedef struct wb_table {
  const void *rows;
  uint32_t count;
  uint32_t stride; // bytes from one row to the next
} wb_table;

#define WB_TABLE(array)                                                                                      \
  { (array), (uint32_t)(sizeof(array) / sizeof((array)[0])), (uint32_t)sizeof((array)[0]) }

/* ---- Parameters ---- */

/* The C type of the field that the host fills. */
typedef enum wb_type {
  WB_BOOL = 1,   // int32_t 0 or 1; the option takes no value, --no-NAME clears it
  WB_CHOICE = 2, // int32_t index into `choices`
  WB_INT = 3,    // int64_t
  WB_FLOAT = 4,  // double
  WB_STRING = 5, // const char *
  WB_PATH = 6,   // const char *, absolute; the file's content, not its name, belongs to the result's identity
  WB_INT_LIST = 7, // wb_int_list; written 1,2,3
  WB_FLOAT_LIST = 8,
  WB_STRING_LIST = 9
} wb_type;

typedef struct wb_int_list {
  const int64_t *items;
  size_t count;
} wb_int_list;

typedef struct wb_float_list {
  const double *items;
  size_t count;
} wb_float_list;

typedef struct wb_string_list {
  const char *const *items;
  size_t count;
} wb_string_list;

/* An unset parameter: NULL or an empty list, and for numbers these. A bool or choice always has a default. */
#define WB_INT_UNSET   INT64_MIN
#define WB_FLOAT_UNSET NAN /* test with isnan() */

enum {
  WB_PARAM_NOT_IDENTITY = 1u << 0, // does not change what the result is: threads, places, verbosity
  WB_PARAM_REQUIRED = 1u << 1,     // has no default and must be given
  WB_PARAM_ADVANCED = 1u << 2      // listed after the others
};

typedef struct wb_param {
  const char *name;           // as typed after --: lower case, words joined by '-'
  const char *help;           // one line without a full stop: "cells that count as adjacent"
  const char *unit;           // "epochs", "pixels", ..; NULL where it has none
  const char *group;          // heading in --help; NULL: "options"
  const char *default_text;   // as one would type it; NULL: unset
  const char *const *choices; // WB_CHOICE: NULL-terminated
  double min, max;            // inclusive, of numbers and of the items of lists; 0, 0: unbounded
  uint32_t type;              // wb_type
  uint32_t flags;
  uint32_t offset; // of the field in the parameter struct: offsetof(struct, field)
} wb_param;

/* ---- Inputs ---- */

typedef enum wb_input_kind {
  WB_ARRAY = 0,  // a data set of the run file
  WB_MODEL = 1,  // the network itself, used through the service engine/1
  WB_IMAGES = 2, // the data set that the run was trained on (or --data), used through engine/1
  WB_DERIVED = 3 // another plugin's per-run output, computed and cached first
} wb_input_kind;

enum {
  WB_INPUT_OPTIONAL = 1u << 0 // where it is missing, host->has() says 0
};

enum { WB_MAX_RANK = 4 };

typedef struct wb_input {
  const char *role; // "activations", "labels", .. ; --object ROLE=/path binds it to another data set
  const char *help;
  const char *object; // WB_ARRAY: the run file's data set. WB_DERIVED: "plugin-id/output", or
                      // "plugin-id:name=value/output" with one parameter of the other plugin set; parameters
                      // that both plugins declare under one name are passed on.
  const char *axes[WB_MAX_RANK]; // names; equal names have equal lengths within a run
  uint32_t kind;                 // wb_input_kind
  uint32_t element;              // wb_element: what read() converts to
  uint32_t rank; // WB_DERIVED: 0 of a scalar, 1 of a curve or histogram, 2 of a matrix or points
  uint32_t flags;
  uint32_t
      shared_axes; // bit a: axis a means the same in every run of the study (the same stimuli, say): equal
                   // length, and for "stimulus" the same index and data digest; checked before any work
} wb_input;

/* Roles and axes that the host knows:
 *   activations       [stimulus, unit]   /activations/test/embedding
 *   logits            [stimulus, class]  /activations/test/logits
 *   labels            [stimulus]         /activations/test/labels
 *   index             [stimulus]         /activations/test/index
 *   embedding_weight  [unit, fan_in]     /roles/embedding_weight
 *   readout_weight    [class, unit]      /roles/readout_weight
 *   positions         [unit, xy]         made from the grid unless the file has them: x column, y row */

/* ---- Outputs ---- */

typedef enum wb_shape {
  WB_SCALAR = 1,
  WB_CURVE = 2,    // values over x
  WB_MATRIX = 3,   // rows x columns
  WB_POINTS = 4,   // points in the plane, each with a class
  WB_HISTOGRAM = 5 // counts between edges
} wb_shape;

typedef enum wb_plot {
  WB_PLOT_AUTO = 0,   // scalars against the varied factor; curves, heat maps, scatter, bars by shape
  WB_PLOT_NONE = 1,   // table only
  WB_PLOT_MAPS = 2,   // matrix: each row is a map of the unit grid, tiled over runs. DIVERGING: each run on a
                      // colour scale of its own, symmetric about `reference`; else all on one
  WB_PLOT_LINES = 3,  // curve: one line per entry against the varied factor, a panel per objective
  WB_PLOT_IMAGES = 4, // matrix: each row is an RGB or grey image, drawn beside the output that names it in
                      // `beside`, or by itself, the first run's, where none does
  WB_PLOT_RUNS = 5,  // matrix: a tile for each run, where WB_PLOT_AUTO draws the mean over a condition's runs
  WB_PLOT_PANELS = 6 // matrix: a panel per column, in it a line per row against the varied factor; matrices
                     // NAME-low and NAME-high are its interval; ZERO_LINE as with scalars. NaN: not there
} wb_plot;

enum {
  WB_OUTPUT_MAY_BE_MISSING = 1u << 0,
  WB_OUTPUT_NONFINITE_OK = 1u << 1,
  WB_OUTPUT_LOG_X = 1u << 2,
  WB_OUTPUT_LOG_Y = 1u << 3,
  WB_OUTPUT_DIVERGING = 1u << 4, // colours symmetric about `reference`
  WB_OUTPUT_HEADLINE =
      1u << 5, // shown in the terminal's table; the first of them is the plugin's own figure, ID.svg
  WB_OUTPUT_CIRCULAR = 1u << 6, // `low` and `high` are the same (an angle): colours that close a circle
  WB_OUTPUT_CLASSES = 1u << 7,  // class numbers: the colours of classes, with their names; negative: none
  WB_OUTPUT_ZERO_LINE =
      1u << 8, // scalar: a horizontal line at each line's value without topography (rho or lambda 0)
  WB_OUTPUT_OWN_SCALE =
      1u << 9,             // panels have y axes of their own: their values have little to do with each other
  WB_OUTPUT_SEM = 1u << 10 // curve: bands of one standard error over runs, where one sd is usual
};

typedef struct wb_output {
  const char *name;  // "i", "p", "local"; unique within the plugin, and not its id. Scalars NAME-low and
                     // NAME-high beside a scalar NAME are drawn as its interval.
  const char *title; // axis label: "Moran's I"
  const char *help;  // one line
  const char *unit;  // NULL: none
  const char *higher_means; // "smoother", "more alike", "better"; NULL where neither is
  const char *x_label;      // of the x axis or of the columns
  const char *y_label;      // of a matrix' rows
  const char *beside; // WB_PLOT_MAPS: an output of images drawn to the left; WB_PLOT_LINES: a scalar, drawn
                      // as dots where the varied factor is 0; WB_PLOT_AUTO of a curve: another one, drawn in
                      // panels to the right instead of by itself, which may name a third, ..; NULL: none
  double low, high;   // mathematical bounds; a value outside is an error. -INFINITY, INFINITY: none
  double reference;   // a line drawn at this value; NAN: none (0 draws one at zero)
  uint32_t shape;     // wb_shape
  uint32_t plot;      // wb_plot
  uint32_t flags;
} wb_output;

/* ---- The descriptor ---- */

typedef enum wb_kind {
  WB_TRAIN = 1,   // writes a run file; takes no --in
  WB_CONVERT = 2, // writes a run file from --in (another run file, a foreign model)
  WB_METRIC = 3,
  WB_ROBUSTNESS = 4 // a metric that runs the network again
} wb_kind;

typedef enum wb_scope {
  WB_PER_RUN = 0,   // once for each run file; host->run_count() is 1
  WB_PER_GROUP = 1, // once for each condition, with its runs (all that agree in every factor but the seed)
  WB_PER_STUDY = 2  // once, with all runs
} wb_scope;

enum {
  WB_STOCHASTIC = 1u << 0,  // uses host->seed(): the seed belongs to the result's identity
  WB_THREADED = 1u << 1,    // uses host->threads() threads
  WB_NEEDS_ENGINE = 1u << 2 // uses the service engine/1, which is refused otherwise
};

typedef struct wb_plugin {
  /* Frozen for ever. WB_PLUGIN_HEAD fills these five. */
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  uint16_t needs_minor; // the least minor of the host's ABI that this plugin can work with
  uint16_t reserved;

  uint32_t kind, scope, flags;
  uint32_t params_size; // sizeof the parameter struct, 0 for none
  const char *id;       // lower case, words joined by '-'; what one types
  const char *version;  // of this plugin
  const char *title;    // a few words: "spatial autocorrelation of activation maps"
  const char *summary;  // what it measures and what high and low mean, a short paragraph
  const char *author, *license;
  const char *reference; // citation
  const char *example;   // a command line to copy
  wb_table params;       // of wb_param
  wb_table inputs;       // of wb_input
  wb_table outputs;      // of wb_output

  /* Optional: refuses combinations of parameters that the table cannot express, before any file is opened. */
  wb_status (*check)(const wb_host *host, const void *params);
  wb_status (*run)(const wb_host *host, const void *params);
} wb_plugin;

#define WB_PLUGIN_HEAD                                                                                       \
  .struct_size = (uint32_t)sizeof(wb_plugin), .abi_major = WB_ABI_MAJOR, .abi_minor = WB_ABI_MINOR,          \
  .needs_minor = 0

/* The one exported symbol: the plugin at `index`, NULL past the last. Fast, without side effects. `host_abi`
 * is major << 16 | minor of the host. */
typedef const wb_plugin *(*wb_plugin_at_function)(uint32_t host_abi, uint32_t index);
WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index);

/* ---- The host ---- */

typedef enum wb_level { WB_DEBUG = 0, WB_INFO = 1, WB_WARNING = 2 } wb_level;

/* Where a TRAIN or CONVERT plugin writes. */
typedef struct wb_target {
  const char *path; // absolute; its folder exists. Write to a temporary file beside it and rename.
  const char
      *identity;  // 64 hexadecimal characters: plugin, parameters and seed that make the result what it is
  int32_t resume; // continue from what `path` holds, or start where it holds nothing
  int32_t exists; // path holds an earlier run, and overwriting (or resuming) it is allowed
} wb_target;

struct wb_host {
  uint32_t struct_size; // as the host was compiled: a function beyond it does not exist
  uint16_t abi_major, abi_minor;
  const void *state; // the host's own

  /* -- Talking. Any thread. -- */
  void (*log)(const wb_host *host, wb_level level, const char *text);
  /* done of total units of work; `note` (may be NULL) is shown beside the bar: "loss 0.412". Cheap: call it
   * often. */
  void (*progress)(const wb_host *host, double done, double total, const char *note);
  /* Nonzero once the user asked to stop: finish the step, save, return WB_CANCELLED. */
  int32_t (*cancelled)(const wb_host *host);

  /* Records why the run failed and returns `status`. The message says what, where, what was expected, and a
   * hint. The first one counts. */
  wb_status (*fail)(const wb_host *host, wb_status status, const char *message);

  /* -- Resources -- */
  /* 64-byte aligned, uninitialised, freed when `run` returns. NULL after recording the failure. */
  void *(*alloc)(const wb_host *host, size_t bytes);
  /* Has release(object) called when `run` returns, however it ends: last deferred first, and before what
   * `alloc` gave is freed. Where it fails it has called release(object) already. */
  wb_status (*defer)(const wb_host *host, void (*release)(void *object), void *object);
  /* A 64-bit seed for the named purpose: a function of the run's --seed and the name alone. */
  uint64_t (*seed)(const wb_host *host, const char *stream);
  uint32_t (*threads)(const wb_host *host);
  /* A versioned table of further functions ("engine/1"), or NULL where this host has none. */
  const void *(*service)(const wb_host *host, const char *name);

  /* -- The runs. Numbered 0 .. run_count-1: by condition, then by seed. -- */
  uint32_t (*run_count)(const wb_host *host);
  const char *(*run_path)(const wb_host *host, uint32_t run);
  /* A factor ("objective", "rho", "seed", ..) as text; NULL where the run has none of that name. */
  const char *(*factor)(const wb_host *host, uint32_t run, const char *name);
  /* Number of the condition that a run belongs to, and how many there are. */
  uint32_t (*condition)(const wb_host *host, uint32_t run);
  uint32_t (*condition_count)(const wb_host *host);

  /* -- Inputs -- */
  /* Whether an optional input is there. */
  int32_t (*has)(const wb_host *host, const char *role, uint32_t run);
  /* Lengths of the role's axes. */
  wb_status (*shape)(const wb_host *host, const char *role, uint32_t run, uint64_t dims[WB_MAX_RANK]);
  /* Rows first .. first+count-1 along the first axis, converted to the declared element type, into `out`. A
   * NaN or infinity in floating-point data is WB_INPUT with file, object and index. */
  wb_status (*read)(const wb_host *host, const char *role, uint32_t run, uint64_t first, uint64_t count,
                    void *out);
  /* The whole array, mapped from the file where its layout allows and read otherwise. */
  wb_status (*map)(const wb_host *host, const char *role, uint32_t run, const void **out);
  /* The grid of the `unit` axis, row-major: from the file, --grid, or the divisor pair closest to a square.
   */
  wb_status (*grid)(const wb_host *host, uint32_t run, uint32_t *rows, uint32_t *cols);
  /* Names along an axis: "class" (in label order) or "superclass" (of each class, so again one per class).
   * *count 0 where the file has none. */
  wb_status (*names)(const wb_host *host, uint32_t run, const char *axis, const char *const **names,
                     uint32_t *count);

  /* The data set behind an IMAGES role ("cifar10:/data,test=1000"): --data, or what the run was trained on.
   * NULL where neither is known. */
  const char *(*data_spec)(const wb_host *host, uint32_t run);

  /* -- Outputs: each declared name at most once per call of `run`; what was not emitted must be declared
   *    MAY_BE_MISSING. WB_INTERNAL for an undeclared name, another shape, or a value out of bounds. -- */
  wb_status (*emit_scalar)(const wb_host *host, const char *name, double value);
  wb_status (*emit_missing)(const wb_host *host, const char *name, const char *reason);
  /* x may be NULL: 0 .. n-1. */
  wb_status (*emit_curve)(const wb_host *host, const char *name, size_t n, const double *x, const double *y);
  /* values (rows, cols); row_labels (rows) and col_labels (cols) may be NULL. */
  wb_status (*emit_matrix)(const wb_host *host, const char *name, size_t rows, size_t cols,
                           const double *values, const char *const *row_labels,
                           const char *const *col_labels);
  /* xy (n, 2); classes (n) may be NULL. */
  wb_status (*emit_points)(const wb_host *host, const char *name, size_t n, const double *xy,
                           const int32_t *classes);
  /* edges (bins + 1), ascending; counts (bins). */
  wb_status (*emit_histogram)(const wb_host *host, const char *name, size_t bins, const double *edges,
                              const double *counts);

  /* -- Writing a run file (TRAIN, CONVERT) -- */
  /* Settles where to write: --out, or runs/<name>_<8 hex of the identity>.h5. WB_ARG where that exists and
   * neither
   * --overwrite nor --resume was given. */
  wb_status (*target)(const wb_host *host, const char *name, wb_target *out);
  /* A resolved parameter of this run as text, by its position in the plugin's table; NULL past the end. For
   * storing them with the model. Unset ones have value "". */
  const char *(*parameter)(const wb_host *host, uint32_t index, const char **name);
};

/* ---- Service engine/1: the network of a run file, and images ---- */

typedef struct wb_model wb_model;       // opaque; freed when `run` returns, or by model_free
typedef struct wb_imageset wb_imageset; // opaque: one split of a data set; freed when `run` returns

typedef struct wb_engine_1 {
  uint32_t struct_size;

  /* The network behind a MODEL role, in evaluation mode, for at most `batch` images a call. */
  wb_status (*model)(const wb_host *host, const char *role, uint32_t run, uint32_t batch, wb_model **out);
  /* Gives a network's memory back before `run` returns: for studies that go through many, one at a time. */
  void (*model_free)(wb_model *model);
  /* Channels, height, width of its images; units of the embedding; classes of its classifier (0: none). */
  void (*model_shape)(const wb_model *model, uint32_t image[3], uint32_t *units, uint32_t *classes);
  /* Names of the layers that can be tapped, in order, with channels, height and width; NULL past the last.
   * After those of the architecture ("conv1", "layer1.0", .., "avgpool", all after ReLU) come "embedding"
   * (before ReLU) and, where there is a classifier, "logits". Unlisted: "readout_input", what it reads. */
  const char *(*layer)(const wb_model *model, uint32_t index, uint32_t dims[3]);
  /* Forward pass of n <= batch images (n, channels, height, width) in [0, 1], normalised inside as in
   * training. outs[i] receives layer layers[i] of the `taps` wanted: (n, its dims). */
  wb_status (*forward)(const wb_host *host, wb_model *model, const float *images, uint32_t n, uint32_t taps,
                       const char *const *layers, float *const *outs);
  /* Gradient of the summed cross-entropy with respect to the images (in [0, 1]), and the loss of each (may be
   * NULL). */
  wb_status (*input_gradient)(const wb_host *host, wb_model *model, const float *images,
                              const int32_t *labels, uint32_t n, float *gradient, float *loss);

  /* The images behind an IMAGES role: split "train" or "test". */
  wb_status (*images)(const wb_host *host, const char *role, uint32_t run, const char *split,
                      wb_imageset **out);
  void (*images_shape)(const wb_imageset *images, uint64_t *count, uint32_t image[3]);
  /* Images first .. first+count-1 as (count, channels, height, width) in 0..255, and their labels (either
   * NULL). */
  wb_status (*images_read)(const wb_host *host, const wb_imageset *images, uint64_t first, uint64_t count,
                           uint8_t *pixels, int32_t *labels);

  /* Weights and buffers of the network, in order, with their shape; NULL past the last. Names are those of
   * /model in the run file ("encoder.conv1.weight"), except that the embedding layer's are "embedding.weight"
   * (units, fan_in) and "embedding.bias" in every architecture, and that a classifier's come last as
   * "readout.weight" (classes, units) and "readout.bias". Filters have rank 4, matrices rank 2, all else rank
   * 1. A host whose struct_size ends before these three functions lacks them. */
  const char *(*tensor)(const wb_model *model, uint32_t index, uint32_t *rank, uint32_t dims[WB_MAX_RANK]);
  /* Its values, row-major: as they are, or other ones for this opened network's passes from now on. The run
   * file stays as it is. */
  wb_status (*tensor_get)(const wb_host *host, const wb_model *model, uint32_t index, float *values);
  wb_status (*tensor_set)(const wb_host *host, wb_model *model, uint32_t index, const float *values);
} wb_engine_1;

#ifdef __cplusplus
}
#endif

#endif
