#!/usr/bin/python3
"""Robustness to attacks and damage: adversarial against the same attacks in PyTorch, on a small network
trained here.

usage: test_attacks.py BUILD

SPDX-License-Identifier: GPL-3.0-or-later
"""
import pathlib
import sys
import unittest

import h5py
import numpy as np
import torch

import support
from support import Result, here, refusal, workbench

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "reference"))
import attacks  # noqa: E402

CLASSES, TEST = 4, 400


def setUpModule():
    """Images of four classes that overlap, and a network that tells them apart most of the time."""
    rng = np.random.default_rng(3)
    coarse = rng.uniform(70, 190, (CLASSES, 4, 4, 3)).repeat(8, 1).repeat(8, 2)
    with h5py.File(here.folder / "images.h5", "w") as f:
        for split, count in (("train", 400), ("test", TEST)):
            labels = np.arange(count) % CLASSES
            weak = 0.12 + 0.2 * rng.random((count, 1, 1, 1))
            images = 128 + weak * (coarse[labels] - 128) + 40 * rng.standard_normal((count, 32, 32, 3))
            f[f"{split}/images"], f[f"{split}/labels"] = np.uint8(images.clip(0, 255)), labels
            here.images, here.labels = np.uint8(images.clip(0, 255)).transpose(0, 3, 1, 2), labels
    here.network = here.folder / "network.h5"
    done = workbench("run", "train-ce", "--data", f"h5:{here.folder / 'images.h5'}", "--epochs", 4,
                     "--units", 64, "--width", 8, "--batch", 16, "--validation-per-class", 4, "--augment", "none", "--quiet",
                     "--out", here.network)
    assert done.returncode == 0, done.stderr
    here.net = attacks.load(here.network, here.folder)
    with torch.no_grad():
        logits = here.net(torch.from_numpy(np.float32(here.images) / 255)).numpy()
    here.clean = (logits.argmax(1) == here.labels).mean()
    assert 0.5 < here.clean < 1, here.clean


class Adversarial(unittest.TestCase):
    def test_like_pytorch(self):
        """Accuracies within 0.5 points of PyTorch's; every loss rises under PGD."""
        got = Result("adversarial", here.network, "--epsilons", "0.5,1,2,4,8").only()
        epsilons = (0.5, 1, 2, 4, 8)
        right = attacks.accuracies(here.net, here.images, here.labels, epsilons)
        for name in ("fgsm", "pgd"):
            x, y = got[name]
            np.testing.assert_array_equal(x, [0, *epsilons])
            np.testing.assert_allclose(y, right[name], rtol=0, atol=0.005)
            self.assertLess(y[-1], y[0] - 0.1)  # there is something to compare
            np.testing.assert_allclose(got[f"{name}-mean"], y[1:].mean(), rtol=1e-12)
            self.assertGreater(got[f"{name}-rose"][1].min(), 0.95)
        self.assertAlmostEqual(got["clean"], here.clean)
        self.assertEqual(got["not-raised"], 0)

    def test_choices(self):
        """One step as long as epsilon from a random start; the first images only; another seed, another start."""
        one = Result("adversarial", here.network, "--epsilons", "2", "--images", 100, "--steps", 1, "--step", 1).only()
        self.assertAlmostEqual(one["clean"], self.share(100))
        same = Result("adversarial", here.network, "--epsilons", "2", "--images", 100, "--steps", 1, "--step", 1,
                      "--recompute").only()
        self.assertEqual(one["pgd"][1].tolist(), same["pgd"][1].tolist())
        many = Result("adversarial", here.network, "--epsilons", "2", "--images", 100).only()
        self.assertEqual(one["fgsm"][1].tolist(), many["fgsm"][1].tolist())
        self.assertLessEqual(many["pgd"][1][1], one["pgd"][1][1] + 0.02)

    def share(self, n):
        with torch.no_grad():
            logits = here.net(torch.from_numpy(np.float32(here.images[:n]) / 255)).numpy()
        return (logits.argmax(1) == here.labels[:n]).mean()

    def test_flat(self):
        """A network whose readout is zero has no gradient: nothing changes, and that is said."""
        flat = here.folder / "flat.h5"
        flat.write_bytes(here.network.read_bytes())
        with h5py.File(flat, "r+") as f:
            f["model/fc.weight"][...] = 0
        got = Result("adversarial", flat, "--epsilons", "4", "--images", 60).only()
        self.assertEqual(got["fgsm"][1][0], got["fgsm"][1][1])
        self.assertEqual(got["fgsm-rose"][1].tolist(), [0])
        self.assertEqual(got["not-raised"], 2)

    def test_refusals(self):
        refusal(self, 2, ["ascending order"], "adversarial", "--in", here.network, "--epsilons", "4,2")
        refusal(self, 2, ["ascending order"], "adversarial", "--in", here.network, "--epsilons", "0,2")
        grey = here.folder / "grey.h5"
        with h5py.File(grey, "w") as f:
            f["test/images"], f["test/labels"] = np.zeros((5, 28, 28), np.uint8), np.zeros(5, np.int64)
        refusal(self, 4, ["takes images of 3 x 32 x 32"], "adversarial", "--in", here.network, "--data", f"h5:{grey}")


if __name__ == "__main__":
    support.main(__doc__)
