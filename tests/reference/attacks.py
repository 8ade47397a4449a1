#!/usr/bin/python3
# attacks.py: FGSM and PGD in PyTorch, to compare with. SPDX-License-Identifier: GPL-3.0-or-later
"""usage: attacks.py RUN.h5 [--images 1000] [--program WORKBENCH]

Attacks a shallowcnn trained on CIFAR-10 here and with `workbench run adversarial`, on the same test images, and prints
both accuracies; exits 1 where they differ by more than 0.5 points. The weights come through scripts/pytorch_bridge.py.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import torch
import torch.nn.functional as F

import networks

ROOT = pathlib.Path(__file__).resolve().parents[2]
EPSILONS = (1, 2, 4, 8)


def load(run, folder):
    """A run file's shallowcnn with a linear head, by way of a .pth file: images in [0, 1] to logits."""
    pth = pathlib.Path(folder) / "model.pth"
    subprocess.run([ROOT / "scripts/pytorch_bridge.py", "to-pth", "--overwrite", run, pth], check=True,
                   stdout=subprocess.DEVNULL)
    state = torch.load(pth)
    with h5py.File(run) as f:
        mean, sd = (torch.tensor(f["model"].attrs[name], dtype=torch.float32)[:, None, None] for name in ("mean", "sd"))
    units, width = state["encoder.fc.weight"].shape[0], state["encoder.conv1.weight"].shape[0]
    net = networks.Classifier(networks.ShallowCNN(units, state["encoder.conv1.weight"].shape[1], width),
                              len(state["fc.bias"]))
    net.load_state_dict(state, strict=False)
    net.eval()
    return lambda images: net((images - mean) / sd)[1]


def gradient(logits_of, images, labels):
    images = images.clone().requires_grad_()
    return torch.autograd.grad(F.cross_entropy(logits_of(images), labels, reduction="sum"), images)[0]


def fgsm(logits_of, images, labels, epsilon):
    return (images + epsilon * gradient(logits_of, images, labels).sign()).clamp(0, 1)


def pgd(logits_of, images, labels, epsilon, steps=10, step=0.25):
    x = (images + torch.empty_like(images).uniform_(-epsilon, epsilon)).clamp(0, 1)
    for _ in range(steps):
        x = x + step * epsilon * gradient(logits_of, x, labels).sign()
        x = torch.maximum(torch.minimum(x, images + epsilon), images - epsilon).clamp(0, 1)
    return x


def accuracies(logits_of, images, labels, epsilons=EPSILONS):
    """Under fgsm and pgd, at epsilon 0 and each of `epsilons` (of 255). images (n, c, h, w) uint8."""
    torch.manual_seed(0)
    out = {"fgsm": [], "pgd": []}
    images, labels = torch.from_numpy(np.float32(images) / 255), torch.from_numpy(np.int64(labels))
    for name, attack in (("fgsm", fgsm), ("pgd", pgd)):
        for epsilon in (0, *epsilons):
            right = 0
            for x, y in zip(images.split(250), labels.split(250)):
                if epsilon:
                    x = attack(logits_of, x, y, epsilon / 255)
                with torch.no_grad():
                    right += int((logits_of(x).argmax(1) == y).sum())
            out[name].append(right / len(labels))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/release/bin/workbench")
    a = parser.parse_args()
    with h5py.File(a.run) as f:
        kind, _, place = f.attrs["data_spec"].partition(":")
    if kind != "cifar10":
        sys.exit(f"{a.run} was not trained on CIFAR-10")
    records = np.fromfile(pathlib.Path(place.split(",")[0]) / "test_batch.bin", np.uint8).reshape(-1, 3073)[:a.images]
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([a.program, "run", "adversarial", "--in", a.run.resolve(), "--images", str(a.images), "--quiet",
                        "--out", f"{folder}/out"], check=True, stdout=subprocess.DEVNULL)
        theirs = accuracies(load(a.run, folder), records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0])
        with h5py.File(f"{folder}/out/result.h5") as f:
            run, = f["runs"].values()
            for name in ("fgsm", "pgd"):
                ours = run[name]["data"][()]
                worst = max(worst, np.abs(ours - theirs[name]).max())
                print(json.dumps({"attack": name, "epsilons": [0, *EPSILONS], "workbench": [float(v) for v in ours],
                                  "pytorch": theirs[name]}))
    print(f"largest difference {100 * worst:.2f} points of {a.images} images")
    sys.exit(int(worst > 0.005))


if __name__ == "__main__":
    main()
