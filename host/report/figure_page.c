/* figure_page.c: see figure_page.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "figure_page.h"

#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "heap.h"
#include "json.h"
#include "svg.h"

enum { LARGE = 1500000 }; // bytes of an SVG drawing, beyond which a PNG is lighter

void wb_figure_page_link(FILE *out, const char *folder, const char *file) {
  fputs("<a href=\"data/", out);
  wb_escape_path(out, folder);
  putc('/', out);
  wb_escape_path(out, file);
  fputs("\">", out);
  wb_escape(out, file);
  fputs("</a>", out);
}

/* A whole file with a final NUL; NULL where it cannot be read. */
static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  char *text = NULL;
  FILE *memory = wb_must(open_memstream(&text, size));
  char block[65536];
  for (size_t bytes; (bytes = fread(block, 1, sizeof block, file)) > 0;) fwrite(block, 1, bytes, memory);
  const int failed = ferror(file);
  fclose(memory);
  fclose(file);
  if (!failed) return text;
  free(text);
  return NULL;
}

static void put_base64(FILE *out, const unsigned char *bytes, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < size; i += 3) {
    const unsigned second = i + 1 < size ? bytes[i + 1] : 0, third = i + 2 < size ? bytes[i + 2] : 0;
    const unsigned all = (unsigned)bytes[i] << 16 | second << 8 | third;
    putc(digits[all >> 18], out);
    putc(digits[all >> 12 & 63], out);
    putc(i + 1 < size ? digits[all >> 6 & 63] : '=', out);
    putc(i + 2 < size ? digits[all & 63] : '=', out);
  }
}

/* The PNG beside the SVG; false where there is none. */
static int put_png(FILE *out, const char *svg_path, const char *caption) {
  char *path = wb_format("%.*s.png", (int)(strlen(svg_path) - strlen(".svg")), svg_path);
  size_t size = 0;
  char *bytes = read_file(path, &size);
  free(path);
  const int found = bytes && size > 8 && !memcmp(bytes, "\x89PNG", 4);
  if (found) {
    fputs("<img alt=\"", out);
    wb_escape(out, caption);
    fputs("\" src=\"data:image/png;base64,", out);
    put_base64(out, (const unsigned char *)bytes, size);
    fputs("\">", out);
  }
  free(bytes);
  return found;
}

static void put_drawing(FILE *out, const char *path, const wb_svg_label *label) {
  size_t size = 0;
  char *svg = read_file(path, &size), *text = NULL;
  if (svg && size > LARGE && put_png(out, path, label->name)) {
    free(svg);
    return;
  }
  wb_error err = {0};
  size_t length = 0;
  FILE *memory = wb_must(open_memstream(&text, &length));
  const wb_status status =
      svg ? wb_svg_inline(memory, svg, label, &err) : wb_fail(&err, WB_IO, "the file cannot be read");
  fclose(memory);
  if (status == WB_OK) {
    fwrite(text, 1, length, out);
  } else {
    fputs("<p>No figure from ", out);
    wb_escape(out, path);
    fputs(": ", out);
    wb_escape(out, err.message);
    fputs(".</p>", out);
  }
  free(text);
  free(svg);
}

void wb_figure_page_put(FILE *out, wb_figure_page *page, const json_t *figure, const char *folder) {
  const char *name = wb_json_text(figure, "name"), *caption = wb_json_text(figure, "caption");
  char *prefix = wb_format("f%zu-", ++page->count), *source = wb_format("%s.tsv", name);
  const wb_svg_label label = {prefix, caption ? caption : name};
  fprintf(out, "<figure id=\"f%zu\"><div class=\"drawing\" tabindex=\"0\">", page->count);
  put_drawing(out, wb_json_text(figure, "path"), &label);
  fputs("</div>\n<figcaption>", out);
  wb_escape(out, caption);
  fputs(" <span class=\"files\">", out);
  wb_figure_page_link(out, folder, source);
  fputs("</span></figcaption></figure>\n", out);
  free(source);
  free(prefix);
}
