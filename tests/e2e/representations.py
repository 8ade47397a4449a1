"""Plain definitions of what the tests of representations share, and made embeddings. SPDX-License-Identifier:
GPL-3.0-or-later"""
import numpy as np
from scipy import stats
from scipy.spatial import distance as spatial
from sklearn.covariance import LedoitWolf

from support import noise

CLOSE = {"rtol": 1e-9, "atol": 1e-11}
DISTANCES = ["pearson", "spearman", "cosine", "euclidean", "mahalanobis"]


def chosen(labels, per_class=100):
    """Rows of the first stimuli of each class, in class order."""
    labels = np.asarray(labels)
    return np.concatenate([np.flatnonzero(labels == c)[:per_class or None] for c in np.unique(labels[labels >= 0])])


def whitened(x, labels):
    residual = np.concatenate([x[labels == c] - x[labels == c].mean(0) for c in np.unique(labels)])
    fit = LedoitWolf(assume_centered=True).fit(residual)
    return fit.covariance_, fit.shrinkage_


def rdm(x, labels, distance):
    """The condensed RDM; flat patterns at distance 1."""
    if distance == "mahalanobis":
        return spatial.pdist(x, "mahalanobis", VI=np.linalg.inv(whitened(x, labels)[0]))
    if distance == "euclidean":
        return spatial.pdist(x)
    if distance == "spearman":
        x = stats.rankdata(x, axis=1)
    flat = ~x.any(1) if distance == "cosine" else np.ptp(x, axis=1) == 0
    with np.errstate(all="ignore"):
        d = spatial.squareform(spatial.pdist(x, "cosine" if distance == "cosine" else "correlation"), checks=False)
    d[flat] = d[:, flat] = 1
    np.fill_diagonal(d, 0)
    return spatial.squareform(d, checks=False)


def population(stimuli=150, units=20, classes=4, seed=0, spread=1.0):
    """Embeddings with a common structure of classes and noise of their own."""
    labels = np.random.default_rng(1).permutation(stimuli) % classes
    centres = np.random.default_rng(2).standard_normal((classes, units))
    return np.float32(centres[labels] + spread * noise(stimuli, units, seed)), labels
