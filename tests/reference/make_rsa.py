#!/usr/bin/env python3
"""Writes rsa.h5: RDMs, their comparisons and noise ceilings as rsatoolbox 0.3.2 (PyPI) computes them.

Run it in a virtual environment that has rsatoolbox and h5py. SPDX-License-Identifier: GPL-3.0-or-later
"""
import importlib.metadata
import pathlib

import h5py
import numpy as np
import rsatoolbox
from rsatoolbox.inference import noise_ceiling

PLACE = pathlib.Path(__file__).parent
METHODS = {"pearson": "corr", "spearman": "spearman", "kendall": "tau-a", "cosine": "cosine",
           "whitened": "cosine_cov"}


def main():
    rng = np.random.default_rng(0)
    common = rng.standard_normal((14, 10))
    features = np.float32(common + 0.8 * rng.standard_normal((5, 14, 10)))  # runs or subjects, stimuli, units
    data = [rsatoolbox.data.Dataset(np.float64(x)) for x in features]
    rdms = rsatoolbox.rdm.concat([rsatoolbox.rdm.calc_rdm(d, method="correlation") for d in data])
    with h5py.File(PLACE / "rsa.h5", "w") as f:
        f.attrs["rsatoolbox"] = importlib.metadata.version("rsatoolbox")
        f["features"] = features
        f["correlation"] = rdms.dissimilarities
        f["squared_euclidean_mean"] = np.concatenate(  # rsatoolbox divides by the number of units
            [rsatoolbox.rdm.calc_rdm(d, method="euclidean").dissimilarities for d in data])
        for name, method in METHODS.items():
            f[f"compare/{name}"] = rsatoolbox.rdm.compare(rdms, rdms, method=method)
            if name == "whitened":
                continue
            lower, upper = noise_ceiling.boot_noise_ceiling(rdms, method=method)
            f[f"ceiling/{name}"] = [np.mean(lower), np.mean(upper)]


if __name__ == "__main__":
    main()
