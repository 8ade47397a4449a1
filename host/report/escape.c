/* escape.c: see escape.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "escape.h"

#include <ctype.h>
#include <string.h>

void wb_escape(FILE *out, const char *text) {
  for (; text && *text; text++) switch (*text) {
    case '&':
      fputs("&amp;", out);
      break;
    case '<':
      fputs("&lt;", out);
      break;
    case '>':
      fputs("&gt;", out);
      break;
    case '"':
      fputs("&quot;", out);
      break;
    case '\'':
      fputs("&#39;", out);
      break;
    default:
      putc((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t' ? ' ' : *text, out);
    }
}

void wb_escape_markdown(FILE *out, const char *text) {
  for (; text && *text; text++) {
    if (strchr("\\`*_{}[]<>#|~&!", *text)) putc('\\', out);
    putc((unsigned char)*text < 0x20 ? ' ' : *text, out);
  }
}

void wb_escape_path(FILE *out, const char *text) {
  for (; text && *text; text++) {
    if (isalnum((unsigned char)*text) || strchr("-._~/", *text))
      putc(*text, out);
    else
      fprintf(out, "%%%02X", (unsigned char)*text);
  }
}
