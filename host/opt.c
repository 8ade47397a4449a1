/* opt.c: see opt.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "opt.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "heap.h"

enum { WIDTH = 100, HELP_COLUMN = 34 };

char *wb_did_you_mean(const char *word, const char *prefix, const char *const *words, size_t count) {
  const char *nearest = wb_text_nearest(word, words, count);
  return nearest ? wb_format("; did you mean %s%s?", prefix, nearest) : wb_copy("");
}

static wb_status unknown(const char *who, const char *name, const wb_opt *options, size_t count,
                         wb_error *err) {
  const char **names = wb_new(const char *, count);
  for (size_t i = 0; i < count; i++) names[i] = options[i].name;
  char *hint = wb_did_you_mean(name, "--", names, count);
  wb_fail(err, WB_ARG, "%s has no option --%s%s", who, name, hint);
  free(hint);
  free(names);
  return WB_ARG;
}

/* The option that `name` (length bytes) means; *negated for --no-name. */
static const wb_opt *look_up(const wb_opt *options, size_t count, const char *name, size_t length,
                             bool *negated) {
  *negated = false;
  for (size_t i = 0; i < count; i++)
    if (strlen(options[i].name) == length && !strncmp(options[i].name, name, length)) return &options[i];
  if (length < 4 || strncmp(name, "no-", 3)) return NULL;
  *negated = true;
  for (size_t i = 0; i < count; i++)
    if (options[i].kind == WB_OPT_SWITCH && strlen(options[i].name) == length - 3 &&
        !strncmp(options[i].name, name + 3, length - 3))
      return &options[i];
  return NULL;
}

static void add(wb_args *args, const wb_opt *option, const char *value, bool negated) {
  wb_grow(args->given, args->count);
  args->given[args->count++] = (wb_given){option->name, value, negated};
}

/* A word that begins like an option; numbers such as -1 and the lone - are values. */
static bool is_option(const char *word) {
  return word[0] == '-' && word[1] && !(word[1] >= '0' && word[1] <= '9') && word[1] != '.';
}

/* Takes the option at argv[*i] with its values and moves *i to the last word used. */
static wb_status take(const char *who, const wb_opt *option, bool negated, const char *attached,
                      char *const *argv, int argc, int *i, wb_args *out, wb_error *err) {
  if (option->kind == WB_OPT_FLAG || option->kind == WB_OPT_SWITCH) {
    if (attached)
      return wb_fail(err, WB_ARG, "%s: --%s takes no value (found %s)", who, option->name, attached);
    add(out, option, NULL, negated);
    return WB_OK;
  }
  if (attached) {
    add(out, option, attached, false);
    return WB_OK;
  }
  if (*i + 1 >= argc || is_option(argv[*i + 1]))
    return wb_fail(err, WB_ARG, "%s: --%s needs a value: --%s %s", who, option->name, option->name,
                   option->value);
  do add(out, option, argv[++*i], false);
  while (option->kind == WB_OPT_MANY && *i + 1 < argc && !is_option(argv[*i + 1]));
  return WB_OK;
}

static wb_status parse_one(const char *who, const wb_opt *options, size_t count, char *const *argv, int argc,
                           int *i, wb_args *out, wb_error *err) {
  const char *word = argv[*i];
  bool negated = false;
  if (word[1] == '-') {
    const char *name = word + 2, *equals = strchr(name, '=');
    const size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const wb_opt *option = look_up(options, count, name, length, &negated);
    if (option) return take(who, option, negated, equals ? equals + 1 : NULL, argv, argc, i, out, err);
    char *bare = wb_format("%.*s", (int)length, name);
    const wb_status status = unknown(who, bare, options, count, err);
    free(bare);
    return status;
  }
  for (size_t o = 0; o < count; o++)
    if (options[o].letter == word[1] && !word[2])
      return take(who, &options[o], false, NULL, argv, argc, i, out, err);
  return wb_fail(err, WB_ARG, "%s has no option %s", who, word);
}

wb_status wb_args_parse(const char *who, const wb_opt *options, size_t count, char *const *argv, int argc,
                        wb_args *out, wb_error *err) {
  *out = (wb_args){0};
  bool only_words = false;
  for (int i = 0; i < argc; i++) {
    if (!only_words && !strcmp(argv[i], "--")) {
      only_words = true;
    } else if (only_words || !is_option(argv[i])) {
      wb_grow(out->words, out->word_count);
      out->words[out->word_count++] = argv[i];
    } else {
      const wb_status status = parse_one(who, options, count, argv, argc, &i, out, err);
      if (status != WB_OK) return status;
    }
  }
  return WB_OK;
}

void wb_args_free(wb_args *args) {
  free(args->given);
  free(args->words);
  *args = (wb_args){0};
}

const wb_given *wb_args_find(const wb_args *args, const char *name) {
  for (size_t i = args->count; i-- > 0;)
    if (!strcmp(args->given[i].name, name)) return &args->given[i];
  return NULL;
}

const char *wb_args_value(const wb_args *args, const char *name) {
  const wb_given *given = wb_args_find(args, name);
  return given ? given->value : NULL;
}

bool wb_args_flag(const wb_args *args, const char *name) {
  const wb_given *given = wb_args_find(args, name);
  return given && !given->negated;
}

void wb_print_wrapped(FILE *out, const char *text, int indent, int width) {
  int column = indent;
  for (const char *word = text; *word;) {
    if (*word == '\n') {
      fprintf(out, "\n%*s", indent, "");
      column = indent;
      word++;
      continue;
    }
    const int length = (int)strcspn(word, " \n");
    if (column > indent && column + 1 + length > width) {
      fprintf(out, "\n%*s", indent, "");
      column = indent;
    }
    if (column > indent) {
      fputc(' ', out);
      column++;
    }
    fprintf(out, "%.*s", length, word);
    column += length;
    word += length;
    while (*word == ' ') word++;
  }
  fputc('\n', out);
}

static void print_option(FILE *out, const wb_opt *option) {
  char left[160];
  const int used = snprintf(left, sizeof left, "  %c%c%s--%s%s%s", option->letter ? '-' : ' ',
                            option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
                            option->value ? " " : "", option->value ? option->value : "");
  fputs(left, out);
  if (used >= HELP_COLUMN - 1)
    fprintf(out, "\n%*s", HELP_COLUMN, "");
  else
    fprintf(out, "%*s", HELP_COLUMN - used, "");
  wb_print_wrapped(out, option->help, HELP_COLUMN, WIDTH);
}

static const char *group_of(const wb_opt *option) {
  return option->group ? option->group : "options";
}

void wb_opt_usage(FILE *out, const wb_opt *options, size_t count) {
  for (size_t i = 0; i < count; i++) {
    bool seen = false; // groups in order of their first option
    for (size_t k = 0; k < i; k++) seen = seen || !strcmp(group_of(&options[k]), group_of(&options[i]));
    if (seen) continue;
    fprintf(out, "\n%s\n", group_of(&options[i]));
    for (size_t k = i; k < count; k++)
      if (!strcmp(group_of(&options[k]), group_of(&options[i]))) print_option(out, &options[k]);
  }
}
