/* adversarial.c: accuracy under attacks that change every pixel by at most epsilon, so as to raise the loss.
 *
 * FGSM: x' = x + epsilon sign(dL/dx). PGD: from a random point of the ball |x' - x| <= epsilon, ten steps of
 * epsilon/4 along sign(dL/dx'), each projected back into the ball. L is the cross-entropy of the true class,
 * x an image in [0, 1], and x' stays there. All images are attacked, those that were wrong before as well.
 *
 * Accuracy as on clean images: the attack has no effect. 0: it finds a wrong answer for every image. PGD is
 * the stronger one; where FGSM does more harm, or the loss of many images did not rise, the gradient is
 * masked rather than the network robust.
 *
 * Goodfellow, Shlens & Szegedy (2015), "Explaining and harnessing adversarial examples"; Madry et al. (2018),
 * "Towards deep learning models resistant to adversarial attacks".
 *
 *     workbench run adversarial --in runs/x.h5 --epsilons 2,8 --images 200
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "attack.h"
#include "images.h"

typedef struct adversarial_params {
  wb_float_list epsilons;
  int64_t steps, images;
  double step;
} adversarial_params;

static const wb_param params_table[] = {
    {.name = "epsilons",
     .help = "the most that a pixel changes, of 255",
     .type = WB_FLOAT_LIST,
     .default_text = "1,2,4,8",
     .max = 255,
     .offset = offsetof(adversarial_params, epsilons)},
    {.name = "images",
     .help = "the first so many test images; 0 for all",
     .type = WB_INT,
     .default_text = "1000",
     .max = 100000000,
     .offset = offsetof(adversarial_params, images)},
    {.name = "steps",
     .help = "of PGD",
     .type = WB_INT,
     .default_text = "10",
     .min = 1,
     .max = 10000,
     .offset = offsetof(adversarial_params, steps)},
    {.name = "step",
     .help = "length of a step of PGD, as a share of epsilon",
     .type = WB_FLOAT,
     .default_text = "0.25",
     .min = 1e-6,
     .max = 2,
     .offset = offsetof(adversarial_params, step)},
};

static const wb_input inputs_table[] = {WB_TESTED_INPUTS};

enum { FGSM, PGD, ATTACKS };

#define MEAN(name_, title_, help_)                                                                           \
  {                                                                                                          \
    .name = (name_), .title = (title_), .help = (help_), .higher_means = "more robust", .low = 0, .high = 1, \
    .reference = NAN, .shape = WB_SCALAR, .flags = WB_OUTPUT_HEADLINE                                        \
  }
#define CURVE(name_, title_, help_, flags_)                                                                  \
  {                                                                                                          \
    .name = (name_), .title = (title_), .help = (help_), .x_label = "\xce\xb5 (of 255)", .low = 0,           \
    .high = 1, .reference = NAN, .shape = WB_CURVE, .flags = (flags_)                                        \
  }

static const wb_output outputs_table[] = {
    CURVE("pgd", "accuracy under PGD", "share of images classified rightly after the attack, by epsilon",
          WB_OUTPUT_HEADLINE),
    CURVE("fgsm", "accuracy under FGSM", "share of images classified rightly after the attack, by epsilon",
          0),
    MEAN("clean", "clean accuracy", "share of the same images classified rightly without an attack"),
    MEAN("fgsm-mean", "mean accuracy under FGSM", "over the epsilons above 0"),
    MEAN("pgd-mean", "mean accuracy under PGD", "over the epsilons above 0"),
    CURVE("fgsm-rose", "images whose loss rose", "share of images whose loss FGSM raised, by epsilon", 0),
    CURVE("pgd-rose", "images whose loss rose", "share of images whose loss PGD raised, by epsilon", 0),
    {.name = "not-raised",
     .title = "batches whose loss did not rise",
     .help =
         "attacks on a batch of images, FGSM or PGD, after which the mean loss was not above the clean one",
     .higher_means = "attacks that failed",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
};

static const char *const accuracy_names[ATTACKS] = {"fgsm", "pgd"},
                         *const mean_names[ATTACKS] = {"fgsm-mean", "pgd-mean"},
                         *const rose_names[ATTACKS] = {"fgsm-rose", "pgd-rose"};

typedef struct session {
  const wb_host *host;
  const adversarial_params *params;
  wb_tested t;
  uint64_t seed;
  float *x, *gradient, *first; // (WB_TESTED_BATCH, image); first: the gradient at the clean images
  float *logits;               // (WB_TESTED_BATCH, classes)
  double *clean_loss;          // (WB_TESTED_BATCH)
  double *right[ATTACKS];      // (epsilons): images so far
  double *rose[ATTACKS];       // (epsilons)
  double clean_right, not_raised;
  double done; // gradients so far, of count * (1 + epsilons * steps)
} session;

static wb_status open(session *s) {
  const wb_host *host = s->host;
  const size_t epsilons = s->params->epsilons.count;
  WB_TRY(wb_tested_open(host, 0, (uint64_t)s->params->images, &s->t));
  s->seed = host->seed(host, "attack");
  s->x = WB_ALLOC(host, float, WB_TESTED_BATCH * s->t.pixels);
  s->gradient = WB_ALLOC(host, float, WB_TESTED_BATCH * s->t.pixels);
  s->first = WB_ALLOC(host, float, WB_TESTED_BATCH * s->t.pixels);
  s->logits = WB_ALLOC(host, float, (size_t)WB_TESTED_BATCH * s->t.classes);
  s->clean_loss = WB_ALLOC(host, double, WB_TESTED_BATCH);
  if (!s->x || !s->gradient || !s->first || !s->logits || !s->clean_loss) return WB_NOMEM;
  for (int a = 0; a < ATTACKS; a++) {
    s->right[a] = WB_ALLOC(host, double, epsilons);
    s->rose[a] = WB_ALLOC(host, double, epsilons);
    if (!s->right[a] || !s->rose[a]) return WB_NOMEM;
    memset(s->right[a], 0, epsilons * sizeof(double));
    memset(s->rose[a], 0, epsilons * sizeof(double));
  }
  return WB_OK;
}

static wb_status get_gradient(session *s, const float *images, uint32_t n, float *gradient) {
  const wb_host *host = s->host;
  if (host->cancelled(host)) return WB_CANCELLED;
  WB_TRY(s->t.engine->input_gradient(host, s->t.model, images, s->t.labels, n, gradient, NULL));
  const double each = 1 + (double)s->params->epsilons.count * (double)s->params->steps;
  s->done += n;
  host->progress(host, s->done, (double)s->t.count * each, NULL);
  return WB_OK;
}

/* Counts what became of the n attacked images in x. */
static wb_status judge(session *s, uint32_t n, int attack, size_t e, float epsilon) {
  static const char *const attacks[ATTACKS] = {"FGSM", "PGD"};
  const wb_host *host = s->host;
  const size_t classes = s->t.classes;
  const double excess = wb_attack_excess(s->x, s->t.clean, epsilon, n * s->t.pixels);
  double before = 0, after = 0;
  if (!(excess <= 1e-6))
    return wb_host_fail(host, WB_INTERNAL, "%s left the ball of epsilon %g or the image range by %g",
                        attacks[attack], (double)epsilon, excess);
  WB_TRY(wb_tested_logits(host, &s->t, s->x, n, s->logits));
  s->right[attack][e] += wb_tested_right(&s->t, s->logits, n);
  for (uint32_t i = 0; i < n; i++) {
    const double loss = wb_attack_loss(s->logits + i * classes, (size_t)s->t.labels[i], classes);
    before += s->clean_loss[i];
    after += loss;
    s->rose[attack][e] += loss > s->clean_loss[i];
  }
  if (after > before || epsilon == 0) return WB_OK;
  s->not_raised++;
  wb_host_log(host, WB_WARNING,
              "%s of epsilon %g/255 did not raise the loss of %u images (%.4g before, %.4g after)",
              attacks[attack], s->params->epsilons.items[e], n, before / n, after / n);
  return WB_OK;
}

static wb_status attack_batch(session *s, uint64_t index, uint32_t n) {
  const wb_host *host = s->host;
  const size_t values = n * s->t.pixels, classes = s->t.classes;
  WB_TRY(wb_tested_logits(host, &s->t, s->t.clean, n, s->logits));
  s->clean_right += wb_tested_right(&s->t, s->logits, n);
  for (uint32_t i = 0; i < n; i++)
    s->clean_loss[i] = wb_attack_loss(s->logits + i * classes, (size_t)s->t.labels[i], classes);
  WB_TRY(get_gradient(s, s->t.clean, n, s->first));
  for (size_t e = 0; e < s->params->epsilons.count; e++) {
    const float epsilon = (float)(s->params->epsilons.items[e] / 255);
    const float step = (float)s->params->step * epsilon;
    memcpy(s->x, s->t.clean, values * sizeof *s->x);
    wb_attack_step(s->x, s->first, s->t.clean, epsilon, epsilon, values);
    WB_TRY(judge(s, n, FGSM, e, epsilon));
    for (uint32_t i = 0; i < n; i++)
      wb_attack_start(s->x + i * s->t.pixels, s->t.clean + i * s->t.pixels, epsilon, s->seed, index + i,
                      s->t.pixels);
    for (int64_t k = 0; k < s->params->steps; k++) {
      WB_TRY(get_gradient(s, s->x, n, s->gradient));
      wb_attack_step(s->x, s->gradient, s->t.clean, step, epsilon, values);
    }
    WB_TRY(judge(s, n, PGD, e, epsilon));
  }
  return WB_OK;
}

/* Curves begin at epsilon 0, where accuracy is that of the clean images. */
static wb_status emit(const session *s) {
  const wb_host *host = s->host;
  const size_t count = s->params->epsilons.count;
  const double n = (double)s->t.count, *items = s->params->epsilons.items;
  double *x = WB_ALLOC(host, double, count + 1), *y = WB_ALLOC(host, double, count + 1);
  if (!x || !y) return WB_NOMEM;
  x[0] = 0;
  memcpy(x + 1, items, count * sizeof *x);
  for (int a = 0; a < ATTACKS; a++) {
    double sum = 0;
    y[0] = s->clean_right / n;
    for (size_t e = 0; e < count; e++) sum += y[e + 1] = s->right[a][e] / n;
    WB_TRY(host->emit_curve(host, accuracy_names[a], count + 1, x, y));
    WB_TRY(host->emit_scalar(host, mean_names[a], sum / (double)count));
    for (size_t e = 0; e < count; e++) y[e + 1] = s->rose[a][e] / n;
    WB_TRY(host->emit_curve(host, rose_names[a], count, x + 1, y + 1));
  }
  WB_TRY(host->emit_scalar(host, "clean", s->clean_right / n));
  return host->emit_scalar(host, "not-raised", s->not_raised);
}

static wb_status check(const wb_host *host, const void *params) {
  const wb_float_list *epsilons = &((const adversarial_params *)params)->epsilons;
  bool ascending = epsilons->count > 0;
  for (size_t e = 0; ascending && e < epsilons->count; e++)
    ascending = epsilons->items[e] > (e ? epsilons->items[e - 1] : 0);
  return ascending
             ? WB_OK
             : host->fail(host, WB_ARG, "--epsilons are numbers above 0 in ascending order, as in 1,2,4,8");
}

static wb_status run(const wb_host *host, const void *params) {
  session s = {.host = host, .params = params};
  WB_TRY(open(&s));
  for (uint64_t first = 0; first < s.t.count; first += WB_TESTED_BATCH) {
    uint32_t n;
    WB_TRY(wb_tested_read(host, &s.t, first, &n));
    WB_TRY(attack_batch(&s, first, n));
  }
  return emit(&s);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_ROBUSTNESS,
    .scope = WB_PER_RUN,
    .flags = WB_NEEDS_ENGINE | WB_THREADED | WB_STOCHASTIC,
    .params_size = sizeof(adversarial_params),
    .id = "adversarial",
    .version = "1.0",
    .title = "accuracy under adversarial attacks, FGSM and PGD",
    .summary =
        "Changes every pixel of the test images by at most epsilon so that the loss rises, once along the "
        "sign of its gradient (FGSM) and in small steps from a random start (PGD), and tells the accuracy "
        "that is left, from that of clean images (the attack does nothing) down to 0. Where the loss of "
        "many images did not rise, the attack failed; the network need not be robust.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Goodfellow, Shlens & Szegedy (2015); Madry, Makelov, Schmidt, Tsipras & Vladu (2018)",
    .example = "workbench run adversarial --in runs/*.h5 --epsilons 1,2,4,8",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
