#!/usr/bin/python3
"""Robustness to attacks and damage: adversarial against the same attacks in PyTorch, pruning against weights
set to zero in NumPy and shown to PyTorch, corruptions against Pillow's JPEG and CIFAR-10-C's format, corruption
errors against NumPy, on a small network trained here.

usage: test_attacks.py BUILD

SPDX-License-Identifier: GPL-3.0-or-later
"""
import io
import pathlib
import sys
import unittest

import h5py
import numpy as np
import torch
from PIL import Image

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
        refusal(self, 4, ["takes images of 3 x 32 x 32"], "adversarial", "--in", here.network, "--data", f"h5:{grey}",
                "--allow-other-data")


class Pruning(unittest.TestCase):
    ENCODER = [f"encoder.conv{i}.weight" for i in (1, 2, 3, 4)] + ["encoder.fc.weight"]

    def accuracy(self, names, share, per_layer):
        """Of PyTorch's network with the smallest of the named weights set to zero in its run file."""
        path = here.folder / "pruned.h5"
        path.write_bytes(here.network.read_bytes())
        with h5py.File(path, "r+") as f:
            values = [f["model"][name][()] for name in names]
            for group in [[v] for v in values] if per_layer else [values]:
                flat = np.concatenate([v.ravel() for v in group])
                flat[np.argsort(abs(flat), kind="stable")[:round(share * len(flat))]] = 0
                for v, part in zip(group, np.split(flat, np.cumsum([v.size for v in group])[:-1])):
                    v.ravel()[:] = part
            for name, v in zip(names, values):
                f["model"][name][...] = v
        with torch.no_grad():
            logits = attacks.load(path, here.folder)(torch.from_numpy(np.float32(here.images) / 255)).numpy()
        return (logits.argmax(1) == here.labels).mean()

    def test_targets(self):
        shares = [0, 0.3, 0.6, 0.9]
        for target, names in (("encoder", self.ENCODER), ("embedding", ["encoder.fc.weight"]), ("readout", ["fc.weight"])):
            for per_layer in [False, True] if target == "encoder" else [False]:
                with self.subTest(target=target, per_layer=per_layer):
                    got = Result("pruning", here.network, "--target", target, "--shares", ",".join(map(str, shares)),
                                 *(["--per-layer"] if per_layer else [])).only()
                    right = [self.accuracy(names, share, per_layer) for share in shares]
                    np.testing.assert_array_equal(got["accuracy"][0], shares)
                    np.testing.assert_allclose(got["accuracy"][1], right, rtol=0, atol=0.0026)  # one image on the fence
                    self.assertAlmostEqual(got["clean"], here.clean)
                    with h5py.File(here.network) as f:
                        self.assertEqual(got["weights"], sum(f["model"][name].size for name in names))
                    self.check_drop(got)

    def check_drop(self, got):
        x, y = got["accuracy"]
        below = np.flatnonzero(y <= y[0] - 0.01)
        if len(below) == 0:
            self.assertIn("never", got["share-lost-1"])
        else:
            i = below[0]
            np.testing.assert_allclose(got["share-lost-1"], np.interp(y[0] - 0.01, y[[i, i - 1]], x[[i, i - 1]]), rtol=1e-9)

    def test_edges(self):
        """All weights gone: one class for every image; a list without 0 gets the whole network first."""
        x, y = Result("pruning", here.network, "--shares", "1", "--target", "readout").only()["accuracy"]
        self.assertEqual(x.tolist(), [0, 1])
        self.assertAlmostEqual(y[1], 1 / CLASSES)
        refusal(self, 2, ["ascending order"], "pruning", "--in", here.network, "--shares", "0.5,0.2")


class Corruptions(unittest.TestCase):
    """What each corruption does to an image is in tests/unit/test_corruption.c."""

    def accuracy(self, images, labels):
        with torch.no_grad():
            logits = here.net(torch.from_numpy(np.float32(images) / 255)).numpy()
        return (logits.argmax(1) == labels).mean()

    def test_like_pillow(self):
        got = Result("corruptions", here.network, "--only", "jpeg_compression,pixelate", "--images", 100).only()
        images = [Image.fromarray(image) for image in here.images[:100].transpose(0, 2, 3, 1)]
        errors = []
        for damage in (self.jpeg, self.pixelate):
            for severity in range(5):
                damaged = np.stack([np.asarray(damage(image, severity)) for image in images]).transpose(0, 3, 1, 2)
                errors.append(1 - self.accuracy(damaged, here.labels[:100]))
        errors = np.reshape(errors, (2, 5))
        np.testing.assert_allclose(got["errors"], errors, rtol=0, atol=0.0101)  # one image on the fence
        np.testing.assert_allclose(got["mean-error"], got["errors"].mean(), rtol=1e-12)
        np.testing.assert_allclose(got["accuracy"][1], [got["clean"], *(1 - got["errors"].mean(0))], rtol=1e-12)
        self.assertAlmostEqual(got["clean"], self.accuracy(here.images[:100], here.labels[:100]))

    @staticmethod
    def jpeg(image, severity):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=(80, 65, 58, 50, 40)[severity])
        return Image.open(out)

    @staticmethod
    def pixelate(image, severity):
        side = int(32 * (0.95, 0.9, 0.85, 0.75, 0.65)[severity])
        return image.resize((side, side), Image.BOX).resize((32, 32), Image.BOX)

    def test_files(self):
        """CIFAR-10-C's own format: severities one after the other, labels of their own."""
        folder = here.folder / "corrupted"
        folder.mkdir()
        rng = np.random.default_rng(6)
        labels = np.tile(here.labels, 5)
        stack = np.concatenate([np.clip(here.images + 25 * s * rng.standard_normal(here.images.shape), 0, 255)
                                for s in range(5)]).astype(np.uint8)
        np.save(folder / "fog.npy", stack.transpose(0, 2, 3, 1))
        np.save(folder / "labels.npy", np.uint8(labels))
        got = Result("corruptions", here.network, "--only", "fog", "--corrupted", folder, "--images", 0).only()
        right = [1 - self.accuracy(part, here.labels) for part in np.split(stack, 5)]
        np.testing.assert_allclose(got["errors"][0], right, rtol=0, atol=0.0026)
        refusal(self, 4, ["snow.npy"], "corruptions", "--in", here.network, "--only", "snow", "--corrupted", folder)
        np.save(folder / "snow.npy", np.zeros((10, 28, 28, 3), np.uint8))
        refusal(self, 4, ["snow.npy", "5 severities"], "corruptions", "--in", here.network, "--only", "snow", "--corrupted",
                folder)
        refusal(self, 2, ["no corruption mist"], "corruptions", "--in", here.network, "--only", "mist")

    def test_all(self):
        """The fifteen, in order; the same again whatever the threads."""
        one = Result("corruptions", here.network, "--images", 40, "--threads", 1).only()
        two = Result("corruptions", here.network, "--images", 40, "--threads", 2, "--recompute").only()
        self.assertEqual(one["errors"].shape, (15, 5))
        np.testing.assert_array_equal(one["errors"], two["errors"])


class CorruptionError(unittest.TestCase):
    TYPES = ("gaussian_noise", "impulse_noise")
    OPTIONS = ("--only", ",".join(TYPES), "--images", 80)

    @classmethod
    def setUpClass(cls):
        """Networks of rho 0 (two seeds), rho 0.2, and of another objective, all less sure than the first."""
        cls.paths = []
        for k, (objective, rho, seed) in enumerate([("ce", 0, 0), ("ce", 0, 1), ("ce", 0.2, 0), ("margin", 0.2, 0)]):
            path = here.folder / f"{objective}-{rho}-{seed}.h5"
            path.write_bytes(here.network.read_bytes())
            with h5py.File(path, "r+") as f:
                weight = f["model/fc.weight"]
                weight[...] += 0.4 * k * weight[()].std() * np.random.default_rng(k).standard_normal(weight.shape)
                factors = [x for x in f.attrs["factors"] if x not in ("objective", "topo", "rho", "seed")]
                f.attrs.create("factors", [*factors, "objective", "rho", "seed"], dtype=support.TEXT)
                f.attrs.create("objective", objective, dtype=support.TEXT)
                f.attrs["rho"], f.attrs["seed"] = float(rho), seed
            cls.paths.append(path)
        runs = Result("corruptions", cls.paths, *cls.OPTIONS).runs
        runs = [runs[path.name] for path in cls.paths]
        errors, clean = np.array([run["errors"] for run in runs]), np.array([1 - run["clean"] for run in runs])
        groups = [[0, 1], [2], [3]]
        cls.errors = np.array([errors[g].mean(0) for g in groups])  # (conditions, types, severities)
        cls.clean = np.array([clean[g].mean() for g in groups])

    def expected(self, condition, baseline=0):
        """CE and relative CE of each type."""
        added = self.errors - self.clean[:, None, None]
        return [100 * x[condition].sum(1) / x[baseline].sum(1) for x in (self.errors, added)]

    def check_row(self, got, row, condition, baseline=0):
        ce, relative = self.expected(condition, baseline)
        np.testing.assert_allclose(got["ce"][row], ce, rtol=1e-9)
        np.testing.assert_allclose(got["relative-ce"][row], relative, rtol=1e-9)
        np.testing.assert_allclose(got["mce"][row], [ce.mean(), relative.mean()], rtol=1e-9)

    def test_own_baseline(self):
        """Each objective has its own; margin has none here."""
        result = Result("corruption-error", self.paths, *self.OPTIONS)
        got = result.study
        self.assertEqual(got["ce"].shape, (3, 2))
        np.testing.assert_allclose(got["mce"][0], 100, rtol=1e-12)
        self.check_row(got, 0, 0)
        self.check_row(got, 1, 1)
        self.assertGreater(abs(got["mce"][1] - 100).min(), 1)  # there is something to compare
        for name in ("mce", "ce", "relative-ce"):
            self.assertTrue(np.isnan(got[name][2]).all(), name)
        with h5py.File(here.folder / "results/corruption-error/result.h5") as f:
            labels = f["study/ce/data"].attrs
            self.assertEqual(list(labels["row_labels"]), ["ce rho 0", "ce rho 0.2", "margin rho 0.2"])
            self.assertEqual(list(labels["col_labels"]), list(self.TYPES))

    def test_named_baseline(self):
        """One for all, of whatever objective; numbers by their value."""
        got = Result("corruption-error", self.paths, *self.OPTIONS, "--baseline", "objective=ce,rho=0.20").study
        for condition in range(3):
            self.check_row(got, condition, condition, 1)

    def test_without(self):
        """Without a baseline all is missing and says why; one that does not exist, or is no factor, is refused."""
        got = Result("corruption-error", self.paths[2:], *self.OPTIONS).study
        for name in ("mce", "ce", "relative-ce"):
            self.assertIn("no condition has a baseline", got[name])
        arguments = ("corruption-error", "--in", *self.paths, *self.OPTIONS, "--baseline")
        refusal(self, 2, ["as in rho=0"], *arguments, "rho")
        done = workbench("run", *arguments, "rho=7")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no condition of these runs has the factors of --baseline", done.stderr)

    def test_nothing_to_divide_by(self):
        """A baseline that always answers the same loses nothing: there is CE, but no relative CE."""
        flat = here.folder / "flat-baseline.h5"
        flat.write_bytes(self.paths[0].read_bytes())
        with h5py.File(flat, "r+") as f:
            f["model/fc.weight"][...] = 0
        got = Result("corruption-error", [flat, self.paths[2]], *self.OPTIONS).study
        np.testing.assert_allclose(got["ce"][1], 100 * self.errors[1].mean(1) / (1 - 1 / CLASSES), rtol=1e-9)
        self.assertTrue(np.isnan(got["mce"][:, 1]).all())
        self.assertIn("cost the baseline nothing", got["relative-ce"])


if __name__ == "__main__":
    support.main(__doc__)
