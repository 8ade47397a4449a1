#!/usr/bin/env python3
"""Writes spatial.json: Moran's I, Geary's C, local Moran's I and a correlogram as esda and libpysal compute them.

    python3 -m venv --system-site-packages venv && venv/bin/pip install esda libpysal
    venv/bin/python make_spatial.py            # writes spatial.json beside itself

esda defines local Moran's I with n - 1 where workbench has n; the values here are esda's times n / (n - 1).
SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import pathlib
import warnings

import esda
import libpysal
import numpy as np

warnings.filterwarnings("ignore")
ROWS, COLS, MAPS = 6, 8, 3
UNITS = ROWS * COLS


def grid(queen, standardise):
    w = libpysal.weights.lat2W(ROWS, COLS, rook=not queen)
    w.transform = "r" if standardise else "b"
    return w


def measure(x, w):
    moran = esda.Moran(x, w, transformation="r" if w.transform == "R" else "b", permutations=0)
    local = esda.Moran_Local(x, w, transformation="r" if w.transform == "R" else "b", permutations=0)
    return {"i": moran.I, "expected": moran.EI, "z": moran.z_rand, "sd": moran.seI_rand,
            "geary": esda.Geary(x, w, transformation="r" if w.transform == "R" else "b", permutations=0).C,
            "local": list(local.Is * UNITS / (UNITS - 1))}


def correlogram(x):
    """Moran's I with binary weights between the cells at each distance, rounded half up."""
    row, col = np.divmod(np.arange(UNITS), COLS)
    lag = np.floor(np.hypot(row[:, None] - row, col[:, None] - col) + 0.5).astype(int)
    out = []
    for d in range(1, COLS):
        w = libpysal.weights.full2W((lag == d).astype(float))
        out.append(esda.Moran(x, w, transformation="b", permutations=0).I)
    return out


rng = np.random.default_rng(11)
maps = np.float32(rng.standard_normal((MAPS, UNITS)) + 0.3 * (np.arange(UNITS) % COLS))
cases = [{"neighbours": "queen" if queen else "rook", "row_standardised": standardise,
          "maps": [measure(np.float64(x), grid(queen, standardise)) for x in maps]}
         for queen in (False, True) for standardise in (False, True)]
result = {"made_by": f"make_spatial.py, esda {esda.__version__}, libpysal {libpysal.__version__}", "rows": ROWS,
          "cols": COLS, "maps": [[float(v) for v in x] for x in maps], "cases": cases,
          "correlograms": [correlogram(np.float64(x)) for x in maps]}
path = pathlib.Path(__file__).with_name("spatial.json")
path.write_text(json.dumps(result, indent=1) + "\n")
