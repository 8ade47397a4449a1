#!/usr/bin/python3
# make_readout.py: a linear classifier trained by PyTorch's AdamW, to compare the C readout with.
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: make_readout.py OUT.h5

120 made-up embeddings [120, 8] of 3 classes that overlap, trained for 12 epochs, the whole set as one batch: once at
a constant rate, once with 3 epochs of linear warm-up and cosine decay to 1e-5 in the last epoch. Stores the inputs,
the first weights, the rate of every epoch, and the weights after training.
"""
import math
import sys

import h5py
import numpy as np
import torch

EPOCHS, WARM_UP, RATE, LAST_RATE = 12, 3, 3e-3, 1e-5


def cosine_rate(epoch):
    """Learning rate of an epoch, counting from 0."""
    if epoch < WARM_UP:
        return RATE * (epoch + 1) / WARM_UP
    share = (epoch - WARM_UP) / (EPOCHS - 1 - WARM_UP)
    return LAST_RATE + (RATE - LAST_RATE) * (1 + math.cos(math.pi * share)) / 2


def train(weight, bias, embedding, labels, rates):
    """Weight and bias after one full-batch AdamW step an epoch."""
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0]).double()
    layer.load_state_dict({"weight": torch.from_numpy(weight).double(), "bias": torch.from_numpy(bias).double()})
    optimiser = torch.optim.AdamW(layer.parameters(), lr=RATE, betas=(0.9, 0.999), weight_decay=0.01)
    for rate in rates:
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        logits = layer(torch.from_numpy(embedding).double())
        torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels).long()).backward()
        optimiser.step()
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


def main():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 120).astype(np.int32)
    embedding = (rng.normal(size=(120, 8)) + rng.normal(size=(3, 8))[labels]).astype(np.float32)
    weight = rng.uniform(-0.35, 0.35, (3, 8)).astype(np.float32)
    bias = rng.uniform(-0.35, 0.35, 3).astype(np.float32)
    with h5py.File(sys.argv[1], "w") as f:
        f["embedding"], f["labels"], f["weight"], f["bias"] = embedding, labels, weight, bias
        for name, rates in (("constant", [RATE] * EPOCHS), ("cosine", [cosine_rate(e) for e in range(EPOCHS)])):
            f[name + "/rates"] = rates
            f[name + "/weight"], f[name + "/bias"] = train(weight, bias, embedding, labels, rates)


if __name__ == "__main__":
    main()
