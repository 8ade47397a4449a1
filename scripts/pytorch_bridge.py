#!/usr/bin/python3
"""PyTorch state dicts to run files, and back.

    scripts/pytorch_bridge.py to-run model.pth model.h5 --arch resnet18 --data cifar10:DIR --factors objective=ce,seed=3
    scripts/pytorch_bridge.py to-pth runs/x.h5 model.pth

`to-run` takes a file that torch.save wrote: a state dict, or a checkpoint that holds one under "state_dict" or "model".
The names are those of the papers' code (formats/SCHEMA.md lists them); a leading "module." of DataParallel is
dropped. `workbench run import` then checks and writes everything, and takes all further options: --arch, --data,
--factors, --mean, --sd, --grid, --overwrite. `to-pth` writes the state dict alone, for
model.load_state_dict(torch.load(..)).

Weights and buffers stay the same to the bit. Batch norm's num_batches_tracked, which nothing reads at a fixed momentum,
is left out; load_state_dict does without it.

As a module: `read_pth`, `write_safetensors`, `read_run`. SPDX-License-Identifier: GPL-3.0-or-later
"""
import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import torch

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "build/release/bin/workbench"
DTYPES = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64", "int32": "I32", "uint8": "U8"}


def read_pth(path):
    """The state dict in a file of torch.save, as NumPy arrays by name."""
    saved = torch.load(path, map_location="cpu")
    for key in ("state_dict", "model"):
        if isinstance(saved, dict) and isinstance(saved.get(key), dict):
            saved = saved[key]
    if not isinstance(saved, dict) or not all(isinstance(value, torch.Tensor) for value in saved.values()):
        raise SystemExit(f"{path} holds no state dict: a dictionary of tensors, perhaps under state_dict or model")
    prefix = "module." if saved and all(name.startswith("module.") for name in saved) else ""
    return {name[len(prefix):]: tensor.detach().contiguous().numpy() for name, tensor in saved.items()
            if not name.endswith(".num_batches_tracked")}


def write_safetensors(path, tensors, metadata=None):
    """Arrays by name, as a safetensors file."""
    header, end = {"__metadata__": metadata} if metadata else {}, 0
    for name, array in tensors.items():
        if array.dtype.name not in DTYPES:
            raise SystemExit(f"{name} is of type {array.dtype}; {', '.join(DTYPES)} can be converted")
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            f.write(np.ascontiguousarray(array).tobytes())


def read_run(path):
    """The state dict of a run file, as tensors by name."""
    with h5py.File(path) as f:
        if "model" not in f:
            raise SystemExit(f"{path} is no run file with a model")
        return {name: torch.from_numpy(dataset[()]) for name, dataset in f["model"].items()}


def to_run(a, options):
    with tempfile.TemporaryDirectory() as folder:
        # Named like the source, as run files are named after what they come from.
        path = os.path.join(folder, pathlib.Path(a.source).stem + ".safetensors")
        write_safetensors(path, read_pth(a.source))
        command = [str(a.program), "run", "import", "--in", path, "--out", a.target, *options]
        return subprocess.run(command).returncode


def to_pth(a):
    if os.path.exists(a.target) and not a.overwrite:
        raise SystemExit(f"{a.target} exists already; --overwrite replaces it")
    torch.save(read_run(a.source), a.target)
    print(f"wrote   {a.target}")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("to-run", help="a .pth file to a run file; further options are those of run import")
    run.add_argument("--program", type=pathlib.Path, default=PROGRAM, help="workbench (default: this tree's)")
    pth = verbs.add_parser("to-pth", help="a run file to a .pth file")
    pth.add_argument("--overwrite", action="store_true")
    for verb in (run, pth):
        verb.add_argument("source")
        verb.add_argument("target")
    a, options = parser.parse_known_args()
    if a.verb == "to-pth" and options:
        parser.error(f"unknown option {options[0]}")
    sys.exit(to_run(a, options) if a.verb == "to-run" else to_pth(a))


if __name__ == "__main__":
    main()
