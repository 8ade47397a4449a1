#!/usr/bin/python3
# make_optim.py: writes optim.h5, five steps of torch.optim.Adam and AdamW.
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: make_optim.py [optim.h5]

start [300], gradients [5, 300] (some zero, some tiny, some large), and per optimiser the weights after each
step [5, 300], computed in float32 as in training; the learning rate changes after the third step.
"""
import sys

import h5py
import numpy as np
import torch

RATES = [2e-3, 2e-3, 2e-3, 5e-4, 5e-4]


def steps(optimizer_class, start, gradients, **options):
    """Weights after each step."""
    weight = torch.nn.Parameter(torch.tensor(start))
    optimizer = optimizer_class([weight], lr=RATES[0], **options)
    after = []
    for rate, gradient in zip(RATES, gradients):
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = torch.tensor(gradient)
        optimizer.step()
        after.append(weight.detach().numpy().copy())
    return np.stack(after)


def main():
    rng = np.random.default_rng(3)
    start = rng.normal(0, 0.1, 300).astype(np.float32)
    gradients = (rng.normal(0, 1, (5, 300)) * 10.0 ** rng.uniform(-9, 3, 300)).astype(np.float32)
    gradients[:, :10] = 0
    gradients[0, 10:20] = 0
    with h5py.File(sys.argv[1] if len(sys.argv) > 1 else "optim.h5", "w") as out:
        out.attrs["torch"] = str(torch.__version__)
        out["start"], out["gradients"], out["rates"] = start, gradients, RATES
        out["adam"] = steps(torch.optim.Adam, start, gradients)
        out["adamw"] = steps(torch.optim.AdamW, start, gradients, weight_decay=0.01)


if __name__ == "__main__":
    main()
