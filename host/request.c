/* request.c: see request.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "request.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "library.h"
#include "params.h"
#include "pattern.h"
#include "say.h"

enum {
  MAKES = 1,
  MEASURES = 2,
  READS = 4,
  IMAGES = 8,
  SEEDED = 16,
  TRAINS = 32
}; // for which plugins an option is

typedef struct host_option {
  unsigned kinds;
  wb_opt opt;
} host_option;

static const host_option host_options[] = {
    {READS, {"in", 0, WB_OPT_MANY, "FILE..", "run files, or folders of them", "files"}},
    {MEASURES, {"out", 0, WB_OPT_ONE, "DIR", "where the results go (default: results/PLUGIN)", "files"}},
    {MAKES, {"out", 0, WB_OPT_ONE, "FILE", "the run file to write (default: runs/NAME.h5)", "files"}},
    {MAKES, {"overwrite", 0, WB_OPT_FLAG, NULL, "replace the run file if there is one", "files"}},
    {TRAINS,
     {"resume", 0, WB_OPT_FLAG, NULL, "continue an interrupted run, or start where there is none", "files"}},
    {MEASURES,
     {"object", 0, WB_OPT_EACH, "ROLE=/PATH", "read a role from another data set of the files", "files"}},
    {MEASURES, {"labels", 0, WB_OPT_ONE, "/PATH", "the same as --object labels=/PATH", "files"}},
    {MEASURES,
     {"grid", 0, WB_OPT_ONE, "ROWSxCOLS", "grid of the units, where the files do not say", "files"}},
    {IMAGES,
     {"data", 0, WB_OPT_ONE, "SPEC", "images to use instead of those that the runs were trained on",
      "files"}},
    {IMAGES,
     {"allow-other-data", 0, WB_OPT_FLAG, NULL,
      "take --data although it is not what the runs were trained on", "files"}},
    {MEASURES, {"factor", 0, WB_OPT_EACH, "NAME=VALUE", "a factor of all files of this call", "files"}},
    {MEASURES,
     {"pattern", 0, WB_OPT_ONE, "PATTERN", "factors from file names: 'r{rho}_s{seed}.h5'", "files"}},
    {TRAINS,
     {"preset", 0, WB_OPT_ONE, "NAME", "a published recipe; options given as well override it",
      "parameters"}},
    {MAKES | MEASURES,
     {"params", 0, WB_OPT_ONE, "FILE.yaml", "parameters from a file; options given as well override it",
      "parameters"}},
    {SEEDED, {"seed", 0, WB_OPT_ONE, "<int>", "of all random numbers (default: 0)", "parameters"}},
    {MEASURES, {"recompute", 0, WB_OPT_FLAG, NULL, "compute what is in the cache, too", "running"}},
    {MEASURES, {"jobs", 0, WB_OPT_ONE, "<int>", "runs at once (default: one for each thread)", "running"}},
    {MAKES | MEASURES, {"threads", 0, WB_OPT_ONE, "<int>", "in all (default: one for each core)", "running"}},
    {MAKES | MEASURES,
     {"timeout", 0, WB_OPT_ONE, "SECONDS", "stop a run that takes longer (default: never)", "running"}},
    {MAKES | MEASURES,
     {"memory", 0, WB_OPT_ONE, "SIZE", "address space that a run may take: 4G (default: that of the machine)",
      "running"}},
    {MAKES | MEASURES,
     {"no-isolate", 0, WB_OPT_FLAG, NULL, "run the plugin in this process, for debuggers", "running"}},
    {MAKES | MEASURES,
     {"trust-dir", 0, WB_OPT_FLAG, NULL, "load plugins from folders that others may write to, too",
      "running"}},
    {MAKES | MEASURES, {"json", 0, WB_OPT_FLAG, NULL, "the result as JSON on stdout", "output"}},
    {MAKES | MEASURES, {"quiet", 'q', WB_OPT_FLAG, NULL, "only warnings and errors on stderr", "output"}},
    {MAKES | MEASURES, {"verbose", 'v', WB_OPT_FLAG, NULL, "debugging messages, too", "output"}},
    {MAKES | MEASURES, {"help", 'h', WB_OPT_FLAG, NULL, "this text", "output"}},
};
enum { HOST_OPTIONS = sizeof host_options / sizeof host_options[0] };

static bool measures(const wb_spec *spec) {
  return spec->kind == WB_METRIC || spec->kind == WB_ROBUSTNESS;
}

static unsigned kinds_of(const wb_spec *spec) {
  unsigned kinds = measures(spec) ? MEASURES | READS : MAKES;
  if (spec->kind == WB_CONVERT) kinds |= READS;
  if (spec->kind == WB_TRAIN) kinds |= TRAINS;
  if (spec->kind == WB_TRAIN || (spec->flags & WB_STOCHASTIC)) kinds |= SEEDED;
  for (size_t i = 0; i < spec->input_count; i++)
    if (spec->inputs[i].kind == WB_IMAGES && !wb_spec_param(spec, "data")) kinds |= IMAGES;
  return kinds;
}

/* The plugin's options, then the host's, but for those that the plugin has itself. */
static wb_opt *option_table(const wb_spec *spec, const wb_opt *own, size_t *count) {
  const unsigned kinds = kinds_of(spec);
  wb_opt *table = wb_new(wb_opt, spec->param_count + HOST_OPTIONS);
  *count = 0;
  for (size_t i = 0; i < spec->param_count; i++) table[(*count)++] = own[i];
  for (size_t i = 0; i < HOST_OPTIONS; i++)
    if ((host_options[i].kinds & kinds) && !wb_spec_param(spec, host_options[i].opt.name))
      table[(*count)++] = host_options[i].opt;
  return table;
}

void wb_request_help(const wb_spec *spec) {
  wb_opt *own = wb_params_options(spec);
  size_t count;
  wb_opt *table = option_table(spec, own, &count);
  printf("workbench run %s%s [options]\n\n", spec->id, kinds_of(spec) & READS ? " --in FILE.." : "");
  wb_print_wrapped(stdout, *spec->summary ? spec->summary : spec->title, 0, 100);
  wb_opt_usage(stdout, table, count);
  if (*spec->example) printf("\nexample\n  %s\n", spec->example);
  free(table);
  wb_params_free_options(own, spec->param_count);
}

char *wb_shell_word(const char *word) {
  static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (*word && strspn(word, safe) == strlen(word)) return wb_copy(word);
  char *quoted = wb_copy("'");
  for (const char *c = word; *c; c++) {
    char *longer = *c == '\'' ? wb_format("%s'\\''", quoted) : wb_format("%s%c", quoted, *c);
    free(quoted);
    quoted = longer;
  }
  char *closed = wb_format("%s'", quoted);
  free(quoted);
  return closed;
}

static char *command_line(const char *id, int argc, char *const *argv) {
  char *line = wb_format("workbench run %s", id);
  for (int i = 0; i < argc; i++) {
    char *word = wb_shell_word(argv[i]), *longer = wb_format("%s %s", line, word);
    free(word);
    free(line);
    line = longer;
  }
  return line;
}

static wb_status read_count(const wb_args *args, const char *name, unsigned *out, wb_error *err) {
  const char *text = wb_args_value(args, name);
  if (!text) return WB_OK;
  char *end;
  const long value = strtol(text, &end, 10);
  if (end == text || *end || value < 1 || value > 4096)
    return wb_fail(err, WB_ARG, "--%s is %s; it must be a whole number in [1..4096]", name, text);
  *out = (unsigned)value;
  return WB_OK;
}

static wb_status read_memory(const char *text, uint64_t *out, wb_error *err) {
  if (!text) {
    *out = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return WB_OK;
  }
  static const char units[] = "KMGT";
  char *end;
  const double value = strtod(text, &end);
  const char *unit = *end ? strchr(units, *end) : NULL;
  const double bytes = unit ? ldexp(value, 10 * (int)(unit - units + 1)) : value;
  if (end == text || (*end && (!unit || end[1])) || !(bytes >= 1 << 26) || bytes > 1e18)
    return wb_fail(err, WB_ARG, "--memory is %s; it must be a size such as 4G, and at least 64M", text);
  *out = (uint64_t)bytes;
  return WB_OK;
}

static wb_status read_grid(const char *text, wb_request *out, wb_error *err) {
  unsigned long rows = 0, cols = 0;
  char *end = (char *)text;
  if (!text) return WB_OK;
  if (*text >= '0' && *text <= '9') rows = strtoul(text, &end, 10);
  if (*end == 'x' && end[1] >= '0' && end[1] <= '9') cols = strtoul(end + 1, &end, 10);
  if (*end || rows < 1 || cols < 1 || rows > 65536 || cols > 65536)
    return wb_fail(err, WB_ARG, "--grid is %s; it must be rows x columns, such as 16x16", text);
  out->rows = (uint32_t)rows;
  out->cols = (uint32_t)cols;
  return WB_OK;
}

static wb_status read_object(const char *text, wb_request *out, wb_error *err) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text || equals[1] != '/')
    return wb_fail(err, WB_ARG, "--object is %s; it must be ROLE=/PATH, such as activations=/features", text);
  char *role = wb_format("%.*s", (int)(equals - text), text);
  const wb_input *input = wb_spec_input(out->spec, role);
  wb_status status = WB_OK;
  if (!input || input->kind != WB_ARRAY) {
    const char **roles = wb_new(const char *, out->spec->input_count);
    for (size_t i = 0; i < out->spec->input_count; i++) roles[i] = out->spec->inputs[i].role;
    char *hint = wb_did_you_mean(role, "", roles, out->spec->input_count);
    status = wb_fail(err, WB_ARG, "%s reads no array %s%s", out->spec->id, role, hint);
    free(hint);
    free(roles);
  } else {
    wb_json_set(out->objects, role, wb_json_string(equals + 1));
  }
  free(role);
  return status;
}

static wb_status read_factor(const char *text, wb_request *out, wb_error *err) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text || !equals[1])
    return wb_fail(err, WB_ARG, "--factor is %s; it must be NAME=VALUE, such as rho=0.2", text);
  wb_grow(out->factors, out->factor_count);
  out->factors[out->factor_count++] =
      (wb_factor){wb_format("%.*s", (int)(equals - text), text), wb_copy(equals + 1)};
  return WB_OK;
}

static void add_input(wb_request *out, char *path) {
  wb_grow(out->inputs, out->input_count);
  out->inputs[out->input_count++] = path;
}

/* A folder stands for the run files in it. */
static wb_status read_input(const char *path, wb_request *out, wb_error *err) {
  struct stat info;
  if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
    add_input(out, wb_copy(path));
    return WB_OK;
  }
  char **files;
  const size_t count = wb_list_folder(path, ".h5", &files);
  if (!count) return wb_fail(err, WB_INPUT, "the folder %s holds no .h5 file", path);
  for (size_t i = 0; i < count; i++) add_input(out, files[i]);
  free(files);
  return WB_OK;
}

static wb_status read_lists(wb_request *out, wb_error *err) {
  wb_status status = WB_OK;
  for (size_t i = 0; i < out->args.count && status == WB_OK; i++) {
    const wb_given *given = &out->args.given[i];
    if (wb_spec_param(out->spec, given->name)) continue;
    if (!strcmp(given->name, "in")) status = read_input(given->value, out, err);
    if (!strcmp(given->name, "object")) status = read_object(given->value, out, err);
    if (!strcmp(given->name, "factor")) status = read_factor(given->value, out, err);
    if (!strcmp(given->name, "labels")) {
      if (given->value[0] != '/')
        status = wb_fail(err, WB_ARG, "--labels is %s; it must be a data set's path, such as /labels",
                         given->value);
      else
        wb_json_set(out->objects, "labels", wb_json_string(given->value));
    }
  }
  return status;
}

static wb_status read_settings(wb_request *out, wb_error *err) {
  static const char *const host_names[] = {"seed"};
  char *seed_text = NULL, *preset_path = NULL;
  const char *preset = wb_args_value(&out->args, "preset"), *file = wb_args_value(&out->args, "params");
  wb_status status = WB_OK;
  if (preset) status = wb_preset_path(preset, &preset_path, err);
  if (preset_path)
    status = wb_settings_load(out->settings, out->spec, preset_path, host_names, &seed_text, 1, err);
  if (status == WB_OK && file)
    status = wb_settings_load(out->settings, out->spec, file, host_names, &seed_text, 1, err);
  if (status == WB_OK) status = wb_settings_from_args(out->settings, out->spec, &out->args, err);
  if (status == WB_OK) status = wb_settings_complete(out->settings, out->spec, err);
  const bool own = wb_spec_param(out->spec, "seed") != NULL;
  const char *given = wb_args_value(&out->args, "seed");
  const char *seed = own ? wb_request_setting(out, "seed") : given ? given : seed_text;
  if (status == WB_OK && seed && *seed) {
    const wb_param as = {.name = "seed", .type = WB_INT, .max = 0x1p53};
    char *canonical = NULL;
    if (!own) status = wb_param_normalise(&as, seed, &canonical, err);
    if (status == WB_OK) out->seed = (uint64_t)strtoll(own ? seed : canonical, NULL, 10);
    free(canonical);
  }
  free(preset_path);
  free(seed_text);
  return status;
}

static wb_status read_host_options(wb_request *out, wb_error *err) {
  const wb_args *args = &out->args;
  cpu_set_t cores;
  out->threads = sched_getaffinity(0, sizeof cores, &cores) == 0 ? (unsigned)CPU_COUNT(&cores) : 1;
  out->out = wb_args_value(args, "out");
  out->data = wb_spec_param(out->spec, "data") ? NULL : wb_args_value(args, "data");
  out->allow_other_data = wb_args_flag(args, "allow-other-data");
  out->pattern = wb_args_value(args, "pattern");
  out->recompute = wb_args_flag(args, "recompute");
  out->overwrite = wb_args_flag(args, "overwrite");
  out->resume = wb_args_flag(args, "resume");
  out->in_process = wb_args_flag(args, "no-isolate");
  out->json = wb_args_flag(args, "json");
  out->quiet = wb_args_flag(args, "quiet");
  wb_say_set(out->quiet ? WB_QUIET : wb_args_flag(args, "verbose") ? WB_VERBOSE : WB_NORMAL);
  const char *timeout = wb_args_value(args, "timeout");
  char *end = NULL;
  out->timeout = timeout ? strtod(timeout, &end) : 0;
  if (timeout && (end == timeout || *end || !(out->timeout > 0) || isinf(out->timeout)))
    return wb_fail(err, WB_ARG, "--timeout is %s; it must be a number of seconds above 0", timeout);
  wb_status status = read_count(args, "jobs", &out->jobs, err);
  if (status == WB_OK) status = read_count(args, "threads", &out->threads, err);
  if (status == WB_OK) status = read_memory(wb_args_value(args, "memory"), &out->memory, err);
  if (status == WB_OK) status = read_grid(wb_args_value(args, "grid"), out, err);
  if (status == WB_OK && out->pattern) status = wb_pattern_check(out->pattern, err);
  if (status == WB_OK) status = read_lists(out, err);
  return status;
}

wb_status wb_request_read(const wb_registry *registry, const wb_spec *spec, int argc, char *const *argv,
                          wb_request *out, wb_error *err) {
  *out = (wb_request){.registry = registry, .spec = spec, .settings = wb_settings_new(spec)};
  out->objects = wb_must(json_object());
  out->command = command_line(spec->id, argc, argv);
  wb_opt *own = wb_params_options(spec);
  size_t count;
  wb_opt *table = option_table(spec, own, &count);
  wb_status status = wb_args_parse(spec->id, table, count, argv, argc, &out->args, err);
  if (status == WB_OK && !wb_args_flag(&out->args, "help")) {
    if (out->args.word_count)
      status = wb_fail(err, WB_ARG, "%s: unexpected word %s%s", spec->id, out->args.words[0],
                       kinds_of(spec) & READS ? "; files follow --in" : "");
    if (status == WB_OK) status = read_settings(out, err);
    if (status == WB_OK) status = read_host_options(out, err);
    if (status == WB_OK && (kinds_of(spec) & READS) && !out->input_count)
      status = wb_fail(err, WB_ARG, "%s needs files: workbench run %s --in runs/*.h5", spec->id, spec->id);
  }
  free(table);
  wb_params_free_options(own, spec->param_count);
  return status;
}

void wb_request_free(wb_request *request) {
  if (request->spec) wb_settings_free(request->settings, request->spec);
  wb_args_free(&request->args);
  wb_free_texts(request->inputs, request->input_count);
  json_decref(request->objects);
  for (size_t i = 0; i < request->factor_count; i++) {
    free(request->factors[i].name);
    free(request->factors[i].value);
  }
  free(request->factors);
  free(request->command);
  *request = (wb_request){0};
}

const char *wb_request_setting(const wb_request *request, const char *name) {
  const wb_param *p = wb_spec_param(request->spec, name);
  return p ? request->settings[p - request->spec->params] : "";
}

json_t *wb_common(const wb_spec *spec, char *const *settings, uint64_t seed, unsigned threads) {
  json_t *params = wb_must(json_object());
  for (size_t i = 0; i < spec->param_count; i++)
    wb_json_set(params, spec->params[i].name, wb_json_string(settings[i]));
  return wb_json("{s{so si so} so sI si}", "plugin", "path", wb_json_string(spec->path), "index",
                 (int)spec->index, "build", wb_json_string(spec->build), "params", params, "seed",
                 (json_int_t)seed, "threads", (int)threads);
}
