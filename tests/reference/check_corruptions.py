#!/usr/bin/python3
# check_corruptions.py: our corruptions beside the published formulas on real images. SPDX-License-Identifier: GPL-3.0-or-later
"""usage: check_corruptions.py BUILD DATA [--images 200]

DATA holds CIFAR-10's test_batch.bin. Prints two Markdown tables. For the corruptions without random numbers: how far each value
of ours is from the published formula's (Hendrycks & Dietterich 2019, CIFAR variant, in NumPy, SciPy and Pillow), in grey
levels. For those with random numbers, whose draws differ: the mean absolute change from the clean image at each severity,
of both, and their ratio. Frost is left out: ours makes its texture itself. Fails if a value of the first kind is two levels
off, or a mean of the second kind a tenth.
"""
import argparse
import pathlib
import subprocess
import sys

import numpy as np
from scipy import ndimage

import make_corruption as formulas

SIDE = formulas.SIDE
rng = np.random.default_rng(0)


def blurred(x, sigma):
    return np.stack([ndimage.gaussian_filter(x[..., c], sigma, mode="nearest", truncate=4) for c in range(3)], -1)


def bilinear(x, rows, cols):
    return np.stack([ndimage.map_coordinates(x[..., c], [rows, cols], order=1, mode="mirror") for c in range(3)], -1)


# ---- The corruptions with random numbers ----

def impulse(x, share):
    hit, salt = rng.random(x.shape) < share, rng.random(x.shape) < 0.5
    return np.where(hit, np.where(salt, 1, 0), x)


def glass(x, sigma, reach, times):
    x = formulas.levels(blurred(x, sigma))
    for _ in range(times):
        for row in range(SIDE - reach, reach, -1):
            for col in range(SIDE - reach, reach, -1):
                dx, dy = rng.integers(-reach, reach, 2)
                other = row + dy, col + dx
                if max(row, col, *other) < SIDE:
                    x[row, col] = x[other]  # the published exchange of views: the second half finds the pixel overwritten
    return blurred(x / 255, sigma)


def motion(x, radius, sigma):
    angle = rng.uniform(-45, 45)
    return np.stack([formulas.motion(x[..., c], radius, sigma, angle) for c in range(3)], -1)


def plasma(decay):
    """Diamond-square over SIDE x SIDE, periodic, scaled to 0..1."""
    field, step, wibble = np.zeros((SIDE, SIDE)), SIDE, 100.0
    while step >= 2:
        def shaken(total):
            return total / 4 + wibble * rng.uniform(-wibble, wibble, total.shape)
        half = step // 2
        corners = field[::step, ::step]
        squares = corners + np.roll(corners, -1, 0)
        squares = squares + np.roll(squares, -1, 1)
        field[half::step, half::step] = shaken(squares)
        inner, outer = field[half::step, half::step], field[::step, ::step]
        down = inner + np.roll(inner, 1, 0) + outer + np.roll(outer, -1, 1)
        along = inner + np.roll(inner, 1, 1) + outer + np.roll(outer, -1, 0)
        field[::step, half::step], field[half::step, ::step] = shaken(down), shaken(along)
        step, wibble = half, wibble / decay
    field -= field.min()
    return field / field.max()


def fog(x, amount, decay):
    most = x.max()
    return (x + amount * plasma(decay)[..., None]) * most / (most + amount)


def snow(x, mean, sd, zoom, least, radius, sigma, kept):
    layer = formulas.clipped_zoom(rng.normal(mean, sd, (SIDE, SIDE, 1)), zoom)[..., 0]
    layer = formulas.levels(np.where(layer < least, 0, layer)) / 255
    layer = formulas.motion(layer, radius, sigma, rng.uniform(-135, -45))[..., None]
    grey = (x @ [0.299, 0.587, 0.114])[..., None]
    return kept * x + (1 - kept) * np.maximum(x, grey * 1.5 + 0.5) + layer + np.rot90(layer, 2)


def elastic(x, strength, smooth, affine):
    strength, smooth, affine = SIDE * strength, SIDE * smooth, SIDE * affine
    centre, reach = SIDE // 2, SIDE // 3
    corners = np.array([[centre + reach, centre + reach], [centre + reach, centre - reach], [centre - reach, centre - reach]])
    moved = corners + rng.uniform(-affine, affine, corners.shape)
    back = np.linalg.solve(np.c_[moved, np.ones(3)], corners)  # where each moved place comes from: (x, y)
    row, col = np.mgrid[:SIDE, :SIDE]
    place = np.stack([col, row, np.ones_like(row)], -1) @ back
    x = bilinear(x, place[..., 1], place[..., 0])
    dx, dy = (strength * ndimage.gaussian_filter(rng.uniform(-1, 1, (SIDE, SIDE)), smooth, mode="reflect", truncate=3)
              if smooth else 0 for _ in range(2))
    return bilinear(x, row + dy, col + dx)


RANDOM = {
    "gaussian_noise": (lambda x, sd: x + rng.normal(0, sd, x.shape), [(0.04,), (0.06,), (0.08,), (0.09,), (0.1,)]),
    "shot_noise": (lambda x, rate: rng.poisson(x * rate) / rate, [(500,), (250,), (100,), (75,), (50,)]),
    "impulse_noise": (impulse, [(0.01,), (0.02,), (0.03,), (0.05,), (0.07,)]),
    "glass_blur": (glass, [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)]),
    "motion_blur": (motion, [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)]),
    "snow": (snow, [(0.1, 0.2, 1, 0.6, 8, 3, 0.95), (0.1, 0.2, 1, 0.5, 10, 4, 0.9), (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
                    (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85), (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8)]),
    "fog": (fog, [(0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)]),
    "elastic_transform": (elastic, [(0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05),
                                    (0.1, 0.03, 0.03)]),
}


def ours(build, images, name, severity):
    """Corrupts (n, row, column, channel)."""
    command = [build / "tests/support/corrupt_images", name, str(severity), "3", str(SIDE), str(SIDE)]
    done = subprocess.run(command, input=images.transpose(0, 3, 1, 2).tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=200)
    options = parser.parse_args()
    rows = np.fromfile(options.data / "test_batch.bin", np.uint8).reshape(-1, 3073)[:options.images, 1:]
    images = np.ascontiguousarray(rows.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
    good = True
    print(f"{len(images)} images of CIFAR-10's test set, severities 1 to 5\n")
    print("| without random numbers | equal | one level off | more | largest |\n|---|---|---|---|---|")
    for name, formula in formulas.FIXED.items():
        difference = np.concatenate([
            np.abs(np.int32(ours(options.build, images, name, k + 1)) - np.stack([formula[k](x) for x in images])).ravel()
            for k in range(5)])
        good &= difference.max() <= 1
        print(f"| {name} | {np.mean(difference == 0):.4%} | {np.mean(difference == 1):.4%} | {np.mean(difference > 1):.4%} | "
              f"{difference.max()} |", flush=True)
    print("\n| with random numbers | mean change, levels: ours | by the formulas | ratio |\n|---|---|---|---|")
    for name, (formula, parameters) in RANDOM.items():
        mine = [np.abs(np.float64(ours(options.build, images, name, k + 1)) - images).mean() for k in range(5)]
        theirs = [np.mean([np.abs(np.float64(formulas.levels(formula(x / 255, *c))) - x).mean() for x in images]) for c in parameters]
        ratio = np.divide(mine, theirs)
        good &= bool(np.all(np.abs(ratio - 1) < 0.1))
        print(f"| {name} | {' '.join(f'{v:.2f}' for v in mine)} | {' '.join(f'{v:.2f}' for v in theirs)} | "
              f"{' '.join(f'{v:.3f}' for v in ratio)} |", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
