#!/usr/bin/python3
"""What single units are tuned to: expert-units against scikit-learn; orientation-tuning, symmetry and eccentricity against
stimuli made anew in NumPy and shown to the same network in PyTorch, in double precision.

usage: test_tuning.py BUILD

SPDX-License-Identifier: GPL-3.0-or-later
"""
import pathlib
import sys
import unittest

import h5py
import numpy as np
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

import support
from support import EXACT, Result, here, noise, refusal, workbench, write_run

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "reference"))
import networks  # noqa: E402

GREY, SIDE, ROWS, COLS = 0.5, 32, 5, 6
UNITS = ROWS * COLS


def rook(rows, cols):
    row, col = np.divmod(np.arange(rows * cols), cols)
    return abs(row[:, None] - row) + abs(col[:, None] - col) == 1


def moran(x, rows, cols):
    """Moran's I of one map x [units, dims]; units with NaN are not there. NaN where it is not defined."""
    x = np.atleast_2d(np.float64(x).T).T
    known = ~np.isnan(x).any(1)
    w, x = rook(rows, cols)[np.ix_(known, known)], x[known]
    if not w.any() or not np.ptp(x, axis=0).any():
        return np.nan
    z = x - x.mean(0)
    return len(x) / w.sum() * (w * (z @ z.T)).sum() / (z**2).sum()


class Experts(unittest.TestCase):
    def scores(self, maps, labels):
        """{measure: [units, classes]} and the classes that occur."""
        classes = np.unique(labels[labels >= 0])
        out = {name: np.full((maps.shape[1], len(classes)), np.nan) for name in ("ap", "auc", "dprime")}
        for c, label in enumerate(classes):
            member = labels == label
            for u, x in enumerate(np.float64(maps).T):
                out["ap"][u, c] = average_precision_score(member, x)
                out["auc"][u, c] = roc_auc_score(member, x)
                spread = (x[member].var() + x[~member].var()) / 2
                if np.ptp(x[member]) or np.ptp(x[~member]):
                    out["dprime"][u, c] = (x[member].mean() - x[~member].mean()) / np.sqrt(spread)
        return out, classes

    def check(self, path, maps, labels, rows, cols, measures=("ap", "auc", "dprime")):
        scores, classes = self.scores(np.float32(maps), labels)
        constant = np.ptp(maps, axis=0) == 0
        usual = {"ap": 0.5, "auc": 0.9, "dprime": 2}
        for measure in measures:
            for options, threshold in (([], usual[measure]), *([(["--threshold", 0.4], 0.4)] * (measure == "ap"))):
                with self.subTest(measure=measure, threshold=threshold):
                    got = Result("expert-units", path, "--measure", measure, *options).only()
                    right = scores[measure]
                    np.testing.assert_allclose(got["scores"], right, rtol=1e-9, atol=1e-12)
                    best = np.where(np.isnan(right).all(1), np.nan, np.nanmax(np.nan_to_num(right, nan=-np.inf), axis=1))
                    like = np.argmax(np.nan_to_num(got["scores"], nan=-np.inf), axis=1)
                    known = ~constant & ~np.isnan(best)
                    expert = known & (best >= threshold)
                    np.testing.assert_array_equal(got["preferred"].ravel(), np.where(known, classes[like], -1))
                    np.testing.assert_array_equal(got["expert-map"].ravel(), np.where(expert, classes[like], -1))
                    counts = [(expert & (like == c)).sum() for c in range(len(classes))]
                    np.testing.assert_array_equal(got["per-class"], [classes, counts])
                    self.assertAlmostEqual(got["experts"], expert.mean())
                    self.assertEqual(got["covered"], np.count_nonzero(counts))
                    np.testing.assert_allclose(got["selectivity"], np.nanmean(best), rtol=1e-9)
                    np.testing.assert_allclose(got["selectivity-map"].ravel(), best, rtol=1e-9)
                    i = moran(best, rows, cols)
                    if np.isnan(i):
                        self.assertIn("constant", got["selectivity-i"])
                    else:
                        np.testing.assert_allclose(got["selectivity-i"], i, rtol=1e-7)
                    each = [moran(right[:, c], rows, cols) for c in range(len(classes))]
                    np.testing.assert_allclose(got["class-i"], np.nanmean(each), rtol=1e-7)

    def test_random(self):
        """Classes that some units tell, classes of unequal size, a label without stimuli, stimuli of no class, ties."""
        rng = np.random.default_rng(1)
        labels = rng.choice([-1, 0, 1, 3, 4], 400, p=[0.1, 0.4, 0.2, 0.2, 0.1])
        maps = noise(400, 20, 2) + 2 * (labels[:, None] == np.arange(20) % 6)
        self.check(write_run("experts.h5", maps, labels, grid=(4, 5), classes=list("abcde")), maps, labels, 4, 5)
        ties = np.round(2 * maps) / 2
        self.check(write_run("ties.h5", ties, labels, grid=(4, 5)), ties, labels, 4, 5, ["ap", "auc"])

    def test_degenerate(self):
        """A constant unit, a unit without variance within classes, two stimuli, all units constant."""
        labels = np.arange(60) % 3
        maps = noise(60, 9, 3)
        maps[:, 2] = 0.1
        maps[:, 4] = labels == 1
        self.check(write_run("odd.h5", maps, labels), maps, labels, 3, 3)
        two = noise(2, 9, 4)
        self.check(write_run("two.h5", two, [0, 1]), two, np.array([0, 1]), 3, 3, ["ap", "auc"])
        got = Result("expert-units", write_run("flat.h5", np.full((6, 9), 0.3), np.arange(6) % 2)).only()
        self.assertEqual((got["experts"], got["covered"]), (0, 0))  # AP 0.5 of a unit that tells nothing
        self.assertTrue((got["preferred"] == -1).all())
        self.assertIn("constant", got["selectivity-i"])
        got = Result("expert-units", write_run("flat.h5", np.full((6, 9), 0.3), np.arange(6) % 2), "--measure",
                     "dprime").only()
        self.assertIn("no unit", got["selectivity"])

    def test_strips(self):
        """More stimuli than fit at once for all 18 units: what a unit gets does not depend on where it stands."""
        n = 1 << 22
        rng = np.random.default_rng(6)
        labels = rng.integers(0, 2, n)
        x = np.float32(rng.standard_normal(n) + labels)
        path = write_run("strips.h5", np.stack([x, -x] * 9, 1), labels)
        scores = Result("expert-units", path, "--measure", "auc").only()["scores"]
        auc = roc_auc_score(labels, x)
        np.testing.assert_allclose(scores, [[1 - auc, auc], [auc, 1 - auc]] * 9, rtol=1e-9)
        path.unlink()

    def test_refusals(self):
        refusal(self, 4, ["single.h5", "1 class"], "expert-units", "--in",
                write_run("single.h5", noise(5, 9), np.zeros(5)))
        refusal(self, 4, ["none.h5", "0 classes"], "expert-units", "--in",
                write_run("none.h5", noise(5, 9), -np.ones(5)))
        maps = noise(5, 9)
        maps[3, 2] = np.nan
        refusal(self, 4, ["nan.h5", "[3, 2]", "NaN"], "expert-units", "--in", write_run("nan.h5", maps))


def philox_uniform(seed, stream, index, count):
    """Uniform numbers as formats/base/rng.h draws them: Philox4x32-10 (Salmon et al. 2011), 24 bits each."""
    name = 2166136261
    for byte in stream.encode():
        name = (name ^ byte) * 16777619 & 0xffffffff
    block = np.arange((count + 3) // 4, dtype=np.uint64)
    c = [block, np.full_like(block, name), np.full_like(block, index & 0xffffffff), np.full_like(block, index >> 32)]
    key, low = [seed & 0xffffffff, seed >> 32], np.uint64(0xffffffff)
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(key[0]), b & low,
             (a >> np.uint64(32)) ^ c[3] ^ np.uint64(key[1]), a & low]
        key = [(key[0] + 0x9E3779B9) & 0xffffffff, (key[1] + 0xBB67AE85) & 0xffffffff]
    return (np.stack(c, 1).ravel()[:count] >> np.uint64(8)) / 2.0**24


class Driven(unittest.TestCase):
    """A small network trained for an epoch, so that nothing in it has its initial value."""

    @classmethod
    def setUpClass(cls):
        rng = np.random.default_rng(5)
        cls.images = rng.integers(0, 256, (70, SIDE, SIDE, 3), dtype=np.uint8)
        cls.images[:, 8:20, 4:16] //= 3  # not the same everywhere
        with h5py.File(here.folder / "images.h5", "w") as f:
            f["train/images"], f["train/labels"] = rng.integers(0, 256, (80, SIDE, SIDE, 3), dtype=np.uint8), np.arange(80) % 4
            f["test/images"], f["test/labels"] = cls.images, np.arange(70) % 4
        cls.path = here.folder / "network.h5"
        done = workbench("run", "train-ce", "--data", f"h5:{here.folder / 'images.h5'}", "--epochs", 2, "--units", UNITS,
                         "--batch", 16, "--validation-per-class", 4, "--augment", "none", "--quiet", "--out", cls.path)
        assert done.returncode == 0, done.stderr
        with h5py.File(cls.path) as f:
            cls.mean, cls.sd = (f["model"].attrs[name][:, None, None] for name in ("mean", "sd"))
            state = {name.removeprefix("encoder."): torch.from_numpy(value[()]) for name, value in f["model"].items()
                     if name.startswith("encoder.")}
        cls.net = networks.ShallowCNN(UNITS)
        cls.net.load_state_dict(state, strict=False)
        cls.net.double().eval()

    def respond(self, images):
        """Embedding of images [n, 3, height, width] in 0 to 1."""
        with torch.no_grad():
            return self.net(torch.from_numpy((np.float64(images) - self.mean) / self.sd)).numpy()

    def close(self, got, right):
        """Single precision through a network against double precision."""
        np.testing.assert_allclose(got, right, rtol=0, atol=5e-5 * abs(right).max())

    def orientation(self, angles, frequencies, phases, contrast):
        y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
        tuning = np.zeros((UNITS, angles))
        for k in range(angles):
            theta = np.pi * k / angles
            across = x * np.sin(theta) + y * np.cos(theta)
            for f in frequencies:
                waves = [np.cos(2 * np.pi * f * across / SIDE + 2 * np.pi * p / phases) for p in range(phases)]
                images = np.repeat(GREY + contrast / 2 * np.array(waves)[:, None], 3, 1)
                tuning[:, k] += np.maximum(self.respond(images), 0).max(0) / len(frequencies)
        return tuning

    def check_orientation(self, got, angles):
        """Everything follows from the responses."""
        r = got["tuning"]
        with np.errstate(invalid="ignore"):
            vector = (r * np.exp(2j * np.pi * np.arange(angles) / angles)).sum(1) / r.sum(1)
        silent = r.sum(1) == 0
        preferred = np.where(silent, np.nan, np.degrees(np.angle(vector)) / 2 % 180)
        np.testing.assert_allclose(got["selectivity-map"].ravel(), abs(vector), rtol=1e-9)
        np.testing.assert_allclose(got["preferred"].ravel(), preferred, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(got["selectivity"], np.nanmean(abs(vector)), rtol=1e-9)
        self.assertAlmostEqual(got["silent"], silent.mean())
        doubled = np.radians(2 * preferred)
        np.testing.assert_allclose(got["i"], moran(np.stack([np.cos(doubled), np.sin(doubled)], 1), ROWS, COLS), rtol=1e-7)
        np.testing.assert_array_equal(got["orientations"][1], np.histogram(preferred[~silent], got["orientations"][0])[0])
        np.testing.assert_array_equal(got["selectivities"][1],
                                      np.histogram(abs(vector[~silent]), got["selectivities"][0])[0])

    def test_orientation(self):
        result = Result("orientation-tuning", self.path)
        self.close(result.only()["tuning"], self.orientation(8, range(1, 9), 5, 1))
        self.check_orientation(result.only(), 8)
        labels = result.summary["runs"][0]["values"]["tuning"]["column_labels"]
        self.assertEqual(labels[:3], ["0", "22.5", "45"])
        got = Result("orientation-tuning", self.path, "--orientations", 6, "--frequencies", "1.5,4", "--phases", 3,
                     "--contrast", 0.5).only()
        self.close(got["tuning"], self.orientation(6, (1.5, 4), 3, 0.5))
        self.check_orientation(got, 6)

    def test_orientation_without_contrast(self):
        """All gratings are the same grey: nothing is selective, and no unit prefers anything."""
        got = Result("orientation-tuning", self.path, "--contrast", 0).only()
        self.assertLess(got["selectivity"], 1e-12)
        self.assertTrue(np.isnan(got["preferred"]).all())
        self.assertIn("neighbours", got["i"])

    def check_symmetry(self, count, relu, *options):
        images = np.float64(self.images[:count]).transpose(0, 3, 1, 2) / 255
        act = (lambda x: np.maximum(x, 0)) if relu else (lambda x: x)
        got, before = Result("symmetry", self.path, *options).only(), act(self.respond(images))
        versions = [images[..., ::-1], images[..., ::-1, :], np.rot90(images, axes=(2, 3))]
        for row, (name, version) in enumerate(zip(("left-right", "up-down", "rotated"), versions)):
            after = act(self.respond(version.copy()))
            with np.errstate(invalid="ignore"):
                r = np.array([np.corrcoef(before[:, u], after[:, u])[0, 1] for u in range(UNITS)])
            dead = (np.ptp(before, axis=0) == 0) | (np.ptp(after, axis=0) == 0)
            np.testing.assert_array_equal(np.isnan(got["map"][row]), dead)
            np.testing.assert_allclose(got["map"][row][~dead], r[~dead], atol=2e-3 if relu else 5e-4)
            np.testing.assert_allclose(got[name], np.nanmean(got["map"][row]), rtol=1e-9)
            np.testing.assert_allclose(got[name], r[~dead].mean(), atol=5e-4)
        self.assertEqual(got["constant"], np.isnan(got["map"]).any(0).sum())

    def test_symmetry(self):
        self.check_symmetry(70, False)
        self.check_symmetry(20, False, "--images", 20)
        self.check_symmetry(70, True, "--images", 0, "--after-relu")

    def test_symmetric_images(self):
        """Images that are their own mirror images: r is 1."""
        half = self.images[:, :, :SIDE // 2]
        with h5py.File(here.folder / "mirror.h5", "w") as f:
            f["test/images"], f["test/labels"] = np.concatenate([half, half[:, :, ::-1]], 2), np.arange(70) % 4
        got = Result("symmetry", self.path, "--data", f"h5:{here.folder / 'mirror.h5'}", "--allow-other-data").only()
        np.testing.assert_allclose(got["map"][0], 1, atol=1e-9)
        self.assertLess(got["up-down"], 0.999)

    def test_eccentricity(self):
        for lattice, patch, patches, seed, options in ((5, 8, 50, 0, []),
                                                       (4, 3, 7, 2**32 - 1, ["--lattice", 4, "--patch", 3, "--patches", 7,
                                                                             "--seed", 2**32 - 1])):
            offsets = [int(np.floor(k * (SIDE - patch) / (lattice - 1) + 0.5)) for k in range(lattice)]
            drawn = [philox_uniform(seed, "noise-patch", n, 3 * patch * patch).reshape(3, patch, patch) for n in range(patches)]
            right, d = np.zeros((UNITS, lattice**2)), np.zeros(lattice**2)
            for k in range(lattice**2):
                top, left = offsets[k // lattice], offsets[k % lattice]
                images = np.full((patches, 3, SIDE, SIDE), GREY)
                images[:, :, top:top + patch, left:left + patch] = drawn
                right[:, k] = np.maximum(self.respond(images), 0).mean(0)
                d[k] = np.hypot(top + patch / 2 - SIDE / 2, left + patch / 2 - SIDE / 2)
            got = Result("eccentricity", self.path, *options).only()
            self.close(got["responses"], right)
            self.check_eccentricity(got, d)

    def check_eccentricity(self, got, d):
        """Everything follows from the responses."""
        r = got["responses"]
        active = r.sum(1) > 0
        relative = r[active] / r[active].mean(1, keepdims=True)
        slope, centre = np.full(UNITS, np.nan), np.full(UNITS, np.nan)
        slope[active] = np.polyfit(d, relative.T, 1)[0]
        centre[active] = r[active] @ d / r[active].sum(1)
        np.testing.assert_allclose(got["slopes"].ravel(), slope, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(got["map"].ravel(), centre, rtol=1e-9)
        np.testing.assert_allclose(got["slope"], np.nanmean(slope), rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(got["centre-of-mass"], np.nanmean(centre), rtol=1e-9)
        np.testing.assert_allclose(got["even"], d.mean(), rtol=1e-9)
        np.testing.assert_allclose(got["i"], moran(centre, ROWS, COLS), rtol=1e-7)
        self.assertAlmostEqual(got["silent"], 1 - active.mean())
        steps = np.unique(np.round(d, 6))
        profile = [relative[:, abs(d - step) < 1e-5].mean() for step in steps]
        np.testing.assert_allclose(got["profile"], [steps, profile], rtol=1e-6)

    def test_refusals(self):
        refusal(self, 2, ["frequencies"], "orientation-tuning", "--in", self.path, "--frequencies", "")
        refusal(self, 4, ["--patch 32"], "eccentricity", "--in", self.path, "--patch", 32)
        for metric in ("orientation-tuning", "symmetry", "eccentricity"):
            refusal(self, 4, ["features.h5"], metric, "--in", write_run("features.h5", noise(4, 9)))
        with h5py.File(here.folder / "small.h5", "w") as f:
            f["test/images"], f["test/labels"] = self.images[:, :16], np.arange(70) % 4
        refusal(self, 4, ["16 x 32", "32 x 32"], "symmetry", "--in", self.path, "--data", f"h5:{here.folder / 'small.h5'}", "--allow-other-data")


if __name__ == "__main__":
    support.main(__doc__)
