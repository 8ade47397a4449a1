#!/usr/bin/python3
"""How far a linear classifier on pixels gets on the built-in images: it must stay below 45% test accuracy.

usage: builtin_linear.py DUMP_DATASET [SPEC]

DUMP_DATASET is the program of that name in the build tree (tests/support), SPEC the data set (default: builtin).
Multinomial logistic regression on standardised pixels, at several strengths of regularisation. Prints each accuracy
and exits 1 if the best is 45% or more.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import subprocess
import sys
import tempfile
import warnings

import h5py
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

LIMIT = 0.45


def read(file, split):
    images = file[f"{split}/images"][:]
    return images.reshape(len(images), -1) / 255.0, file[f"{split}/labels"][:]


def main(dump, spec="builtin"):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data.h5")
        subprocess.run([dump, spec, path], check=True, stdout=subprocess.DEVNULL)
        with h5py.File(path) as file:
            train, train_labels = read(file, "train")
            test, test_labels = read(file, "test")
    scale = StandardScaler().fit(train)
    train, test = scale.transform(train), scale.transform(test)
    best = 0
    for strength in (1e-5, 1e-4, 1e-3):
        model = LogisticRegression(C=strength, max_iter=100).fit(train, train_labels)
        accuracy = model.score(test, test_labels)
        best = max(best, accuracy)
        print(f"C {strength:g}: {model.score(train, train_labels):.1%} of train, {accuracy:.1%} of test", flush=True)
    print(f"best {best:.1%}, limit {LIMIT:.0%}")
    return int(best >= LIMIT)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    warnings.simplefilter("ignore", ConvergenceWarning)  # 100 iterations suffice for the accuracy
    sys.exit(main(*sys.argv[1:]))
