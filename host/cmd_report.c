/* cmd_report.c: workbench report. SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "document.h"
#include "exit.h"
#include "files.h"
#include "folder.h"
#include "heap.h"
#include "html.h"
#include "json.h"
#include "markdown.h"
#include "opt.h"
#include "papers.h"
#include "say.h"

#define USUAL_IN  "results"
#define USUAL_OUT "report"

enum { LARGEST_TABLE = 8 << 20 }; // bytes; larger ones stay where they are

static const wb_opt options[] = {
    {"in", 0, WB_OPT_ONE, "DIR", "the folder with the results (default: " USUAL_IN ")", NULL},
    {"out", 0, WB_OPT_ONE, "DIR", "where the report goes (default: " USUAL_OUT ")", NULL},
    {"title", 0, WB_OPT_ONE, "TEXT", "of the report", NULL},
    {"paper", 0, WB_OPT_ONE, "<contrastive-topography|beyond-topography>",
     "whose figures come first (default: the papers whose factor, rho or lambda, the runs have)", NULL},
    {"change", 0, WB_OPT_EACH, "TEXT",
     "what the study does otherwise than its paper; may be given several times", NULL},
    {"format", 0, WB_OPT_ONE, "<html|md>", "a page, or Markdown with the figures beside it (default: html)",
     NULL},
    {"json", 0, WB_OPT_FLAG, NULL, "what the report says as JSON on stdout", NULL},
    {"quiet", 'q', WB_OPT_FLAG, NULL, "only warnings and errors on stderr", NULL},
    {"help", 'h', WB_OPT_FLAG, NULL, "this text", NULL},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static void print_help(void) {
  puts("workbench report [options]\n\n"
       "One page about a study, from what workbench run METRIC wrote to the results folder: what was run, "
       "the\n"
       "papers' figures with what they found and what is found here, further metrics, warnings, and how to "
       "make\n"
       "it all again. It needs no network and no other file; the numbers behind it lie beside it in data/.");
  wb_opt_usage(stdout, options, OPTIONS);
  puts("\nexample\n  workbench report --in results --out report");
}

typedef struct request {
  const char *in, *out, *title;
  wb_report_paper paper;
  const wb_args *args; // for --change, which may be given several times
  bool markdown, as_json;
} request;

static wb_status read_request(const wb_args *args, request *r, wb_error *err) {
  const char *in = wb_args_value(args, "in"), *out = wb_args_value(args, "out");
  const char *paper = wb_args_value(args, "paper"), *format = wb_args_value(args, "format");
  *r = (request){.in = in ? in : USUAL_IN,
                 .out = out ? out : USUAL_OUT,
                 .title = wb_args_value(args, "title"),
                 .args = args,
                 .markdown = format && !strcmp(format, "md"),
                 .as_json = wb_args_flag(args, "json")};
  if (args->word_count)
    return wb_fail(err, WB_ARG, "workbench report takes no %s; the results are named with --in DIR",
                   args->words[0]);
  if (format && !r->markdown && strcmp(format, "html") != 0)
    return wb_fail(err, WB_ARG, "--format is %s; it must be html or md", format);
  if (paper && !wb_paper_parse(paper, &r->paper))
    return wb_fail(err, WB_ARG, "--paper is %s; it must be contrastive-topography or beyond-topography",
                   paper);
  return WB_OK;
}

static bool is_ours(const char *folder) {
  return wb_folder_has_schema(folder, "data/report.json", "workbench.report/");
}

/* ---- data/ ---- */

static wb_status copy_file(const char *from, const char *to, wb_error *err) {
  FILE *source = fopen(from, "rb"), *copy = fopen(to, "wb");
  char block[65536];
  bool good = source && copy;
  for (size_t bytes; good && (bytes = fread(block, 1, sizeof block, source)) > 0;)
    good = fwrite(block, 1, bytes, copy) == bytes;
  good = good && !ferror(source);
  if (source) fclose(source);
  if (copy) good = fclose(copy) == 0 && good;
  return good ? WB_OK : wb_fail_errno(err, "cannot copy %s to %s", from, to);
}

static bool is_copied(const char *path, bool markdown) {
  struct stat info;
  if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return false;
  if (!strcmp(wb_last_part(path), "summary.json")) return true;
  return (wb_ends_with(path, ".tsv") && info.st_size <= LARGEST_TABLE) || wb_ends_with(path, ".gp") ||
         (markdown && wb_ends_with(path, ".svg"));
}

static wb_status copy_result(const wb_report_result *result, const char *data, bool markdown, wb_error *err) {
  char *folder = wb_format("%s/%s", data, wb_last_part(result->folder));
  wb_status status =
      wb_make_folders(folder) ? WB_OK : wb_fail_errno(err, "cannot make the folder %s", folder);
  char **files;
  const size_t count = wb_list_folder(result->folder, NULL, &files);
  for (size_t i = 0; i < count && status == WB_OK; i++) {
    if (!is_copied(files[i], markdown)) continue;
    char *to = wb_format("%s/%s", folder, wb_last_part(files[i]));
    status = copy_file(files[i], to, err);
    free(to);
  }
  wb_free_texts(files, count);
  free(folder);
  return status;
}

static wb_status write_data(const wb_report *report, const json_t *document, const char *folder,
                            bool markdown, wb_error *err) {
  char *data = wb_format("%s/data", folder), *path = wb_format("%s/report.json", data);
  wb_status status = wb_make_folders(data) ? WB_OK : wb_fail_errno(err, "cannot make the folder %s", data);
  for (size_t r = 0; r < report->count && status == WB_OK; r++)
    status = copy_result(&report->results[r], data, markdown, err);
  if (status == WB_OK && !wb_json_save(document, path)) status = wb_fail_errno(err, "cannot write %s", path);
  free(path);
  free(data);
  return status;
}

/* ---- The report ---- */

static wb_status write_page(const json_t *document, const char *folder, bool markdown, wb_error *err) {
  char *path = wb_format("%s/%s", folder, markdown ? "report.md" : "index.html");
  FILE *out = fopen(path, "w");
  if (out && markdown) wb_markdown_write(out, document);
  if (out && !markdown) wb_html_write(out, document);
  const bool good = out && !ferror(out);
  const bool closed = out && fclose(out) == 0;
  const wb_status status = good && closed ? WB_OK : wb_fail_errno(err, "cannot write %s", path);
  free(path);
  return status;
}

static wb_status write_report(const request *r, const wb_report *report, const json_t *document,
                              wb_error *err) {
  wb_folder place;
  wb_status status = wb_folder_begin(r->out, "report", is_ours, &place, err);
  if (status == WB_OK) status = write_data(report, document, place.fresh, r->markdown, err);
  if (status == WB_OK) status = write_page(document, place.fresh, r->markdown, err);
  return wb_folder_end(&place, status, err);
}

/* NULL where nothing was named. */
static json_t *read_changes(const wb_args *args) {
  json_t *list = NULL;
  for (size_t i = 0; i < args->count; i++) {
    if (strcmp(args->given[i].name, "change") != 0 || !*args->given[i].value) continue;
    if (!list) list = wb_must(json_array());
    wb_json_append(list, wb_json_string(args->given[i].value));
  }
  return list;
}

static int perform(const request *r) {
  wb_error err = {0};
  wb_report report;
  json_t *skipped = NULL, *document = NULL;
  wb_status status = wb_report_open(r->in, &report, &skipped, &err);
  if (r->title && *r->title) {
    free(report.title);
    report.title = wb_copy(r->title);
  }
  report.paper = r->paper;
  report.changes = read_changes(r->args);
  if (status == WB_OK) {
    document = wb_document_make(&report, skipped);
    status = write_report(r, &report, document, &err);
  }
  const json_t *sentence;
  size_t i;
  json_array_foreach(skipped, i, sentence) wb_say_warning("%s", json_string_value(sentence));
  if (status != WB_OK)
    wb_say_error("%s", err.message);
  else if (r->as_json)
    wb_json_print(document);
  else
    printf("%s/%s\n", r->out, r->markdown ? "report.md" : "index.html");
  json_decref(document);
  json_decref(skipped);
  wb_report_close(&report);
  return wb_exit_code(status);
}

int wb_cmd_report(int argc, char *const *argv) {
  wb_error err = {0};
  wb_args args;
  request r;
  wb_status status = wb_args_parse("workbench report", options, OPTIONS, argv, argc, &args, &err);
  const bool help = status == WB_OK && wb_args_flag(&args, "help");
  if (status == WB_OK && !help) status = read_request(&args, &r, &err);
  int code = wb_exit_code(status);
  if (status != WB_OK) {
    wb_say_error("%s", err.message);
  } else if (help) {
    print_help();
  } else {
    wb_say_set(wb_args_flag(&args, "quiet") ? WB_QUIET : WB_NORMAL);
    code = perform(&r);
  }
  wb_args_free(&args);
  return code;
}
