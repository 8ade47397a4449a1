#!/usr/bin/python3
"""effective-dim, unit-correlation and activation-stats as people run them, against plain NumPy and SciPy.

usage: test_units.py BUILD [PUBLISHED.h5]        as a test

SPDX-License-Identifier: GPL-3.0-or-later
"""
import unittest

import h5py
import numpy as np
from scipy import optimize, stats

import support
from support import Result, here, noise, refusal, write_run
from test_metrics import grid_weights

CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def relu(x):
    return np.maximum(x, 0)


def made(stimuli, units, seed, constant=()):
    """Correlated units far from zero, unlike in scale; some constant."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((stimuli, 5)) @ rng.standard_normal((5, units)) + rng.standard_normal((stimuli, units))
    x = np.float32(x * np.linspace(0.5, 3, units) + np.linspace(-3, 20, units))
    x[:, list(constant)] = 0.1
    return x


def add_weight(path, weight):
    with h5py.File(path, "a") as f:
        f["roles/embedding_weight"] = np.float32(weight)


# ---- Effective dimensionality ----

def participation_ratio(x):
    """From the eigenvalues of the covariance, one by one."""
    eigenvalues = np.linalg.eigvalsh(np.cov(np.float64(x), rowvar=False).reshape(x.shape[1], -1))
    return eigenvalues.sum()**2 / (eigenvalues**2).sum()


class EffectiveDim(unittest.TestCase):
    def check(self, got, x, labels, weight=None):
        for suffix, values in (("", np.float64(x)), ("-relu", relu(np.float64(x)))):
            np.testing.assert_allclose(got["overall" + suffix], participation_ratio(values), **CLOSE)
            classes = [c for c in np.unique(labels) if c >= 0 and np.ptp(values[labels == c], axis=0).any()]
            each = [participation_ratio(values[labels == c]) for c in classes]
            np.testing.assert_array_equal(got["classes" + suffix][0], classes)
            np.testing.assert_allclose(got["classes" + suffix][1], each, **CLOSE)
            np.testing.assert_allclose(got["within" + suffix], np.mean(each), **CLOSE)
        if weight is not None:
            np.testing.assert_allclose(got["weight"], participation_ratio(np.float32(weight)), **CLOSE)

    def test_plain(self):
        """More stimuli than a block holds, labels in no order, a class of one stimulus, stimuli without a class."""
        x = made(30000, 150, 1, constant=[7])
        labels = np.random.default_rng(2).integers(-1, 4, 30000)
        labels[5] = 6
        path, weight = write_run("dim.h5", x, labels), noise(20, 31, 3)
        add_weight(path, weight)
        self.check(Result("effective-dim", path).only(), x, labels, weight)

    def test_by_hand(self):
        """Points on a line use one dimension; a cross of equal arms in d directions uses d."""
        line = np.outer(np.arange(9), np.arange(4)) + 3
        self.assertAlmostEqual(Result("effective-dim", write_run("line.h5", line)).only()["overall"], 1)
        cross = np.vstack([np.eye(6), -np.eye(6)]) + 5
        self.assertAlmostEqual(Result("effective-dim", write_run("cross.h5", cross)).only()["overall"], 6)

    def test_degenerate(self):
        got = Result("effective-dim", write_run("same.h5", np.full((6, 4), 0.3))).only()
        self.assertIn("varies", got["overall"])
        self.assertIn("class", got["within"])
        self.assertIn("no weight", got["weight"])
        x = made(2, 5, 4)  # two stimuli of one class: one dimension
        self.check(Result("effective-dim", write_run("two.h5", x, [0, 0])).only(), x, np.zeros(2))
        x = made(40, 9, 5)
        x[:20] = 1  # a class without variance
        labels = np.repeat([0, 1], 20)
        self.check(Result("effective-dim", write_run("flat.h5", x, labels)).only(), x, labels)
        with h5py.File(here.folder / "bare.h5", "w") as f:
            f["x"] = x
        got = Result("effective-dim", here.folder / "bare.h5", "--object", "activations=/x").only()
        np.testing.assert_allclose(got["overall"], participation_ratio(x), **CLOSE)
        self.assertIn("no labels", got["within"])

    def test_refusals(self):
        refusal(self, 4, ["single.h5", "covariance"], "effective-dim", "--in", write_run("single.h5", noise(1, 4)))
        x = noise(6, 4)
        x[3, 1] = np.nan
        refusal(self, 4, ["nan.h5", "/activations/test/embedding", "[3, 1]"], "effective-dim", "--in",
                write_run("nan.h5", x))
        refusal(self, 4, ["far.h5", "label 100000"], "effective-dim", "--in",
                write_run("far.h5", noise(2, 4), [0, 100000]))


# ---- Correlations ----

def dip_by_programs(x):
    """Hartigan's dip by its definition, for few points: for every mode, a linear program over unimodal
    distribution functions, convex up to the mode, concave from there, with a step allowed at it."""
    x, n, best = np.sort(x), len(x), np.inf
    values, counts = np.unique(x, return_counts=True)
    upper = np.cumsum(counts) / n  # the empirical function at a value, and just below it
    lower = upper - counts / n
    k = len(values)
    for mode in range(k):
        # Unknowns: F just below each value (equal to F but at the mode), F at the mode, and the distance d.
        rows, right = [], []

        def at_most(terms, bound):
            row = np.zeros(k + 2)
            for index, factor in terms:
                row[index] += factor
            rows.append(row)
            right.append(bound)

        for i in range(k):
            above = k if i == mode else i
            for index, target in ((i, lower[i]), (above, upper[i])):
                at_most([(index, 1), (k + 1, -1)], target)
                at_most([(index, -1), (k + 1, -1)], -target)
        at_most([(mode, 1), (k, -1)], 0)
        slopes = []
        for i in range(k - 1):
            begin, width = (k if i == mode else i), values[i + 1] - values[i]
            slopes.append([(i + 1, 1 / width), (begin, -1 / width)])
            at_most([(index, -factor) for index, factor in slopes[-1]], 0)
        for i in range(k - 2):
            sign = 1 if i + 1 <= mode - 1 else -1  # slopes rise up to the mode and fall from it on
            if i + 1 == mode:
                continue
            at_most([(index, sign * factor) for index, factor in slopes[i]] +
                    [(index, -sign * factor) for index, factor in slopes[i + 1]], 0)
        bounds = [(0, 1)] * (k + 1) + [(0, None)]
        found = optimize.linprog(np.eye(k + 2)[-1], np.array(rows), right, bounds=bounds, method="highs")
        best = min(best, found.fun)
    return max(best, 1 / (2 * n))


def bimodality(r):
    n = len(r)
    skew, excess = stats.skew(r, bias=False), stats.kurtosis(r, bias=False)
    return (skew**2 + 1) / (excess + 3 * (n - 1)**2 / ((n - 2) * (n - 3)))


class UnitCorrelation(unittest.TestCase):
    def pairs(self, x, weights):
        """r of all and of neighbouring pairs of units that vary."""
        varies = np.ptp(x, axis=0) > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            r = np.corrcoef(np.float64(x), rowvar=False)
        i, j = np.triu_indices(x.shape[1], 1)
        both = varies[i] & varies[j]
        return r[i, j][both], r[i, j][both & (weights[i, j] > 0)]

    def check(self, got, x, weights):
        self.assertEqual(got["constant"], (np.ptp(x, axis=0) == 0).sum())
        for r, suffix, histogram in zip(self.pairs(x, weights), ("", "-neighbours"), ("pairs", "neighbours")):
            np.testing.assert_allclose(got["mean" + suffix], r.mean(), **CLOSE)
            np.testing.assert_allclose(got["strong" + suffix], (np.abs(r) >= 0.9).mean(), **CLOSE)
            np.testing.assert_allclose(got["bimodality" + suffix], bimodality(r), rtol=1e-8)
            edges, counts = got[histogram]
            np.testing.assert_allclose(edges, np.linspace(-1, 1, 81), atol=1e-15)
            np.testing.assert_array_equal(counts, np.histogram(r, edges)[0])
            self.assertTrue(1 / (2 * len(r)) <= got["dip" + suffix] <= 0.25)

    def test_plain(self):
        """More stimuli than a block holds; constant units."""
        x = made(30000, 150, 11, constant=[4, 149])
        path = write_run("corr.h5", x, grid=(10, 15))
        self.check(Result("unit-correlation", path, "--simulations", 9).only(), x, grid_weights(10, 15))
        got = Result("unit-correlation", path, "--neighbours", "queen", "--torus", "--after-relu", "--simulations",
                     9).only()
        self.check(got, relu(x), grid_weights(10, 15, queen=True, torus=True))

    def test_dip(self):
        """The dip of a few pairs against linear programs over all unimodal distributions."""
        for seed in range(6):
            x = made(12, 6, 20 + seed)
            if seed > 3:  # two groups
                x[:, 3:] = -x[:, :1] + 0.1 * noise(12, 3, seed)
            got = Result("unit-correlation", write_run("dip.h5", x, grid=(2, 3)), "--simulations", 0).only()
            for r, suffix in zip(self.pairs(x, grid_weights(2, 3)), ("", "-neighbours")):
                self.assertAlmostEqual(got["dip" + suffix], dip_by_programs(r), 7)
            self.assertIn("no simulations", got["dip-p"])

    def test_two_groups(self):
        """Units in two opposite groups have correlations near 1 and near -1; noise has one mode."""
        rng = np.random.default_rng(30)
        signs = np.where(np.arange(36) % 2, 1, -1)
        groups = rng.standard_normal((300, 1)) * signs + 0.1 * rng.standard_normal((300, 36))
        got = Result("unit-correlation", write_run("groups.h5", groups)).only()
        self.assertGreater(got["dip"], 0.2)
        self.assertEqual((got["dip-p"], got["strong"]), (0.001, 1))
        self.assertGreater(got["bimodality"], 0.9)
        one = Result("unit-correlation", write_run("one-mode.h5", noise(300, 36, 31))).only()
        self.assertGreater(one["dip-p"], 0.5)
        self.assertLess(one["bimodality"], 0.5)

    def test_degenerate(self):
        got = Result("unit-correlation", write_run("constant.h5", np.full((5, 9), 2.0))).only()
        self.assertEqual(got["constant"], 9)
        for name in ("mean", "strong", "dip", "dip-p", "bimodality", "pairs", "neighbours", "mean-neighbours"):
            self.assertIn("both vary", got[name])
        got = Result("unit-correlation", write_run("stimuli.h5", made(2, 6, 12))).only()  # every r is 1 or -1
        self.assertEqual(got["strong"], 1)
        got = Result("unit-correlation", write_run("pair.h5", made(9, 2, 13))).only()
        for name in ("bimodality", "dip", "dip-p", "dip-neighbours"):
            self.assertIn("four pairs", got[name])
        refusal(self, 4, ["one.h5", "correlations"], "unit-correlation", "--in", write_run("one.h5", noise(4, 1)))
        x = noise(6, 4)
        x[3, 1] = np.nan
        refusal(self, 4, ["nan.h5", "[3, 1]"], "unit-correlation", "--in", write_run("nan.h5", x))

    def test_published(self):
        """The published embedding, whose unit 17 is constant."""
        if not here.published.exists():
            self.skipTest(f"{here.published} is not here")
        with h5py.File(here.published) as f:
            x = f["analysis/embedding"][()]
        got = Result("unit-correlation", here.published, "--object", "activations=/analysis/embedding", "--simulations",
                     9).only()
        self.assertEqual(got["constant"], 1)
        self.check(got, x, grid_weights(16, 16))


# ---- Variance, entropy, sparseness ----

def entropy(r):
    if np.ptp(r) == 0:
        return 0.0
    share = np.histogram(r, 32)[0] / len(r)
    return -(share[share > 0] * np.log2(share[share > 0])).sum()


def treves_rolls(r):
    n = len(r)
    return (1 - r.mean()**2 / (r**2).mean()) / (1 - 1 / n)


def hoyer(r):
    n = len(r)
    return (np.sqrt(n) - np.abs(r).sum() / np.sqrt((r**2).sum())) / (np.sqrt(n) - 1)


class ActivationStats(unittest.TestCase):
    def check(self, got, x, sparseness):
        x = np.float64(x)
        r = relu(x)
        alive, heard = (r > 0).any(0), (r > 0).any(1)
        variance, bits = x.var(0, ddof=1), np.array([entropy(unit) for unit in r.T])
        lifetime = np.array([sparseness(unit) if on else np.nan for unit, on in zip(r.T, alive)])
        for name, right in (("variance", variance), ("entropy", bits), ("lifetime", lifetime)):
            np.testing.assert_allclose(got[name + "-map"].ravel(), right, rtol=1e-8, atol=1e-12, err_msg=name)
            np.testing.assert_allclose(got[name], np.nanmean(right), rtol=1e-8, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(got["population"], np.mean([sparseness(row) for row in r[heard]]), rtol=1e-8)
        self.assertEqual(got["dead"], (~alive).mean())
        self.assertEqual(got["silent-stimuli"], (~heard).sum())

    def test_plain(self):
        x = made(40000, 120, 40)
        x[:, 3] = -1  # dead
        x[:, 5] = 0.7  # constant, but not dead
        x[11] = -np.abs(x[11])  # a stimulus that excites no unit
        path = write_run("stats.h5", x)
        self.check(Result("activation-stats", path).only(), x, treves_rolls)
        self.check(Result("activation-stats", path, "--sparseness", "hoyer").only(), x, hoyer)

    def test_by_hand(self):
        """One of four stimuli excites a unit: sparseness 1; all alike: 0; 32 equal levels: 5 bits."""
        got = Result("activation-stats", write_run("hand.h5", [[0, 2], [0, 2], [3, 2], [0, 2]])).only()
        np.testing.assert_allclose(got["lifetime-map"].ravel(), [1, 0], atol=1e-12)
        got = Result("activation-stats", write_run("levels.h5", np.tile(np.arange(32), 3)[:, None])).only()
        self.assertAlmostEqual(got["entropy"], 5)
        self.assertIn("one unit", got["population"])

    def test_degenerate(self):
        got = Result("activation-stats", write_run("dead.h5", -np.ones((5, 4)))).only()
        self.assertEqual((got["dead"], got["variance"], got["entropy"]), (1, 0, 0))
        self.assertIn("dead", got["lifetime"])
        self.assertIn("no stimulus", got["population"])
        got = Result("activation-stats", write_run("one.h5", noise(1, 6))).only()
        self.assertIn("one stimulus", got["variance"])
        x = made(2, 5, 41)
        self.check(Result("activation-stats", write_run("two.h5", x)).only(), x, treves_rolls)
        x = noise(6, 4)
        x[3, 1] = np.inf
        refusal(self, 4, ["inf.h5", "[3, 1]"], "activation-stats", "--in", write_run("inf.h5", x))


class Size(unittest.TestCase):
    def test_refused_before_work(self):
        """What grows with the square of the units says how many bytes it takes, and what would take fewer."""
        wide = write_run("wide.h5", np.zeros((2, 200000)))
        for metric in "effective-dim", "unit-correlation", "colocalization", "moran":
            refusal(self, 4, ["wide.h5", "200000 units", "bytes", "--object activations=", "--memory"], metric, "--in",
                    wide)
        refusal(self, 4, ["pairs.h5", "9000 units", "bytes", "--radius"], "moran", "--neighbours", "distance", "--in",
                write_run("pairs.h5", np.zeros((2, 9000))), "--memory", "2G")
        heavy = write_run("heavy.h5", noise(3, 4))
        with h5py.File(heavy, "a") as f:
            f.create_dataset("roles/embedding_weight", (4, 200000), np.float32)
        refusal(self, 4, ["heavy.h5", "fan-in of 200000", "bytes", "--object embedding_weight="], "effective-dim", "--in",
                heavy)


if __name__ == "__main__":
    support.main(__doc__)
