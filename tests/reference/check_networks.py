#!/usr/bin/python3
# check_networks.py: proves networks.py and parts of train_pytorch.py against stored values and torchvision.
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: check_networks.py published.h5      (stored values of the papers' published code)

Prints the largest relative deviation per comparison, max |ours - stored| / max |stored|; exits 1 if
one exceeds 1e-4. Two things need care, as Adam's first steps divide a gradient by its own size and so
blow up rounding wherever a gradient is nearly zero:
- The first step is taken with the stored gradients (after ours have been compared with them). The
  second is compared on the elements whose first gradient exceeds 1e-3 of the largest in its array.
- A bias before batch norm has gradient zero but for rounding, which is compared on the scale of the
  layer's weight gradient.
"""
import re
import sys

import h5py
import numpy as np
import torch
import torchvision
from torch.nn import functional as F
from torchvision.transforms.functional import resized_crop

import networks
import train_pytorch

TOLERANCE = 1e-4


def deviation(ours, stored, scale=None):
    """Largest absolute difference relative to the largest stored magnitude (or to `scale`)."""
    ours = ours.detach().numpy() if torch.is_tensor(ours) else np.asarray(ours)
    stored = np.asarray(stored)
    return float(np.abs(ours - stored).max() / (np.abs(stored).max() if scale is None else scale))


def is_cancelled_bias(name, model):
    """Whether batch norm follows and takes the bias out again."""
    return re.fullmatch(r"encoder\.conv\d\.bias", name) or (
        name == "encoder.fc.bias" and isinstance(model, networks.Projector))


def read_state(group):
    """State dict of an HDF5 group."""
    return {name: torch.as_tensor(data[()]) for name, data in group.items()}


def check_supcon(group):
    """The contrastive loss and its gradient by the features."""
    features = torch.tensor(group["features"][()], requires_grad=True)
    views = torch.cat(features.unbind(1))
    loss = networks.supcon(views, torch.tensor(group["labels"][()]).repeat(2))
    loss.backward()
    return {"loss": deviation(loss, group["loss"]),
            "gradient": deviation(features.grad, group["grad_features"])}


def check_topographic(group):
    """The pair-mean topographic loss and its gradient by the weight."""
    weight = torch.tensor(group["weight"][()], requires_grad=True)
    loss = networks.ws_pair_mean(weight)
    loss.backward()
    return {"loss": deviation(loss, group["loss"]),
            "gradient": deviation(weight.grad, group["grad_weight"])}


def unit_sum_by_loops(weight, rows, columns):
    """Eq. 1 as it is printed: for every unit the mean distance to each of its neighbours."""
    cells = [(r, c) for r in range(rows) for c in range(columns)]
    total = 0.0
    for r, c in cells:
        near = [(a, b) for a, b in cells if max(abs(a - r), abs(b - c)) == 1]
        total += np.mean([np.linalg.norm(weight[r * columns + c] - weight[a * columns + b])
                          for a, b in near])
    return total


def check_unit_sum(group):
    """The unit-sum topographic loss against plain loops (the published code has no such loss)."""
    weight = group["weight"][()]
    rows, columns = networks.grid_of(len(weight))
    ours = networks.ws_unit_sum(torch.tensor(weight))
    return {"loss": deviation(ours, unit_sum_by_loops(weight, rows, columns))}


def check_resnet18():
    """Our resnet18 against torchvision's with the stem that the definition asks for."""
    torch.manual_seed(0)
    ours = networks.ResNet18(units=256, width=64)
    theirs = torchvision.models.resnet18(num_classes=256)
    theirs.conv1, theirs.maxpool = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False), torch.nn.Identity()
    state = {name.replace("shortcut", "downsample"): value for name, value in ours.state_dict().items()}
    theirs.load_state_dict(state)
    images = torch.randn(4, 3, 32, 32)
    return {"training mode": deviation(ours(images), theirs(images).detach()),
            "evaluation mode": deviation(ours.eval()(images), theirs.eval()(images).detach())}


def check_moran(group):
    """Moran's I of every stimulus."""
    ours = train_pytorch.moran(group["embedding"][()], 16, 16)
    return {"I": deviation(ours, group["moran_rook_per_image"])}


def check_crop():
    """Cropping and resizing by matrices against torchvision, with antialiasing, on random crops."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (200, 3, 32, 32), generator=generator).float()
    top, left, height, width = train_pytorch.draw_crops(len(images), generator)
    ours = train_pytorch.resize(images, train_pytorch.resize_matrices(top, height),
                                train_pytorch.resize_matrices(left, width))
    boxes = torch.stack([top, left, height, width], 1).int().tolist()
    theirs = [resized_crop(image, *box, [32, 32], antialias=True) for image, box in zip(images, boxes)]
    return {"pixels": deviation(ours, torch.stack(theirs))}


def task_loss(model, images, labels):
    """Cross-entropy of a classifier, or the contrastive loss of a projector whose halves are views."""
    embedding, output = model(images)
    if isinstance(model, networks.Classifier):
        return embedding, output, F.cross_entropy(output, labels)
    return embedding, output, networks.supcon(output, labels.repeat(2))


def compare_gradients(model, group):
    """Largest deviation over all parameters of the first step's gradients."""
    worst = 0.0
    for name, parameter in model.named_parameters():
        scale = None
        if is_cancelled_bias(name, model):
            scale = np.abs(group[name.replace("bias", "weight")][()]).max()
        worst = max(worst, deviation(parameter.grad, group[name], scale))
    return worst


def compare_parameters(model, gradients, after):
    """Largest deviation of the parameters after two steps, and the share of elements compared."""
    worst, compared, total = 0.0, 0, 0
    for name, parameter in model.named_parameters():
        if is_cancelled_bias(name, model):
            continue
        gradient, stored = np.abs(gradients[name][()]), after[name][()]
        clear = gradient > 1e-3 * gradient.max()
        scale = np.abs(stored).max()
        worst = max(worst, deviation(parameter.detach().numpy()[clear], stored[clear], scale))
        compared, total = compared + clear.sum(), total + clear.size
    return worst, compared / total


def compare_buffers(model, after):
    """Largest deviation of the running means and variances after two steps."""
    return max(deviation(value, after[name]) for name, value in model.named_buffers())


def take_step(model, optimiser, gradients):
    """An optimiser step with the given gradients."""
    for name, parameter in model.named_parameters():
        parameter.grad = torch.tensor(gradients[name][()])
    optimiser.step()


def train_step(model, group, step, images, labels, balance):
    """Gradients of one training step; returns the deviations of what the step computed."""
    model.zero_grad()
    embedding, output, task = task_loss(model, images, labels)
    found = networks.backward(model, task, balance)
    found.update(embedding=embedding, output=output)
    return {f"{step}/{name}": deviation(value, group[step][name]) for name, value in found.items()}


def check_step(group, model):
    """Two training steps from stored weights on stored images, then evaluation mode."""
    model.load_state_dict(read_state(group["before"]))
    images, labels = torch.tensor(group["images"][()]), torch.tensor(group["labels"][()])
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    balance = networks.MatchedBalance(0.2)
    result = train_step(model, group, "iter0", images, labels, balance)
    result["grad"] = compare_gradients(model, group["grad"])
    take_step(model, optimiser, group["grad"])
    result.update(train_step(model, group, "iter1", images, labels, balance))
    optimiser.step()
    result["after2/parameters"], share = compare_parameters(model, group["grad"], group["after2"])
    print(f"{100 * share:8.1f}%  {group.name} share of parameters compared after two steps")
    result["after2/buffers"] = compare_buffers(model, group["after2"])
    model.load_state_dict(read_state(group["after2"]))
    model.eval()
    embedding, output, _ = task_loss(model, images, labels)
    result["eval/embedding"] = deviation(embedding, group["eval/embedding"])
    result["eval/output"] = deviation(output, group["eval/output"])
    return result


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    worst = 0.0
    with h5py.File(sys.argv[1]) as f:
        results = {
            "loss/supcon": check_supcon(f["loss/supcon"]),
            "topo/ws_pair_mean_16x16": check_topographic(f["topo/ws_pair_mean_16x16"]),
            "topo/ws_pair_mean_11x11": check_topographic(f["topo/ws_pair_mean_11x11"]),
            "unit-sum 11x11": check_unit_sum(f["topo/ws_pair_mean_11x11"]),
            "resnet18": check_resnet18(),
            "moran": check_moran(f["analysis"]),
            "crop": check_crop(),
            "step/ce": check_step(
                f["step/ce"], networks.Classifier(networks.ShallowCNN(), dropout=0)),
            "step/supcon": check_step(
                f["step/supcon"], networks.Projector(networks.ShallowCNN(), dropout=0)),
        }
    for group, values in results.items():
        for name, value in values.items():
            print(f"{value:9.2e}  {group} {name}")
            worst = max(worst, value)
    print(f"{worst:9.2e}  largest; limit {TOLERANCE:g}")
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
