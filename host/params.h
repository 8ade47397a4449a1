/* params.h: parameter tables at work: text from the command line or a parameter file -> checked, canonical
 * text -> the plugin's struct.
 *
 * The settings of a plugin are an array of canonical texts in the order of its table; "" means unset.
 * Canonical text is what is stored with results and what identifies them: numbers as short as reads back
 * exactly, yes and no, choices by name, absolute paths, lists joined by commas. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_PARAMS_H
#define WB_PARAMS_H

#include "opt.h"
#include "spec.h"

/* One value in canonical form, malloc'ed. WB_ARG with a sentence that begins with --name. */
wb_status wb_param_normalise(const wb_param *param, const char *text, char **out, wb_error *err);

/* Every default; freed with wb_settings_free. The defaults are good: wb_spec_check saw to that. */
char **wb_settings_new(const wb_spec *spec);
void wb_settings_free(char **settings, const wb_spec *spec);
/* WB_ARG for an unknown name (with the nearest) or a value that does not fit. */
wb_status wb_settings_set(char **settings, const wb_spec *spec, const char *name, const char *text,
                          wb_error *err);
/* Every parameter that the command line gives, in its order. */
wb_status wb_settings_from_args(char **settings, const wb_spec *spec, const wb_args *args, wb_error *err);
/* Every parameter that a YAML file gives: a mapping from names to scalars or sequences. A mapping under the
 * id of a plugin holds values for that plugin alone. The names in `host_names` are not parameters: their
 * values are put into host_values (malloc'ed). WB_ARG with file and name. */
wb_status wb_settings_load(char **settings, const wb_spec *spec, const char *path,
                           const char *const *host_names, char **host_values, size_t host_count,
                           wb_error *err);
/* The file of a preset: in the source tree that the program was built in, or installed. malloc'ed. WB_ARG
 * with the nearest name where there is none. */
wb_status wb_preset_path(const char *name, char **out, wb_error *err);
/* A value of a parameter file as text: a scalar, or a sequence of scalars joined by commas. malloc'ed; NULL
 * for anything else. */
char *wb_settings_text(const json_t *value);
/* WB_ARG where a required one is unset. */
wb_status wb_settings_complete(char *const *settings, const wb_spec *spec, wb_error *err);

/* The plugin's struct, filled; with all that it points to, one block per item, freed by wb_struct_free. */
wb_status wb_struct_fill(char *const *settings, const wb_spec *spec, void **out, wb_error *err);
void wb_struct_free(void *filled, const wb_spec *spec);

/* Size and alignment of the field of a wb_type; 0 for no type. */
size_t wb_type_size(uint32_t type);

/* A row of an option table for each parameter. The texts are freed by wb_params_free_options. */
wb_opt *wb_params_options(const wb_spec *spec);
void wb_params_free_options(wb_opt *options, size_t count);
char *wb_param_value_text(const wb_param *param); // "<rook|queen>", "<int>"; NULL for WB_BOOL
char *wb_param_range_text(const wb_param *param); // "[0..1,000,000]"; "" where unbounded

#endif
