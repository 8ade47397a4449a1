#!/usr/bin/python3
# make_truong.py: stores what PyTorch computes of the two networks of Truong & Hasson, gradients included.
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: make_truong.py OUT.h5

Groups /truong-mnist (28x28 grey images) and /truong-cifar (width 8, 32x32 RGB images), 121 units, three images, float64
rounded to float32. In each a group `train` (batch statistics, no dropout) and a group `evaluation` (running statistics):

  embedding, output   of the images in [0, 1], normalised with mean and sd of make_evaluation.py
  loss                cross-entropy with labels 0, 3, 6: mean over images
  gradient/<name>     train: of the loss with respect to each parameter
  images              evaluation: of the loss with respect to the normalised images
  tap/<layer>         evaluation: conv1 after ReLU and pooling, and avgpool, which the embedding layer reads

Weights and images are not stored: make_evaluation.py's made() and tests/unit/made.h make the same numbers.
"""
import sys

import h5py
import numpy as np
import torch
from torch.nn import functional as F

import networks
from make_evaluation import IMAGES, MEAN, SD, made_images, prepare

LABELS = torch.arange(IMAGES) * 3


def store(group, values):
    for name, value in values.items():
        packed = {"compression": "gzip"} if value.dim() else {}
        group.create_dataset(name, data=value.detach().numpy().astype(np.float32), **packed)


def normalised(side, channels):
    mean, sd = (torch.tensor(v[:channels], dtype=torch.float32).double().view(1, -1, 1, 1) for v in (MEAN, SD))
    return (torch.from_numpy(made_images(channels, side)).double() - mean) / sd


def store_network(group, model, side, channels):
    images = normalised(side, channels)
    prepare(model)
    model.train()
    embedding, output = model(images)
    loss = F.cross_entropy(output, LABELS)
    loss.backward()
    gradients = {f"gradient/{name}": parameter.grad for name, parameter in model.named_parameters()}
    store(group.create_group("train"), {"embedding": embedding, "output": output, "loss": loss, **gradients})

    prepare(model)  # the running statistics as they were
    model.eval()
    images.requires_grad_()
    taps = {}
    model.conv2.register_forward_pre_hook(lambda _, inputs: taps.__setitem__("tap/conv1", inputs[0]))
    model.fc1.register_forward_pre_hook(lambda _, inputs: taps.__setitem__("tap/avgpool", inputs[0]))
    embedding, output = model(images)
    loss = F.cross_entropy(output, LABELS)
    loss.backward()
    store(group.create_group("evaluation"),
          {"embedding": embedding, "output": output, "loss": loss, "images": images.grad, **taps})


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    with h5py.File(sys.argv[1], "w", libver="latest") as f:
        f.attrs["about"] = "the networks of Truong & Hasson, made by tests/reference/make_truong.py"
        f.attrs["torch"] = str(torch.__version__)
        store_network(f.create_group("truong-mnist"), networks.TruongMNIST(dropout=0), 28, 1)
        store_network(f.create_group("truong-cifar"), networks.TruongCIFAR(dropout=0, width=8), 32, 3)


if __name__ == "__main__":
    main()
