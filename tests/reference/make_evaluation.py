#!/usr/bin/python3
# make_evaluation.py: stores what PyTorch computes of two small networks in evaluation mode, image gradients included.
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: make_evaluation.py OUT.h5

Groups /resnet18 (width 8, 64 units, three 32x32 RGB images, linear head of 10 classes) and /shallowcnn (64 units, three
28x28 grey images, projection head of 16 dimensions), float64 rounded to float32:

  embedding, output   of the images in [0, 1], normalised with mean and sd below
  loss                resnet18: cross-entropy of each image with label 3 i; shallowcnn: sum of output * made(weights)
  gradient            of the summed loss with respect to the images in [0, 1]
  tap/<layer>         activations of some layers after ReLU (and pooling, and the residual addition)

Weights, images and the weights of the sum are not stored: made() below and tests/unit/made.h make the same numbers.
"""
import sys

import h5py
import numpy as np
import torch
from torch.nn import functional as F

import networks

MEAN, SD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
IMAGES, UNITS = 3, 64


def made(name, count):
    """`count` numbers in [-1, 1), multiples of 2^-23: a hash of the name and the position."""
    seed = np.uint32(2166136261)
    with np.errstate(over="ignore"):
        for letter in name.encode():
            seed = (seed ^ np.uint32(letter)) * np.uint32(16777619)
        h = seed + np.arange(count, dtype=np.uint32) * np.uint32(2654435769)
        for multiplier in (0x7FEB352D, 0x846CA68B):
            h = (h ^ (h >> np.uint32(16))) * np.uint32(multiplier)
    return (h >> np.uint32(8)) / 2.0**23 - 1


def made_tensor(name, shape):
    """A weight or buffer in float32, of a size that keeps activations near one."""
    u = made(name, int(np.prod(shape))).reshape(shape)
    if len(shape) > 1:
        return np.float32(np.sqrt(3 / np.prod(shape[1:])) * u)
    if name.endswith("running_var"):
        return np.float32(1 + 0.5 * u)
    if name.endswith("weight"):
        return np.float32(1 + 0.25 * u)
    return np.float32(0.2 * u)


def made_images(channels, side):
    u = made("images", IMAGES * channels * side * side).reshape(IMAGES, channels, side, side)
    return np.float32((u + 1) / 2)


def prepare(model):
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.from_numpy(made_tensor(name, tuple(tensor.shape))))
    return model.double().eval()


def store(group, model, side, channels, head, taps):
    """head(embedding) gives output and the loss of each image; taps: name -> module or function of the encoder."""
    images = torch.from_numpy(made_images(channels, side)).double().requires_grad_()
    mean, sd = (torch.tensor(v[:channels], dtype=torch.float32).double().view(1, -1, 1, 1) for v in (MEAN, SD))
    found = {}
    for name, module in taps.items():
        module.register_forward_hook(lambda _, __, value, name=name: found.__setitem__(name, value))
    embedding = model.encoder((images - mean) / sd)
    output, loss = head(embedding)
    loss.sum().backward()
    values = {"embedding": embedding, "output": output, "loss": loss, "gradient": images.grad}
    values.update({f"tap/{name}": value for name, value in found.items()})
    for name, value in values.items():
        group.create_dataset(name, data=value.detach().numpy().astype(np.float32))


def store_resnet18(group):
    model = prepare(networks.Classifier(networks.ResNet18(units=UNITS, width=8)))
    labels = torch.arange(IMAGES) * 3

    def head(embedding):
        output = model.fc(embedding)
        return output, F.cross_entropy(output, labels, reduction="none")

    blocks = {"layer2.0": model.encoder.layer2[0], "layer4.1": model.encoder.layer4[1]}
    store(group, model, 32, 3, head, blocks)


def store_shallowcnn(group):
    model = prepare(networks.Projector(networks.ShallowCNN(units=UNITS, channels=1), features=16))

    def head(embedding):
        output = model.head(embedding)
        return output, (output * torch.from_numpy(made("sum", output.numel())).view(output.shape)).sum(1)

    store(group, model, 28, 1, head, {})


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    with h5py.File(sys.argv[1], "w", libver="latest") as f:
        f.attrs["about"] = "evaluation of resnet18 and shallowcnn, made by tests/reference/make_evaluation.py"
        f.attrs["torch"] = str(torch.__version__)
        store_resnet18(f.create_group("resnet18"))
        store_shallowcnn(f.create_group("shallowcnn"))


if __name__ == "__main__":
    main()
