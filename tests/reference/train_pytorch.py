#!/usr/bin/python3
# train_pytorch.py: the cross-entropy recipe on CIFAR-10 in PyTorch, to compare the C engine with.
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains shallowcnn (256 units) with cross-entropy and the matched ws loss; writes a JSON report.

Two comparisons use it:
  the full recipe         train_pytorch.py --data DIR --rho 0.2 --seed 0 --epochs 5 --out ce.json
  step by step            train_pytorch.py --data DIR --write-start start.h5 --steps 50
                          train_pytorch.py --data DIR --rho 0.2 --init start.h5 --batches start.h5 \\
                                           --steps 50 --dropout 0 --augment none --out steps.json
"""
import argparse
import json
import os
import platform
import time

import h5py
import numpy as np
import torch
from torch.nn import functional as F

import networks

MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1)
SD = torch.tensor([0.2023, 0.1994, 0.2010]).view(1, 3, 1, 1)
HELD_OUT_PER_CLASS = 500
SIZE = 32


# Data

def read_batch_file(path):
    """Images uint8 [n, 3, 32, 32] and labels int64 [n] of one file in the CIFAR-10 binary format."""
    records = np.fromfile(path, np.uint8).reshape(-1, 1 + 3 * SIZE * SIZE)
    return records[:, 1:].reshape(-1, 3, SIZE, SIZE), records[:, 0].astype(np.int64)


def read_cifar10(directory):
    """(training images, labels), (test images, labels); the training files one after another."""
    parts = [read_batch_file(os.path.join(directory, f"data_batch_{i}.bin")) for i in range(1, 6)]
    train = [torch.from_numpy(np.concatenate(columns)) for columns in zip(*parts)]
    test = [torch.from_numpy(part) for part in read_batch_file(os.path.join(directory, "test_batch.bin"))]
    return train, test


def split_validation(labels):
    """Indices for training and for validation: the first 500 of each class in file order are held out."""
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        held_out[(labels == label).nonzero().flatten()[:HELD_OUT_PER_CLASS]] = True
    return (~held_out).nonzero().flatten(), held_out.nonzero().flatten()


def normalise(pixels):
    """Pixels 0..255 of any type to normalised float."""
    return (pixels / 255 - MEAN) / SD


# Augmentation

def draw_crops(n, generator):
    """Top, left, height, width [n] as torchvision's RandomResizedCrop draws them (ten attempts each)."""
    area = SIZE * SIZE * torch.empty(n, 10).uniform_(0.2, 1, generator=generator)
    log_ratio = np.log([3 / 4, 4 / 3])
    ratio = torch.empty(n, 10).uniform_(log_ratio[0], log_ratio[1], generator=generator).exp()
    width, height = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (width > 0) & (width <= SIZE) & (height > 0) & (height <= SIZE)
    first = fits.float().argmax(1, keepdim=True)
    width, height = width.gather(1, first).flatten(), height.gather(1, first).flatten()
    none = ~fits.any(1)
    width[none] = height[none] = SIZE
    top = (torch.rand(n, generator=generator) * (SIZE - height + 1)).floor()
    left = (torch.rand(n, generator=generator) * (SIZE - width + 1)).floor()
    return top, left, height, width


def resize_matrices(start, length):
    """Bilinear interpolation of [start, start + length) to 32 samples: matrices [n, 32, 32].

    Half-pixel centres, clamped at the crop's edge. A crop is never larger than 32, so antialiasing,
    which acts only when shrinking, changes nothing.
    """
    centre = (torch.arange(SIZE) + 0.5) * (length[:, None] / SIZE) - 0.5
    position = start[:, None] + torch.minimum(centre.clamp(min=0), length[:, None] - 1)
    return (1 - (position[:, :, None] - torch.arange(SIZE)).abs()).clamp(min=0)


def resize(pixels, rows, columns):
    """Images [n, 3, 32, 32] interpolated by the matrices [n, 32, 32] of their rows and columns."""
    return rows[:, None] @ pixels @ columns[:, None].transpose(2, 3)


def crop_and_flip(pixels, generator):
    """Random resized crop to 32 x 32 and random horizontal flip of uint8 images [n, 3, 32, 32]."""
    top, left, height, width = draw_crops(len(pixels), generator)
    rows, columns = resize_matrices(top, height), resize_matrices(left, width)
    flip = torch.rand(len(pixels), generator=generator) < 0.5
    columns[flip] = columns[flip].flip(1)
    return resize(pixels.float(), rows, columns)


# Weights and batches

def read_arrays(path):
    """All arrays of an .h5, .npz or .npy file by name; group prefixes such as /model/ are kept."""
    if path.endswith((".h5", ".hdf5")):
        found = {}
        with h5py.File(path) as f:
            f.visititems(lambda name, node: found.update({name: node[()]})
                         if isinstance(node, h5py.Dataset) else None)
        return found
    loaded = np.load(path)
    return {"batches": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)


def load_weights(model, path):
    """Loads a state dict that lies under /model or at the root; only batch counters may be missing."""
    arrays = read_arrays(path)
    state = {}
    for name, value in model.state_dict().items():
        array = arrays.get("model/" + name, arrays.get(name))
        if array is None and not name.endswith("num_batches_tracked"):
            raise SystemExit(f"{path}: no array named {name} or model/{name}")
        state[name] = value if array is None else torch.as_tensor(array)
    model.load_state_dict(state)


def shuffled_batches(indices, size, generator):
    """One epoch of shuffled batches; the last one is what is left."""
    return indices[torch.randperm(len(indices), generator=generator)].split(size)


def write_start(path, model, batches):
    """Writes initial weights (/model) and batches (/batches, [steps, batch]) for both sides to read."""
    with h5py.File(path, "w") as f:
        for name, value in model.state_dict().items():
            f["model/" + name] = value.numpy()
        f["batches"] = torch.stack(batches).numpy()
        f["batches"].attrs["about"] = "indices into the 50,000 training images in file order"


# Training

class Trainer:
    """Model, optimiser, balance and random generator of one run."""

    def __init__(self, options):
        torch.manual_seed(options.seed)
        self.generator = torch.Generator().manual_seed(options.seed)
        self.augment = options.augment == "contopo"
        self.batch = options.batch
        self.dtype = torch.float64 if options.double else torch.float32
        self.model = networks.Classifier(networks.ShallowCNN(), dropout=options.dropout)
        if options.init:
            load_weights(self.model, options.init)
        self.model.to(self.dtype)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=options.lr)
        self.balance = networks.MatchedBalance(options.rho)

    def step(self, pixels, labels):
        """One optimiser step on uint8 images; returns the losses, norms and lambda."""
        self.model.train()
        if self.augment:
            pixels = crop_and_flip(pixels, self.generator)
        self.optimiser.zero_grad()
        _, logits = self.model(normalise(pixels.to(self.dtype)))
        found = networks.backward(self.model, F.cross_entropy(logits, labels), self.balance)
        self.optimiser.step()
        found["total_loss"] = found["task_loss"] + found["lambda_hat"] * found["topo_loss"]
        return found

    def evaluate(self, pixels, labels):
        """Embedding [n, units], accuracy and task loss in evaluation mode."""
        self.model.eval()
        with torch.no_grad():
            parts = [self.model(normalise(part.to(self.dtype))) for part in pixels.split(500)]
        embedding, logits = (torch.cat(column) for column in zip(*parts))
        accuracy = (logits.argmax(1) == labels).double().mean().item()
        return embedding.numpy(), accuracy, F.cross_entropy(logits, labels).item()


def train_epoch(trainer, images, labels, indices):
    """One epoch; returns the mean of every step's values, the last lambda, and the seconds."""
    start, steps = time.perf_counter(), []
    for batch in shuffled_batches(indices, trainer.batch, trainer.generator):
        steps.append(trainer.step(images[batch], labels[batch]))
    row = {name: float(np.mean([step[name] for step in steps])) for name in steps[0]}
    return dict(row, lambda_hat=steps[-1]["lambda_hat"], seconds=time.perf_counter() - start)


def train_recipe(trainer, images, labels, options):
    """Trains until `epochs` or until patience runs out; leaves the best epoch's weights in the model."""
    training, validation = split_validation(labels)
    history, best, kept = [], -1, None
    for epoch in range(options.epochs):
        row = train_epoch(trainer, images, labels, training)
        _, row["validation_accuracy"], row["validation_loss"] = trainer.evaluate(
            images[validation], labels[validation])
        history.append(row)
        print(f"epoch {epoch + 1}: " + "  ".join(f"{k} {v:.4f}" for k, v in row.items()), flush=True)
        if best < 0 or row["validation_accuracy"] > history[best]["validation_accuracy"]:
            best = epoch
            kept = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        if epoch - best >= options.patience:
            break
    trainer.model.load_state_dict(kept)
    return {"history": history, "kept_epoch": best + 1}


def train_steps(trainer, images, labels, batches):
    """Trains on given batches; returns every step's values."""
    history = []
    for number, batch in enumerate(batches):
        history.append(trainer.step(images[batch], labels[batch]))
        print(f"step {number + 1}: " + "  ".join(f"{k} {v:.6f}" for k, v in history[-1].items()), flush=True)
    return {"steps": history}


# Report

def moran(embedding, rows, columns):
    """Moran's I per stimulus of embedding [n, units] on the grid, rook neighbours, binary weights."""
    z = embedding.astype(np.float64).reshape(-1, rows, columns)
    z = z - z.mean((1, 2), keepdims=True)
    joined = (z[:, 1:] * z[:, :-1]).sum((1, 2)) + (z[:, :, 1:] * z[:, :, :-1]).sum((1, 2))
    pairs = (rows - 1) * columns + rows * (columns - 1)
    variance = (z * z).sum((1, 2))
    safe = np.where(variance > 0, variance, 1)
    return np.where(variance > 0, rows * columns / pairs * joined / safe, 0)


def describe(trainer, test, save_embedding):
    """What the kept model does on the test images."""
    embedding, accuracy, loss = trainer.evaluate(*test)
    if save_embedding:
        np.savez(save_embedding, embedding=embedding, labels=test[1].numpy())
    weight = trainer.model.encoder.fc.weight.detach()
    values = moran(embedding, *networks.grid_of(embedding.shape[1]))
    return {"test_accuracy": accuracy, "test_loss": loss, "moran": float(values.mean()),
            "moran_sd_over_images": float(values.std()),
            "mean_weight_norm": weight.double().norm(dim=1).mean().item(),
            "topographic_loss": networks.ws_pair_mean(weight.double()).item()}


def provenance(options):
    """What produced the numbers."""
    return {"options": vars(options), "torch": torch.__version__, "numpy": np.__version__,
            "python": platform.python_version(), "machine": platform.machine()}


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", required=True, help="folder with data_batch_1..5.bin and test_batch.bin")
    add("--rho", type=float, default=0.2, help="strength of the topographic loss (default %(default)s)")
    add("--seed", type=int, default=0)
    add("--epochs", type=int, default=5)
    add("--patience", type=int, default=25, help="epochs without better validation (default %(default)s)")
    add("--batch", type=int, default=512)
    add("--lr", type=float, default=2e-3)
    add("--dropout", type=float, default=0.5)
    add("--augment", choices=("none", "contopo"), default="contopo")
    add("--threads", type=int, default=2)
    add("--double", action="store_true", help="compute in float64: shows float32's own error")
    add("--init", help=".h5 or .npz with the initial state dict, at the root or under /model")
    add("--batches", help=".h5, .npz or .npy: `batches` [steps, batch], indices into the training files")
    add("--steps", type=int, help="stop after so many steps and report each one")
    add("--write-start", metavar="FILE.h5", help="only write initial weights and batches for --steps")
    add("--out", help="JSON report")
    add("--save-embedding", metavar="FILE.npz", help="test embedding and labels of the kept model")
    return parser.parse_args()


def given_batches(options, labels):
    """The batches of a stepwise run: from a file, else consecutive shuffled epochs, full batches only."""
    if options.batches:
        return list(torch.as_tensor(read_arrays(options.batches)["batches"]).long())[: options.steps]
    generator = torch.Generator().manual_seed(options.seed)
    training, batches = split_validation(labels)[0], []
    while len(batches) < options.steps:
        epoch = shuffled_batches(training, options.batch, generator)
        batches += [batch for batch in epoch if len(batch) == options.batch]
    return batches[: options.steps]


def main():
    options = parse_options()
    torch.set_num_threads(options.threads)
    (images, labels), test = read_cifar10(options.data)
    trainer = Trainer(options)
    if options.write_start:
        write_start(options.write_start, trainer.model, given_batches(options, labels))
        return
    if options.steps:
        report = train_steps(trainer, images, labels, given_batches(options, labels))
    else:
        report = train_recipe(trainer, images, labels, options)
        report.update(describe(trainer, test, options.save_embedding))
    report.update(provenance(options))
    if options.out:
        with open(options.out, "w") as f:
            json.dump(report, f, indent=1)
            f.write("\n")
    if "test_accuracy" in report:
        print(f"test accuracy {report['test_accuracy']:.4f}  Moran's I {report['moran']:.4f}")


if __name__ == "__main__":
    main()
