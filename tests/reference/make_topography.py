#!/usr/bin/python3
# make_topography.py: stores what PyTorch computes in two training steps of every objective with every topographic
# loss. SPDX-License-Identifier: GPL-3.0-or-later
"""usage: make_topography.py OUT.h5

shallowcnn of width 8 with 15 units on 3x5, images 16x16, no dropout, two steps on the same images, in float64 from
numbers of float32. Adam at 2e-3 with an epsilon of 1e-3: at 1e-8 it makes a full step of a gradient that is zero but
for rounding. Contents:

  images [16,3,16,16], labels [8], superclass [4]   contrastive objectives: rows 0-7 are view 1, 8-15 view 2;
                                                    the others take the first 8 rows
  before/<state dict>                               fc.*: ce's head, head.*: the projection of the others
  OBJECTIVE/CASE/                                   ce, supcon, simclr, margin x the cases below
    loss [2 steps, 2]                               of the task; of the norm penalty, unweighted
    ws, as, global [2 steps, 4]                     loss, lambda, norm of the task's gradient, norm of the term's; the
                                                    norms are NaN where lambda is fixed
    grad, after2                                    gradients of the first step, and weights after the second: of
                                                    each parameter, in the order of the state dict, every k-th value,
                                                    row-major, k the least that leaves at most 32
"""
import itertools
import sys

import h5py
import torch
from torch.nn import functional as F

import networks
from make_resnet18 import round_to_half, store, store_state

WIDTH, UNITS, IMAGES, SIDE, CLASSES, MOST = 8, 15, 8, 16, 4, 32
SUPERCLASS = torch.tensor([0, 1, 0, 1])
LAYERS = ("conv2", "conv4")
RHO, LAMBDA, PENALTY = {"ws": 0.2, "as": 0.1, "global": 0.3}, {"ws": 0.5, "as": 0.25, "global": 2.0}, 0.7


def cases():
    """Name and settings of each case; distance and mean are those of ws."""
    plain = {"distance": "l2", "mean": "pair-mean", "layers": (), "encoder": False, "penalty": 0.0, "matched": True}
    yield "none", dict(plain, terms=())
    for distance, mean in itertools.product(("l2", "cosine", "correlation"), ("pair-mean", "unit-sum")):
        yield f"ws_{distance}_{mean}", dict(plain, terms=("ws",), distance=distance, mean=mean)
    yield "ws_encoder", dict(plain, terms=("ws",), encoder=True)
    yield "as", dict(plain, terms=("as",))
    yield "global", dict(plain, terms=("global",))
    yield "all_layers", dict(plain, terms=("ws", "as", "global"), layers=LAYERS, penalty=PENALTY)
    for term in ("ws", "as", "global"):
        yield f"{term}_fixed", dict(plain, terms=(term,), matched=False)
    yield "all_layers_fixed", dict(plain, terms=("ws", "as", "global"), layers=LAYERS, penalty=PENALTY, matched=False)


def make_state(generator):
    """A state dict with both heads, in which nothing is zero or one."""
    models = [networks.Classifier(networks.ShallowCNN(UNITS, width=WIDTH), CLASSES),
              networks.Projector(networks.ShallowCNN(UNITS, width=WIDTH), 6)]
    state = {**models[1].state_dict(), **models[0].state_dict()}
    state = {name: value for name, value in state.items() if "num_batches" not in name}
    for name, value in state.items():
        if value.ndim > 1:
            bound = value[0].numel()**-0.5
            value.uniform_(-bound, bound, generator=generator)
        elif name.endswith(("running_var", "bn1.weight", "bn2.weight", "bn3.weight", "bn4.weight", "head.0.weight")):
            value.uniform_(0.5, 1.5, generator=generator)
        else:
            value.normal_(0, 0.1, generator=generator)
        state[name] = round_to_half(value)
    return state


def make_model(objective, state):
    encoder = networks.ShallowCNN(UNITS, width=WIDTH)
    model = networks.Classifier(encoder, CLASSES, 0) if objective == "ce" else networks.Projector(encoder, 6, 0)
    own = model.state_dict()
    model.load_state_dict({name: state.get(name, value) for name, value in own.items()})
    return model.double()


def forward(model, images):
    """The embedding, what the loss takes, and the means over pixels of each layer's activation."""
    encoder, x, means = model.encoder, images, {}
    for i in range(1, 5):
        x = F.relu(getattr(encoder, f"bn{i}")(getattr(encoder, f"conv{i}")(x)))
        x = F.max_pool2d(x, 2) if i < 4 else x
        means[f"conv{i}"] = x.mean((2, 3))
    embedding = encoder.fc(x.mean((2, 3)))
    output = model.fc(embedding) if hasattr(model, "fc") else F.normalize(model.head(embedding), dim=1)
    return embedding, output, means


def task_loss(objective, output, labels):
    if objective == "ce":
        return F.cross_entropy(output, labels)
    if objective == "supcon":
        return networks.supcon(output, labels.repeat(2), 0.07)
    if objective == "simclr":
        return networks.supcon(output, torch.arange(IMAGES).repeat(2), 0.1) * (0.1 / 0.07)
    return networks.margin(output, labels, SUPERCLASS)


def term_loss(term, setting, model, embedding, means):
    """Sum over the embedding and further layers."""
    total = 0
    for layer in ("fc", *setting["layers"]):
        rows = getattr(model.encoder, layer).weight.flatten(1)
        activation = embedding if layer == "fc" else means[layer]
        if term == "ws":
            total = total + networks.weight_similarity(rows, setting["distance"], setting["mean"])
        elif term == "as":
            total = total + networks.weight_similarity(activation.T, "correlation", "pair-mean")
        else:
            total = total + networks.global_similarity(activation)
    return total


def norm_loss(model, first):
    return ((model.encoder.fc.weight.norm(dim=1) / first - 1)**2).mean()


def compared(term, setting, model):
    """The parameters whose gradients matched balancing compares."""
    if term != "ws" or setting["encoder"]:
        return list(model.encoder.parameters())
    return [p for layer in ("fc", *setting["layers"]) for p in getattr(model.encoder, layer).parameters()]


def gradient_norm(loss, parameters):
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return sum((g**2).sum() for g in gradients if g is not None).sqrt().item()


def sample(tensor):
    """At most MOST values of a tensor, evenly from the first on."""
    flat = tensor.detach().flatten()
    return flat[::-(-len(flat) // MOST)].float()


def run(group, objective, setting, state, images, labels):
    """Two steps of one case."""
    model = make_model(objective, state)
    first = model.encoder.fc.weight.detach().norm(dim=1).mean()
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3, eps=1e-3)
    balances = {term: networks.MatchedBalance(RHO[term]) for term in setting["terms"]}
    found = {"loss": [], **{term: [] for term in setting["terms"]}}
    for step in range(2):
        optimiser.zero_grad()
        embedding, output, means = forward(model, images)
        task, penalty = task_loss(objective, output, labels), norm_loss(model, first)
        total = task + setting["penalty"] * penalty
        found["loss"].append([task.item(), penalty.item()])
        for term in setting["terms"]:
            loss, factor, norms = term_loss(term, setting, model, embedding, means), LAMBDA[term], [torch.nan] * 2
            if setting["matched"]:
                norms = [gradient_norm(x, compared(term, setting, model)) for x in (task, loss)]
                factor = balances[term].update(*norms)
            found[term].append([loss.item(), factor, *norms])
            total = total + factor * loss
        total.backward()
        if step == 0:
            group["grad"] = torch.cat([sample(parameter.grad) for parameter in model.parameters()])
        optimiser.step()
    group["after2"] = torch.cat([sample(parameter) for parameter in model.parameters()])
    for name, values in found.items():
        group[name] = values


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(5)
    images = round_to_half(torch.randn(2 * IMAGES, 3, SIDE, SIDE, generator=generator))
    labels = torch.arange(IMAGES) % CLASSES
    state = make_state(generator)
    with h5py.File(sys.argv[1], "w", libver="latest") as f:
        f.attrs["about"] = "two steps per objective and topographic loss, made by tests/reference/make_topography.py"
        f.attrs["torch"] = str(torch.__version__)
        store(f, "images", images)
        store(f, "labels", labels)
        store(f, "superclass", SUPERCLASS)
        store_state(f, "before", state)
        for objective in ("ce", "supcon", "simclr", "margin"):
            rows = images if objective in ("supcon", "simclr") else images[:IMAGES]
            for name, setting in cases():
                run(f.create_group(f"{objective}/{name}"), objective, setting, state, rows.double(), labels)


if __name__ == "__main__":
    main()
