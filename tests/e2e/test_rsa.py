#!/usr/bin/python3
"""Comparisons of representations between runs as people run them, against plain NumPy and SciPy.

usage: test_rsa.py BUILD [PUBLISHED.h5]        as a test; PUBLISHED holds values of the papers' own code

SPDX-License-Identifier: GPL-3.0-or-later
"""
import itertools
import pathlib
import unittest

import h5py
import numpy as np
from scipy import linalg, stats
from scipy.spatial import distance as spatial

import support
from representations import CLOSE, chosen, whitened, rdm, population
from support import Result, here, noise, refusal, write_run

REFERENCE = pathlib.Path(__file__).parent.parent / "reference/rsa.h5"


def compare(a, b, how):
    if how == "kendall":
        i, j = np.triu_indices(len(a), 1)
        return np.mean(np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]))
    if how == "cosine":
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    return (stats.spearmanr if how == "spearman" else stats.pearsonr)(a, b)[0]


def cka(x, y):
    """Through the centred products of stimuli."""
    h = np.eye(len(x)) - 1 / len(x)
    k, m = h @ x @ x.T @ h, h @ y @ y.T @ h
    return (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())


def whitened_cosine(a, b, classes):
    pairs = np.array([(i, j) for i in range(classes) for j in range(i + 1, classes)])
    c = np.zeros((len(pairs), classes))
    c[np.arange(len(pairs)), pairs[:, 0]], c[np.arange(len(pairs)), pairs[:, 1]] = 1, -1
    v = np.linalg.inv((c @ c.T)**2)
    return a @ v @ b / np.sqrt((a @ v @ a) * (b @ v @ b))


def class_means(x, labels):
    return np.array([x[labels == c].mean(0) for c in np.unique(labels)])


def jackknife(values, runs):
    """Interval of the mean over pairs; values: by pair (a, b)."""
    means = [np.mean([v for pair, v in values.items() if s not in pair]) for s in range(runs)]
    se = np.sqrt((runs - 1) / runs * ((means - np.mean(means))**2).sum())
    return np.mean(list(values.values())) + se * np.array(stats.t.interval(0.95, runs - 1))


class RdmConsistency(unittest.TestCase):
    def make(self, name, runs, stimuli=60, classes=4, **factors):
        xs, paths = [], []
        for seed in range(runs):
            x, labels = population(stimuli, 15, classes, seed + 10)
            xs.append(np.float64(x))
            paths.append(write_run(f"{name}-{seed}.h5", x, labels, seed=seed, **factors))
        rows = chosen(labels)
        return paths, [x[rows] for x in xs], labels[rows]

    def check(self, got, xs, labels, how, distance):
        rdms = [rdm(x, labels, distance) for x in xs]
        pairs = list(itertools.combinations(range(len(xs)), 2))
        values = {(a, b): compare(rdms[a], rdms[b], how) for a, b in pairs}
        listed = list(values.values())
        np.testing.assert_allclose(got["consistency"], np.mean(listed), **CLOSE)
        np.testing.assert_allclose(got["sd"], np.std(listed, ddof=1), **CLOSE)
        np.testing.assert_allclose([got["consistency-low"], got["consistency-high"]],
                                   np.clip(jackknife(values, len(xs)), -1, 1), **CLOSE)
        for (a, b), value in values.items():
            np.testing.assert_allclose([got["seeds"][a, b], got["seeds"][b, a]], value, **CLOSE)
        self.assertEqual(got["pairs"], len(pairs))
        centred = [x - x.mean(0) for x in xs]
        np.testing.assert_allclose(got["cka"], np.mean([cka(xs[a], xs[b]) for a, b in pairs]), **CLOSE)
        np.testing.assert_allclose(got["procrustes"], np.mean(
            [linalg.svdvals(centred[a].T @ centred[b]).sum() / np.linalg.norm(centred[a]) / np.linalg.norm(centred[b])
             for a, b in pairs]), **CLOSE)
        means = []
        for x in xs:
            if distance == "mahalanobis":
                inverse = np.linalg.inv(whitened(x, labels)[0])
                means.append(spatial.pdist(class_means(x, labels), "mahalanobis", VI=inverse))
            else:
                means.append(rdm(class_means(x, labels), None, distance))
        np.testing.assert_allclose(got["whitened-cosine"], np.mean(
            [whitened_cosine(means[a], means[b], len(np.unique(labels))) for a, b in pairs]), **CLOSE)

    def test_plain(self):
        paths, xs, labels = self.make("consistency", 4)
        for how in "pearson", "spearman", "kendall", "cosine":
            got, = Result("rdm-consistency", paths, "--compare", how, "--bootstrap", 0).conditions
            self.check(got, xs, labels, how, "pearson")
            self.assertIn("no draws", got["bootstrap-low"])
        for distance in "euclidean", "mahalanobis":
            got, = Result("rdm-consistency", paths, "--distance", distance, "--bootstrap", 0).conditions
            self.check(got, xs, labels, "pearson", distance)

    def test_bootstrap(self):
        """Against a bootstrap of its own draws: the intervals agree as well as 4,000 draws let them."""
        paths, xs, labels = self.make("bootstrap", 3, 40)
        got, = Result("rdm-consistency", paths, "--bootstrap", 4000).conditions
        again, = Result("rdm-consistency", paths, "--bootstrap", 4000, "--recompute").conditions
        other, = Result("rdm-consistency", paths, "--bootstrap", 4000, "--seed", 1).conditions
        self.assertEqual(got["bootstrap-low"], again["bootstrap-low"])
        self.assertNotEqual(got["bootstrap-low"], other["bootstrap-low"])
        rng, squares, means = np.random.default_rng(5), [spatial.squareform(rdm(x, labels, "pearson")) for x in xs], []
        for _ in range(4000):
            drawn = rng.integers(0, len(labels), len(labels))
            i, j = np.triu_indices(len(drawn), 1)
            i, j = drawn[i], drawn[j]
            apart = i != j
            r = np.corrcoef([s[i[apart], j[apart]] for s in squares])
            means.append(r[np.triu_indices(3, 1)].mean())
        low, high = np.quantile(means, [0.025, 0.975])
        for name, right in ("low", low), ("high", high):
            self.assertLess(abs(got[f"bootstrap-{name}"] - right), 0.06 * (high - low))
        self.assertTrue(low < got["consistency"] < high)

    def test_bootstrap_of_ranks(self):
        """Of the same draws as for Pearson's r: near it, around the value; and why there is none of Kendall's."""
        paths, _, _ = self.make("ranks", 3, 40)
        pearson, = Result("rdm-consistency", paths, "--bootstrap", 400).conditions
        got, = Result("rdm-consistency", paths, "--bootstrap", 400, "--compare", "spearman").conditions
        self.assertTrue(got["bootstrap-low"] < got["consistency"] < got["bootstrap-high"])
        for name in "bootstrap-low", "bootstrap-high":
            self.assertLess(abs(got[name] - pearson[name]), 0.1)
        got, = Result("rdm-consistency", paths, "--bootstrap", 400, "--compare", "kendall").conditions
        self.assertIn("discordant", got["bootstrap-low"])

    def test_conditions(self):
        """Each condition has its own; the distances come from rdm, once."""
        low, xs, labels = self.make("rho0", 3, rho=0.0)
        high, ys, _ = self.make("rho1", 3, rho=1.0)
        result = Result("rdm-consistency", low + high, "--bootstrap", 9)
        self.check(result.conditions[0], xs, labels, "pearson", "pearson")
        self.check(result.conditions[1], ys, labels, "pearson", "pearson")

    def test_degenerate(self):
        """One run, two runs, the same run twice, two stimuli, constant embeddings, NaN."""
        paths, xs, labels = self.make("few", 2)
        got, = Result("rdm-consistency", paths[:1]).conditions
        self.assertIn("only one run", got["consistency"])
        got, = Result("rdm-consistency", paths).conditions
        np.testing.assert_allclose(got["consistency"], compare(*(rdm(x, labels, "pearson") for x in xs), "pearson"),
                                   **CLOSE)
        self.assertIn("three runs", got["consistency-low"])
        x, labels = population(30, 8)
        same = [write_run(f"same-{s}.h5", x, labels, seed=s) for s in range(3)]
        got, = Result("rdm-consistency", same).conditions
        for name in "consistency", "consistency-low", "bootstrap-low", "cka", "procrustes", "whitened-cosine":
            self.assertAlmostEqual(got[name], 1, 12, name)
        two = [write_run(f"two-{s}.h5", noise(2, 8, s), [0, 1], seed=s) for s in range(3)]
        got, = Result("rdm-consistency", two).conditions
        self.assertIn("do not vary", got["consistency"])
        self.assertIn("three classes", got["whitened-cosine"])
        flat = [write_run(f"flat-{s}.h5", np.ones((20, 8)), np.arange(20) % 3, seed=s) for s in range(3)]
        got, = Result("rdm-consistency", flat).conditions
        for name in "consistency", "cka", "procrustes", "bootstrap-low", "seeds":
            self.assertIsInstance(got[name], str)
        x[3, 5] = np.nan
        refusal(self, 4, ["nan-run.h5", "[3, 5]"], "rdm-consistency", "--in", write_run("nan-run.h5", x, labels))

    def test_rsatoolbox(self):
        with h5py.File(REFERENCE) as f:
            xs, compared = f["features"][()], {k: v[()] for k, v in f["compare"].items()}
            correlation, euclidean = f["correlation"][()], f["squared_euclidean_mean"][()]
        own = np.arange(xs.shape[1])  # each stimulus its own class: class means are the stimuli
        paths = [write_run(f"toolbox-{s}.h5", x, own, seed=s) for s, x in enumerate(xs)]
        for s, path in enumerate(paths):
            np.testing.assert_allclose(Result("rdm", path).only()["pairs"][0], correlation[s], rtol=1e-9)
            got = Result("rdm", path, "--distance", "euclidean").only()["pairs"][0]
            np.testing.assert_allclose(got**2 / xs.shape[2], euclidean[s], rtol=1e-9)
        upper = np.triu_indices(len(xs), 1)
        for how in "pearson", "spearman", "kendall", "cosine":
            got, = Result("rdm-consistency", paths, "--compare", how).conditions
            np.testing.assert_allclose(got["seeds"][upper], compared[how][upper], rtol=1e-9)
            np.testing.assert_allclose(got["whitened-cosine"], compared["whitened"][upper].mean(), rtol=1e-9)


class RsaMatrix(unittest.TestCase):
    def study(self, prefix, runs=4, **options):
        """Two objectives x two rho; seeds differ in number; weights come with the runs."""
        paths, xs, weights, keys = [], [], [], []
        for objective, rho, count in ("ce", 0.0, runs), ("ce", 0.2, runs - 1), ("supcon", 0.0, runs), ("supcon", 0.2, 1):
            for seed in range(count):
                x, labels = population(48, 12, 4, len(paths) + 50, 1.5 if rho else 1.0, **options)
                x[:, 0] += 3 * (objective == "ce") * np.arange(48) / 48
                path = write_run(f"{prefix}-{len(paths)}.h5", x, labels, objective=objective, rho=rho, seed=seed)
                weight = noise(12, 7, len(paths))
                with h5py.File(path, "a") as f:
                    f["roles/embedding_weight"] = weight
                rows = chosen(labels)
                paths.append(path)
                xs.append(np.float64(x)[rows])
                weights.append(np.float64(weight))
                keys.append((objective, rho, seed))
        return paths, xs, labels[rows], weights, keys

    @staticmethod
    def collapsed(matrix, names):
        groups = list(dict.fromkeys(names))
        out = np.full((len(groups),) * 2, np.nan)
        for a, b in np.ndindex(out.shape):
            cells = [matrix[i, k] for i in range(len(names)) for k in range(len(names))
                     if i != k and names[i] == groups[a] and names[k] == groups[b]]
            out[a, b] = np.mean(cells) if cells else np.nan
        return out

    def check_space(self, got, space, rdms, keys, how):
        right = np.array([[1.0 if i == k and how != "kendall" else compare(a, b, how) for k, b in enumerate(rdms)]
                          for i, a in enumerate(rdms)])
        np.testing.assert_allclose(got[space], right, **CLOSE)
        np.testing.assert_allclose(got[space + "-conditions"], self.collapsed(right, [k[:2] for k in keys]), **CLOSE)
        np.testing.assert_allclose(got[space + "-groups"], self.collapsed(right, [k[0] for k in keys]), **CLOSE)
        return right

    def check(self, got, study, how="pearson", distance="pearson"):
        _, xs, labels, weights, keys = study
        pre = self.check_space(got, "pre", [rdm(x, labels, distance) for x in xs], keys, how)
        self.check_space(got, "post", [rdm(np.maximum(x, 0), labels, distance) for x in xs], keys, how)
        self.check_space(got, "classes", [rdm(class_means(x, labels), None, distance) for x in xs], keys, how)
        self.check_space(got, "weight", [rdm(w, None, distance) for w in weights], keys, how)
        pairs = [(i, k) for i in range(len(keys)) for k in range(i)]
        same = [keys[i][:2] == keys[k][:2] for i, k in pairs]
        values = np.array([pre[p] for p in pairs])
        np.testing.assert_allclose(got["within"], values[same].mean(), **CLOSE)
        np.testing.assert_allclose(got["across"], values[np.invert(same)].mean(), **CLOSE)
        return pre

    def test_plain(self):
        study = self.study("matrix")
        self.check(Result("rsa-matrix", study[0]).study, study)
        self.check(Result("rsa-matrix", study[0], "--compare", "spearman", "--distance", "euclidean").study, study,
                   "spearman", "euclidean")
        self.check(Result("rsa-matrix", study[0], "--compare", "kendall").study, study, "kendall")

    @staticmethod
    def statistics(similarity, first, second):
        """Consistency and geometry differences; pairs that are NaN count nowhere."""
        a = [similarity[i, k] for i, k in itertools.combinations(first, 2)]
        b = [similarity[i, k] for i, k in itertools.combinations(second, 2)]
        between = [similarity[i, k] for i in first for k in second]
        if min(np.isfinite(v).sum() for v in (a + b, between)) == 0:
            return np.nan, np.nan
        consistency = np.nanmean(a) - np.nanmean(b) if np.isfinite(a).any() and np.isfinite(b).any() else np.nan
        return consistency, np.nanmean(a + b) - np.nanmean(between)

    def test_contrasts(self):
        study = self.study("contrast", 5)
        keys, result = study[4], Result("rsa-matrix", study[0], "--contrasts", "all")
        pre = self.check(result.study, study)
        for i, k in itertools.permutations(range(len(keys)), 2):
            if keys[i][2] == keys[k][2] and keys[i][:2] != keys[k][:2]:
                pre[i, k] = np.nan
        conditions = list(dict.fromkeys(k[:2] for k in keys))
        members = {c: [i for i, k in enumerate(keys) if k[:2] == c] for c in conditions}
        rows = []
        for a, b in ((a, b) for a in range(4) for b in range(a)):
            first, second = members[conditions[a]], members[conditions[b]]
            observed = np.array(self.statistics(pre, first, second))
            splits = np.array([self.statistics(pre, chosen_runs, [r for r in first + second if r not in chosen_runs])
                               for chosen_runs in itertools.combinations(first + second, len(first))])
            p = (np.abs(splits) >= np.abs(observed) - 1e-12).sum(0) / np.isfinite(splits).sum(0)
            rows.append([observed[0], p[0] if np.isfinite(observed[0]) else np.nan, observed[1], p[1]])
        rows, got = np.array(rows), result.study["contrasts"]
        np.testing.assert_allclose(got[:, [0, 1, 3, 4]], rows, rtol=1e-9)
        for plain, holm in (1, 2), (4, 5):
            known = np.isfinite(got[:, plain])
            order = np.argsort(got[known, plain])
            steps = np.minimum(1, np.maximum.accumulate(got[known, plain][order] * (known.sum() - np.arange(known.sum()))))
            np.testing.assert_allclose(got[known, holm][order], steps, rtol=1e-12)
        brief = Result("rsa-matrix", study[0])
        self.assertEqual(len(brief.study["contrasts"]), 2)  # each topographic condition against its own objective's
        labels = brief.summary["study"]["values"]["contrasts"]["row_labels"] if "study" in brief.summary else None
        if labels:
            self.assertEqual(labels[0], "ce rho 0.2 - ce rho 0")
        drawn = Result("rsa-matrix", study[0], "--contrasts", "all", "--permutations", 100).study["contrasts"]
        self.assertLess(np.nanmax(np.abs(drawn[:, [1, 4]] - got[:, [1, 4]])), 0.2)

    def test_degenerate(self):
        x, labels = population(20, 6)
        one = write_run("matrix-one.h5", x, labels)
        got = Result("rsa-matrix", one).study
        self.assertEqual(got["pre"], [[1]])
        self.assertIn("weight", got["weight"])
        self.assertIn("one condition", got["across"])
        self.assertIn("two runs", got["within"])
        same = [write_run(f"matrix-same-{s}.h5", x, labels, seed=s) for s in range(3)]
        np.testing.assert_allclose(Result("rsa-matrix", same).study["pre"], 1, atol=1e-12)
        single = [write_run(f"matrix-class-{s}.h5", noise(9, 6, s), np.zeros(9), seed=s) for s in range(2)]
        self.assertIn("one class", Result("rsa-matrix", single).study["classes"])
        flat = [same[0], write_run("matrix-flat.h5", np.ones((20, 6)), labels, seed=5)]
        self.assertIn("do not vary", Result("rsa-matrix", flat).study["pre"])
        refusal(self, 1, ["matrix-short.h5", "19", "20"], "rsa-matrix", "--in", one,
                write_run("matrix-short.h5", x[:19], labels[:19], seed=1))
        x[3, 1] = np.nan
        refusal(self, 4, ["matrix-nan.h5", "[3, 1]"], "rsa-matrix", "--in", write_run("matrix-nan.h5", x, labels))


class RdmTarget(unittest.TestCase):
    def make(self, name, stimuli=40, subjects=5, seed=7):
        """A run, and subjects' RDMs of 30 of its stimuli in another order; ids are the run's index."""
        x, labels = population(stimuli, 15, 4, seed)
        path = write_run(f"{name}.h5", x, labels)
        rng = np.random.default_rng(seed)
        index = rng.permutation(1000)[:stimuli]
        with h5py.File(path, "a") as f:
            f["activations/test/index"] = index
        places = rng.permutation(stimuli)[:30]
        ids = np.concatenate([index[places], [5000, 5001]])  # two that the run does not have
        others = [np.concatenate([x[places] + 1.5 * rng.standard_normal((30, 15)), rng.standard_normal((2, 15))])
                  for _ in range(subjects)]
        rdms = np.array([spatial.pdist(o, "correlation") for o in others])
        return path, np.float64(x)[places], ids, rdms

    def write_target(self, name, **arrays):
        path = here.folder / name
        if name.endswith(".npz"):
            np.savez(path, **arrays)
        else:
            with h5py.File(path, "w") as f:
                for key, value in arrays.items():
                    f[key] = value
        return path

    def check(self, got, x, rdms, how="pearson"):
        own = spatial.pdist(x, "correlation")
        theirs = np.array([spatial.squareform(spatial.squareform(r)[:len(x), :len(x)]) for r in rdms])
        each = [compare(own, r, how) for r in theirs]
        np.testing.assert_allclose(got["similarity"], np.mean(each), **CLOSE)
        np.testing.assert_allclose(got["subjects"][1], each, **CLOSE)
        self.assertEqual(got["stimuli"], len(x))
        if len(rdms) < 2:
            self.assertIn("one subject", got["ceiling-lower"])
            return
        prepare = {"pearson": lambda r: (r - r.mean()) / r.std(), "cosine": lambda r: r / np.linalg.norm(r)}
        z = np.array([prepare.get(how, stats.rankdata)(r) for r in theirs])
        upper = np.mean([compare(z[s], z.mean(0), how) for s in range(len(z))])
        lower = np.mean([compare(z[s], np.delete(z, s, 0).mean(0), how) for s in range(len(z))])
        np.testing.assert_allclose([got["ceiling-lower"], got["ceiling-upper"]], [lower, upper], **CLOSE)

    def test_plain(self):
        path, x, ids, rdms = self.make("target")
        square = np.array([spatial.squareform(r) for r in rdms])
        target = self.write_target("target-rdms.h5", rdms=square, stimulus_id=ids)
        for how in "pearson", "spearman", "kendall", "cosine":
            got = Result("rdm-target", path, "--target", target, "--compare", how, "--bootstrap", 200).only()
            self.check(got, x, rdms, how)
            if how != "kendall":
                self.assertTrue(got["similarity-low"] < got["similarity"] < got["similarity-high"])
                self.assertEqual(got["p"], 0.001)

    def test_forms(self):
        """One RDM, condensed ones, features; HDF5 and npz; another name, no ids."""
        path, x, ids, rdms = self.make("forms", subjects=3)
        single = self.write_target("single.npz", rdm=spatial.squareform(rdms[0]), stimulus_id=ids)
        self.check(Result("rdm-target", path, "--target", single).only(), x, rdms[:1])
        condensed = self.write_target("condensed.npz", brain=rdms, stimulus_id=ids)
        self.check(Result("rdm-target", path, "--target", condensed, "--target-object", "brain", "--target-form",
                          "condensed").only(), x, rdms)
        features = noise(32, 9, 3)
        target = self.write_target("model.h5", features=features, ids=ids)
        got = Result("rdm-target", path, "--target", target, "--target-ids", "/ids", "--target-distance",
                     "cosine").only()
        self.check(got, x, [spatial.pdist(np.float64(features), "cosine")])
        own = write_run("itself.h5", x, np.zeros(30))  # its own features, in its own order
        got = Result("rdm-target", own, "--target", own).only()
        self.assertAlmostEqual(got["similarity"], 1, 12)
        self.assertAlmostEqual(got["similarity-low"], 1, 12)

    def test_per_class(self):
        """The first so many of each class, in the order of the target; all where the run has no labels."""
        x, labels, features = noise(30, 9, 5), np.arange(30) % 3, np.float64(noise(30, 7, 6))
        order = np.random.default_rng(2).permutation(30)
        target = self.write_target("ordered.h5", features=features, stimulus_id=order)
        places = [k for k, s in enumerate(order) if np.sum(labels[order[:k]] == labels[s]) < 4]
        some = np.float64(x)[order[places]], [spatial.pdist(features[places], "correlation")]
        every = np.float64(x)[order], [spatial.pdist(features, "correlation")]
        path = write_run("classes.h5", x, labels)
        bare = write_run("no-classes.h5", x, labels)
        with h5py.File(bare, "a") as f:
            del f["activations/test/labels"]
        for file, most, right in (path, 4, some), (path, 0, every), (bare, 4, every):
            self.check(Result("rdm-target", file, "--target", target, "--per-class", most).only(), *right)
        few = write_run("two-classes.h5", x, labels % 2)
        refusal(self, 4, ["--per-class 1", "2 stimuli"], "rdm-target", "--in", few, "--target", target, "--per-class", 1)

    def test_unrelated(self):
        """p is not small where nothing is shared."""
        path, _, ids, _ = self.make("unrelated")
        target = self.write_target("unrelated-target.h5", features=noise(32, 9, 11), stimulus_id=ids)
        self.assertGreater(Result("rdm-target", path, "--target", target).only()["p"], 0.02)

    def test_degenerate(self):
        path, x, ids, rdms = self.make("degenerate")
        flat = self.write_target("flat.h5", rdm=1 - np.eye(32), stimulus_id=ids)
        got = Result("rdm-target", path, "--target", flat).only()
        for name in "similarity", "p", "subjects":
            self.assertIn("do not vary", got[name])
        bad = spatial.squareform(rdms[0])
        bad[3, 4] = np.nan
        cases = [("nan.h5", {"rdm": bad}, ["nan.h5", "NaN", "100"]),
                 ("far.h5", {"rdm": spatial.squareform(rdms[0]), "stimulus_id": ids + 9000}, ["share 0 stimuli"]),
                 ("twice.h5", {"rdm": spatial.squareform(rdms[0]), "stimulus_id": ids * 0 + 7}, ["7 twice"]),
                 ("empty.h5", {"other": np.zeros(3)}, ["empty.h5", "--target-object"]),
                 ("lopsided.h5", {"rdms": np.random.default_rng(0).random((2, 5, 5))}, ["lopsided.h5", "symmetric"])]
        for name, arrays, parts in cases:
            refusal(self, 4, parts, "rdm-target", "--in", path, "--target", self.write_target(name, **arrays))
        refusal(self, 2, ["--target"], "rdm-target", "--in", path)

    def test_rsatoolbox(self):
        """The noise ceilings of rsatoolbox."""
        with h5py.File(REFERENCE) as f:
            ceilings = {k: v[()] for k, v in f["ceiling"].items()}
            square = np.array([spatial.squareform(r) for r in f["correlation"]])
        path = write_run("toolbox-target.h5", noise(14, 6), np.zeros(14))
        target = self.write_target("toolbox-rdms.h5", rdms=square)
        for how, right in ceilings.items():
            got = Result("rdm-target", path, "--target", target, "--compare", how).only()
            np.testing.assert_allclose([got["ceiling-lower"], got["ceiling-upper"]], right, rtol=1e-9)


if __name__ == "__main__":
    support.main(__doc__)
