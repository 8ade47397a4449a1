/* papers.c: see papers.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "papers.h"

#include <math.h>
#include <string.h>

#include "json.h"

#define P1 WB_REPORT_CONTRASTIVE_TOPOGRAPHY
#define P2 WB_REPORT_BEYOND_TOPOGRAPHY

static const wb_paper_figure figures[] = {
    {P1, "Figure 1", "accuracy", "top1", "top1", NAN, NULL,
     "Under ce, supcon and margin, accuracy stays within about 1.5 points of that at rho 0; under simclr it "
     "falls as rho grows."},
    {P1, "Figure 2", "tsne", "map", "class", NAN, NULL,
     "Classes are better separated under every supervised objective than under simclr."},
    {P1, "Figure 3", "activation-map", "maps", "border-energy", NAN, NULL,
     "With rho the maps become smooth; without dropout more of the activation sits in units on the border of "
     "the grid."},
    {P1, "Figure 4a", "moran", "i", "i", NAN, NULL,
     "With dropout Moran's I rises from rho 0.008 to 0.2, and falls from 0.2 to 5 under supcon, simclr and "
     "margin; ce is the smoothest objective with dropout and the least smooth without."},
    {P1, "Figure 4b", "weight-norm", "norm", "norm", NAN, NULL,
     "The mean weight norm is largest at rho 0 and falls steadily as rho grows."},
    {P1, "Figure 5", "colocalization", "distance", "distance", 0.5, "r \u2265 0.5",
     "At rho 0 correlated units are as far apart as any two (8.3 grid cells on 16\u00d716); at rho 0.04 and "
     "0.2 they are the closer, the higher their correlation."},
    {P1, "Figure 6", "rdm-consistency", "consistency", "consistency", NAN, NULL,
     "Seeds agree less as rho grows: under ce, supcon and margin from 0.80\u20130.87 at rho 0 to "
     "0.60\u20130.80 at 0.2; simclr at rho 1 is the exception."},
    {P1, "Figure 7", "ensemble", "gain", "clean-gain", NAN, NULL,
     "Ensembles gain accuracy at every rho, with topography about as much as without (ten ce models on clean "
     "images: 2.9 points at rho 0, 3.0\u20133.15 with topography), and most at an intermediate noise level."},
    {P1, "Table 1", "similarity-table", "table", NULL, NAN, NULL,
     "Within-class similarity is higher under supcon and margin than under ce at rho 0; under ce it rises "
     "with rho while that across classes stays near zero; at rho 5 supcon and margin have lost the "
     "difference."},
    {P2, "Accuracy", "accuracy", "top1", "top1", NAN, NULL,
     "A weight of the topographic loss of 2 and more costs accuracy."},
    {P2, "Spatial autocorrelation", "moran", "i", "i", NAN, NULL,
     "Moran's I is well above zero under weight similarity, at or below zero under activation similarity."},
    {P2, "Correlated units on the grid", "colocalization", "distance", "distance", 0.5, "r \u2265 0.5",
     "Correlated units are closer on the grid under weight similarity than under activation similarity and "
     "in the control."},
    {P2, "Correlations of units", "unit-correlation", "pairs", "dip", NAN, NULL,
     "Correlations have two modes under activation similarity, not under weight similarity."},
    {P2, "Effective dimensionality", "effective-dim", "within", "within", NAN, NULL,
     "Within classes the dimensionality is below the control's under both losses; overall it may rise at low "
     "lambda."},
    {P2, "Entropy and sparsity", "activation-stats", "entropy", "entropy", NAN, NULL,
     "Weight similarity has higher entropy and variance, and lower sparsity, than activation similarity and "
     "the control."},
    {P2, "Noise on the weights", "weight-noise", "accuracy", "drop", NAN, NULL,
     "Both losses lose less accuracy than the control, weight similarity least; it preserves the similarity "
     "of class weights best."},
    {P2, "Noise on the input", "input-noise", "white", "noisy", NAN, NULL,
     "On CIFAR-10 activation similarity is the most robust, on MNIST weight similarity."},
    {P2, "Expert units", "expert-units", "preferred", "class-i", NAN, NULL,
     "Units that detect a class form clusters under both losses."},
    {P2, "Orientation tuning", "orientation-tuning", "preferred", "selectivity", NAN, NULL,
     "Both losses differ from the control in orientation selectivity."},
    {P2, "Symmetry", "symmetry", "left-right", "left-right", NAN, NULL,
     "Both losses differ from the control in the symmetry of responses."},
    {P2, "Eccentricity", "eccentricity", "profile", "slope", NAN, NULL,
     "Both losses differ from the control in the profile over eccentricity."},
    {P2, "Likeness of runs", "rsa-matrix", "pre", NULL, NAN, NULL, NULL},
};

const wb_paper_figure *wb_paper_figures(size_t *count) {
  *count = sizeof figures / sizeof *figures;
  return figures;
}

const char *wb_paper_name(wb_report_paper paper) {
  return paper == WB_REPORT_CONTRASTIVE_TOPOGRAPHY ? "Sander & Hasson" : "Truong & Hasson";
}

const char *wb_paper_keyword(wb_report_paper paper) {
  return paper == WB_REPORT_CONTRASTIVE_TOPOGRAPHY ? "contrastive-topography" : "beyond-topography";
}

bool wb_paper_parse(const char *keyword, wb_report_paper *out) {
  for (int paper = P1; paper <= P2; paper++) {
    if (strcmp(keyword, wb_paper_keyword((wb_report_paper)paper)) != 0) continue;
    *out = (wb_report_paper)paper;
    return true;
  }
  return false;
}

bool wb_paper_applies(const wb_report *report, wb_report_paper paper) {
  if (report->paper != WB_REPORT_PAPERS_BOTH) return report->paper == paper;
  const char *factor = paper == WB_REPORT_CONTRASTIVE_TOPOGRAPHY ? "rho" : "lambda";
  for (size_t r = 0; r < report->count; r++) {
    const json_t *runs = json_object_get(report->results[r].summary, "runs"), *run;
    size_t i;
    json_array_foreach(runs, i, run) {
      if (wb_json_text(json_object_get(run, "factors"), factor)) return true;
    }
  }
  return false;
}
