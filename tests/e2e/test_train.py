#!/usr/bin/python3
# test_train.py: training from the command line: files, repeatability, kills, continuation.
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: test_train.py WORKBENCH [options of unittest]"""
import glob
import hashlib
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import h5py
import numpy as np

PROGRAM = os.path.abspath(sys.argv[1])
SMALL = ["--data", "builtin,train=200,test=60", "--validation-per-class", "4", "--width", "8", "--units", "36",
         "--batch", "20"]


def command(objective, *options):
    return [PROGRAM, "run", f"train-{objective}", *SMALL, *options]


def recomputed_digest(node):
    """The SHA-256 of a data set with its attributes, or of a group's attributes, as formats/SCHEMA.md defines it."""
    digest = hashlib.sha256()

    def number(value):
        digest.update(struct.pack("<Q", value))

    def text(value):
        digest.update(value.encode() + b"\0")

    if isinstance(node, h5py.Dataset):
        text({"f4": "f32", "f8": "f64", "i4": "i32", "i8": "i64", "u1": "u8"}[node.dtype.str[1:]])
        number(node.ndim)
        for length in node.shape:
            number(length)
        digest.update(np.ascontiguousarray(node[()]).tobytes())
    for name in sorted(node.attrs, key=str.encode):
        values = np.atleast_1d(node.attrs[name])
        kind = {"i": "int", "f": "float"}.get(values.dtype.kind, "text")
        text(name)
        text(kind)
        number(len(values))
        for value in values:
            text(value) if kind == "text" else digest.update(struct.pack("<q" if kind == "int" else "<d", value))
    return digest.hexdigest()


def read_all(path, below):
    """Every data set below a group, as bytes by path."""
    with h5py.File(path) as f:
        found = {}
        f[below].visititems(lambda name, node: found.update({name: node[()].tobytes()})
                            if isinstance(node, h5py.Dataset) else None)
    assert found, f"{path} has nothing in {below}"
    return found


class Training(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def train(self, objective, name, *options, status=0):
        done = subprocess.run(command(objective, "--out", self.path(name), *options), cwd=self.folder.name,
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def check_digests(self, path):
        with h5py.File(path) as f:
            stored = dict(f["digests"].attrs)
            self.assertIn("/", stored)
            for name, digest in stored.items():
                self.assertEqual(recomputed_digest(f[name]), digest, name)
            f.visititems(lambda name, node: self.assertIn("/" + name, stored)
                         if isinstance(node, h5py.Dataset) else None)

    def check_complete(self, path, objective):
        self.check_digests(path)
        with h5py.File(path) as f:
            self.assertEqual(f.attrs["state"], "complete")
            self.assertEqual(f.attrs["schema"], "workbench.run/1")
            self.assertEqual(f.attrs["objective"], objective)
            self.assertEqual(list(f.attrs["factors"])[0], "objective")
            for name in f.attrs["factors"]:
                self.assertIn(name, f.attrs)
            test = f["activations/test"]
            embedding, logits = test["embedding"][:], test["logits"][:]
            self.assertEqual(embedding.shape, (60, 36))
            self.assertEqual(list(test["embedding"].attrs["grid"]), [6, 6])
            self.assertEqual(len(test["labels"].attrs["classes"]), 10)
            self.assertEqual(sorted(set(test["labels"].attrs["superclasses"])),
                             sorted(set(test["labels"].attrs["superclasses"][test["labels"][:]])))
            self.assertEqual(f.attrs["readout_input"], "relu" if "truong" in f.attrs["arch"] and objective == "ce" else "identity")
            read = np.maximum(embedding, 0) if f.attrs["readout_input"] == "relu" else embedding
            computed = read.astype(float) @ f["roles/readout_weight"][:].T + f["roles/readout_bias"][:]
            np.testing.assert_allclose(logits, computed, rtol=1e-4, atol=1e-4)
            self.assertEqual(f["config"].attrs["batch"], "20")
            self.assertNotIn("resume", f)
            self.assertEqual(len(f["history/train_task_loss"]), f["history"].attrs["epochs"])

    def test_files_are_complete(self):
        for objective in ("ce", "supcon", "simclr", "margin"):
            with self.subTest(objective):
                done = self.train(objective, f"{objective}.h5", "--epochs", "2")
                self.check_complete(self.path(f"{objective}.h5"), objective)
                self.assertIn("epoch", done.stderr)
                self.assertIn(f"{objective}.h5", done.stdout)

    def test_default_name_does_not_collide(self):
        for seed in "1", "2":
            done = subprocess.run(command("ce", "--epochs", "1", "--seed", seed), cwd=self.folder.name,
                                  capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stderr)
        names = sorted(os.path.basename(name) for name in glob.glob(self.path("runs/*.h5")))
        self.assertEqual(len(names), 2, names)
        self.assertRegex(names[0], r"^ce_builtin_shallowcnn_ws-rho0\.2_do0\.5_seed1_[0-9a-f]{8}\.h5$")
        again = subprocess.run(command("ce", "--epochs", "1", "--seed", "1"), cwd=self.folder.name,
                               capture_output=True, text=True, timeout=300)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("--overwrite", again.stderr)

    def test_same_seed_same_bits(self):
        for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
            self.train("supcon", name, "--epochs", "2", "--seed", seed)
        a, b, c = (read_all(self.path(name), "model") for name in "abc")
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)
        self.assertEqual(a.keys(), c.keys())

    def test_kill_leaves_nothing_or_a_complete_epoch(self):
        options = ("--epochs", "40", "--patience", "0", "--seed", "7")
        self.train("ce", "whole.h5", *options)
        path = self.path("killed.h5")
        kills = 0
        for pause in (0.05, 0.4, 0, 0, 0):  # the last three right after an epoch was written
            before = os.stat(path).st_ino if os.path.exists(path) else None
            run = subprocess.Popen(command("ce", "--out", path, "--resume", *options), cwd=self.folder.name,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            deadline = time.monotonic() + 60
            if pause:
                time.sleep(pause)
            while not pause and run.poll() is None and time.monotonic() < deadline:
                if os.path.exists(path) and os.stat(path).st_ino != before:
                    break
                time.sleep(0.002)
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
                kills += 1
            run.wait()
            time.sleep(0.2)  # the worker, a group of its own, dies with its parent
            if os.path.exists(path):
                self.check_digests(path)
        self.assertGreaterEqual(kills, 3)
        self.train("ce", "killed.h5", "--resume", *options)
        self.assertEqual(read_all(path, "model"), read_all(self.path("whole.h5"), "model"))
        self.assertEqual(read_all(path, "activations"), read_all(self.path("whole.h5"), "activations"))
        self.assertEqual(glob.glob(self.path(".killed.h5*")), [])

    def test_interrupt_saves_and_resume_continues(self):
        options = ("--epochs", "8", "--out", self.path("stopped.h5"))
        run = subprocess.Popen(command("supcon", *options), cwd=self.folder.name, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True)
        deadline = time.monotonic() + 60
        while not os.path.exists(self.path("stopped.h5")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 130, said)
        self.assertIn("stopped after epoch", said)
        self.assertIn("--resume", said)
        with h5py.File(self.path("stopped.h5")) as f:
            self.assertEqual(f.attrs["state"], "training")
        self.train("supcon", "stopped.h5", "--epochs", "8", "--resume")
        self.check_complete(self.path("stopped.h5"), "supcon")
        self.train("supcon", "whole.h5", "--epochs", "8")
        for group in "model", "readout":
            self.assertEqual(read_all(self.path("stopped.h5"), group), read_all(self.path("whole.h5"), group))

    def test_preset_is_the_papers_recipe_and_options_override_it(self):
        """At a width of 8 and one epoch, which SMALL and the options below ask for."""
        expected = {"ce": ("crop", "best"), "supcon": ("contrastive", "last"), "simclr": ("contrastive", "last"),
                    "margin": ("crop", "last")}
        for objective, (augment, keep) in expected.items():
            with self.subTest(objective):
                name = f"preset_{objective}.h5"
                self.train(objective, name, "--preset", "contopo", "--epochs", "1", "--max-steps", "2")
                with h5py.File(self.path(name)) as f:
                    config = dict(f["config"].attrs)
                self.assertEqual((config["arch"], config["lr"], config["patience"]), ("resnet18", "0.002", "25"))
                self.assertEqual((config["augment"], config["keep"]), (augment, keep))
                self.assertEqual((config["epochs"], config["width"], config["batch"]), ("1", "8", "20"))

    def test_every_preset_starts_with_every_objective_it_is_for(self):
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/presets")
        presets = sorted(os.path.splitext(name)[0] for name in os.listdir(folder))
        self.assertEqual(presets, ["contopo", "contopo-small", "truong-cifar", "truong-mnist"])
        for preset in presets:
            for objective in ("ce",) if "truong" in preset else ("ce", "supcon", "simclr", "margin"):
                with self.subTest(preset=preset, objective=objective):
                    name = f"{preset}_{objective}.h5"
                    readout = [] if objective == "ce" else ["--readout-epochs", "3"]
                    done = subprocess.run([PROGRAM, "run", f"train-{objective}", "--preset", preset, "--out", self.path(name),
                                           "--data", "builtin,train=200,test=60", "--validation-per-class", "4", "--width", "8",
                                           "--max-steps", "1", *readout], capture_output=True, text=True, timeout=300)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    with h5py.File(self.path(name)) as f:
                        self.assertEqual(f.attrs["objective"], objective)
                        self.assertEqual(f.attrs["arch"], {"contopo": "resnet18", "contopo-small": "shallowcnn"}.get(preset, preset))
                        self.assertEqual(f["activations/test/embedding"].shape[1], 121 if "truong" in preset else 256)

    def test_truong_networks(self):
        """The classifier trained with the network reads ReLU of the embedding, a later one the embedding itself."""
        with h5py.File(self.path("grey.h5"), "w") as f:
            for split, count in ("train", 100), ("test", 60):
                f[f"{split}/labels"] = np.arange(count) % 10
                f[f"{split}/images"] = np.random.default_rng(1).integers(0, 256, (count, 28, 28), np.uint8)
            f.attrs["superclasses"] = list("aabbbaabbb")
        data = {"truong-mnist": "h5:" + self.path("grey.h5"), "truong-cifar": "builtin,train=200,test=60"}
        for arch, objective in ("truong-mnist", "ce"), ("truong-mnist", "supcon"), ("truong-cifar", "ce"):
            with self.subTest(arch=arch, objective=objective):
                name = f"{arch}-{objective}.h5"
                self.train(objective, name, "--epochs", "2", "--arch", arch, "--data", data[arch])
                self.check_complete(self.path(name), objective)
                with h5py.File(self.path(name)) as f:
                    self.assertEqual(f["model/fc1.weight"].shape[0], 36)
                    self.assertEqual("fc2.weight" in f["model"], objective == "ce")
                    self.assertEqual(len(f["history/train_task_loss"]), 2)

    def test_snapshots(self):
        """Each holds the weights of a training that ended there, whatever else is written when; also over a stop."""
        options = ("--epochs", "5", "--keep", "last", "--checkpoint-every", "4", "--snapshot-epochs", "1,3,5")
        self.train("ce", "all.h5", *options)
        self.check_digests(self.path("all.h5"))
        with h5py.File(self.path("all.h5")) as f:
            self.assertEqual(set(f["checkpoints"]), {"1", "3", "5"})
        self.assertEqual(read_all(self.path("all.h5"), "checkpoints/5"), read_all(self.path("all.h5"), "model"))
        for epoch in "1", "3":
            self.train("ce", f"{epoch}.h5", "--epochs", epoch, "--keep", "last")
            self.assertEqual(read_all(self.path("all.h5"), f"checkpoints/{epoch}"), read_all(self.path(f"{epoch}.h5"), "model"))
        run = subprocess.Popen(command("ce", "--out", self.path("killed.h5"), *options), cwd=self.folder.name,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 60
        while not os.path.exists(self.path("killed.h5")) and time.monotonic() < deadline:
            time.sleep(0.001)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        time.sleep(0.2)
        self.train("ce", "killed.h5", "--resume", *options)
        self.assertEqual(read_all(self.path("killed.h5"), "checkpoints"), read_all(self.path("all.h5"), "checkpoints"))
        done = self.train("ce", "refused.h5", "--epochs", "2", "--snapshot-epochs", "2,3", status=2)
        self.assertIn("--snapshot-epochs has 3", done.stderr)

    def test_unusual_shapes(self):
        """A prime number of units, a flat grid, a network's own units, no dropout, a tiny projection, every rule of what is kept."""
        for objective, options, grid in (("ce", ("--units", "37", "--dropout", "0", "--keep", "best-total"), (1, 37)),
                                         ("supcon", ("--units", "35", "--grid", "5x7", "--dropout", "0", "--projection-dim", "3"),
                                          (5, 7)),
                                         ("simclr", ("--units", "12", "--grid", "12x1", "--keep", "last"), (12, 1)),
                                         ("margin", ("--units", "0", "--arch", "truong-cifar"), (11, 11))):
            with self.subTest(objective):
                name = f"{objective}.h5"
                self.train(objective, name, "--epochs", "2", *options)
                with h5py.File(self.path(name)) as f:
                    embedding = f["activations/test/embedding"]
                    self.assertEqual(embedding.shape, (60, grid[0] * grid[1]))
                    self.assertEqual(tuple(embedding.attrs["grid"]), grid)
                    self.assertEqual(tuple(f["model"].attrs["grid"]), grid)
                    self.assertTrue(np.isfinite(embedding[:]).all())
                    if objective == "supcon":
                        self.assertEqual(f["model/head.3.weight"].shape, (3, 35))
                    if objective == "simclr":
                        self.assertEqual(f["history"].attrs["kept_epoch"], 2)
                    self.assertEqual(f.attrs["dropout"], 0 if "--dropout" in options else 0.5)

    def readout(self, source, name, *options, status=0):
        done = subprocess.run([PROGRAM, "run", "train-readout", "--in", self.path(source), "--out", self.path(name), *options],
                              cwd=self.folder.name, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def test_readout_of_a_finished_run(self):
        """With the same parameters it is the one that training made, bit for bit; the model stays as it is."""
        self.train("supcon", "supcon.h5", "--epochs", "2", "--seed", "3")
        self.readout("supcon.h5", "again.h5")
        self.readout("supcon.h5", "other.h5", "--seed", "4", "--readout-epochs", "7")
        supcon = self.path("supcon.h5")
        for name in "again.h5", "other.h5":
            self.check_digests(self.path(name))
            for group in "model", "history":
                self.assertEqual(read_all(supcon, group), read_all(self.path(name), group))
        for group in "readout", "activations":
            self.assertEqual(read_all(supcon, group), read_all(self.path("again.h5"), group))
        self.assertNotEqual(read_all(supcon, "readout"), read_all(self.path("other.h5"), "readout"))
        with h5py.File(supcon) as old, h5py.File(self.path("other.h5")) as new:
            for name in [*old.attrs["factors"], "readout_input", "data_digest", "schema", "state"]:
                self.assertEqual(str(old.attrs[name]), str(new.attrs[name]))
            self.assertEqual(dict(new["model"].attrs).keys(), dict(old["model"].attrs).keys())
            self.assertEqual(new.attrs["plugin"], "train-readout")
            self.assertEqual((new["config"].attrs["readout-epochs"], new["config"].attrs["seed"]), ("7", "4"))
            self.assertEqual(new["config/source"].attrs["identity"], old.attrs["identity"])
            self.assertEqual(new["config/source"].attrs["temperature"], "0.07")
            test = new["activations/test"]
            computed = test["embedding"][:].astype(float) @ new["roles/readout_weight"][:].T + new["roles/readout_bias"][:]
            np.testing.assert_allclose(test["logits"][:], computed, rtol=1e-4, atol=1e-4)

    def test_readout_on_augmented_images(self):
        """Another classifier than without, the same from training and from train-readout, and the same each time."""
        self.train("margin", "padded.h5", "--epochs", "1", "--readout-augment", "pad", "--readout-epochs", "5")
        self.train("margin", "plain.h5", "--epochs", "1", "--readout-epochs", "5")
        self.readout("plain.h5", "again.h5", "--readout-augment", "pad", "--readout-epochs", "5")
        self.assertEqual(read_all(self.path("padded.h5"), "model"), read_all(self.path("plain.h5"), "model"))
        self.assertNotEqual(read_all(self.path("padded.h5"), "readout"), read_all(self.path("plain.h5"), "readout"))
        self.assertEqual(read_all(self.path("padded.h5"), "readout"), read_all(self.path("again.h5"), "readout"))

    def test_readout_in_place_of_a_classifier(self):
        """Of a network whose classifier reads ReLU of the embedding: so does the new one."""
        self.train("ce", "truong.h5", "--epochs", "1", "--arch", "truong-cifar")
        self.readout("truong.h5", "new.h5", "--readout-epochs", "3")
        with h5py.File(self.path("new.h5")) as f:
            self.assertEqual(f.attrs["readout_input"], "relu")
            test = f["activations/test"]
            read = np.maximum(test["embedding"][:], 0).astype(float)
            computed = read @ f["readout/weight"][:].T + f["readout/bias"][:]
            np.testing.assert_allclose(test["logits"][:], computed, rtol=1e-4, atol=1e-4)

    def test_readouts_that_cannot_be(self):
        self.train("ce", "ce.h5", "--epochs", "1")
        done = self.readout("ce.h5", "no.h5", "--validation-per-class", "500", status=4)
        self.assertIn("Hold out fewer", done.stderr)
        with h5py.File(self.path("grey.h5"), "w") as f:
            for split in "train", "test":
                f[f"{split}/images"], f[f"{split}/labels"] = np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10
        done = self.readout("ce.h5", "no.h5", "--data", "h5:" + self.path("grey.h5"), "--allow-other-data", status=4)
        self.assertIn("takes images of 3x32x32", done.stderr)
        self.assertFalse(os.path.exists(self.path("no.h5")))

    def test_simclr_takes_its_temperature_from_the_batch(self):
        for options, temperature in ((), "0.1"), (("--batch", "512"), "0.07"), (("--temperature", "0.2"), "0.2"):
            with self.subTest(options):
                done = self.train("simclr", "t.h5", "--overwrite", "--data", "builtin,train=600,test=60", "--epochs", "1",
                                  "--max-steps", "1", *options)
                self.assertIn(f"simclr (temperature {temperature})", done.stderr)

    def test_margin_needs_superclasses(self):
        with h5py.File(self.path("flat.h5"), "w") as f:
            for split in "train", "test":
                f[f"{split}/images"] = np.random.default_rng(1).integers(0, 256, (60, 16, 16, 3), np.uint8)
                f[f"{split}/labels"] = np.arange(60) % 3
        options = ("--data", "h5:" + self.path("flat.h5"), "--epochs", "1")
        done = self.train("margin", "refused.h5", *options, status=4)
        self.assertIn("flat.h5 has no superclasses", done.stderr)
        with h5py.File(self.path("flat.h5"), "a") as f:
            f.attrs["superclasses"] = ["a", "a", "b"]
        self.train("margin", "margin.h5", *options)

    def test_refusals_come_before_any_work(self):
        for options, status, part in ((("--grid", "5x5"), 2, "5x5"), (("--rho", "-1"), 2, "--rho"),
                                      (("--batch", "1"), 2, "--batch"), (("--data", "cifar10:/nowhere"), 4, "/nowhere")):
            with self.subTest(options):
                done = self.train("supcon", "refused.h5", *options, status=status)
                self.assertIn(part, done.stderr)
                self.assertFalse(os.path.exists(self.path("refused.h5")))
        for objective in "ce", "supcon", "simclr", "margin":  # no positive pair: before the data set is looked for
            with self.subTest(objective):
                done = self.train(objective, "refused.h5", "--batch", "1", "--data", "cifar10:/nowhere", status=2)
                self.assertIn("--batch", done.stderr)
        for options, part in ((("--topo", "wss"), "did you mean ws?"), (("--topo", "ws:-1"), "--topo ws:-1"),
                              (("--topo", "none,as"), "none"), (("--topo-layers", "conv9"), "no layer conv9")):
            with self.subTest(options):
                done = self.train("ce", "refused.h5", *options, "--data", "cifar10:/nowhere", status=2)
                self.assertIn(part, done.stderr)

    def test_several_topographic_losses(self):
        done = subprocess.run(command("simclr", "--epochs", "1", "--topo", "as:0.1,ws", "--topo-layers", "conv4"),
                              cwd=self.folder.name, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ws (rho 0.2) and as (rho 0.1) topography, matched", done.stderr)
        path, = glob.glob(self.path("runs/*.h5"))
        self.assertRegex(os.path.basename(path), r"^simclr_builtin_shallowcnn_ws-rho0\.2\+as-rho0\.1_do0\.5_seed0_")
        with h5py.File(path) as f:
            factors = {name: f.attrs[name] for name in f.attrs["factors"]}
            self.assertEqual((factors["topo"], factors["rho"], factors["rho_as"], factors["topo_layers"]),
                             ("ws+as", 0.2, 0.1, "conv4"))
            self.assertGreater(f["history/lambda_as"][0], 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
