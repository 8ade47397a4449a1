#!/usr/bin/python3
# truong_mnist.py: the MNIST recipe of Truong & Hasson in PyTorch, to compare the C engine with.
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: truong_mnist.py --data DIR [--seed N] [--lambda 0.5] [--topo as|none] [--epochs 10] [--threads 2]

DIR holds MNIST's four IDX files, plain or .gz. Trains what `workbench run train-ce --data mnist:DIR --preset truong-mnist
--topo as --lambda 0.5 --seed N` trains, written from the definitions: truong-mnist with 121 units on 11 x 11, cross-entropy +
lambda * (mean over pairs of neighbours of 1 - Pearson's r of their activations before ReLU over the batch), Adam 1e-3, batch
64, 10 epochs, on all images but the first 1,200 of each class. Prints a line per epoch and at last the test accuracy.
"""
import argparse
import gzip
import os

import numpy as np
import torch
from torch.nn import functional as F

import networks

MEAN, SD, HELD_OUT_PER_CLASS, BATCH = 0.1307, 0.3081, 1200, 64


def read_idx(directory, name, header):
    path = os.path.join(directory, name)
    opened = open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")
    with opened as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


def read_split(directory, prefix):
    """Normalised images [n, 1, 28, 28] and labels [n]."""
    pixels = read_idx(directory, f"{prefix}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)
    labels = read_idx(directory, f"{prefix}-labels-idx1-ubyte", 8)
    return (torch.from_numpy(pixels.copy()).float() / 255 - MEAN) / SD, torch.from_numpy(labels.astype(np.int64))


def training_positions(labels):
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        held[(labels == label).nonzero().flatten()[:HELD_OUT_PER_CLASS]] = True
    return (~held).nonzero().flatten()


def activation_similarity(embedding):
    """Mean over pairs of neighbours of 1 - r; a constant unit has r = 0."""
    first, second = networks.neighbour_pairs(embedding.shape[1])
    centred = embedding - embedding.mean(0)
    norms = centred.norm(dim=0)
    unit = centred / torch.where(norms > 0, norms, torch.ones_like(norms))
    return (1 - (unit[:, first] * unit[:, second]).sum(0)).mean()


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        right = sum((model(x)[1].argmax(1) == y).sum().item() for x, y in zip(images.split(1000), labels.split(1000)))
    model.train()
    return right / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lambda", type=float, default=0.5, dest="weight")
    parser.add_argument("--topo", choices=("as", "none"), default="as")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-steps", type=int, default=0)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    images, labels = read_split(a.data, "train")
    test_images, test_labels = read_split(a.data, "t10k")
    kept = training_positions(labels)
    model = networks.TruongMNIST()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    steps = 0
    for epoch in range(a.epochs):
        task_sum = topo_sum = seen = 0.0
        for batch in kept[torch.randperm(len(kept))].split(BATCH):
            embedding, logits = model(images[batch])
            task, topo = F.cross_entropy(logits, labels[batch]), activation_similarity(embedding)
            optimiser.zero_grad()
            (task + (a.weight * topo if a.topo == "as" else 0)).backward()
            optimiser.step()
            task_sum += task.item() * len(batch)
            topo_sum += topo.item() * len(batch)
            seen += len(batch)
            steps += 1
            if steps == a.max_steps:
                break
        print(f"epoch {epoch + 1}/{a.epochs}  loss {task_sum / seen:.4f}  topo {topo_sum / seen:.4f}", flush=True)
        if steps == a.max_steps:
            break
    print(f"seed {a.seed}  test accuracy {accuracy(model, test_images, test_labels):.4f}")


if __name__ == "__main__":
    main()
