#!/usr/bin/python3
# make_augment.py: writes augment.h5, torchvision's augmentations for fixed parameters, and its random crops.
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: make_augment.py [augment.h5]

images [4, 3, 32, 32] uint8: smooth, gradients with hard edges, noise, saturated and grey patches.
cases/<name>/parameters (names in PARAMETERS) with the results of torchvision's tensor backend (`tensor`,
antialias on) and of its PIL backend (`pil`), both [4, 3, 32, 32] uint8.
crops/<policy> [33, 33]: how often RandomResizedCrop.get_params draws each (height, width) in 200,000 tries.
"""
import sys

import h5py
import numpy as np
import torch
import torchvision
from PIL import Image
from torchvision.transforms import RandomResizedCrop, functional as F

SIZE = 32
PARAMETERS = ("pad", "top", "left", "height", "width", "flip", "jitter", "first", "second", "third", "fourth",
              "brightness", "contrast", "saturation", "hue", "grey", "blur", "sigma")
PLAIN = dict(pad=0, top=0, left=0, height=SIZE, width=SIZE, flip=0, jitter=0, first=0, second=1, third=2,
             fourth=3, brightness=1, contrast=1, saturation=1, hue=0, grey=0, blur=0, sigma=1)


def box(top, left, height, width, **rest):
    return dict(top=top, left=left, height=height, width=width, **rest)


def colour(order="0123", **rest):
    return dict(jitter=1, **dict(zip(("first", "second", "third", "fourth"), map(int, order))), **rest)


CASES = {
    "whole": {}, "flip": dict(flip=1),
    "crop_square": box(5, 9, 20, 20), "crop_wide": box(0, 0, 13, 17), "crop_tall": box(12, 19, 20, 13),
    "crop_flip": box(3, 1, 25, 30, flip=1), "crop_half": box(16, 16, 16, 16), "crop_one": box(7, 30, 1, 2),
    "pad_corner": dict(pad=4, top=0, left=0), "pad_other": dict(pad=4, top=8, left=8),
    "pad_flip": dict(pad=4, top=3, left=6, flip=1),
    "darker": colour(brightness=0.63), "brighter": colour(brightness=1.37),
    "flatter": colour(contrast=0.61), "sharper": colour(contrast=1.37),
    "paler": colour(saturation=0.617), "vivid": colour(saturation=1.39),
    "hue_up": colour(hue=0.1), "hue_down": colour(hue=-0.083), "hue_far": colour(hue=0.45),
    "grey": dict(grey=1),
    "blur_least": dict(blur=1, sigma=0.1), "blur_some": dict(blur=1, sigma=0.8), "blur_most": dict(blur=1, sigma=2),
    "chain_1": box(2, 6, 27, 21, flip=1, blur=1, sigma=1.1,
                   **colour("0123", brightness=0.8, contrast=1.2, saturation=1.3, hue=0.05)),
    "chain_2": box(9, 0, 16, 19, blur=1, sigma=0.5,
                   **colour("3210", brightness=1.3, contrast=0.7, saturation=0.7, hue=-0.1)),
    "chain_3": box(0, 4, 30, 26, flip=1, grey=1, **colour("2031", brightness=1.1, contrast=1.4, saturation=1.4,
                                                          hue=0.09)),
    "chain_4": box(1, 1, 31, 31, **colour("1302", brightness=0.6, contrast=0.9, saturation=1.2, hue=-0.04)),
}


def make_images():
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    smooth = np.stack([0.5 + 0.5 * np.sin(2 * np.pi * (a * x + b * y + p)) for a, b, p in
                       ((1, 0.5, 0), (0.3, 1.2, 0.3), (0.8, 0.8, 0.6))])
    edges = np.stack([x, np.where((x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.1, 0.9, y), np.where(x > y, 0.2, 0.7)])
    noise = rng.uniform(size=(3, SIZE, SIZE))
    patches = np.repeat(np.repeat(rng.integers(0, 2, (3, 8, 8)).astype(float), 4, 1), 4, 2)
    patches[:, 20:] = rng.uniform(size=(1, 12, SIZE))
    return np.round(255 * np.stack([smooth, edges, noise, patches])).astype(np.uint8)


def augment(image, p):
    """The transforms in our order, on a uint8 tensor or a PIL image."""
    if p["pad"]:
        image = F.crop(F.pad(image, p["pad"]), p["top"], p["left"], SIZE, SIZE)
    else:
        image = F.resized_crop(image, p["top"], p["left"], p["height"], p["width"], [SIZE, SIZE], antialias=True)
    if p["flip"]:
        image = F.hflip(image)
    if p["jitter"]:
        for step in (p["first"], p["second"], p["third"], p["fourth"]):
            name = ("brightness", "contrast", "saturation", "hue")[step]
            if p[name] != PLAIN[name]:
                image = getattr(F, "adjust_" + name)(image, p[name])
    if p["grey"]:
        image = F.rgb_to_grayscale(image, 3)
    if p["blur"]:
        image = F.gaussian_blur(image, 3, p["sigma"])
    return image


def count_crops(scale, tries=200_000):
    image, counts = torch.zeros(3, SIZE, SIZE), np.zeros((SIZE + 1, SIZE + 1), np.int32)
    for _ in range(tries):
        _, _, height, width = RandomResizedCrop.get_params(image, scale, [3 / 4, 4 / 3])
        counts[height, width] += 1
    return counts


def main():
    torch.manual_seed(1)
    images = make_images()
    with h5py.File(sys.argv[1] if len(sys.argv) > 1 else "augment.h5", "w") as out:
        out.attrs["torchvision"] = str(torchvision.__version__)
        out.create_dataset("images", data=images, compression="gzip")
        for name, case in CASES.items():
            p = {**PLAIN, **case}
            group = out.create_group("cases/" + name)
            group["parameters"] = [float(p[key]) for key in PARAMETERS]
            tensor = np.stack([augment(torch.tensor(image), p).numpy() for image in images])
            pil = np.stack([np.asarray(augment(Image.fromarray(image.transpose(1, 2, 0)), p)).transpose(2, 0, 1)
                            for image in images])
            group.create_dataset("tensor", data=tensor, compression="gzip")
            group.create_dataset("pil", data=pil, compression="gzip")
        out.create_dataset("crops/crop", data=count_crops([0.2, 1]), compression="gzip")
        out.create_dataset("crops/validation", data=count_crops([0.5, 1]), compression="gzip")


if __name__ == "__main__":
    main()
