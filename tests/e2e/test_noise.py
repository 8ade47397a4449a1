#!/usr/bin/python3
"""The robustness plugins on noise as people run them, against NumPy and PyTorch on the same images.

usage: test_noise.py BUILD

The noise is drawn again in NumPy, number by number (Philox4x32-10), added to the images of a small data set, and shown to
the same networks in PyTorch. SPDX-License-Identifier: GPL-3.0-or-later
"""
import itertools
import pathlib
import subprocess
import sys
import unittest

import h5py
import numpy as np
import torch

import support
from support import Result, here, refusal, workbench

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "reference"))
import networks  # noqa: E402

TYPES = ["white", "pink", "salt-pepper"]
LEVELS = [0, 0.05, 0.2]
OPTIONS = ["--levels", ",".join(map(str, LEVELS))]
TRAIN, TEST, SIDE, CLASSES, WIDTH, UNITS = 150, 70, 12, 3, 8, 16


# ---- The noise, drawn again ----

def philox(counter, key):
    """Ten rounds of Philox4x32 (Salmon et al. 2011) on counters (n, 4)."""
    c, k = [np.uint64(x) for x in counter.T], [np.uint64(x) for x in key]
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        first, second = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(second >> np.uint64(32)) ^ c[1] ^ k[0], second & low, (first >> np.uint64(32)) ^ c[3] ^ k[1], first & low]
        k = [(k[0] + np.uint64(0x9E3779B9)) & low, (k[1] + np.uint64(0xBB67AE85)) & low]
    return np.stack(c, 1)


def draw(seed, stream, index, count):
    """The first `count` 32-bit numbers of a stream."""
    name = 2166136261
    for byte in stream.encode():
        name = (name ^ byte) * 16777619 % 2**32
    blocks = np.arange(-(-count // 4))
    counter = np.stack([blocks, np.full_like(blocks, name), np.full_like(blocks, index), np.zeros_like(blocks)], 1)
    return philox(np.uint64(counter), (seed % 2**32, seed >> 32)).ravel()[:count]


def host_seed(seed, stream):
    high, low = (int(x) for x in draw(seed, stream, 0, 2))
    return high << 32 | low


def normals(seed, stream, index, count):
    u, v = np.float64(draw(seed, stream, index, count + count % 2).reshape(-1, 2).T)
    radius, turn = np.sqrt(-2 * np.log((u + 0.5) / 2**32)), 2 * np.pi * v / 2**32
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1).ravel()[:count]


def noisy(image, kind, level, index, seed=0, exponent=1.0):
    """image (channels, height, width) in [0, 1] under noise."""
    seed, stream, shape = host_seed(seed, "noise"), f"{kind} {level:.17g}", image.shape
    if level == 0:
        return image
    if kind == "salt-pepper":
        out, area = image.copy().reshape(shape[0], -1), shape[1] * shape[2]
        draws = int(level * shape[1] * shape[2])
        numbers = draw(seed, stream, index, 2 * draws).reshape(-1, 2)  # no rejection: see the assertion
        assert (numbers[:, 0] * np.uint64(area) % np.uint64(2**32) >= np.uint64(2**32 % area)).all()
        for place, value in numbers:
            out[:, int(place) * area >> 32] = int(value) & 1
        return out.reshape(shape)
    z = normals(seed, stream, index, image.size).reshape(shape)
    if kind == "pink":
        f = np.hypot(np.fft.fftfreq(shape[1])[:, None], np.fft.fftfreq(shape[2])[None])
        f[0, 0] = 1
        z = np.fft.ifft2(np.fft.fft2(z) / f**exponent).real
        z = (z - z.mean((1, 2), keepdims=True)) / z.std((1, 2), keepdims=True)
    return np.clip(np.float64(image) + level * z, 0, 1)


# ---- The networks in PyTorch ----

def forward(path, images, changed=None):
    """Logits of images in [0, 1], with some weights replaced."""
    with h5py.File(path) as f:
        weights = {}
        f["model"].visititems(lambda name, item: weights.update({name: torch.tensor(item[()])})
                              if isinstance(item, h5py.Dataset) else None)
        mean, sd = (torch.tensor(np.float32(f["model"].attrs[key])).view(1, -1, 1, 1) for key in ("mean", "sd"))
    weights.update({name: torch.tensor(np.float32(value)) for name, value in (changed or {}).items()})
    encoder = networks.ShallowCNN(UNITS, width=WIDTH)
    encoder.load_state_dict({key[len("encoder."):]: value for key, value in weights.items()
                             if key.startswith("encoder.")}, strict=False)
    with torch.no_grad():
        x = encoder.eval()((torch.tensor(np.float32(images)) - mean) / sd)
        return (x @ weights["fc.weight"].T + weights["fc.bias"]).numpy()


def make_data(path, seed=0):
    """Three classes of coloured discs on noise; as training is short, some stay hard."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    with h5py.File(path, "w") as f:
        for split, count in (("train", TRAIN), ("test", TEST)):
            labels = np.arange(count) % CLASSES
            images = rng.uniform(0, 160, (count, SIDE, SIDE, 3))
            for image, label in zip(images, labels):
                disc = np.hypot(*(np.stack([y, x]) - rng.uniform(3, 9, 2)[:, None, None])) < 4
                image[disc, label] += 70
            f[f"{split}/images"], f[f"{split}/labels"] = np.uint8(images), np.int32(labels)


def train(name, data, *options):
    path = here.folder / name
    done = workbench("run", "train-ce", "--data", f"h5:{data}", "--epochs", 3, "--batch", 32, "--width", WIDTH, "--units",
                     UNITS, "--validation-per-class", 5, "--augment", "none", "--quiet", "--out", path, *options)
    assert done.returncode == 0, done.stderr
    return path


def make_runs():
    here.data = here.folder / "discs.h5"
    make_data(here.data)
    here.runs = {(rho, seed): train(f"rho{rho}-seed{seed}.h5", here.data, "--rho", rho, "--seed", seed)
                 for rho in (0, 0.2) for seed in range(3)}
    with h5py.File(here.data) as f:
        here.images = np.float32(f["test/images"][()].transpose(0, 3, 1, 2)) / np.float32(255)
        here.labels = f["test/labels"][()]
    here.noisy = {(kind, level): np.stack([noisy(x, kind, level, i) for i, x in enumerate(here.images)])
                  for kind in TYPES for level in LEVELS}


def predictions(path):
    """Logits of a run: clean, and {(type, level)}."""
    return forward(path, here.images), {key: forward(path, images) for key, images in here.noisy.items()}


def accuracy(logits):
    return (logits.argmax(1) == here.labels).mean()


class NoiseLogits(unittest.TestCase):
    def test_clean(self):
        """Unperturbed images give the logits that training stored, and PyTorch's."""
        path = here.runs[0.2, 1]
        got = Result("noise-logits", path, "--noise", "none").only()["logits"]
        with h5py.File(path) as f:
            np.testing.assert_allclose(got, f["activations/test/logits"][()], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(got, forward(path, here.images), rtol=1e-4, atol=1e-4)

    def test_noise(self):
        """Each type at each level: PyTorch's logits of NumPy's noisy images; at level 0 the clean ones, to the bit."""
        path = here.runs[0, 0]
        clean = Result("noise-logits", path, "--noise", "none").only()["logits"]
        for kind in TYPES:
            got = Result("noise-logits", path, "--noise", kind, *OPTIONS).only()
            logits = got["logits"].reshape(len(LEVELS), TEST, CLASSES)
            np.testing.assert_array_equal(logits[0], clean)
            np.testing.assert_array_equal(got["labels"][1], here.labels)
            for k, level in enumerate(LEVELS):
                np.testing.assert_allclose(logits[k], forward(path, here.noisy[kind, level]), rtol=1e-4, atol=1e-4,
                                           err_msg=f"{kind} {level}")
                self.assertAlmostEqual(got["accuracy"][1][k], accuracy(logits[k]))

    def test_exponent_seed_and_threads(self):
        path = here.runs[0, 0]
        options = ["--noise", "pink", "--levels", "0.2"]
        usual = Result("noise-logits", path, *options).only()["logits"]
        alone = Result("noise-logits", path, *options, "--threads", 1, "--recompute").only()["logits"]
        np.testing.assert_allclose(alone, usual, rtol=1e-6, atol=1e-6)
        for more, arguments in ((["--exponent", "0.5"], {"exponent": 0.5}), (["--seed", "9"], {"seed": 9})):
            got = Result("noise-logits", path, *options, *more).only()["logits"]
            images = np.stack([noisy(x, "pink", 0.2, i, **arguments) for i, x in enumerate(here.images)])
            np.testing.assert_allclose(got, forward(path, images), rtol=1e-4, atol=1e-4)
            self.assertGreater(np.abs(got - usual).max(), 1e-3)
        first = Result("noise-logits", path, *options, "--images", 7).only()["logits"]
        np.testing.assert_allclose(first, usual[:7], rtol=1e-6, atol=1e-6)


class InputNoise(unittest.TestCase):
    def test_accuracy(self):
        path = here.runs[0.2, 2]
        got = Result("input-noise", path, *OPTIONS).only()
        clean, logits = predictions(path)
        self.assertAlmostEqual(got["clean"], accuracy(clean))
        self.assertTrue(0.5 < got["clean"] < 1, "a test set that could not tell anything")
        change = np.array([[accuracy(logits[kind, level]) - accuracy(clean) for level in LEVELS] for kind in TYPES])
        np.testing.assert_allclose(got["change"], change, atol=1e-12)
        self.assertTrue((change[:, 0] == 0).all() and (change[:, 1:] != 0).any())
        right = lambda x: np.float64(x.argmax(1) == here.labels)
        sem = [[(right(logits[kind, level]) - right(clean)).std(ddof=1) / np.sqrt(TEST) for level in LEVELS]
               for kind in TYPES]
        np.testing.assert_allclose(got["change-sem"], sem, atol=1e-12)
        np.testing.assert_allclose(got["accuracy"][1:, 1:], change + accuracy(clean), atol=1e-12)
        self.assertEqual(got["accuracy"][0, 0], got["clean"])
        self.assertTrue(np.isnan(got["accuracy"][0, 1:]).all() and np.isnan(got["accuracy"][1:, 0]).all())
        self.assertAlmostEqual(got["noisy"], (change + accuracy(clean)).mean())
        for row, kind in enumerate(TYPES):
            np.testing.assert_array_equal(got[kind][0], LEVELS)
            np.testing.assert_allclose(got[kind][1], change[row], atol=1e-12)

    def test_examples(self):
        """The first image, as NumPy draws its noise."""
        got = Result("input-noise", here.runs[0, 0], *OPTIONS).only()["examples"]
        expected = [image for kind in TYPES for image in
                    [here.images[0]] + [noisy(here.images[0], kind, level, 0) for level in LEVELS]]
        np.testing.assert_allclose(got, np.reshape(expected, (len(expected), -1)), atol=1e-6)

    def test_resumes(self):
        """What was computed for some runs, or by another plugin, is not computed again."""
        options = [*OPTIONS, "--seed", 77]
        runs = [here.runs[0, seed] for seed in range(3)]
        for kind in ("none", "white"):
            Result("noise-logits", runs[:2], "--noise", kind, *options)
        done = workbench("run", "noise-logits", "--in", *runs, "--noise", "white", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 from cache", done.stderr)
        Result("input-noise", runs, *options)
        for kind in ("none", *TYPES):
            done = workbench("run", "noise-logits", "--in", *runs, "--noise", kind, *options)
            self.assertIn("3 from cache", done.stderr, kind)

    def test_single_image(self):
        got = Result("input-noise", here.runs[0, 0], *OPTIONS, "--images", 1).only()
        self.assertIn("one image", got["change-sem"])
        self.assertIn(got["clean"], (0, 1))

    def test_refusals(self):
        run = here.runs[0, 0]
        refusal(self, 2, ["levels", "1.5"], "input-noise", "--in", run, "--levels", "0.1,1.5")
        refusal(self, 2, ["levels", "-0.1"], "input-noise", "--in", run, "--levels=-0.1")
        features = support.write_run("features.h5", support.noise(5, 9))
        refusal(self, 4, ["features.h5", "--data"], "input-noise", "--in", features)

    def test_other_data(self):
        """--data is compared with what the run was trained on; a data set that only moved is the same."""
        run, moved, other = here.runs[0, 0], here.folder / "moved.h5", here.folder / "other.h5"
        moved.write_bytes(here.data.read_bytes())
        make_data(other, seed=1)
        usual = Result("input-noise", run, *OPTIONS).only()
        same = Result("input-noise", run, *OPTIONS, "--data", f"h5:{moved}").only()
        np.testing.assert_array_equal(same["change"], usual["change"])
        refusal(self, 4, ["other images", "--allow-other-data"], "input-noise", "--in", run, "--data", f"h5:{other}")
        allowed = Result("input-noise", run, *OPTIONS, "--data", f"h5:{other}", "--allow-other-data").only()
        with h5py.File(other) as f:
            images = np.float32(f["test/images"][()].transpose(0, 3, 1, 2)) / np.float32(255)
        self.assertAlmostEqual(allowed["clean"], accuracy(forward(run, images)))


# ---- Ensembles ----

def softmax(x):
    e = np.exp(np.float64(x) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def votes(logits):
    """Answers of the five schemes; logits (members, images, classes)."""
    p, each = softmax(logits), logits.argmax(2)
    counts = np.stack([(each == c).sum(0) for c in range(CLASSES)], 1)
    confidence = p.max(2)
    weights = confidence / confidence.sum(0)
    return {"soft": p.mean(0).argmax(1), "logits": np.float64(logits).mean(0).argmax(1), "majority": counts.argmax(1),
            "confident": each[confidence.argmax(0), np.arange(logits.shape[1])],
            "weighted": (weights[..., None] * p).sum(0).argmax(1)}


def gain(logits):
    """Of the soft vote, image by image."""
    return (votes(logits)["soft"] == here.labels) - (logits.argmax(2) == here.labels).mean(0)


def diversity(logits):
    """Error correlation, disagreement, Q, double fault: means over pairs."""
    right, found = logits.argmax(2) == here.labels, []
    for x, y in itertools.combinations(right, 2):
        a, b, c, d = (x & y).mean(), (x & ~y).mean(), (~x & y).mean(), (~x & ~y).mean()
        with np.errstate(invalid="ignore"):  # a member that has all right, or all wrong
            found.append((np.corrcoef(x, y)[0, 1], b + c, (a * d - b * c) / (a * d + b * c), d))
    return [np.mean(known) if (known := [x for x in each if not np.isnan(x)]) else np.nan for each in zip(*found)]


class Ensemble(unittest.TestCase):
    def logits(self, rho, kind="none"):
        """Stored logits of the condition's runs: (levels, members, images, classes)."""
        runs = [here.runs[rho, seed] for seed in range(3)]
        got = Result("noise-logits", runs, "--noise", kind, *OPTIONS).runs
        return np.stack([got[run.name]["logits"].reshape(-1, TEST, CLASSES) for run in runs], 1)

    def test_against_numpy(self):
        result = Result("ensemble", list(here.runs.values()), *OPTIONS)
        for rho, got in zip((0, 0.2), result.conditions):
            settings = [self.logits(rho)[0]] + [x for kind in TYPES for x in self.logits(rho, kind)]
            with h5py.File(here.runs[rho, 1]) as f:
                np.testing.assert_allclose(settings[0][1], f["activations/test/logits"][()], rtol=1e-5, atol=1e-5)
            schemes = np.transpose([[(vote == here.labels).mean() for vote in votes(x).values()] for x in settings])
            np.testing.assert_allclose(got["schemes"], schemes, atol=1e-12)
            single = [(x.argmax(2) == here.labels).mean() for x in settings]
            gains = schemes[0] - single
            self.assertTrue(np.abs(gains).max() > 0, "ensembles that could not tell anything")
            for name, expected in (("gain", gains), ("accuracy", schemes[0]), ("single", single)):
                np.testing.assert_allclose(got[name][0, 0], expected[0], atol=1e-12)
                np.testing.assert_allclose(got[name][1:, 1:].ravel(), expected[1:], atol=1e-12)
                self.assertTrue(np.isnan(got[name][0, 1:]).all() and np.isnan(got[name][1:, 0]).all())
                np.testing.assert_allclose(got[name][1:, 1], expected[0], atol=1e-12)  # level 0 is clean
            np.testing.assert_allclose([got["clean-gain"], got["soft-vote"], got["members-accuracy"]],
                                       [gains[0], schemes[0, 0], single[0]], atol=1e-12)
            np.testing.assert_allclose(got["diversity"], np.transpose([diversity(x) for x in settings]), atol=1e-12)
            for name, measure in zip(("error-correlation", "disagreement", "q-statistic", "double-fault"),
                                     diversity(settings[0])):
                if np.isnan(measure):
                    self.assertIn("all images right, or all wrong", got[name])
                else:
                    self.assertAlmostEqual(got[name], measure)
            growth = [np.mean([gain(settings[0][list(some)]).mean() for some in itertools.combinations(range(3), size)])
                      for size in (1, 2, 3)]
            np.testing.assert_array_equal(got["growth"][0], [1, 2, 3])
            np.testing.assert_allclose(got["growth"][1], growth, atol=1e-12)
            self.check_interval(got, settings)

    def check_interval(self, got, settings):
        """NumPy's bootstrap has other draws: its ends lie within what two bootstraps of 1,000 draws differ by."""
        rng = np.random.default_rng(0)
        each = np.stack([gain(x) for x in settings])
        means = np.stack([each[:, rng.integers(0, TEST, TEST)].mean(1) for _ in range(4000)])
        low, high = np.quantile(means, [0.025, 0.975], axis=0)
        tolerance = 0.35 * means.std(0) + 1e-12
        for name, end in (("gain-low", low), ("gain-high", high)):
            self.assertTrue((np.abs(got[name][1:, 1:].ravel() - end[1:]) <= tolerance[1:]).all(), name)
            self.assertLessEqual(abs(got[f"clean-{name}"] - end[0]), tolerance[0])

    def test_contrasts(self):
        """Differences between conditions: of the gains, and with paired draws, so that equal conditions differ by 0."""
        runs = list(here.runs.values())
        gains = [got["gain"] for got in Result("ensemble", runs, *OPTIONS).conditions]
        got = Result("ensemble-contrasts", runs, *OPTIONS).study
        expected = gains[1] - gains[0]
        np.testing.assert_allclose(got["difference"][0], [expected[0, 0], *expected[1:, 1:].ravel()], atol=1e-12)
        each = [np.stack([gain(x) for x in [self.logits(rho)[0]] + [y for kind in TYPES for y in self.logits(rho, kind)]])
                for rho in (0, 0.2)]
        rng = np.random.default_rng(1)
        means = np.stack([(each[1] - each[0])[:, rng.integers(0, TEST, TEST)].mean(1) for _ in range(4000)])
        for name, end in zip(("difference-low", "difference-high"), np.quantile(means, [0.025, 0.975], axis=0)):
            lattice = 1 / (3 * TEST)  # gains of three members are multiples of it
            self.assertTrue((np.abs(got[name][0] - end) <= 0.35 * means.std(0) + lattice).all(), name)
        copies = []
        for seed in range(2):
            copies.append(here.folder / f"twin{seed}.h5")
            copies[-1].write_bytes(here.runs[0, seed].read_bytes())
            with h5py.File(copies[-1], "r+") as f:
                f.attrs["rho"] = 0.7
        got = Result("ensemble-contrasts", [here.runs[0, 0], here.runs[0, 1], *copies], *OPTIONS).study
        for name in ("difference", "difference-low", "difference-high"):
            np.testing.assert_allclose(got[name], 0, atol=1e-15)
        got = Result("ensemble-contrasts", [here.runs[0, 0], here.runs[0, 1]], *OPTIONS).study
        self.assertIn("only one condition", got["difference"])

    def test_one_run(self):
        got, = Result("ensemble", here.runs[0, 0], *OPTIONS).conditions
        self.assertEqual(got["members"], 1)
        for name in ("gain", "schemes", "diversity", "growth", "clean-gain", "q-statistic"):
            self.assertIn("only one run", got[name])

    def test_same_run_twice(self):
        """Copies of one member: nothing gained, nothing differs."""
        copy = here.folder / "copy.h5"
        copy.write_bytes(here.runs[0, 0].read_bytes())
        with h5py.File(copy, "r+") as f:
            f.attrs["seed"] = 99
        got, = Result("ensemble", [here.runs[0, 0], copy], *OPTIONS).conditions
        self.assertEqual((got["clean-gain"], got["clean-gain-low"], got["disagreement"]), (0, 0, 0))
        self.assertAlmostEqual(got["error-correlation"], 1)
        np.testing.assert_array_equal(got["growth"][1], 0)

    def test_refusals(self):
        run = here.runs[0, 0]
        refusal(self, 2, ["levels"], "ensemble", "--in", run, "--levels", "2")
        other = here.folder / "elsewhere.h5"
        make_data(other, seed=2)
        stranger = train("stranger.h5", other, "--rho", 0, "--seed", 5)
        done = workbench("run", "ensemble", "--in", run, here.runs[0, 1], stranger, *OPTIONS)
        self.assertEqual(done.returncode, 1)  # the others are done
        self.assertIn("other images", done.stderr)
        more = here.folder / "more-classes.h5"
        more.write_bytes(run.read_bytes())
        with h5py.File(more, "r+") as f:
            f.attrs["seed"] = 98
            for name in ("model/fc.weight", "model/fc.bias"):
                kept = np.concatenate([f[name][()], f[name][:1]])  # a fourth class
                del f[name]
                f[name] = kept
        done = workbench("run", "ensemble", "--in", run, more, *OPTIONS)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("tells 4 classes and", done.stderr.replace("tells 3 classes and", "tells 4 classes and"))


# ---- Perturbed weights ----

class WeightNoise(unittest.TestCase):
    levels, draws = [0, 0.5, 2], 3

    def perturbed(self, path, names, level, draw_number):
        """{name in the file: W + level sd(W) z}; names: {name in the file: name of the layer}."""
        seed, out = host_seed(0, "weight-noise"), {}
        with h5py.File(path) as f:
            for name, layer in names.items():
                w = np.float64(f["model/" + name][()])
                z = normals(seed, f"{layer} {level:.17g}", draw_number, w.size).reshape(w.shape)
                out[name] = np.float32(w + level * w.std() * z)
        return out

    def check(self, target, names):
        path = here.runs[0.2, 0]
        got = Result("weight-noise", path, "--target", target, "--levels", ",".join(map(str, self.levels)), "--draws",
                     self.draws).only()
        right = np.array([[accuracy(forward(path, here.images, self.perturbed(path, names, level, k)))
                           for k in range(self.draws)] for level in self.levels])
        clean = accuracy(forward(path, here.images))
        np.testing.assert_array_equal(got["accuracy"][0], self.levels)
        np.testing.assert_allclose(got["accuracy"][1], right.mean(1), atol=1e-12)
        np.testing.assert_allclose(got["accuracy-sd"][1], right.std(1, ddof=1), atol=1e-7)
        self.assertAlmostEqual(got["clean"], clean)
        self.assertEqual(got["accuracy"][1][0], got["clean"])  # level 0 is clean
        self.assertAlmostEqual(got["drop"], clean - right.mean())
        return path, got

    def test_readout(self):
        path, got = self.check("readout", {"fc.weight": "readout.weight"})
        upper = lambda w: np.corrcoef(np.float64(w))[np.triu_indices(len(w), 1)]
        with h5py.File(path) as f:
            before = upper(f["model/fc.weight"][()])
        similarity = []
        for level in self.levels:
            after = [upper(self.perturbed(path, {"fc.weight": "readout.weight"}, level, k)["fc.weight"])
                     for k in range(self.draws)]
            similarity.append(np.mean([before @ x / np.linalg.norm(before) / np.linalg.norm(x) for x in after]))
        np.testing.assert_allclose(got["similarity"][1], similarity, rtol=1e-6)

    def test_embedding(self):
        _, got = self.check("embedding", {"encoder.fc.weight": "embedding.weight"})
        self.assertIn("readout", got["similarity"])

    def test_encoder(self):
        names = {f"encoder.conv{i}.weight": f"encoder.conv{i}.weight" for i in (1, 2, 3, 4)}
        self.check("encoder", {**names, "encoder.fc.weight": "embedding.weight"})

    def test_refusals(self):
        run = here.runs[0, 0]
        refusal(self, 2, ["levels"], "weight-noise", "--in", run, "--levels=-1")
        refusal(self, 2, ["target"], "weight-noise", "--in", run, "--target", "head")
        self.assertIn("one draw", Result("weight-noise", run, "--draws", 1, "--images", 5).only()["accuracy-sd"])


if __name__ == "__main__":
    support.main(__doc__, make_runs)
