"""What the tests of metrics share: made run files, running `workbench`, reading its results.

    import support
    from support import EXACT, Result, here, noise, refusal, workbench, write_run
    ...
    support.main(__doc__)

Made files go to here.folder, which goes away at the end. SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest

import h5py
import numpy as np

here = types.SimpleNamespace(build=None, published=None, folder=None)  # set in main
TEXT = h5py.string_dtype()
EXACT = {"rtol": 1e-10, "atol": 1e-12}


# ---- Files ----

def write_run(name, embedding, labels=None, logits=None, classes=None, grid=None, positions=None, data_spec=None,
              **factors):
    """A complete run file with the given factors."""
    path = here.folder / name
    factors = {"objective": "ce", "rho": 0.2, "seed": 0, **factors}
    labels = np.arange(len(embedding)) % 3 if labels is None else np.asarray(labels)
    with h5py.File(path, "w") as f:
        f.attrs.create("schema", "workbench.run/1", dtype=TEXT)
        f.attrs.create("state", "complete", dtype=TEXT)
        f.attrs.create("factors", list(factors), dtype=TEXT)
        for factor, value in factors.items():
            f.attrs[factor] = value
        if data_spec:
            f.attrs.create("data_spec", data_spec, dtype=TEXT)
        f["activations/test/embedding"] = np.float32(embedding)
        if grid:
            f["activations/test/embedding"].attrs["grid"] = grid
        f["activations/test/labels"] = np.int32(labels)
        if classes:
            f["activations/test/labels"].attrs.create("classes", classes, dtype=TEXT)
        if logits is not None:
            f["activations/test/logits"] = np.float32(logits)
        if positions is not None:
            f["positions"] = positions
    return path


def noise(stimuli, units, seed=0):
    return np.float32(np.random.default_rng(seed).standard_normal((stimuli, units)))


# ---- Running ----

def workbench(*arguments):
    environment = {**os.environ, "XDG_CACHE_HOME": str(here.folder / "cache"), "OMP_WAIT_POLICY": "passive",
                   "WORKBENCH_PLUGIN_PATH": f"{here.build}/plugins:{here.build}/tests/plugins"}
    command = [here.build / "bin/workbench", *map(str, arguments)]
    return subprocess.run(command, cwd=here.folder, env=environment, capture_output=True, text=True)


class Result:
    """What `workbench run METRIC --in FILES OPTIONS` wrote."""

    def __init__(self, metric, files, *options):
        files = files if isinstance(files, list) else [files]
        done = workbench("run", metric, "--in", *files, "--quiet", *options)
        assert done.returncode == 0, f"{metric} {options}: exit {done.returncode}: {done.stderr}"
        folder = here.folder / "results" / metric
        self.summary = json.loads((folder / "summary.json").read_text())
        self.runs = {}
        with h5py.File(folder / "result.h5") as f:
            for run in f["runs"].values():
                name = pathlib.Path(run.attrs["file"]).name
                self.runs[name] = {key: self.read(run[key]) for key in run.attrs.get("outputs", [])}
            conditions = f.get("conditions", {})
            self.conditions = [{key: self.read(conditions[str(i)][key]) for key in conditions[str(i)].attrs["outputs"]}
                               for i in range(len(conditions)) if "outputs" in conditions[str(i)].attrs]
            self.study = {key: self.read(f["study"][key]) for key in f["study"].attrs["outputs"]} if "study" in f else {}

    @staticmethod
    def read(value):
        """A number, an array, (x, y) of a curve, (edges, counts) of a histogram; the reason of what is missing."""
        if "missing" in value.attrs:
            return value.attrs["missing"]
        data = value["data"][()]
        if value.attrs["shape"] == "scalar":
            return data[0]
        return (value["x"][()], data) if "x" in value else data

    def only(self):
        run, = self.runs.values()
        return run


def refusal(test, status, parts, *arguments):
    """The call must exit with `status` and a message that contains all parts."""
    done = workbench("run", *arguments)
    test.assertEqual(done.returncode, status, done.stderr)
    for part in parts:
        test.assertIn(part, done.stderr)


def main(usage, prepare=lambda: None):
    """Runs the tests of __main__ as TEST.py BUILD [PUBLISHED.h5] [TEST..], after prepare()."""
    if len(sys.argv) < 2:
        sys.exit(usage)
    here.build = pathlib.Path(sys.argv.pop(1)).resolve()
    named = len(sys.argv) > 1 and sys.argv[1].endswith(".h5")
    here.published = pathlib.Path(sys.argv.pop(1) if named else "published.h5").resolve()
    with tempfile.TemporaryDirectory(prefix="workbench-e2e-") as folder:
        here.folder = pathlib.Path(folder)
        prepare()
        unittest.main(exit=False).result.wasSuccessful() or sys.exit(1)
