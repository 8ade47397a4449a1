/* svg.c: see svg.h. A scanner of tags; what is not known to be harmless is left out. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#include "svg.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "heap.h"

typedef struct span {
  const char *at;
  size_t length;
} span;

enum { DEEPEST = 64 };

typedef struct scanner {
  const char *next;
  FILE *out;
  const wb_svg_label *label;
  char *held;              // an opening <g ..> that is written once there is something in it
  span open[DEEPEST];      // elements
  unsigned depth, skipped; // how many; at which depth is the one that is left out, 0: none
  bool begun;
} scanner;

static bool is(span s, const char *text) {
  return s.length == strlen(text) && !strncmp(s.at, text, s.length);
}

static bool begins(span s, const char *text) {
  return s.length >= strlen(text) && !strncmp(s.at, text, strlen(text));
}

static bool is_among(span s, const char *const *texts, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (is(s, texts[i])) return true;
  return false;
}

static bool is_kept_element(span name) {
  static const char *const kept[] = {
      "svg",  "g",      "path",     "polygon",        "polyline",       "line",
      "rect", "circle", "ellipse",  "text",           "tspan",          "use",
      "defs", "image",  "clipPath", "linearGradient", "radialGradient", "stop"};
  return is_among(name, kept, sizeof kept / sizeof *kept);
}

static bool is_kept_attribute(span name) {
  static const char *const kept[] = {"d",
                                     "x",
                                     "y",
                                     "x1",
                                     "y1",
                                     "x2",
                                     "y2",
                                     "cx",
                                     "cy",
                                     "r",
                                     "rx",
                                     "ry",
                                     "dx",
                                     "dy",
                                     "points",
                                     "width",
                                     "height",
                                     "viewBox",
                                     "transform",
                                     "preserveAspectRatio",
                                     "fill",
                                     "fill-opacity",
                                     "fill-rule",
                                     "stroke",
                                     "stroke-width",
                                     "stroke-linecap",
                                     "stroke-linejoin",
                                     "stroke-dasharray",
                                     "stroke-opacity",
                                     "stroke-miterlimit",
                                     "opacity",
                                     "color",
                                     "font-family",
                                     "font-size",
                                     "font-weight",
                                     "font-style",
                                     "text-anchor",
                                     "baseline-shift",
                                     "dominant-baseline",
                                     "xml:space",
                                     "clip-path",
                                     "offset",
                                     "stop-color",
                                     "image-rendering"};
  return is_among(name, kept, sizeof kept / sizeof *kept);
}

static void put_span(FILE *out, span s) {
  for (size_t i = 0; i < s.length; i++) {
    if (s.at[i] == '"')
      fputs("&quot;", out);
    else if (s.at[i] == '<')
      fputs("&lt;", out);
    else
      putc(s.at[i], out);
  }
}

static void put_attribute(const scanner *s, FILE *out, span name, span value) {
  static const char PNG[] = "data:image/png;base64,";
  if (is(name, "id")) {
    fprintf(out, " id=\"%s", s->label->prefix);
  } else if ((is(name, "xlink:href") || is(name, "href")) && begins(value, "#")) {
    fprintf(out, " href=\"#%s", s->label->prefix);
    value = (span){value.at + 1, value.length - 1};
  } else if ((is(name, "xlink:href") || is(name, "href")) && begins(value, PNG)) {
    fputs(" href=\"", out);
  } else if (is_kept_attribute(name) && begins(value, "url(#")) {
    fprintf(out, " %.*s=\"url(#%s", (int)name.length, name.at, s->label->prefix);
    value = (span){value.at + 5, value.length - 5};
  } else if (is_kept_attribute(name) && !memmem(value.at, value.length, "url", 3)) {
    fprintf(out, " %.*s=\"", (int)name.length, name.at);
  } else {
    return;
  }
  put_span(out, value);
  putc('"', out);
}

static void skip_space(const char **at) {
  while (isspace((unsigned char)**at)) ++*at;
}

static span read_name(const char **at) {
  const char *begin = *at;
  while (isalnum((unsigned char)**at) || (**at && strchr(":_-.", **at))) ++*at;
  return (span){begin, (size_t)(*at - begin)};
}

/* name="value"; false at the end of the tag or where it is malformed. */
static bool read_attribute(const char **at, span *name, span *value) {
  skip_space(at);
  *name = read_name(at);
  skip_space(at);
  if (!name->length || **at != '=') return false;
  ++*at;
  skip_space(at);
  const char quote = **at;
  if (quote != '"' && quote != '\'') return false;
  const char *begin = ++*at, *end = strchr(begin, quote);
  if (!end) return false;
  *value = (span){begin, (size_t)(end - begin)};
  *at = end + 1;
  return true;
}

static void release(scanner *s) {
  if (s->held) fputs(s->held, s->out);
  free(s->held);
  s->held = NULL;
}

/* Whether a line of text begins as the caption does. */
static bool begins_caption(const char *line, const char *caption) {
  enum { LEAST = 8, MOST = 24 };
  size_t alike = 0;
  while (alike < MOST && line[alike] && line[alike] == caption[alike]) alike++;
  return alike == MOST || (alike >= LEAST && strchr("<&", line[alike]));
}

/* Where the caption begins that the figure ends with, in pixels from the top; 0 where it has none. */
static double find_caption(const char *svg, const char *caption) {
  static const double ASCENT = 16;
  const char *found = NULL, *place = NULL;
  for (const char *at = svg; (at = strstr(at, "<text>")); at++)
    if (begins_caption(at + strlen("<text>"), caption)) found = at;
  for (const char *at = svg; found && (at = strstr(at, "translate(")) && at < found; at++) place = at;
  const char *comma = place ? strchr(place, ',') : NULL;
  return comma ? strtod(comma + 1, NULL) - ASCENT : 0;
}

/* The root: its size as a view box and as properties for the page's style. */
static void put_root(scanner *s, const char *at) {
  span name, value;
  double width = 0, height = 0;
  span box = {0};
  while (read_attribute(&at, &name, &value)) {
    if (is(name, "width")) width = strtod(value.at, NULL);
    if (is(name, "height")) height = strtod(value.at, NULL);
    if (is(name, "viewBox")) box = value;
  }
  const double caption = find_caption(at, s->label->name);
  const bool cut = caption > 0 && caption < height;
  if (cut) height = caption;
  fputs("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"", s->out);
  if (box.length && !cut)
    put_span(s->out, box);
  else
    fprintf(s->out, "0 0 %g %g", width, height);
  fprintf(s->out, "\" style=\"--w:%g;--h:%g\" aria-label=\"", width, height);
  wb_escape(s->out, s->label->name);
  fputs("\">", s->out);
  s->begun = true;
}

static wb_status fail_malformed(wb_error *err, const char *at) {
  return wb_fail(err, WB_INPUT, "this is no SVG drawing that can be read: near \"%.20s\"", at);
}

/* An opening tag, `at` behind its name. */
static void open_element(scanner *s, span element, const char *at, bool closed) {
  const bool nested_root = is(element, "svg") && s->begun;
  if (!closed) s->open[s->depth++] = element;
  if (s->skipped) return;
  if (!is_kept_element(element) || nested_root) {
    if (!closed) s->skipped = s->depth;
    return;
  }
  if (is(element, "svg")) {
    put_root(s, at);
    return;
  }
  release(s);
  char *text = NULL;
  size_t size = 0;
  FILE *out = wb_must(open_memstream(&text, &size));
  fprintf(out, "<%.*s", (int)element.length, element.at);
  span name, value;
  while (read_attribute(&at, &name, &value)) put_attribute(s, out, name, value);
  fputs(closed ? "/>" : ">", out);
  fclose(out);
  if (is(element, "g") && !closed) {
    s->held = text;
    return;
  }
  fputs(text, s->out);
  free(text);
}

static void close_element(scanner *s, span element) {
  const bool was_skipped = s->skipped != 0;
  if (s->skipped == s->depth) s->skipped = 0;
  s->depth--;
  if (was_skipped) return;
  if (s->held) { // an empty group
    free(s->held);
    s->held = NULL;
    return;
  }
  fprintf(s->out, "</%.*s>", (int)element.length, element.at);
}

/* The end of a tag, outside quotes; NULL where there is none. */
static const char *end_of_tag(const char *at) {
  for (char quote = 0; *at; at++) {
    if (quote)
      quote = *at == quote ? 0 : quote;
    else if (*at == '"' || *at == '\'')
      quote = *at;
    else if (*at == '>')
      return at;
  }
  return NULL;
}

/* A comment, declaration or instruction; NULL where it does not end. */
static const char *skip_other(const char *at) {
  const char *close = !strncmp(at, "<!--", 4) ? "-->" : !strncmp(at, "<![CDATA[", 9) ? "]]>" : ">";
  const char *end = strstr(at, close);
  return end ? end + strlen(close) : NULL;
}

static wb_status scan_tag(scanner *s, wb_error *err) {
  const char *at = s->next;
  if (at[1] == '!' || at[1] == '?') {
    const char *end = skip_other(at);
    if (!end) return fail_malformed(err, at);
    s->next = end;
    return WB_OK;
  }
  const char *end = end_of_tag(at);
  const bool closes = at[1] == '/';
  const char *inside = at + 1 + closes;
  const span element = read_name(&inside);
  if (!end || !element.length || (!s->begun && !is(element, "svg"))) return fail_malformed(err, at);
  const span top = s->depth ? s->open[s->depth - 1] : (span){0};
  const bool matches = top.length == element.length && !strncmp(top.at, element.at, top.length);
  if (closes ? !s->depth || !matches : s->depth == DEEPEST) return fail_malformed(err, at);
  if (closes)
    close_element(s, element);
  else
    open_element(s, element, inside, end[-1] == '/');
  s->next = end + 1;
  return WB_OK;
}

static void put_text(scanner *s, size_t length) {
  bool blank = true;
  for (size_t i = 0; i < length && blank; i++) blank = isspace((unsigned char)s->next[i]);
  if (!s->begun || s->skipped || blank) return;
  release(s);
  fwrite(s->next, 1, length, s->out);
}

wb_status wb_svg_inline(FILE *out, const char *svg, const wb_svg_label *label, wb_error *err) {
  scanner s = {.next = svg, .out = out, .label = label};
  wb_status status = WB_OK;
  while (*s.next && status == WB_OK && !(s.begun && !s.depth)) {
    const size_t length = strcspn(s.next, "<");
    put_text(&s, length);
    s.next += length;
    if (*s.next) status = scan_tag(&s, err);
  }
  if (status == WB_OK && (!s.begun || s.depth)) status = fail_malformed(err, "the end");
  free(s.held);
  return status;
}
