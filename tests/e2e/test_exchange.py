#!/usr/bin/python3
# test_exchange.py: models and features to and from other programs. SPDX-License-Identifier: GPL-3.0-or-later
"""usage: test_exchange.py BUILD [options of unittest]

Against NumPy, PyTorch and h5py. WORKBENCH_TEST_DATA names a folder with cifar-10-batches-bin for the comparison with
PyTorch on real images.
"""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import unittest

import h5py
import numpy as np
import torch

import support
from support import here, refusal, workbench

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DATA = os.environ.get("WORKBENCH_TEST_DATA", "")
CIFAR = os.path.join(DATA, "cifar-10-batches-bin")
SMALL = "builtin,train=200,test=60"


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


networks = module(ROOT / "tests/reference/networks.py")
bridge = module(ROOT / "scripts/pytorch_bridge.py")
wb = module(ROOT / "scripts/workbench.py")


def done(*arguments):
    """The command must succeed; its stdout."""
    result = workbench(*arguments)
    assert result.returncode == 0, f"{arguments}: exit {result.returncode}: {result.stderr}"
    return result.stdout


def train(name, objective="ce", *options):
    path = here.folder / name
    if not path.exists():
        done("run", f"train-{objective}", "--data", SMALL, "--validation-per-class", 0, "--width", 8, "--units", 36,
             "--batch", 50, "--epochs", 1, "--out", path, *options, "-q")
    return path


def model(path):
    with h5py.File(path) as f:
        return {name: f["model"][name][()] for name in f["model"]}


def same(test, a, b):
    test.assertEqual(sorted(a), sorted(b))
    for name in a:
        test.assertEqual(np.asarray(a[name]).tobytes(), np.asarray(b[name]).tobytes(), name)


def distance(a, b):
    """The largest difference, relative to the largest value."""
    return np.abs(np.float64(a) - b).max() / np.abs(b).max()


class Export(unittest.TestCase):
    def test_safetensors_and_npz_hold_the_model(self):
        run = train("supcon.h5", "supcon")
        done("export", run, "--out", here.folder / "x.npz", "--format", "npz", "--overwrite")
        done("export", run, "--out", here.folder / "x.safetensors", "--overwrite")
        with h5py.File(run) as f:
            expected = {**model(run), "readout.weight": f["readout/weight"][()], "readout.bias": f["readout/bias"][()]}
        with np.load(here.folder / "x.npz") as z:  # without pickle
            metadata = json.loads(str(z["metadata"]))
            same(self, {name: z[name] for name in z.files if name != "metadata"}, expected)
        raw = (here.folder / "x.safetensors").read_bytes()
        length = int.from_bytes(raw[:8], "little")
        header = json.loads(raw[8:8 + length])
        self.assertEqual(header.pop("__metadata__"), metadata)
        self.assertEqual((8 + length) % 8, 0)
        found = {}
        for name, record in header.items():
            self.assertEqual(record["dtype"], "F32")
            first, end = record["data_offsets"]
            found[name] = np.frombuffer(raw[8 + length + first:8 + length + end], "<f4").reshape(record["shape"])
        same(self, found, expected)
        self.assertEqual([metadata[k] for k in ("arch", "width", "units", "grid", "image", "head", "objective")],
                         ["shallowcnn", "8", "36", "6,6", "3,32,32", "projection", "supcon"])

    def test_round_trip_is_the_same_run(self):
        for objective in "ce", "supcon":
            for form in "safetensors", "npz":
                with self.subTest(f"{objective} {form}"):
                    run, out = train(f"{objective}.h5", objective), here.folder / f"again-{objective}-{form}.h5"
                    foreign = here.folder / f"{objective}.{form}"
                    done("export", run, "--format", form, "--out", foreign, "--overwrite")
                    done("run", "import", "--in", foreign, "--data", SMALL, "--out", out)
                    self.assertIn("ok", done("info", out).splitlines()[-1])
                    same(self, model(run), model(out))
                    with h5py.File(run) as f, h5py.File(out) as g:
                        for name in f["model"].attrs:
                            np.testing.assert_array_equal(f["model"].attrs[name], g["model"].attrs[name], name)
                        self.assertEqual(list(f.attrs["factors"]), list(g.attrs["factors"]))
                        for name in f.attrs["factors"]:
                            self.assertEqual(f.attrs[name], g.attrs[name], name)
                        for name in "embedding", "logits":
                            a, b = f["activations/test"][name][()], g["activations/test"][name][()]
                            self.assertLess(distance(b, a), 2e-6)
                        for name in "labels", "index":
                            same(self, {name: f["activations/test"][name][()]},
                                 {name: g["activations/test"][name][()]})
                    support.Result("accuracy", out)

    def test_refusals(self):
        run = train("ce.h5")
        tensors = {**model(run), "stray": np.zeros((2, 3), "f4")}
        del tensors["fc.bias"]
        tensors["encoder.conv2.bias"] = np.zeros(5, "f4")
        bridge.write_safetensors(here.folder / "bad.safetensors", tensors)
        out = here.folder / "never.h5"
        refusal(self, 4, ["missing: fc.bias [10]", "not of this network: stray [2, 3]",
                          "encoder.conv2.bias is [5] of F32; the network has [16]", "1 tensors are missing"],
                "import", "--in", here.folder / "bad.safetensors", "--arch", "shallowcnn", "--out", out)
        refusal(self, 2, ["--arch names one"], "import", "--in", here.folder / "bad.safetensors", "--out", out)
        refusal(self, 2, ["resnet18"], "import", "--in", here.folder / "bad.safetensors", "--arch", "resnet", "--out",
                out)
        tensors = model(run)
        tensors["fc.bias"][3] = np.nan
        bridge.write_safetensors(here.folder / "nan.safetensors", tensors)
        refusal(self, 4, ["fc.bias holds NaN at position 3"], "import", "--in", here.folder / "nan.safetensors",
                "--arch", "shallowcnn", "--out", out)
        (here.folder / "torn.safetensors").write_bytes((here.folder / "nan.safetensors").read_bytes()[:-7])
        refusal(self, 4, ["torn.safetensors"], "import", "--in", here.folder / "torn.safetensors", "--arch",
                "shallowcnn", "--out", out)
        refusal(self, 2, ["NAME=VALUE"], "import", "--in", here.folder / "nan.safetensors", "--factors", "rho", "--out",
                out)
        self.assertFalse(out.exists())

    def test_every_architecture(self):
        """PyTorch names of all four, by what training writes; import infers sizes and head."""
        for arch, data, units in (("resnet18", SMALL, 16), ("truong-cifar", SMALL, 25)):
            with self.subTest(arch):
                run = train(f"{arch}.h5", "ce", "--arch", arch, "--units", units)
                foreign, out = here.folder / f"{arch}.npz", here.folder / f"{arch}-again.h5"
                done("export", run, "--format", "npz", "--out", foreign)
                done("run", "import", "--in", foreign, "--data", data, "--out", out)
                same(self, model(run), model(out))
                with h5py.File(run) as f, h5py.File(out) as g:
                    self.assertEqual(f.attrs["readout_input"], g.attrs["readout_input"])
                    for name in "embedding", "logits":
                        a, b = f["activations/test"][name][()], g["activations/test"][name][()]
                        self.assertLess(distance(b, a), 2e-6)


class Embed(unittest.TestCase):
    def test_same_data_same_activations(self):
        run, out = train("ce.h5"), here.folder / "embed.h5"
        done("run", "embed", "--in", run, "--out", out, "--batch", 7, "--layers", "conv2,avgpool")
        self.assertIn("ok", done("info", out).splitlines()[-1])
        with h5py.File(run) as f, h5py.File(out) as g:
            for name in "embedding", "logits":
                self.assertLess(distance(g["activations/test"][name][()], f["activations/test"][name][()]), 2e-6)
            self.assertEqual(g.attrs["stimuli"], SMALL + " test")
            self.assertEqual(list(g["activations/test/conv2"].attrs["layer_shape"]), [16, 8, 8])
            self.assertEqual(g["activations/test/conv2"].shape, (60, 1024))
            layers = {name: g["activations/test"][name][()] for name in ("conv2", "avgpool")}
        done("run", "embed", "--in", run, "--out", out, "--layers", "conv2", "--pool", "mean", "--overwrite")
        with h5py.File(out) as g:
            np.testing.assert_allclose(g["activations/test/conv2"], layers["conv2"].reshape(60, 16, 64).mean(2),
                                       rtol=1e-5, atol=1e-6)
        support.Result("moran", out, "--object", "activations=/activations/test/conv2")

    def test_another_split_and_other_data(self):
        run, out = train("ce.h5"), here.folder / "embed-train.h5"
        done("run", "embed", "--in", run, "--out", out, "--split", "train")
        with h5py.File(out) as g:
            self.assertEqual(g["activations/train/embedding"].shape, (200, 36))
            self.assertNotIn("test", g["activations"])
        done("run", "embed", "--in", run, "--out", out, "--data", "builtin,train=10,test=20,seed=5", "--overwrite")
        with h5py.File(out) as g, h5py.File(run) as f:
            self.assertNotEqual(g["activations/test"].attrs["data_digest"], f.attrs["data_digest"])

    def test_refusals(self):
        run, out = train("ce.h5"), here.folder / "never.h5"
        refusal(self, 2, ["no layer conv9", "conv1, conv2"], "embed", "--in", run, "--layers", "conv9", "--out", out)
        refusal(self, 2, ["leave --layers away"], "embed", "--in", run, "--layers", "conv1", "--batch-norm", "batch",
                "--out", out)
        refusal(self, 2, ["there is no data set"], "embed", "--in", run, "--data", "nowhere", "--out", out)
        self.assertFalse(out.exists())


@unittest.skipUnless(os.path.isdir(CIFAR), "WORKBENCH_TEST_DATA has no cifar-10-batches-bin")
class PyTorch(unittest.TestCase):
    def test_resnet18_full_width(self):
        torch.manual_seed(1)
        net = networks.Classifier(networks.ResNet18(units=256), dropout=0.0)
        net.train()
        with torch.no_grad():  # running statistics of their own
            for _ in range(3):
                net(torch.randn(16, 3, 32, 32) * 1.3 + 0.2)
        pth, run = here.folder / "net.pth", here.folder / "bridge.h5"
        torch.save(net.state_dict(), pth)
        data = f"cifar10:{CIFAR},train=10,test=256"
        subprocess.run([ROOT / "scripts/pytorch_bridge.py", "to-run", "--program", here.build / "bin/workbench", pth,
                        run, "--arch", "resnet18", "--data", data, "--factors", "objective=ce,rho=0.2,seed=1"],
                       check=True, stdout=subprocess.DEVNULL)
        batch = here.folder / "bridge-batch.h5"
        done("run", "embed", "--in", run, "--data", data, "--batch-norm", "batch", "--batch", 256, "--out", batch)
        records = np.fromfile(os.path.join(CIFAR, "test_batch.bin"), np.uint8).reshape(-1, 3073)
        with h5py.File(run) as f:
            self.assertEqual((f.attrs["objective"], f.attrs["rho"], f.attrs["seed"]), ("ce", 0.2, 1))
            index = f["activations/test/index"][()]
            mean, sd = f["model"].attrs["mean"], f["model"].attrs["sd"]
            found = {False: [f["activations/test"][name][()] for name in ("embedding", "logits")]}
        with h5py.File(batch) as f:
            self.assertEqual(f["activations/test"].attrs["batch_norm"], "batch")
            found[True] = [f["activations/test"][name][()] for name in ("embedding", "logits")]
        images = records[index, 1:].reshape(-1, 3, 32, 32) / 255
        images = torch.tensor((images - mean[:, None, None]) / sd[:, None, None], dtype=torch.float32)
        for training in False, True:
            net.train(training)
            with torch.no_grad():
                expected = net(images)
            for name, ours, theirs in zip(("embedding", "logits"), found[training], expected):
                self.assertEqual(ours.shape, tuple(theirs.shape))
                off = distance(ours, theirs.numpy())
                print(f"{'training' if training else 'evaluation'} {name}: {off:.1e}", file=sys.stderr)
                self.assertLess(off, 1e-4)
        back = here.folder / "back.pth"
        subprocess.run([ROOT / "scripts/pytorch_bridge.py", "to-pth", run, back], check=True, stdout=subprocess.DEVNULL)
        again = torch.load(back)
        expected = {name: value for name, value in net.state_dict().items() if "num_batches" not in name}
        before = torch.load(pth)
        same(self, again, {name: before[name] for name in expected})
        networks.Classifier(networks.ResNet18(units=256)).load_state_dict(again)  # strict


class Features(unittest.TestCase):
    """Arrays of other programs as what a metric reads."""

    @classmethod
    def setUpClass(cls):
        rng = np.random.default_rng(3)
        cls.x = np.float32(rng.integers(-8, 9, (50, 36)) / 4)  # exact in half precision
        cls.y = np.arange(50) % 5
        with h5py.File(here.folder / "plain.h5", "w") as f:
            f["layer4"] = cls.x
        cls.expected = support.Result("moran", here.folder / "plain.h5", *cls.options()).only()

    @staticmethod
    def options(object="layer4"):
        return "--object", f"activations=/{object}", "--grid", "4x9"

    def check(self, name, object="layer4"):
        found = support.Result("moran", here.folder / name, *self.options(object)).only()
        self.assertEqual(sorted(found), sorted(self.expected))
        for key, value in self.expected.items():
            for ours, theirs in zip(*((v if isinstance(v, tuple) else (v,)) for v in (found[key], value))):
                np.testing.assert_array_equal(ours, theirs, f"{name} {key}")

    def test_every_layout(self):
        """Element type, byte order, order of axes and compression do not change a number."""
        layouts = {"f4": self.x, "f2": self.x.astype("f2"), "f8": self.x.astype("f8"), "big": self.x.astype(">f4"),
                   "fortran": np.asfortranarray(self.x), "big-fortran-f2": np.asfortranarray(self.x.astype(">f2"))}
        for name, x in layouts.items():
            with self.subTest(name):
                np.savez(here.folder / f"{name}.npz", layer4=x, y=self.y, names=np.array(["a", "b"]))
                self.check(f"{name}.npz")
        np.savez_compressed(here.folder / "deflated.npz", first=self.y, layer4=layouts["fortran"])
        self.check("deflated.npz")
        np.save(here.folder / "alone.npy", self.x)
        self.check("alone.npy", "data")

    def test_integers_and_labels(self):
        logits = np.int16(np.random.default_rng(0).integers(-99, 99, (50, 5)))
        np.savez(here.folder / "int.npz", out=logits, y=self.y.astype("u1"))
        found = support.Result("accuracy", here.folder / "int.npz", "--object", "logits=/out", "--labels", "/y").only()
        self.assertAlmostEqual(found["top1"], (logits.argmax(1) == self.y).mean(), 12)

    def test_content_is_what_counts(self):
        path, copy = here.folder / "a.npz", here.folder / "copy-of-a.npz"
        np.savez(path, layer4=self.x[:40])
        first = support.Result("moran", path, *self.options()).only()["i"]
        np.savez_compressed(copy, layer4=self.x[:40])
        self.assertTrue(support.Result("moran", copy, *self.options()).summary["runs"][0]["cached"])
        np.savez(path, layer4=self.x[:40] * np.arange(36, dtype="f4"))
        changed = support.Result("moran", path, *self.options())
        self.assertFalse(changed.summary["runs"][0]["cached"])
        self.assertNotEqual(changed.only()["i"], first)

    def test_factors_from_names(self):
        rng = np.random.default_rng(1)
        files = [here.folder / f"r{rho}_s{seed}.npz" for rho in ("0", "0.2") for seed in (1, 2, 3)]
        for path in files:
            np.savez(path, layer4=rng.standard_normal((20, 36)))
        made = support.Result("moran", files, *self.options(), "--pattern", "r{rho}_s{seed}.npz")
        self.assertEqual([(c["factors"], c["n"]) for c in made.summary["conditions"]],
                         [({"rho": "0"}, 3), ({"rho": "0.2"}, 3)])
        self.assertEqual(made.summary["runs"][4]["factors"], {"rho": "0.2", "seed": "2"})
        refusal(self, 4, ["r0_s1.npz does not match --pattern q{rho}.npz"], "moran", "--in", files[0], *self.options(),
                "--pattern", "q{rho}.npz")
        refusal(self, 2, ["{rho"], "moran", "--in", files[0], *self.options(), "--pattern", "r{rho.npz")

    def test_factors_from_attributes(self):
        for rho in (0.0, 0.5):
            with h5py.File(here.folder / f"attributes{rho}.h5", "w") as f:
                f["layer4"] = self.x
                f.attrs.update(rho=rho, seed=7, objective="mine", comment="not a factor")
        files = [here.folder / f"attributes{rho}.h5" for rho in (0.0, 0.5)]
        made = support.Result("moran", files, *self.options())
        self.assertEqual([run["factors"] for run in made.summary["runs"]],
                         [{"objective": "mine", "rho": rho, "seed": "7"} for rho in ("0", "0.5")])
        np.savez(here.folder / "scalars.npz", layer4=self.x, rho=np.float32(0.25), seed=3)
        made = support.Result("moran", here.folder / "scalars.npz", *self.options())
        self.assertEqual(made.summary["runs"][0]["factors"], {"rho": "0.25", "seed": "3"})

    def test_positions(self):
        order = np.random.default_rng(2).permutation(36)
        where = np.stack([np.arange(36) % 9, np.arange(36) // 9], 1)
        np.savez(here.folder / "placed.npz", layer4=self.x[:, order], where=where[order])
        options = "--neighbours", "distance", "--radius", "1.5", "--permutations", "0"
        placed = support.Result("moran", here.folder / "placed.npz", *self.options(), "--object", "positions=/where",
                                *options).only()
        plain = support.Result("moran", here.folder / "plain.h5", *self.options(), *options).only()
        np.testing.assert_allclose(placed["i"], plain["i"], rtol=1e-10)
        unplaced = support.Result("moran", here.folder / "placed.npz", *self.options(), *options).only()
        self.assertGreater(abs(unplaced["i"] - plain["i"]), 1e-6)

    def test_refusals(self):
        bad = self.x.copy()
        bad[31, 7] = np.nan
        np.savez(here.folder / "nan.npz", layer4=bad)
        refusal(self, 4, ["nan.npz", "/layer4 holds NaN at [31, 7]"], "moran", "--in", here.folder / "nan.npz",
                *self.options())
        np.savez(here.folder / "other.npz", conv=self.x)
        refusal(self, 4, ["other.npz has no /layer4", "/conv [50, 36]", "--object activations=/conv --grid 6x6"],
                "moran", "--in", here.folder / "other.npz", *self.options())
        whole = (here.folder / "other.npz").read_bytes()
        (here.folder / "torn.npz").write_bytes(whole[:-30])
        refusal(self, 4, ["torn.npz is not a .npz file, or incomplete"], "moran", "--in", here.folder / "torn.npz",
                *self.options())
        at = whole.index(self.x[20].tobytes())
        (here.folder / "flipped.npz").write_bytes(whole[:at] + b"\xff" + whole[at + 1:])
        refusal(self, 4, ["conv is damaged"], "moran", "--in", here.folder / "flipped.npz", *self.options("conv"))
        np.save(here.folder / "objects.npy", np.array([{}, []], dtype=object))
        refusal(self, 4, ["It holds no 2-D data"], "moran", "--in", here.folder / "objects.npy", *self.options("data"))
        refusal(self, 4, ["there is no file"], "moran", "--in", here.folder / "absent.npz", *self.options())


class Reading(unittest.TestCase):
    def test_runs(self):
        train("ce.h5"), train("supcon.h5", "supcon")
        both = wb.runs(here.folder / "ce.h5", here.folder / "supcon.h5")
        self.assertEqual([run.factors["objective"] for run in both], ["ce", "supcon"])
        with h5py.File(both[0].path) as f:
            np.testing.assert_array_equal(both[0].activations("embedding"), f["activations/test/embedding"])
            np.testing.assert_array_equal(both[0].activations("logits", rows=slice(3, 9)),
                                          f["activations/test/logits"][3:9])
            np.testing.assert_array_equal(both[0].model["encoder.fc.weight"], f["model/encoder.fc.weight"])
            np.testing.assert_array_equal(both[0].history["weight_norm"], f["history/weight_norm"])
            self.assertEqual(both[0].classes(), list(f["activations/test/labels"].attrs["classes"]))
        self.assertEqual(both[0].grid, (6, 6))
        self.assertEqual(both[0].config["batch"], "50")
        self.assertEqual([row["epoch"] for row in both[0].epochs()], [1])
        with self.assertRaisesRegex(KeyError, "ce.h5 has no history/absent; it has .*weight_norm"):
            both[0].history["absent"]
        self.assertIsNone(both[0].history.get("absent"))
        with self.assertRaisesRegex(ValueError, "no run file"):
            with h5py.File(here.folder / "other.h5", "w") as f:
                f["x"] = [1]
            wb.Run(here.folder / "other.h5")

    def test_results(self):
        files = [train("ce.h5"), train("supcon.h5", "supcon")]
        made = support.Result("accuracy", files)
        folder = here.folder / "results/accuracy"
        rows = wb.results(folder)
        self.assertEqual(len(rows), 2)
        for row in rows:  # summary.json has nine digits
            self.assertAlmostEqual(row["top1"], made.runs[pathlib.Path(row["file"]).name]["top1"], 8)
        conditions = wb.results(folder, conditions=True)
        self.assertEqual([c["n"] for c in conditions], [1, 1])
        self.assertEqual(len(wb.table(folder, "confusion")), 2 * 100)
        try:
            table = wb.frame(rows)
        except ImportError:
            self.skipTest("pandas is not installed")
        self.assertEqual(sorted(table.groupby("objective")["top1"].mean()), sorted(row["top1"] for row in rows))
        self.assertEqual(table["rho"].dtype.kind, "f")


support.main(__doc__)
