/* test_figure.c: the figure model, its files, and gnuplot. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "figure/figure_internal.h"

static char folder[] = "/tmp/wb_figure_XXXXXX", *search_path;

static int setup(void **state) {
  (void)state;
  search_path = strdup(getenv("PATH"));
  return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  char command[128];
  setenv("PATH", search_path, 1);
  free(search_path);
  snprintf(command, sizeof command, "rm -r '%s'", folder);
  return system(command);
}

static char *in_folder(const char *name) {
  static char path[4][128];
  static unsigned turn;
  char *out = path[turn++ % 4];
  snprintf(out, sizeof path[0], "%s/%s", folder, name);
  return out;
}

/* The whole file; static. */
static const char *content(const char *name) {
  static char text[400000];
  FILE *file = fopen(in_folder(name), "r");
  if (!file) fail_msg("there is no %s", name);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

static bool exists(const char *name) {
  return access(in_folder(name), F_OK) == 0;
}

static size_t occurrences(const char *text, const char *part) {
  size_t count = 0;
  for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) count++;
  return count;
}

static void assert_near(double found, double expected) {
  if (!(fabs(found - expected) < 1e-9)) fail_msg("%.17g, expected %.17g", found, expected);
}

/* Two panels with something of every kind, and labels that a careless writer would stumble over. */
static wb_figure *make(const char *name) {
  wb_figure *figure = wb_figure_new(name);
  const double x[] = {0, 1, 2}, y[] = {1, 4, NAN}, low[] = {0.5, 3, NAN}, high[] = {1.5, 6, NAN};
  const double z[] = {1, 2, 3, 4, NAN, 6}, rgb[12] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9};
  wb_panel *left =
      wb_figure_panel(figure, 0, 0, "it's \"50%\" {a_b} @x `touch pwned` $(touch pwned) \\n <&>");
  left->x.label = wb_figure_text(figure, "r\xc3\xa9sum\xc3\xa9 \xcf\x81 #1");
  left->y.label = wb_figure_text(figure, "broken \xff\xc3 utf-8, bell \a");
  wb_axis_categories(figure, &left->x, (const char *const[]){"0", "it's", "`touch pwned`"}, 3);
  wb_layer *line = wb_panel_xy(figure, left, WB_DRAW_LINE | WB_DRAW_MARKS | WB_DRAW_BAND | WB_DRAW_BARS, 3, x,
                               y, low, high);
  line->label = wb_figure_text(figure, "'; system('touch pwned'); '");
  wb_panel_level(figure, left, 3, 2.5, 3.5)->dash = WB_DASHED;
  wb_panel_xy(figure, left, WB_DRAW_STEPS, 0, x, y, NULL, NULL); // nothing
  wb_panel *right = wb_figure_panel(figure, 0, 1, NULL);
  wb_panel_heat(figure, right, 2, 3, z);
  wb_panel *row = wb_figure_panel(figure, 1, 0, NULL), *image = wb_figure_panel(figure, 1, 1, "image");
  wb_panel_heat(figure, row, 1, 6, z);
  wb_panel_image(figure, image, 2, 2, rgb);
  figure->z_low = 0;
  figure->z_high = 6;
  figure->colour_bar = true;
  figure->caption =
      wb_figure_text(figure, "A caption that's long enough to be broken into several lines, because it goes "
                             "on and on about what is shown, of what data, and how much of it.");
  return figure;
}

static void write_figure(wb_figure *figure) {
  wb_error err = {0};
  if (wb_figure_write(figure, folder, &err) != WB_OK) fail_msg("%s", err.message);
  wb_figure_free(figure);
}

static void test_names(void **state) {
  (void)state;
  wb_figure *figure = wb_figure_new("../a b/\xc3\xa9'\"`;$.gp");
  assert_string_equal(figure->name, ".._a_b________.gp");
  wb_figure_rename(figure, "map-cat_1.2");
  assert_string_equal(figure->name, "map-cat_1.2");
  wb_figure_free(figure);
  wb_figure_free(NULL);
}

static void test_data(void **state) {
  (void)state;
  write_figure(make("data"));
  const char *text = content("data.tsv");
  assert_non_null(strstr(text, "# x\ty\tlow\thigh\n0\t1\t0.5\t1.5\n1\t4\t3\t6\n2\tNaN\tNaN\tNaN\n"));
  assert_non_null(strstr(text, "\n1\t2\t3\n4\tNaN\t6\n"));
  assert_non_null(strstr(text, "\n1\t2\t3\t4\tNaN\t6\n1\t2\t3\t4\tNaN\t6\n")); // one row, doubled for gnuplot
  assert_non_null(strstr(text, "\n0\t0\t255\t0\t0\n1\t0\t0\t255\t0\n0\t1\t0\t0\t255\n1\t1\t9\t9\t9\n"));
  assert_int_equal(occurrences(text, "# block "), 6);
  assert_int_equal(occurrences(text, "\n\n\n"), 6);
}

/* Every category is a position of equal step; numbers get 5% of room, a level is seen, a far reference is
 * not. */
static void test_ranges(void **state) {
  (void)state;
  const double x[] = {0, 10}, y[] = {2, 4}, low[] = {1, 4}, high[] = {2, 5};
  wb_figure *figure = wb_figure_new("ranges");
  wb_panel *panel = wb_figure_panel(figure, 0, 0, NULL), *other = wb_figure_panel(figure, 0, 1, NULL);
  wb_panel_xy(figure, panel, WB_DRAW_LINE, 2, x, y, low, high);
  wb_panel_xy(figure, other, WB_DRAW_LINE, 2, y, x, NULL, NULL);
  wb_panel_level(figure, panel, 100, NAN, NAN);
  wb_panel_level(figure, panel, 0.5, NAN, NAN);
  wb_figure_ranges(figure);
  assert_near(panel->x.low, -0.5);
  assert_near(panel->x.high, 10.5);
  assert_near(panel->y.low, 0.5 - 0.225); // 0.5 is near enough to the data's 1 .. 5
  assert_near(panel->y.high, 5.225);
  panel->y.low = panel->y.high = NAN;
  wb_panel_level(figure, panel, 100, NAN, NAN)->label = wb_figure_text(figure, "control");
  figure->share_y = true;
  other->y.low = other->y.high = NAN;
  wb_axis_categories(figure, &panel->x, (const char *const[]){"a", "b", "c"}, 3);
  panel->x.low = panel->x.high = NAN;
  wb_figure_ranges(figure);
  assert_near(panel->y.high, 100 + 0.05 * 99.5);
  assert_near(other->y.high, panel->y.high);
  assert_near(panel->x.high, 2.5);
  panel->y.low = panel->y.high = other->y.low = other->y.high = NAN;
  panel->y.label = wb_figure_text(figure, "accuracy"); // what measures something else has a range of its own
  wb_figure_ranges(figure);
  assert_near(panel->y.high, 100 + 0.05 * 99.5);
  assert_near(other->y.high, 10.5);
  wb_figure_free(figure);
}

static void test_degenerate_ranges(void **state) {
  (void)state;
  const double same[] = {5, 5}, bad[] = {NAN, INFINITY}, mixed[] = {-1, 100};
  wb_figure *figure = wb_figure_new("flat");
  wb_panel *panel = wb_figure_panel(figure, 0, 0, NULL), *empty = wb_figure_panel(figure, 0, 1, NULL);
  wb_panel_xy(figure, panel, WB_DRAW_MARKS, 2, mixed, same, NULL, NULL);
  wb_panel_xy(figure, empty, WB_DRAW_MARKS, 2, bad, bad, NULL, NULL);
  panel->x.log = true;
  wb_figure_ranges(figure);
  assert_true(panel->y.low < 5 && panel->y.high > 5);
  assert_near(panel->x.low, 50); // what is not positive has no place on a log axis
  assert_near(panel->x.high, 200);
  assert_true(empty->x.low < empty->x.high);
  wb_figure_free(figure);
}

/* Gnuplot refuses an axis whose ends are the same number once they are text. */
static void test_values_that_differ_by_rounding(void **state) {
  (void)state;
  const double x[] = {0, 1}, almost[] = {1.00153225, 1.00153225 + 1e-10}, close[] = {5, 5.001};
  wb_figure *figure = wb_figure_new("rounding");
  wb_panel *flat = wb_figure_panel(figure, 0, 0, NULL), *steep = wb_figure_panel(figure, 0, 1, NULL);
  wb_panel_xy(figure, flat, WB_DRAW_MARKS, 2, x, almost, NULL, NULL);
  wb_panel_xy(figure, steep, WB_DRAW_MARKS, 2, x, close, NULL, NULL);
  wb_figure_ranges(figure);
  assert_true(flat->y.low < 0.95 && flat->y.high > 1.05);
  assert_near(steep->y.low, 5 - 0.05 * 0.001);
  assert_near(steep->y.high, 5.001 + 0.05 * 0.001);
  wb_figure_free(figure);
}

static void test_steps(void **state) {
  (void)state;
  assert_near(wb_axis_step(0, 1, 5), 0.2);
  assert_near(wb_axis_step(-3, 97, 5), 20);
  assert_near(wb_axis_step(0, 0.0123, 5), 0.002);
  assert_near(wb_axis_step(3, 3, 5), 1);
  assert_near(wb_axis_step(0, 45, 5), 10);
}

static void test_text(void **state) {
  (void)state;
  wb_figure *figure = wb_figure_new("text");
  const char *text = wb_text_wrap(figure, "one two three four five six\nseven", 10, 60);
  assert_int_equal(wb_text_lines(text), 4);
  for (const char *line = text; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] != 0)) {
    char *copy = wb_figure_text(figure, "%.*s", (int)strcspn(line, "\n"), line);
    assert_true(wb_text_width(copy, 10) <= 60);
  }
  assert_string_equal(wb_text_wrap(figure, "indivisible", 10, 5), "indivisible");
  assert_null(wb_text_wrap(figure, NULL, 10, 5));
  assert_near(wb_text_width("\xcf\x81", 10), wb_text_width("a", 10));
  assert_int_equal(wb_text_lines(""), 0);
  wb_figure_free(figure);
}

static void test_layout(void **state) {
  (void)state;
  wb_figure *figure = make("layout");
  wb_layout layout;
  assert_int_equal(wb_figure_layout(figure, &layout, NULL), WB_OK);
  for (size_t i = 0; i < figure->panel_count; i++) {
    const wb_rect *a = &layout.panels[i];
    assert_true(a->left >= 0 && a->left + a->width < layout.width && a->top >= 0 &&
                a->top + a->height < layout.caption_y);
    assert_true(a->left == floor(a->left) && a->top == floor(a->top));
    for (size_t k = 0; k < i; k++) {
      const wb_rect *b = &layout.panels[k];
      assert_true(a->left >= b->left + b->width || b->left >= a->left + a->width ||
                  a->top >= b->top + b->height || b->top >= a->top + a->height);
    }
  }
  assert_true(layout.colour_bar.left + layout.colour_bar.width < layout.width);
  assert_int_equal(layout.legend_count, 1);
  wb_figure_free(figure);
}

/* The numbers beside a y axis are those that are drawn: a tall axis has finer steps, and longer numbers. */
static void test_numbers_left(void **state) {
  (void)state;
  const wb_panel panel = {.y = {.low = 0.08, .high = 0.48}};
  assert_true(wb_axis_step(0.08, 0.48, 250.0 / WB_TICK_HEIGHT) == 0.05);
  const double tall = wb_axis_numbers_left(&panel, 250), flat = wb_axis_numbers_left(&panel, 100);
  assert_true(tall >= wb_text_width("0.15", WB_FONT) && flat < tall);
}

/* One figure drawn: well, from anywhere, by the script alone, and with no command of a label run. */
static void test_drawing(void **state) {
  (void)state;
  char command[512], here[512];
  wb_error err = {0};
  assert_non_null(getcwd(here, sizeof here));
  assert_int_equal(chdir(folder), 0);
  write_figure(make("drawn"));
  if (wb_figure_draw(folder, "drawn", 60, &err) != WB_OK) fail_msg("%s", err.message);
  const char *svg = content("drawn.svg");
  assert_non_null(strstr(svg, "</svg>"));
  assert_non_null(strstr(svg, "it's \"50%\" {a_b} @x `touch pwned` $(touch pwned) \\n &lt;&amp;"));
  assert_non_null(strstr(svg, "r\xc3\xa9sum\xc3\xa9 \xcf\x81 #1"));
  assert_non_null(strstr(svg, "broken ?? utf-8, bell ?"));
  assert_memory_equal(content("drawn.png"), "\x89PNG", 4);
  assert_int_equal(remove("drawn.svg") | remove("drawn.png"), 0);
  assert_int_equal(system("gnuplot drawn.gp > said 2>&1"), 0);
  assert_true(exists("drawn.svg") && exists("drawn.png"));
  assert_int_equal(remove("drawn.svg") | remove("drawn.png"), 0);
  assert_int_equal(chdir(here), 0);
  snprintf(command, sizeof command, "gnuplot '%s/drawn.gp' > /dev/null 2>&1", folder);
  assert_int_equal(system(command), 0);
  assert_true(exists("drawn.svg") && exists("drawn.png"));
  assert_false(exists("pwned"));
}

/* A drawing is taken over where script and data are the same, and only there. */
static void test_reuse(void **state) {
  (void)state;
  char earlier[512];
  snprintf(earlier, sizeof earlier, "%s", in_folder("earlier"));
  assert_int_equal(mkdir(earlier, 0755), 0);
  wb_figure *figure = make("again");
  assert_int_equal(wb_figure_write(figure, earlier, NULL), WB_OK);
  wb_figure_free(figure);
  write_figure(make("again"));
  assert_false(wb_figure_reuse(earlier, folder, "again")); // not drawn
  static const char *const endings[] = {"svg", "png"};
  for (int i = 0; i < 2; i++) {
    char path[600];
    snprintf(path, sizeof path, "%s/again.%s", earlier, endings[i]);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("a drawing", file);
    fclose(file);
    assert_int_equal(wb_figure_reuse(earlier, folder, "again"), i == 1);
    assert_int_equal(exists("again.svg"), i == 1);
  }
  assert_string_equal(content("again.png"), "a drawing");
  assert_int_equal(remove(in_folder("again.svg")) | remove(in_folder("again.png")), 0);
  FILE *data = fopen(in_folder("again.tsv"), "a");
  fputs("1\n", data);
  fclose(data);
  assert_false(wb_figure_reuse(earlier, folder, "again"));
  assert_false(exists("again.svg") || exists("again.png"));
}

static void put_program(const char *text) {
  mkdir(in_folder("bin"), 0755);
  FILE *file = fopen(in_folder("bin/gnuplot"), "w");
  fputs(text, file);
  fclose(file);
  chmod(in_folder("bin/gnuplot"), 0755);
  setenv("PATH", in_folder("bin"), 1);
}

static void test_without_gnuplot(void **state) {
  (void)state;
  wb_error err = {0};
  write_figure(make("plain"));
  setenv("PATH", "/nowhere", 1);
  assert_int_equal(wb_figure_draw(folder, "plain", 60, &err), WB_UNSUPPORTED);
  setenv("PATH", search_path, 1);
  assert_non_null(strstr(err.message, "apt install gnuplot-nox"));
  assert_true(exists("plain.gp") && exists("plain.tsv") && !exists("plain.svg"));
}

static void test_failing_gnuplot(void **state) {
  (void)state;
  wb_error err = {0};
  write_figure(make("failing"));
  fclose(fopen(in_folder("failing.svg"), "w")); // half-drawn
  put_program(
      "#!/bin/sh\necho 'first line'; echo '   ^'; echo '\"x.gp\" line 7: no such font' >&2; echo; exit 3\n");
  assert_int_equal(wb_figure_draw(folder, "failing", 60, &err), WB_IO);
  setenv("PATH", search_path, 1);
  assert_string_equal(err.message, "gnuplot failed on failing.gp: \"x.gp\" line 7: no such font");
  assert_false(exists("failing.svg"));
}

static void test_endless_gnuplot(void **state) {
  (void)state;
  wb_error err = {0};
  write_figure(make("endless"));
  put_program("#!/bin/sh\nwhile :; do echo still drawing; /bin/sleep 0.01; done\n");
  const time_t start = time(NULL);
  assert_int_equal(wb_figure_draw(folder, "endless", 0.2, &err), WB_IO);
  setenv("PATH", search_path, 1);
  assert_true(time(NULL) - start < 10);
  assert_string_equal(err.message, "gnuplot did not finish endless.gp within 0.2 seconds");
}

static void test_unwritable(void **state) {
  (void)state;
  wb_error err = {0};
  wb_figure *figure = make("nowhere");
  assert_int_equal(wb_figure_write(figure, "/nowhere", &err), WB_IO);
  assert_non_null(strstr(err.message, "/nowhere/nowhere.tsv"));
  figure->failed = true;
  err = (wb_error){0};
  assert_int_equal(wb_figure_write(figure, folder, &err), WB_NOMEM);
  assert_int_equal(wb_figure_write(NULL, folder, NULL), WB_NOMEM);
  wb_figure_free(figure);
}

static void test_colours(void **state) {
  (void)state;
  for (size_t i = 0; i < 10; i++)
    for (size_t k = 0; k < i; k++) {
      assert_int_not_equal(wb_colour_class(i), wb_colour_class(k));
      assert_int_not_equal(wb_colour_ramp(i, 10), wb_colour_ramp(k, 10));
      if (i < 8) assert_int_not_equal(wb_colour_series(i), wb_colour_series(k));
    }
  assert_int_equal(wb_colour_class(10), wb_colour_class(0));
  assert_int_equal(wb_colour_ramp(0, 1), wb_colour_ramp(0, 6));
  assert_int_equal(wb_colour_ramp(5, 6), 0xFCA636);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
                                     cmocka_unit_test(test_data),
                                     cmocka_unit_test(test_ranges),
                                     cmocka_unit_test(test_degenerate_ranges),
                                     cmocka_unit_test(test_values_that_differ_by_rounding),
                                     cmocka_unit_test(test_steps),
                                     cmocka_unit_test(test_text),
                                     cmocka_unit_test(test_layout),
                                     cmocka_unit_test(test_numbers_left),
                                     cmocka_unit_test(test_drawing),
                                     cmocka_unit_test(test_reuse),
                                     cmocka_unit_test(test_without_gnuplot),
                                     cmocka_unit_test(test_failing_gnuplot),
                                     cmocka_unit_test(test_endless_gnuplot),
                                     cmocka_unit_test(test_unwritable),
                                     cmocka_unit_test(test_colours)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
