#!/usr/bin/python3
"""The metrics as people run them, against plain double-precision NumPy on the same files.

usage: test_metrics.py BUILD [PUBLISHED.h5]        as a test; PUBLISHED holds values of the papers' own code

Made run files and foreign HDF5 files go through `workbench run`; result.h5 must hold what NumPy computes from the stored
numbers. SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import pathlib
import unittest

import h5py
import numpy as np
from scipy import stats

import support
from support import EXACT, Result, here, noise, refusal, workbench, write_run


# ---- Moran's I in NumPy ----

def grid_weights(rows, cols, queen=False, torus=False):
    """w[i, j] = 1 between different cells that share an edge, or an edge or a corner."""
    w = np.zeros((rows * cols, rows * cols))
    for r in range(rows):
        for c in range(cols):
            for dr in (-1, 0, 1):
                for dc in (-1, 0, 1):
                    if (dr and dc and not queen) or not (dr or dc):
                        continue
                    r2, c2 = r + dr, c + dc
                    if torus:
                        r2, c2 = r2 % rows, c2 % cols
                    if 0 <= r2 < rows and 0 <= c2 < cols and (r, c) != (r2, c2):
                        w[r * cols + c, r2 * cols + c2] = 1
    return w


def distances(positions):
    return np.hypot(*(positions[:, None] - positions[None]).transpose(2, 0, 1))


def distance_weights(positions, radius=0):
    d = distances(positions)
    near = (d > 0) & ((d <= radius) if radius else True)
    return np.divide(1, d, out=np.zeros_like(d), where=near)


def standardised(w):
    total = w.sum(1, keepdims=True)
    return np.divide(w, total, out=np.zeros_like(w), where=total > 0)


def grid_positions(rows, cols):
    return np.stack([np.arange(rows * cols) % cols, np.arange(rows * cols) // cols], 1).astype(float)


def spatial(maps, w, positions):
    """All that moran emits, but for the permutation test; maps [n, units] in double."""
    n, units = maps.shape
    z = maps - maps.mean(1, keepdims=True)
    square = (z**2).sum(1)
    constant = np.ptp(maps, axis=1) == 0
    scale = np.where(constant, 0, 1 / np.where(constant, 1, square))
    each = units / w.sum() * np.einsum("si,ij,sj->s", z, w, z, optimize=True) * scale
    out = {"i": each.mean(), "each": each, "constant": constant.sum(), "expected": -1 / (units - 1)}
    out["local"] = units * (z * (z @ w.T) * scale[:, None]).mean(0)
    if not constant.all():
        roughness = np.array([(w * (x[:, None] - x[None])**2).sum() for x in maps[~constant]])
        out["geary"] = ((units - 1) / (2 * w.sum()) * roughness * scale[~constant]).mean()
    lags, i = np.floor(distances(positions) + 0.5), []
    for lag in np.unique(lags[lags >= 1]):
        pairs = lags == lag
        i.append((lag, units / pairs.sum() * np.einsum("si,ij,sj->s", z, pairs, z, optimize=True) @ scale / n))
    out["correlogram"] = np.array(i).T
    return out


class Moran(unittest.TestCase):
    def check(self, got, maps, w, positions, tolerance=EXACT):
        right = spatial(np.float64(maps), w, positions)
        for name in ("i", "expected", "geary"):
            if name in right:
                np.testing.assert_allclose(got[name], right[name], **tolerance, err_msg=name)
        self.assertEqual(got["constant"], right["constant"])
        np.testing.assert_allclose(got["local"].ravel(), right["local"], **tolerance)
        longest = np.ptp(positions, axis=0).max()
        lag, mean = right["correlogram"]
        np.testing.assert_array_equal(got["correlogram"][0], lag[lag <= longest])
        np.testing.assert_allclose(got["correlogram"][1], mean[lag <= longest], **tolerance)
        edges, counts = got["distribution"]
        np.testing.assert_allclose([edges[0], edges[-1]], [min(-0.25, right["each"].min()),
                                                           max(1, right["each"].max())], **tolerance)
        each = np.clip(right["each"], edges[0], edges[-1])  # the ends are of the data themselves
        np.testing.assert_array_equal(counts, np.histogram(each, edges)[0])

    def test_options(self):
        """Every choice of weights and maps on a square and on an oblong grid, constant maps among them."""
        shapes = {"square.h5": (6, 6), "oblong.h5": (4, 9), "flat.h5": (2, 7)}
        maps = {}
        for seed, (name, (rows, cols)) in enumerate(shapes.items()):
            maps[name] = noise(30, rows * cols, seed)
            maps[name][3] = 0.1  # constant
            maps[name][7] = -np.abs(maps[name][7])  # constant after ReLU
            write_run(name, maps[name], grid=(rows, cols), objective=name[:-3])
        files = [here.folder / name for name in shapes]
        each, mean = (lambda x: x), (lambda x: x.mean(0, keepdims=True))
        relu = lambda x: np.maximum(x, 0)
        cases = [
            ([], {}, each),
            (["--neighbours", "queen"], {"queen": True}, each),
            (["--torus"], {"torus": True}, each),
            (["--neighbours", "queen", "--torus"], {"queen": True, "torus": True}, each),
            (["--row-standardised"], {"standardise": True}, each),
            (["--neighbours", "queen", "--row-standardised"], {"queen": True, "standardise": True}, each),
            (["--after-relu"], {}, relu),
            (["--map", "mean"], {}, mean),
            (["--map", "mean", "--after-relu", "--torus"], {"torus": True}, lambda x: mean(relu(x))),
        ]
        for options, weights, prepare in cases:
            result = Result("moran", files, "--permutations", 9, *options)
            for name, (rows, cols) in shapes.items():
                with self.subTest(options=options, file=name):
                    weights = dict(weights)
                    standardise = weights.pop("standardise", False)
                    w = grid_weights(rows, cols, **weights)
                    self.check(result.runs[name], prepare(np.float64(maps[name])), standardised(w) if standardise else w,
                               grid_positions(rows, cols))
                    weights["standardise"] = standardise

    def test_distance(self):
        maps = noise(20, 24, 5)
        path = write_run("distance.h5", maps, grid=(4, 6))
        positions = grid_positions(4, 6)
        for options, w in [([], distance_weights(positions)), (["--radius", 2.5], distance_weights(positions, 2.5)),
                           (["--row-standardised"], standardised(distance_weights(positions)))]:
            with self.subTest(options=options):
                self.check(Result("moran", path, "--neighbours", "distance", *options).only(), maps, w, positions)

    def test_positions(self):
        """Positions of the file stand before the grid, whatever corner the first unit has."""
        maps, positions = noise(20, 25, 6), np.random.default_rng(7).uniform(-4, 4, (25, 2))
        path = write_run("positions.h5", maps, positions=positions)
        got = Result("moran", path, "--neighbours", "distance", "--radius", 3).only()
        self.check(got, maps, distance_weights(positions, 3), positions)
        self.check(Result("moran", path).only(), maps, grid_weights(5, 5), positions)

    def test_foreign_file(self):
        """Double precision, chunked and compressed, any name, a grid that the file does not know; more stimuli than the
        plugin reads at once."""
        maps = np.random.default_rng(8).standard_normal((2100, 15)) + 100
        with h5py.File(here.folder / "foreign.h5", "w") as f:
            f.create_dataset("features/fc7", data=maps, chunks=(64, 15), compression="gzip")
        got = Result("moran", here.folder / "foreign.h5", "--object", "activations=/features/fc7", "--grid", "3x5").only()
        self.check(got, np.float32(maps), grid_weights(3, 5), grid_positions(3, 5))
        np.testing.assert_allclose(got["i"], spatial(maps, grid_weights(3, 5), grid_positions(3, 5))["i"], atol=1e-6)

    def test_smooth(self):
        """A ramp is smooth, a checkerboard the opposite, noise neither."""
        rows, cols = np.divmod(np.arange(64), 8)
        patterns = {"ramp": rows + 2 * cols, "board": (rows + cols) % 2, "noise": noise(1, 64, 9)[0]}
        i = {}
        for name, pattern in patterns.items():
            path = write_run(f"{name}.h5", [pattern], grid=(8, 8))
            i[name] = Result("moran", path, "--permutations", 99).only()
        self.assertGreater(i["ramp"]["i"], 0.8)
        self.assertAlmostEqual(i["board"]["i"], -1)
        self.assertLess(abs(i["noise"]["i"]), 0.2)
        self.assertEqual(i["ramp"]["p"], 0.01)
        self.assertGreater(i["noise"]["p"], 0.05)

    def test_permutations(self):
        """One map: z against the exact moments of I under random positions, p against other permutations."""
        units, w = 48, grid_weights(6, 8, queen=True)
        rng = np.random.default_rng(10)
        x = noise(1, units, 11)[0] + 0.18 * (np.arange(units) % 8)
        path = write_run("permutations.h5", [x], grid=(6, 8))
        got = Result("moran", path, "--neighbours", "queen", "--permutations", 9999).only()
        z, total = np.float64(x) - np.float64(x).mean(), w.sum()
        s1, s2 = ((w + w.T)**2).sum() / 2, ((w.sum(0) + w.sum(1))**2).sum()
        kurtosis, n = (z**4).mean() / (z**2).mean()**2, units
        square = (n * ((n * n - 3 * n + 3) * s1 - n * s2 + 3 * total**2)
                  - kurtosis * ((n * n - n) * s1 - 2 * n * s2 + 6 * total**2)) / (
                      (n - 1) * (n - 2) * (n - 3) * total**2)
        sd = np.sqrt(square - 1 / (n - 1)**2)
        right = (got["i"] + 1 / (n - 1)) / sd
        self.assertLess(abs(got["z"] / right - 1), 0.04)  # 9,999 draws know an sd within 1%, and the mean within sd/100

        deviation, trials = abs(got["i"] + 1 / (n - 1)), 20000
        orders = rng.permuted(np.tile(z, (trials, 1)), axis=1)
        drawn = n / total * np.einsum("si,ij,sj->s", orders, w, orders, optimize=True) / (z**2).sum()
        p = (np.abs(drawn + 1 / (n - 1)) >= deviation).mean()
        self.assertTrue(0.001 < p < 0.5, "a p that could not tell anything")
        self.assertLess(abs(got["p"] - p), 5 * np.sqrt(p * (1 - p) * (1 / trials + 1 / 9999)))

        again = Result("moran", path, "--neighbours", "queen", "--permutations", 9999, "--recompute").only()
        other = Result("moran", path, "--neighbours", "queen", "--permutations", 9999, "--seed", 1).only()
        self.assertEqual((got["p"], got["z"]), (again["p"], again["z"]))
        self.assertNotEqual(got["z"], other["z"])
        self.assertEqual(got["i"], other["i"])

    def test_threads(self):
        """The number of threads changes nothing but the last bits; more permutations than are drawn at once."""
        path = write_run("threads.h5", noise(3000, 48, 15), grid=(6, 8))
        one, two = (Result("moran", path, "--permutations", 600, "--recompute", "--threads", threads).only()
                    for threads in (1, 2))
        self.assertEqual(one["p"], two["p"])
        for name in ("i", "z", "geary", "local"):
            np.testing.assert_allclose(two[name], one[name], rtol=1e-12, atol=1e-13, err_msg=name)

    def test_esda(self):
        """What esda and libpysal compute of the same maps (tests/reference/make_spatial.py)."""
        right = json.loads((pathlib.Path(__file__).parents[1] / "reference/spatial.json").read_text())
        for number, values in enumerate(right["maps"]):
            path = write_run(f"esda{number}.h5", [values], grid=(right["rows"], right["cols"]))
            for case in right["cases"]:
                options = ["--neighbours", case["neighbours"], "--permutations", 9999]
                got = Result("moran", path, *options, *(["--row-standardised"] if case["row_standardised"] else [])).only()
                esda = case["maps"][number]
                for name in ("i", "expected", "geary"):
                    np.testing.assert_allclose(got[name], esda[name], rtol=1e-10, err_msg=f"{case} {name}")
                np.testing.assert_allclose(got["local"].ravel(), esda["local"], **EXACT)
                self.assertLess(abs(got["z"] - esda["z"]), 0.05 + 0.04 * abs(esda["z"]))  # 9,999 draws against the exact sd
            np.testing.assert_allclose(got["correlogram"][1], right["correlograms"][number], **EXACT)

    def test_degenerate(self):
        """All maps constant; one constant unit; one stimulus; two units."""
        got = Result("moran", write_run("constant.h5", np.full((5, 16), 0.3))).only()
        self.assertEqual((got["i"], got["constant"]), (0, 5))
        for name in ("p", "z", "geary"):
            self.assertIn("constant", got[name])
        maps = noise(6, 16, 12)
        maps[:, 5] = 2
        self.check(Result("moran", write_run("unit.h5", maps)).only(), maps, grid_weights(4, 4), grid_positions(4, 4))
        self.check(Result("moran", write_run("single.h5", maps[:1])).only(), maps[:1], grid_weights(4, 4),
                   grid_positions(4, 4))
        pair = noise(4, 2, 13)
        self.check(Result("moran", write_run("pair.h5", pair)).only(), pair, grid_weights(1, 2), grid_positions(1, 2))
        none = Result("moran", write_run("none.h5", maps), "--permutations", 0).only()
        self.assertIn("no permutations", none["p"])

    def test_refusals(self):
        maps = noise(4, 16, 14)
        maps[2, 11] = np.nan
        refusal(self, 4, ["nan.h5", "/activations/test/embedding", "[2, 11]", "NaN"], "moran", "--in",
                write_run("nan.h5", maps))
        maps[2, 11] = np.inf
        refusal(self, 4, ["inf.h5", "[2, 11]", "infinity"], "moran", "--in", write_run("inf.h5", maps))
        refusal(self, 4, ["one.h5", "units"], "moran", "--in", write_run("one.h5", noise(4, 1)))
        refusal(self, 4, ["xyz.h5", "positions"], "moran", "--in",
                write_run("xyz.h5", noise(4, 9), positions=np.zeros((9, 3))))
        refusal(self, 4, ["short.h5", "unit"], "moran", "--in",
                write_run("short.h5", noise(4, 9), positions=np.zeros((8, 2))))
        good = write_run("good.h5", noise(4, 9))
        refusal(self, 4, ["good.h5", "--grid 2x4"], "moran", "--in", good, "--grid", "2x4")
        refusal(self, 2, ["--torus"], "moran", "--in", good, "--torus", "--neighbours", "distance")
        refusal(self, 2, ["--radius"], "moran", "--in", good, "--radius", 2)

    def test_published(self):
        """Moran's I of each image as the first paper's code computes it (in float32)."""
        if not here.published.exists():
            self.skipTest(f"{here.published} is not here")
        with h5py.File(here.published) as f:
            right, maps = f["analysis/moran_rook_per_image"][()], f["analysis/embedding"][()]
        got = Result("moran", here.published, "--object", "activations=/analysis/embedding").only()
        np.testing.assert_allclose(got["i"], np.float64(right).mean(), atol=1e-6)
        self.check(got, maps, grid_weights(16, 16), grid_positions(16, 16))
        np.testing.assert_allclose(spatial(np.float64(maps), grid_weights(16, 16), grid_positions(16, 16))["each"],
                                   right, atol=1e-5)

    def test_conditions(self):
        """Mean, sd and 95% interval over seeds, as Student has it; a file with NaN costs only itself."""
        files = [write_run(f"rho{rho}-{seed}.h5", noise(10, 16, 100 * seed + rho), rho=float(rho), seed=seed)
                 for rho in (0, 1) for seed in range(3)]
        result = Result("moran", files, "--permutations", 9)
        self.assertEqual([c["factors"]["rho"] for c in result.summary["conditions"]], ["0", "1"])
        for rho, condition in enumerate(result.summary["conditions"]):
            i = [result.runs[f"rho{rho}-{seed}.h5"]["i"] for seed in range(3)]
            got, sem = condition["values"]["i"], np.std(i, ddof=1) / np.sqrt(3)
            low, high = stats.t.interval(0.95, 2, np.mean(i), sem)
            for name, right in {"n": 3, "mean": np.mean(i), "sd": np.std(i, ddof=1), "sem": sem, "low": low,
                                "high": high}.items():
                np.testing.assert_allclose(got[name], right, rtol=1e-8, err_msg=name)

        bad = noise(10, 16)
        bad[9, 0] = np.nan
        done = workbench("run", "moran", "--in", *files, write_run("bad.h5", bad, rho=1.0, seed=3))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("[9, 0]", done.stderr)
        summary = json.loads((here.folder / "results/moran/summary.json").read_text())
        self.assertEqual(len(summary["runs"]), 6)
        self.assertIn("bad.h5", summary["failed"][0]["file"])


class Accuracy(unittest.TestCase):
    def check(self, got, logits, labels):
        classes = logits.shape[1]
        answers = np.array([np.flatnonzero(row == row.max())[0] for row in logits])
        confusion = np.zeros((classes, classes))
        np.add.at(confusion, (labels, answers), 1)
        count = confusion.sum(1)
        present = np.flatnonzero(count)
        self.assertEqual(got["top1"], (answers == labels).mean())
        per_class = np.diag(confusion)[present] / count[present]
        np.testing.assert_array_equal(got["per-class"][0], present)
        np.testing.assert_allclose(got["per-class"][1], per_class, **EXACT)
        np.testing.assert_allclose(got["balanced"], per_class.mean(), **EXACT)
        np.testing.assert_allclose(got["confusion"], confusion / np.maximum(count, 1)[:, None], **EXACT)

    def run_on(self, name, logits, labels, **options):
        logits, labels = np.float32(logits), np.int32(labels)
        path = write_run(name, noise(len(labels), 4), labels, logits, **options)
        self.check(Result("accuracy", path).only(), logits, labels)

    def test_plain(self):
        rng = np.random.default_rng(20)
        labels = rng.integers(0, 5, 5000)  # more than the plugin reads at once
        self.run_on("logits.h5", rng.standard_normal((5000, 5)) + np.eye(5)[labels], labels, classes=list("abcde"))

    def test_degenerate(self):
        """Equal logits, one class, a class without stimuli, one stimulus."""
        self.run_on("ties.h5", np.zeros((7, 3)), np.arange(7) % 3)
        self.run_on("one-class.h5", np.ones((4, 1)), np.zeros(4))
        self.run_on("absent.h5", noise(9, 4), [0, 3, 0, 3, 3, 0, 1, 1, 0])
        self.run_on("one-stimulus.h5", noise(1, 4), [2])

    def test_refusals(self):
        path = write_run("label.h5", noise(3, 4), [0, 5, 1], noise(3, 4))
        refusal(self, 4, ["label.h5", "label 5 of stimulus 1"], "accuracy", "--in", path)
        path = write_run("negative.h5", noise(3, 4), [0, 1, -1], noise(3, 4))
        refusal(self, 4, ["label -1 of stimulus 2"], "accuracy", "--in", path)
        logits = noise(3, 4)
        logits[1, 3] = np.nan
        refusal(self, 4, ["nan-logits.h5", "/activations/test/logits", "[1, 3]"], "accuracy", "--in",
                write_run("nan-logits.h5", noise(3, 4), [0, 1, 2], logits))
        refusal(self, 4, ["lengths.h5", "stimulus"], "accuracy", "--in",
                write_run("lengths.h5", noise(3, 4), [0, 1], noise(3, 4)))


class ActivationMap(unittest.TestCase):
    def check(self, got, maps, labels, grid, classes):
        first = [np.flatnonzero(labels == c)[0] for c in classes]
        np.testing.assert_array_equal(got["maps"], np.float64(np.float32(maps))[first])
        rows, cols = np.divmod(np.arange(maps.shape[1]), grid[1])
        border = (rows % (grid[0] - 1 or 1) == 0) | (cols % (grid[1] - 1 or 1) == 0)
        self.assertAlmostEqual(got["border-units"], border.mean())
        energy = np.maximum(np.float64(np.float32(maps)), 0)**2
        np.testing.assert_allclose(got["border-energy"], energy[:, border].sum() / energy.sum(), **EXACT)

    def test_plain(self):
        maps, labels = noise(1500, 12, 30), np.random.default_rng(31).permutation(1500) % 4
        path = write_run("maps.h5", maps, labels, classes=["ant", "bee", "cat", "dog"], grid=(3, 4))
        self.check(Result("activation-map", path).only(), maps, labels, (3, 4), range(4))
        result = Result("activation-map", path, "--class", "dog,bee")
        self.check(result.only(), maps, labels, (3, 4), [1, 3])
        self.assertEqual(result.summary["runs"][0]["values"]["maps"]["row_labels"], ["bee", "dog"])
        self.assertIn("not at hand", result.only()["stimuli"])

    def test_degenerate(self):
        """One class without a name; two stimuli; no activity; a grid that is all border; labels with gaps."""
        maps = noise(2, 10, 32)
        self.check(Result("activation-map", write_run("two.h5", maps, [7, 7], grid=(2, 5)), "--class", "7").only(), maps,
                   np.array([7, 7]), (2, 5), [7])
        silent = Result("activation-map", write_run("silent.h5", -np.ones((3, 9)))).only()
        self.assertIn("ever active", silent["border-energy"])
        maps = noise(30, 9, 33)
        self.check(Result("activation-map", write_run("gaps.h5", maps, 2 * np.arange(30))).only(), maps,
                   2 * np.arange(30), (3, 3), range(0, 20, 2))  # the first ten

    def test_stimuli(self):
        """The images beside the maps, from the data set that the run file names, or from --data."""
        rng = np.random.default_rng(34)
        labels = np.array([1, 0, 2, 0, 1])
        images = {}
        for name in ("own", "other"):
            images[name] = rng.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
            with h5py.File(here.folder / f"{name}-images.h5", "w") as f:
                f["test/images"], f["test/labels"] = images[name], labels
        path = write_run("stimuli.h5", noise(5, 9, 35), labels, data_spec=f"h5:{here.folder}/own-images.h5")
        for name, options in {"own": [], "other": ["--data", f"h5:{here.folder}/other-images.h5"]}.items():
            got = Result("activation-map", path, *options).only()["stimuli"]
            np.testing.assert_array_equal(got, images[name][[1, 0, 2]].transpose(0, 3, 1, 2).reshape(3, -1))
        (here.folder / "own-images.h5").unlink()
        self.assertIn("not at hand", Result("activation-map", path).only()["stimuli"])

    def test_refusals(self):
        path = write_run("classes.h5", noise(3, 4), [0, 1, 0], classes=["ant", "bee", "cat"])
        refusal(self, 4, ["classes.h5", "class wasp", "ant"], "activation-map", "--in", path, "--class", "wasp")
        refusal(self, 4, ["class cat"], "activation-map", "--in", path, "--class", "ant,cat")
        refusal(self, 2, ["11 classes"], "activation-map", "--in", path, "--class", ",".join("abcdefghijk"))
        refusal(self, 4, ["negative"], "activation-map", "--in", write_run("below.h5", noise(2, 4), [-1, -1]))


if __name__ == "__main__":
    support.main(__doc__)
