#!/usr/bin/python3
# test_convert_data.py: scripts/convert-data on small files of the published layouts. SPDX-License-Identifier: GPL-3.0-or-later
"""usage: test_convert_data.py WORKBENCH [options of unittest]"""
import os
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np
import scipy.io

PROGRAM = os.path.abspath(sys.argv[1])
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/convert-data")
RANDOM = np.random.default_rng(1)


def made(count):
    """Images [count, 32, 32, 3]."""
    return RANDOM.integers(0, 256, (count, 32, 32, 3), np.uint8)


class Conversion(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.out = os.path.join(self.folder, "out.h5")

    def path(self, name):
        return os.path.join(self.folder, name)

    def convert(self, kind, status=0):
        done = subprocess.run([SCRIPT, kind, self.folder, self.out], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, status, done.stderr)
        if status:
            self.assertFalse(os.path.exists(self.out))
            self.assertEqual([name for name in os.listdir(self.folder) if "partial" in name], [])
        return done

    def check(self, expected, classes):
        with h5py.File(self.out) as f:
            for split, (images, labels) in expected.items():
                np.testing.assert_array_equal(f[f"{split}/images"][:], images)
                np.testing.assert_array_equal(f[f"{split}/labels"][:], labels)
        done = subprocess.run([PROGRAM, "run", "train-ce", "--data", "h5:" + self.out, "--validation-per-class", "0", "--width",
                               "8", "--max-steps", "1", "--out", self.path("run.h5")], capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        with h5py.File(self.path("run.h5")) as f:
            self.assertEqual(list(f["activations/test/labels"].attrs["classes"]), classes)

    def test_svhn(self):
        expected = {}
        for split, count in ("train", 40), ("test", 20):
            images, digits = made(count), np.arange(count) % 10
            expected[split] = images, digits
            labels = np.where(digits == 0, 10, digits).astype(np.uint8)
            scipy.io.savemat(self.path(f"{split}_32x32.mat"), {"X": images.transpose(1, 2, 3, 0), "y": labels[:, None]})
        self.convert("svhn")
        self.check(expected, [str(digit) for digit in range(10)])

    def write_imagenet32(self, name, images, labels):
        planar = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        np.savez(self.path(name), data=planar, labels=(labels + 1).tolist(), mean=planar.mean(0))

    def test_imagenet32(self):
        parts = [(made(7), np.arange(7) + 3 * i) for i in range(10)]
        for i, part in enumerate(parts):
            self.write_imagenet32(f"train_data_batch_{i + 1}.npz", *part)
        test = made(5), np.array([0, 34, 1, 2, 3])
        self.write_imagenet32("val_data.npz", *test)
        self.convert("imagenet32")
        train = tuple(np.concatenate(part) for part in zip(*parts))
        self.check({"train": train, "test": test}, [str(label) for label in range(35)])
        done = self.convert_again()
        self.assertIn("exists already", done.stderr)

    def convert_again(self):
        return subprocess.run([SCRIPT, "imagenet32", self.folder, self.out], capture_output=True, text=True, timeout=120)

    def test_what_is_not_as_published_leaves_nothing(self):
        done = self.convert("svhn", status=1)
        self.assertIn("train_32x32.mat", done.stderr)
        for split in "train", "test":
            scipy.io.savemat(self.path(f"{split}_32x32.mat"), {"X": made(4).transpose(1, 2, 3, 0), "y": np.full((4, 1), 11)})
        self.assertIn("not 1 to 10", self.convert("svhn", status=1).stderr)
        for i in range(1, 11):
            self.write_imagenet32(f"train_data_batch_{i}.npz", made(3), np.arange(3))
        np.savez(self.path("val_data.npz"), data=np.zeros((3, 100), np.uint8), labels=[1, 2, 3])
        self.assertIn("val_data.npz: data is uint8 [3, 100]", self.convert("imagenet32", status=1).stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
