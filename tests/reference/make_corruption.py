#!/usr/bin/python3
# make_corruption.py: writes corruption.h5. SPDX-License-Identifier: GPL-3.0-or-later
"""The corruptions of CIFAR-10-C that need no random numbers, of one 32 x 32 image, by the published formulas (Hendrycks &
Dietterich 2019, CIFAR variant) in NumPy, SciPy and Pillow; and motion blur and the Gaussian filter at given values.
"""
import io
import pathlib

import h5py
import numpy as np
from PIL import Image
from scipy import ndimage

SIDE = 32


def picture():
    rng = np.random.default_rng(8)
    smooth = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE, 3)), (3, 3, 0))
    return np.uint8((128 + 500 * smooth + 12 * rng.standard_normal((SIDE, SIDE, 3))).clip(0, 255))


def defocus(x, radius, alias):
    line = np.arange(-8, 9)
    disk = np.float64(line[:, None]**2 + line**2 <= radius**2)
    tap = np.exp(-0.5 * np.array([-1, 0, 1])**2 / alias**2)
    tap /= tap.sum()
    kernel = ndimage.convolve(disk / disk.sum(), np.outer(tap, tap), mode="constant")
    return np.stack([ndimage.correlate(x[..., c], kernel, mode="mirror") for c in range(3)], -1)


def clipped_zoom(x, factor):
    rows = int(np.ceil(SIDE / factor))
    top = (SIDE - rows) // 2
    x = ndimage.zoom(x[top:top + rows, top:top + rows], (factor, factor, 1), order=1)
    trim = (x.shape[0] - SIDE) // 2
    return x[trim:trim + SIDE, trim:trim + SIDE]


def zoom(x, end):
    factors = np.arange(1, end, 0.01)
    return (x + sum(clipped_zoom(x, factor) for factor in factors)) / (len(factors) + 1)


def brightness(x, amount):
    value = x.max(2, keepdims=True)
    raised = np.clip(value + amount, 0, 1)
    return np.where(value > 0, x * raised / np.where(value > 0, value, 1), raised)


def contrast(x, factor):
    mean = x.mean((0, 1), keepdims=True)
    return (x - mean) * factor + mean


def jpeg(image, quality):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out)


def motion(x, radius, sigma, degrees):
    tap = np.exp(-0.5 * np.arange(2 * radius + 1)**2 / sigma**2)
    tap /= tap.sum()
    y, x_ = np.mgrid[:SIDE, :SIDE]
    out = 0
    for k, weight in enumerate(tap):
        dy = int(np.ceil(k * np.sin(np.deg2rad(degrees)) - 0.5))
        dx = int(np.ceil(k * np.cos(np.deg2rad(degrees)) - 0.5))
        out = out + weight * x[(y + dy).clip(0, SIDE - 1), (x_ + dx).clip(0, SIDE - 1)]
    return out


def pixelate(image, factor):
    return image.resize((int(SIDE * factor),) * 2, Image.BOX).resize((SIDE, SIDE), Image.BOX)


def levels(x):
    """Where a value is a whole level, its rounding error must not decide which side it is cut off to."""
    return np.uint8(np.clip(x, 0, 1) * 255 + 1e-9)


def by_number(formula, parameters):
    return [lambda byte, c=c: levels(formula(byte / 255, *np.atleast_1d(c))) for c in parameters]


def by_image(formula, parameters):
    return [lambda byte, c=c: np.asarray(formula(Image.fromarray(byte), c)) for c in parameters]


# Of each severity, from a byte image to a byte image.
FIXED = {
    "defocus_blur": by_number(defocus, [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)]),
    "zoom_blur": by_number(zoom, [1.06, 1.11, 1.16, 1.21, 1.26]),
    "brightness": by_number(brightness, [0.05, 0.1, 0.15, 0.2, 0.3]),
    "contrast": by_number(contrast, [0.75, 0.5, 0.4, 0.3, 0.15]),
    "pixelate": by_image(pixelate, [0.95, 0.9, 0.85, 0.75, 0.65]),
    "jpeg_compression": by_image(jpeg, [80, 65, 58, 50, 40]),
}


def main():
    byte = picture()
    x = byte / 255
    out = {name: np.stack([corrupt(byte) for corrupt in severities]) for name, severities in FIXED.items()}
    with h5py.File(pathlib.Path(__file__).with_name("corruption.h5"), "w") as f:
        f["input"] = byte.transpose(2, 0, 1)
        for name, stack in out.items():  # (severity, channel, row, column)
            f.create_dataset(name, data=stack.transpose(0, 3, 1, 2), compression=9)
        plane = x[..., 0]
        f["motion"] = np.stack([motion(plane, 6, 1.5, -31.0), motion(plane, 9, 2.5, 44.0), motion(plane, 12, 6, -100.0)])
        f["gaussian_nearest"] = ndimage.gaussian_filter(plane, 0.4, mode="nearest", truncate=4)
        f["gaussian_reflect"] = ndimage.gaussian_filter(plane, 6.4, mode="reflect", truncate=3)
        f["zoomed"] = np.stack([clipped_zoom(x[..., :1], factor)[..., 0] for factor in (1.25, 1.75, 2.25)])


if __name__ == "__main__":
    main()
