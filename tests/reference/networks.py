# networks.py: the networks and losses of the two papers in PyTorch, written from their definitions.
# SPDX-License-Identifier: GPL-3.0-or-later
"""An independent PyTorch statement of what the C engine computes.

State-dict names are those of run files: `encoder.conv1.weight`, `encoder.layer2.0.shortcut.0.weight`,
`encoder.fc.weight`, `fc.weight` (classification head), `head.0.*` and `head.3.*` (projection head); the two of the
second paper are whole classifiers with names of their own: `conv1.weight`, `bn1.*`, `fc1.*`, `fc2.*`.
`check_networks.py` proves this module against the stored values of the published code.
"""
import torch
from torch import nn
from torch.nn import functional as F

GRID_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))  # one of each unordered Moore pair


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, added to the input or to its 1x1 projection."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet18(nn.Module):
    """The CIFAR variant: 3x3 stem without pooling, four stages of two blocks, linear to `units`."""

    def __init__(self, units=256, width=64, channels=3):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(BasicBlock(width, width, 1), BasicBlock(width, width, 1))
        self.layer2 = nn.Sequential(BasicBlock(width, 2 * width, 2), BasicBlock(2 * width, 2 * width, 1))
        self.layer3 = nn.Sequential(BasicBlock(2 * width, 4 * width, 2), BasicBlock(4 * width, 4 * width, 1))
        self.layer4 = nn.Sequential(BasicBlock(4 * width, 8 * width, 2), BasicBlock(8 * width, 8 * width, 1))
        self.fc = nn.Linear(8 * width, units)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class ShallowCNN(nn.Module):
    """Four 3x3 convolutions with bias, batch norm and ReLU; max-pool after the first three; linear."""

    def __init__(self, units=256, channels=3, width=32):
        super().__init__()
        a, b, c, d = width, 2 * width, 4 * width, 8 * width
        self.conv1, self.bn1 = nn.Conv2d(channels, a, 3, padding=1), nn.BatchNorm2d(a)
        self.conv2, self.bn2 = nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b)
        self.conv3, self.bn3 = nn.Conv2d(b, c, 3, padding=1), nn.BatchNorm2d(c)
        self.conv4, self.bn4 = nn.Conv2d(c, d, 3, padding=1), nn.BatchNorm2d(d)
        self.fc = nn.Linear(d, units)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        x = F.max_pool2d(F.relu(self.bn3(self.conv3(x))), 2)
        x = F.relu(self.bn4(self.conv4(x)))
        return self.fc(x.mean((2, 3)))


class TruongMNIST(nn.Module):
    """Two 3x3 convolutions with bias, ReLU and max-pool, linear to the embedding; ReLU, dropout, linear to classes."""

    def __init__(self, units=121, channels=1, classes=10, dropout=0.5, width=32):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc1 = nn.Linear(2 * width, units)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(units, classes)

    def features(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return F.max_pool2d(F.relu(self.conv2(x)), 2)

    def forward(self, x):
        """Returns the embedding [n, units] before ReLU, and the logits [n, classes]."""
        embedding = self.fc1(self.features(x).mean((2, 3)))
        return embedding, self.fc2(self.dropout(F.relu(embedding)))


class TruongCIFAR(TruongMNIST):
    """The same with shallowcnn's four convolutions and batch norms."""

    def __init__(self, units=121, channels=3, classes=10, dropout=0.5, width=32):
        super().__init__(units, channels, classes, dropout, width)
        self.conv3 = nn.Conv2d(2 * width, 4 * width, 3, padding=1)
        self.conv4 = nn.Conv2d(4 * width, 8 * width, 3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(2 * width)
        self.bn3, self.bn4 = nn.BatchNorm2d(4 * width), nn.BatchNorm2d(8 * width)
        self.fc1 = nn.Linear(8 * width, units)

    def features(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        x = F.max_pool2d(F.relu(self.bn3(self.conv3(x))), 2)
        return F.relu(self.bn4(self.conv4(x)))


class Classifier(nn.Module):
    """Encoder, dropout on the embedding (before any ReLU), linear to classes."""

    def __init__(self, encoder, classes=10, dropout=0.5):
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(encoder.fc.out_features, classes)

    def forward(self, x):
        """Returns the embedding [n, units] before ReLU, and the logits [n, classes]."""
        embedding = self.encoder(x)
        return embedding, self.fc(self.dropout(embedding))


class Projector(nn.Module):
    """Encoder and projection head: batch norm, ReLU, dropout, linear, then unit length."""

    def __init__(self, encoder, features=128, dropout=0.5):
        super().__init__()
        units = encoder.fc.out_features
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.BatchNorm1d(units), nn.ReLU(), nn.Dropout(dropout), nn.Linear(units, features))

    def forward(self, x):
        """Returns the embedding [n, units] before ReLU, and the normalised features [n, features]."""
        embedding = self.encoder(x)
        return embedding, F.normalize(self.head(embedding), dim=1)


def supcon(features, labels, temperature=0.07):
    """Supervised contrastive loss of unit-length features [n, k], all views together, labels [n]."""
    others = ~torch.eye(len(labels), dtype=torch.bool)
    positive = (labels[:, None] == labels[None, :]) & others
    similarity = features @ features.T / temperature
    log_p = similarity - similarity.masked_fill(~others, -torch.inf).logsumexp(1, keepdim=True)
    return -((log_p * positive).sum(1) / positive.sum(1)).mean()


def margin(features, labels, superclass, margins=(0.05, 0.3, 0.5)):
    """Hierarchical margin loss: mean over unordered pairs of unit-length features [n, k]."""
    first, second = torch.triu_indices(len(labels), len(labels), 1)
    distance = 1 - (features[first] * features[second]).sum(1)
    a, b = labels[first], labels[second]
    apart = torch.where(superclass[a] == superclass[b], margins[1], margins[2])
    return torch.where(a == b, F.relu(distance - margins[0]), F.relu(apart - distance)).square().mean()


def grid_of(units):
    """The grid [rows, columns] of `units` units: the divisor pair closest to a square."""
    rows = max(r for r in range(1, int(units**0.5) + 1) if units % r == 0)
    return rows, units // rows


def neighbour_pairs(units):
    """Unordered pairs of Moore neighbours (no wrap) on the row-major grid: two index tensors."""
    rows, columns = grid_of(units)
    index = torch.arange(units).reshape(rows, columns)
    first, second = [], []
    for down, right in GRID_NEIGHBOURS:
        from_columns = slice(max(0, -right), columns - max(0, right))
        to_columns = slice(max(0, right), columns + min(0, right))
        first.append(index[: rows - down, from_columns].reshape(-1))
        second.append(index[down:, to_columns].reshape(-1))
    return torch.cat(first), torch.cat(second)


def ws_pair_mean(weight):
    """Mean over unordered neighbour pairs of the distance between rows of weight [units, fan_in]."""
    first, second = neighbour_pairs(len(weight))
    return (weight[first] - weight[second]).norm(dim=1).mean()


def ws_unit_sum(weight):
    """Sum over units of the mean distance to the unit's neighbours (Eq. 1 of the first paper)."""
    first, second = neighbour_pairs(len(weight))
    distance = (weight[first] - weight[second]).norm(dim=1)
    both, twice = torch.cat([first, second]), torch.cat([distance, distance])
    total = torch.zeros(len(weight), dtype=weight.dtype).index_add(0, both, twice)
    return (total / torch.bincount(both, minlength=len(weight))).sum()


def weight_similarity(rows, distance="l2", mean="pair-mean"):
    """The same with a choice of distance between rows [units, n], over pairs or as in Eq. 1."""
    first, second = neighbour_pairs(len(rows))
    if distance == "l2":
        apart = (rows[first] - rows[second]).norm(dim=1)
    else:
        rows = rows - rows.mean(1, keepdim=True) if distance == "correlation" else rows
        rows = rows / rows.norm(dim=1, keepdim=True)
        apart = 1 - (rows[first] * rows[second]).sum(1)
    if mean == "pair-mean":
        return apart.mean()
    both, twice = torch.cat([first, second]), torch.cat([apart, apart])
    total = torch.zeros(len(rows), dtype=rows.dtype).index_add(0, both, twice)
    return (total / torch.bincount(both, minlength=len(rows))).sum()


def global_similarity(activation):
    """Mean over pairs of units of (cosine over the batch - 1 / (distance + 1))^2, the grid scaled to [0, 1]."""
    units = activation.shape[1]
    rows, columns = grid_of(units)
    place = torch.stack([torch.arange(units) // columns / (rows - 1), torch.arange(units) % columns / (columns - 1)], 1)
    first, second = torch.triu_indices(units, units, 1)
    near = 1 / ((place[first] - place[second]).double().norm(dim=1) + 1)
    cosine = F.cosine_similarity(activation[:, first], activation[:, second], dim=0)
    return (cosine - near).square().mean()


class MatchedBalance:
    """Gradient matching (Eq. 2-3): lambda follows rho * ||g_task|| / ||g_topo|| as a running average."""

    def __init__(self, rho):
        self.rho = rho
        self.value = None

    def update(self, norm_task, norm_topo):
        """Takes this step's gradient norms and returns the new lambda."""
        target = min(max(self.rho * norm_task / (norm_topo + 1e-8), 0.0), 1e4)
        self.value = target if self.value is None else 0.9 * self.value + 0.1 * target
        return self.value


def backward(model, task, balance, topographic=ws_pair_mean):
    """Leaves the gradient of task + lambda * topo in the parameters and returns what went into it.

    The norms are taken over weight and bias of the embedding layer. One backward pass suffices, as
    the topographic loss touches the embedding weight only and its gradient is added with its factor.
    """
    layer = model.encoder.fc
    topo = topographic(layer.weight)
    topo_gradient, = torch.autograd.grad(topo, layer.weight)
    task.backward()
    norm_task = torch.cat([layer.weight.grad.reshape(-1), layer.bias.grad]).norm().item()
    norm_topo = topo_gradient.norm().item()
    factor = balance.update(norm_task, norm_topo)
    layer.weight.grad.add_(topo_gradient, alpha=factor)
    return {"task_loss": task.item(), "topo_loss": topo.item(), "norm_task": norm_task,
            "norm_topo": norm_topo, "lambda_hat": factor}
