#!/usr/bin/python3
"""Small files that look like run files, for the tests of the command line.

usage: make_runs.py FOLDER [--objectives ce,supcon] [--rhos 0,0.2] [--seeds 1,2,3] [--stimuli 40] [--units 16]

Activations are smooth over the grid in proportion to rho, so that metrics see a difference; everything follows from
objective, rho and seed. SPDX-License-Identifier: GPL-3.0-or-later
"""
import argparse
import pathlib
import zlib

import h5py
import numpy as np

CLASSES = ["cat", "dog", "ship", "truck"]
SUPERCLASSES = ["animate", "animate", "inanimate", "inanimate"]


def text(file, where, name, value):
    file[where].attrs.create(name, value, dtype=h5py.string_dtype())


def smooth(maps, rounds):
    """Averages each cell with its rook neighbours, several times."""
    for _ in range(rounds):
        padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
        maps = (padded[:, 1:-1, 1:-1] + padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2]
                + padded[:, 1:-1, 2:]) / 5
    return maps


def write(path, objective, rho, seed, stimuli=40, units=16, state="complete", epochs=2):
    """One run file: see formats/SCHEMA.md."""
    rng = np.random.default_rng(zlib.crc32(f"{objective} {rho} {seed}".encode()))
    rows = int(np.sqrt(units))
    maps = smooth(rng.standard_normal((stimuli, rows, units // rows)), 0 if rho == 0 else 3)
    labels = np.arange(stimuli) % len(CLASSES)
    with h5py.File(path, "w") as f:
        factors = {"objective": objective, "topo": "ws", "rho": float(rho), "dropout": 0.5, "data": "builtin",
                   "seed": np.int64(seed)}
        text(f, "/", "schema", "workbench.run/1")
        text(f, "/", "state", state)
        for name, value in factors.items():
            text(f, "/", name, value) if isinstance(value, str) else f.attrs.create(name, value)
        f.attrs.create("factors", list(factors), dtype=h5py.string_dtype())
        text(f, "/", "plugin", "train-nothing")
        f.create_group("/config")
        for name, value in {"epochs": str(epochs), "seed": str(seed), "rho": str(rho), "pause": str(seed)}.items():
            text(f, "/config", name, value)
        group = f.create_group("/activations/test")
        text(f, "/activations/test", "data_digest", "0" * 64)
        embedding = group.create_dataset("embedding", data=maps.reshape(stimuli, units).astype("f4"))
        embedding.attrs["grid"] = np.array([rows, units // rows])
        logits = rng.standard_normal((stimuli, len(CLASSES))) + 2 * np.eye(len(CLASSES))[labels]
        group.create_dataset("logits", data=logits.astype("f4"))
        group.create_dataset("labels", data=labels.astype("i4"))
        text(f, "/activations/test/labels", "classes", CLASSES)
        text(f, "/activations/test/labels", "superclasses", SUPERCLASSES)
        group.create_dataset("index", data=np.arange(stimuli, dtype="i8"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--objectives", default="ce,supcon")
    parser.add_argument("--rhos", default="0,0.2")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--stimuli", type=int, default=40)
    parser.add_argument("--units", type=int, default=16)
    parser.add_argument("--state", default="complete")
    parser.add_argument("--epochs", type=int, default=2)
    a = parser.parse_args()
    a.folder.mkdir(parents=True, exist_ok=True)
    for objective in a.objectives.split(","):
        for rho in a.rhos.split(","):
            for seed in a.seeds.split(","):
                path = a.folder / f"{objective}-rho{rho}-seed{seed}.h5"
                write(path, objective, float(rho), int(seed), a.stimuli, a.units, a.state, a.epochs)


if __name__ == "__main__":
    main()
