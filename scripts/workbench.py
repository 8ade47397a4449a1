"""Run files and results in NumPy and pandas. One module, to copy or to import; it needs h5py and numpy, and pandas only
where a table is asked for as a DataFrame.

    import sys; sys.path.append("scripts")
    import workbench as wb

    for run in wb.runs("runs/*.h5"):                          # factors, then arrays as NumPy
        print(run.factors["objective"], run.factors.get("rho"), run.history["train_task_loss"][-1])
    run = wb.Run("runs/x.h5")
    embedding, labels = run.activations("embedding"), run.activations("labels")
    maps = embedding.reshape(-1, *run.grid)                   # stimuli x rows x columns
    weight = run.model["encoder.fc.weight"]                   # PyTorch's state-dict names
    table = wb.frame(wb.results("results/moran"))             # a row for each run: factors and scalars
    print(table.groupby(["objective", "rho"])["i"].agg(["mean", "std"]))
    history = wb.frame(row for r in wb.runs("runs/*.h5") for row in r.epochs())

formats/SCHEMA.md says what the files hold. SPDX-License-Identifier: GPL-3.0-or-later
"""
import collections.abc
import glob
import json
import os

import h5py
import numpy as np


def _plain(value):
    """An attribute as Python has it: text, number, or a list of them."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


class _Group(collections.abc.Mapping):
    """The data sets of a group by name, read when they are asked for."""

    def __init__(self, path, group):
        self.path, self.group = path, group

    def __getitem__(self, name):
        with h5py.File(self.path) as f:
            if f"{self.group}/{name}" not in f:
                raise KeyError(f"{self.path} has no {self.group}/{name}; it has {', '.join(self) or 'none'} there")
            return f[f"{self.group}/{name}"][()]

    def __iter__(self):
        with h5py.File(self.path) as f:
            group = f.get(self.group, {})
            return iter(sorted(name for name in group if isinstance(group[name], h5py.Dataset)))

    def __len__(self):
        return sum(1 for _ in self)

    def __repr__(self):
        return f"<{self.group} of {self.path}: {', '.join(self)}>"


class Run:
    """One run file. Attributes: path, factors (dict), config (parameters as text), grid (rows, columns); history,
    model, readout: arrays by name."""

    def __init__(self, path):
        self.path = os.fspath(path)
        with h5py.File(self.path) as f:
            schema = _plain(f.attrs.get("schema", ""))
            if schema.split("/")[0] != "workbench.run":
                raise ValueError(f"{self.path} is no run file: its attribute schema is {schema!r}")
            if schema != "workbench.run/1":
                raise ValueError(f"{self.path} has the schema {schema}; this module reads workbench.run/1")
            self.factors = {name: _plain(f.attrs[name]) for name in _plain(f.attrs["factors"])}
            self.complete = _plain(f.attrs["state"]) == "complete"
            self.config = {name: _plain(value) for name, value in f["config"].attrs.items()} if "config" in f else {}
            self.grid = tuple(_plain(f["model"].attrs["grid"])) if "model" in f else None
            if self.grid is None and "activations/test/embedding" in f:
                self.grid = tuple(_plain(f["activations/test/embedding"].attrs.get("grid", []))) or None
        self.history = _Group(self.path, "history")
        self.model = _Group(self.path, "model")
        self.readout = _Group(self.path, "readout")

    def activations(self, name="embedding", split="test", rows=slice(None)):
        """An array of /activations/SPLIT: embedding, logits, labels, index, or a layer; `rows` reads a part."""
        with h5py.File(self.path) as f:
            return f[f"activations/{split}/{name}"][rows]

    def classes(self, split="test"):
        """Names of the classes in the order of the labels; empty where the file has none."""
        with h5py.File(self.path) as f:
            return _plain(f[f"activations/{split}/labels"].attrs.get("classes", []))

    def epochs(self):
        """The history as rows: factors, epoch (from 1), and each series."""
        series = {name: self.history[name] for name in self.history}
        for e in range(max(map(len, series.values()), default=0)):
            yield {**self.factors, "epoch": e + 1, **{name: values[e] for name, values in series.items()}}

    def __repr__(self):
        return f"<run {self.path}: {', '.join(f'{k} {v}' for k, v in self.factors.items())}>"


def runs(*patterns, unfinished=False):
    """Runs of all files that the patterns name, sorted; folders stand for the .h5 files in them."""
    paths = []
    for pattern in patterns:
        pattern = os.path.join(pattern, "*.h5") if os.path.isdir(pattern) else os.fspath(pattern)
        paths += sorted(glob.glob(pattern))
    found = [Run(path) for path in dict.fromkeys(paths)]
    return [run for run in found if run.complete or unfinished]


def summary(folder):
    """summary.json of a results folder, as dictionaries and lists."""
    with open(os.path.join(folder, "summary.json")) as f:
        content = json.load(f)
    if content.get("schema") != "workbench.result/1":
        raise ValueError(f"{folder} has the schema {content.get('schema')}; this module reads workbench.result/1")
    return content


def _scalars(values, statistics):
    """The scalars of a "values" object; of conditions as NAME (the mean), NAME_sd, NAME_sem, NAME_low, NAME_high."""
    row = {}
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(value.get("mean"), (int, float)) and statistics:
            row[name] = value["mean"]
            row.update({f"{name}_{s}": value[s] for s in ("sd", "sem", "low", "high") if s in value})
        elif isinstance(value, dict) and "missing" in value:
            row[name] = None
        elif isinstance(value, (int, float)):
            row[name] = value
    return row


def results(folder, conditions=False):
    """Rows with factors and scalar values: one a run, or one a condition (with n and statistics over seeds)."""
    content = summary(folder)
    if conditions:
        return [{**c["factors"], "n": c["n"], **_scalars(c.get("values", {}), True)} for c in content["conditions"]]
    return [{**r["factors"], "file": r["file"], **_scalars(r.get("values", {}), False)} for r in content["runs"]]


def _cell(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def table(folder, output):
    """OUTPUT.tsv of a results folder as rows: curves, matrices, histograms in long form."""
    with open(os.path.join(folder, f"{output}.tsv")) as f:
        names = f.readline().rstrip("\n").split("\t")
        return [dict(zip(names, map(_cell, line.rstrip("\n").split("\t")))) for line in f]


def frame(rows):
    """Rows as a pandas DataFrame, numbers as numbers."""
    import pandas
    made = pandas.DataFrame(list(rows))
    for column in made.columns[made.dtypes == object]:
        try:
            made[column] = pandas.to_numeric(made[column])
        except (ValueError, TypeError):
            pass
    return made
