#!/usr/bin/python3
"""weight-norm, weight-topography and colocalization as people run them, against plain double-precision NumPy.

usage: test_spatial.py BUILD [PUBLISHED.h5]        PUBLISHED holds values of the papers' own code

SPDX-License-Identifier: GPL-3.0-or-later
"""
import unittest

import h5py
import numpy as np
from scipy.spatial.distance import cdist

import support
from support import EXACT, Result, here, noise, refusal, workbench, write_run


def grid_positions(rows, cols):
    return np.stack([np.arange(rows * cols) % cols, np.arange(rows * cols) // cols], 1).astype(float)


def write_weights(name, weight, **factors):
    """A run whose embedding layer has the given weight [units, fan_in]; the grid is nearly square."""
    path = write_run(name, noise(3, len(weight)), **factors)
    with h5py.File(path, "a") as f:
        f["roles/embedding_weight"] = np.float32(weight)
    return path


class Weights(unittest.TestCase):
    def pairs(self, rows, cols, queen):
        """Ordered pairs of neighbours."""
        d = cdist(grid_positions(rows, cols), grid_positions(rows, cols))
        return (d > 0) & (d < (1.5 if queen else 1.1))

    def check(self, path, weight, rows, cols):
        w = np.float64(np.float32(weight))
        norm = np.linalg.norm(w, axis=1)
        got = Result("weight-norm", path).only()
        np.testing.assert_allclose(got["norm"], norm.mean(), **EXACT)
        np.testing.assert_allclose(got["spread"], norm.std() / norm.mean(), **EXACT)
        np.testing.assert_allclose(got["map"].ravel(), norm, **EXACT)

        moore, rook = self.pairs(rows, cols, True), self.pairs(rows, cols, False)
        unit = w / norm[:, None]
        cosine = unit @ unit.T
        centred = (w - w.mean(1, keepdims=True)) / (w.std(1, keepdims=True) * np.sqrt(w.shape[1]))
        distances = {"l2": cdist(w, w), "cosine": 1 - cosine, "correlation": 1 - centred @ centred.T}
        z = w - w.mean(0)
        for name, d in distances.items():
            for mean in ("pair-mean", "unit-sum"):
                got = Result("weight-topography", path, "--topo-distance", name, "--topo-mean", mean).only()
                loss = d[moore].mean() if mean == "pair-mean" else (d * moore).sum(1) @ (1 / moore.sum(1))
                np.testing.assert_allclose(got["loss"], loss, **EXACT)
                np.testing.assert_allclose(got["relative"], loss / norm.mean(), **EXACT)
                np.testing.assert_allclose(got["cosine"], cosine[moore].mean(), **EXACT)
        for neighbours, near in (("rook", rook), ("queen", moore)):
            i = len(w) / near.sum() * np.einsum("ik,ij,jk->k", z, near, z) / (z**2).sum(0)
            got = Result("weight-topography", path, "--neighbours", neighbours).only()
            np.testing.assert_allclose(got["i"], i.mean(), **EXACT)

    def test_random(self):
        rng = np.random.default_rng(1)
        for rows, cols, fan_in in ((4, 6, 5), (3, 3, 1), (1, 2, 9)):
            weight = rng.standard_normal((rows * cols, fan_in)) + 0.3
            if fan_in == 1:  # one number a unit has neither direction nor spread: only what is defined
                path = write_weights("one.h5", weight)
                got = Result("weight-topography", path, "--topo-distance", "correlation").only()
                self.assertEqual(got["loss"], 1)
                continue
            self.check(write_weights(f"weights{rows}.h5", weight), weight, rows, cols)

    def test_trained(self):
        done = workbench("run", "train-ce", "--data", "builtin,train=100,test=40", "--epochs", 1, "--width", 8,
                         "--units", 36, "--validation-per-class", 2, "--quiet", "--out", here.folder / "trained.h5")
        self.assertEqual(done.returncode, 0, done.stderr)
        with h5py.File(here.folder / "trained.h5") as f:
            weight = f["model/encoder.fc.weight"][()]
            trained = f["history/weight_norm"][-1]
        self.check(here.folder / "trained.h5", weight, 6, 6)
        np.testing.assert_allclose(Result("weight-norm", here.folder / "trained.h5").only()["norm"], trained, rtol=1e-5)

    def test_degenerate(self):
        """Zero rows, all rows equal, all zero."""
        weight = noise(9, 4, 2)
        weight[4] = 0
        got = Result("weight-topography", write_weights("zero-row.h5", weight)).only()
        self.assertTrue(abs(got["cosine"]) < 1)
        equal = np.tile(noise(1, 4, 3), (9, 1))
        got = Result("weight-topography", write_weights("equal.h5", equal)).only()
        self.assertEqual(got["loss"], 0)
        self.assertAlmostEqual(got["cosine"], 1)
        self.assertIn("same weights", got["i"])
        zero = write_weights("zero.h5", np.zeros((9, 4)))
        got = Result("weight-topography", zero).only()
        self.assertEqual((got["loss"], got["cosine"]), (0, 0))
        self.assertIn("zero", got["relative"])
        got = Result("weight-norm", zero).only()
        self.assertEqual(got["norm"], 0)
        self.assertIn("zero", got["spread"])

    def test_refusals(self):
        weight = noise(9, 4)
        weight[2, 3] = np.nan
        for metric in ("weight-norm", "weight-topography"):
            refusal(self, 4, ["nan.h5", "[2, 3]", "NaN"], metric, "--in", write_weights("nan.h5", weight))
        refusal(self, 4, ["lone.h5", "neighbours"], "weight-topography", "--in", write_weights("lone.h5", noise(1, 4)))


class Colocalization(unittest.TestCase):
    THRESHOLDS = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8)

    def check(self, got, maps, positions, thresholds=THRESHOLDS):
        maps = np.float64(np.float32(maps))
        constant = np.ptp(maps, axis=0) == 0
        z = (maps - maps.mean(0)) / np.where(constant, 1, maps.std(0)) * ~constant
        r, distance = z.T @ z / len(z), cdist(positions, positions)
        i, j = np.triu_indices(len(r), 1)
        pairs = [(r[i, j] >= t).sum() for t in thresholds]
        mean = [distance[i, j][r[i, j] >= t].mean() if n else np.nan for t, n in zip(thresholds, pairs)]
        np.testing.assert_array_equal(got["distance"][0], thresholds)
        np.testing.assert_array_equal(got["pairs"][1], pairs)
        np.testing.assert_allclose(got["distance"][1], mean, **EXACT)
        np.testing.assert_allclose(got["all-pairs"], distance[i, j].mean(), **EXACT)
        self.assertEqual(got["constant"], constant.sum())

    def smooth(self, stimuli, rows, cols, seed):
        """Nearby units share their noise."""
        near = np.exp(-cdist(grid_positions(rows, cols), grid_positions(rows, cols))**2 / 4)
        return noise(stimuli, rows * cols, seed) @ near

    def test_random(self):
        maps = self.smooth(2500, 5, 7, 1)  # more than the plugin reads at once
        path = write_run("coloc.h5", maps, grid=(5, 7))
        self.check(Result("colocalization", path).only(), maps, grid_positions(5, 7))
        got = Result("colocalization", path, "--thresholds", "-1,0.25,0.999", "--after-relu").only()
        self.check(got, np.maximum(np.float32(maps), 0), grid_positions(5, 7), (-1, 0.25, 0.999))
        self.assertEqual(got["pairs"][1][0], 35 * 34 / 2)
        self.assertTrue(np.isnan(got["distance"][1][2]))
        positions = np.random.default_rng(2).uniform(-4, 4, (25, 2))
        maps = self.smooth(50, 5, 5, 3)
        self.check(Result("colocalization", write_run("places.h5", maps, positions=positions)).only(), maps, positions)

    def test_degenerate(self):
        """A constant unit, all constant, two stimuli, the mean over seeds where one has no pair."""
        maps = self.smooth(40, 4, 4, 4)
        maps[:, 5] = 0.1
        self.check(Result("colocalization", write_run("constant.h5", maps)).only(), maps, grid_positions(4, 4))
        got = Result("colocalization", write_run("all.h5", np.full((5, 16), 0.3))).only()
        self.assertEqual(got["constant"], 16)
        np.testing.assert_array_equal(got["pairs"][1], 0)
        self.assertTrue(np.isnan(got["distance"][1]).all())
        got = Result("colocalization", write_run("two.h5", noise(2, 16, 5)), "--thresholds", "0").only()
        self.assertTrue(0 < got["pairs"][1][0] < 120)
        alike, unlike = np.tile(noise(9, 1, 6), (1, 4)), np.eye(4)[np.arange(9) % 4]
        result = Result("colocalization", [write_run("alike.h5", alike), write_run("unlike.h5", unlike, seed=1)])
        condition, = result.summary["conditions"]
        self.assertAlmostEqual(condition["values"]["distance"]["mean"][-1], (4 + 2 * np.sqrt(2)) / 6)
        unlike = [run["values"]["distance"]["y"] for run in result.summary["runs"] if "unlike" in run["file"]]
        self.assertEqual(unlike, [[None] * 6])

    def test_refusals(self):
        path = write_run("good.h5", noise(4, 9))
        refusal(self, 2, ["thresholds"], "colocalization", "--in", path, "--thresholds", "")
        refusal(self, 2, ["thresholds"], "colocalization", "--in", path, "--thresholds", "0.5,1.5")
        refusal(self, 4, ["short.h5", "at least 2"], "colocalization", "--in", write_run("short.h5", noise(1, 9)))
        maps = noise(4, 9)
        maps[3, 1] = np.nan
        refusal(self, 4, ["nan.h5", "[3, 1]", "NaN"], "colocalization", "--in", write_run("nan.h5", maps))

    def test_published(self):
        """As the first paper's code has it, in float32; and the baseline of its grid."""
        if not here.published.exists():
            self.skipTest(f"{here.published} is not here")
        with h5py.File(here.published) as f:
            maps, thresholds, mean = (f[f"analysis/{name}"][()] for name in
                                      ("embedding", "unit_distance_thresholds", "unit_distance_mean"))
        thresholds = [round(float(t), 6) for t in thresholds]
        got = Result("colocalization", here.published, "--object", "activations=/analysis/embedding", "--thresholds",
                     ",".join(map(str, thresholds))).only()
        self.check(got, maps, grid_positions(16, 16), thresholds)
        self.assertEqual(got["constant"], 1)
        np.testing.assert_allclose(got["distance"][1], mean, rtol=1e-6)
        self.assertAlmostEqual(got["all-pairs"], 8.36, places=2)


if __name__ == "__main__":
    support.main(__doc__)
