#!/usr/bin/python3
# make_resnet18.py: stores what PyTorch computes in two training steps of a narrow resnet18.
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: make_resnet18.py OUT.h5

Group /step/ce, laid out like the stored values of the published code for shallowcnn: resnet18 of width 8
with 256 units, cross-entropy, ws pair-mean with matched rho 0.2, no dropout, Adam 2e-3, two steps on the
same images, float32 on one thread. In addition grad64/<parameter> and iter0_64/<value>: the first step
computed in float64 from the same numbers, so that a test can allow as much error as float32 has.

Of the images that successive seeds draw, the first are taken that bring no value nearer than MARGIN to zero
before a ReLU of layer3 or layer4. There a single value that rounds to the other side turns gradients by some
thousandths, and the values to be compared would be those of a coin.
"""
import itertools
import sys
from unittest import mock

import h5py
import torch
from torch.nn import functional as F

import networks
from train_pytorch import normalise

WIDTH, UNITS, BATCH = 8, 256, 16
MARGIN, LAST_RELUS = 2e-5, 8  # of values with a standard deviation of about 1; ReLUs of layer3 and layer4


def make_images(generator):
    """Normalised images [16, 3, 32, 32]: coarse random colours plus pixel noise, 8 bits a channel."""
    coarse = torch.rand(BATCH, 3, 4, 4, generator=generator)
    smooth = F.interpolate(coarse, size=(32, 32), mode="bilinear", align_corners=False)
    noise = 0.1 * torch.randn(BATCH, 3, 32, 32, generator=generator)
    return normalise((255 * (smooth + noise)).round().clamp(0, 255))


def round_to_half(tensor):
    """Keeps the 11 leading bits: the values stay float32, and the file shrinks."""
    return tensor.half().to(tensor.dtype)


def make_model():
    """A model in which every parameter and buffer has a value that would show if it were ignored."""
    torch.manual_seed(1)
    model = networks.Classifier(networks.ResNet18(units=UNITS, width=WIDTH), dropout=0)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(round_to_half(tensor))
    return model


def smallest_before_relu(images):
    """The smallest absolute value that meets a ReLU of layer3 or layer4 in the first step, in float64."""
    seen, relu = [], F.relu
    with mock.patch.object(F, "relu", lambda x: (seen.append(x.abs().min().item()), relu(x))[1]), torch.no_grad():
        make_model().double()(images.double())
    return min(seen[-LAST_RELUS:])


def choose_images():
    for seed in itertools.count():
        images = make_images(torch.Generator().manual_seed(seed))
        if smallest_before_relu(images) >= MARGIN:
            return images


def store(group, name, value):
    """A tensor as dataset, compressed if it is an array of some size."""
    value = value.detach().numpy()
    packed = {"chunks": value.shape, "compression": "gzip", "compression_opts": 9, "shuffle": True}
    group.create_dataset(name, data=value, **(packed if value.size > 1000 else {}))


def store_state(group, name, state):
    for key, value in state.items():
        store(group, f"{name}/{key}", value)


def train_step(model, images, labels, balance):
    """Leaves the gradients of one step in the model and returns what was computed on the way."""
    model.zero_grad()
    embedding, output = model(images)
    found = networks.backward(model, F.cross_entropy(output, labels), balance)
    scalars = {name: torch.tensor(value, dtype=images.dtype) for name, value in found.items()}
    return dict(scalars, embedding=embedding, output=output)


def gradients(model):
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def store_float32(group, images, labels):
    """Two steps and an evaluation in float32."""
    model = make_model()
    store_state(group, "before", model.state_dict())
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    balance = networks.MatchedBalance(0.2)
    for step in ("iter0", "iter1"):
        store_state(group, step, train_step(model, images, labels, balance))
        if step == "iter0":
            store_state(group, "grad", gradients(model))
        optimiser.step()
    store_state(group, "after2", model.state_dict())
    model.eval()
    with torch.no_grad():
        embedding, output = model(images)
    store_state(group, "eval", {"embedding": embedding, "output": output})


def store_float64(group, images, labels):
    """The first step in float64; its gradients are rounded to float32 for storage."""
    model = make_model().double()
    store_state(group, "iter0_64", train_step(model, images.double(), labels, networks.MatchedBalance(0.2)))
    store_state(group, "grad64", {name: value.float() for name, value in gradients(model).items()})


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    images = choose_images()
    labels = torch.arange(BATCH) % 10
    with h5py.File(sys.argv[1], "w", libver="latest") as f:
        f.attrs["about"] = "two training steps of resnet18, made by tests/reference/make_resnet18.py"
        f.attrs["torch"] = str(torch.__version__)
        f.attrs["width"], f.attrs["units"] = WIDTH, UNITS
        group = f.create_group("step/ce")
        store(group, "images", images)
        store(group, "labels", labels)
        store_float32(group, images, labels)
        store_float64(group, images, labels)


if __name__ == "__main__":
    main()
