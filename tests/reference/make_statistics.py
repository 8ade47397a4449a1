#!/usr/bin/python3
"""Writes statistics.json: means, t intervals, t tests and Holm corrections from scipy and plain formulas.

    /usr/bin/python3 tests/reference/make_statistics.py

SPDX-License-Identifier: GPL-3.0-or-later
"""

import json
import pathlib

import numpy
import scipy
from scipy import stats

rng = numpy.random.default_rng(20240611)


def summary(x):
    low, high = stats.t.interval(0.95, len(x) - 1, loc=numpy.mean(x), scale=stats.sem(x))
    return {"values": list(x), "mean": numpy.mean(x), "sd": numpy.std(x, ddof=1), "sem": stats.sem(x), "low": low,
            "high": high}


def contrast(a, b, paired):
    if paired:
        test = stats.ttest_rel(a, b)
        difference = a - b
        df, se = len(a) - 1, stats.sem(difference)
    else:
        test = stats.ttest_ind(a, b, equal_var=False)
        va, vb = numpy.var(a, ddof=1) / len(a), numpy.var(b, ddof=1) / len(b)
        df, se = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1)), numpy.sqrt(va + vb)
    difference = numpy.mean(a) - numpy.mean(b)
    low, high = stats.t.interval(0.95, df, loc=difference, scale=se)
    return {"a": list(a), "b": list(b), "difference": difference, "se": se, "df": df, "t": test.statistic,
            "p": test.pvalue, "low": low, "high": high}


def holm(p):
    order = numpy.argsort(p, kind="stable")
    adjusted = numpy.empty(len(p))
    adjusted[order] = numpy.minimum(1, numpy.maximum.accumulate((len(p) - numpy.arange(len(p))) * p[order]))
    return {"p": list(p), "adjusted": list(adjusted)}


base = rng.normal(0.5, 0.05, 5)
result = {
    "made_by": f"make_statistics.py, scipy {scipy.__version__}, numpy {numpy.__version__}",
    "summaries": [summary(rng.normal(0.6, 0.02, n)) for n in (2, 3, 5, 10, 40)],
    "paired": [contrast(base + rng.normal(shift, 0.02, 5), base, True) for shift in (0, 0.01, 0.1, 3)],
    "welch": [contrast(rng.normal(shift, scale, na), rng.normal(0, 1, nb), False)
              for shift, scale, na, nb in ((0, 1, 5, 5), (0.5, 3, 3, 10), (4, 0.1, 2, 5))],
    "holm": [holm(numpy.array(p)) for p in ([0.01, 0.04, 0.03, 0.005], [0.5], [0.2, 0.2, 0.9], list(rng.random(12) / 8))],
}
path = pathlib.Path(__file__).with_name("statistics.json")
path.write_text(json.dumps(result, indent=1) + "\n")
