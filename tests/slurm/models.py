"""The models of a sweep's runs, to compare what two engines made. SPDX-License-Identifier: GPL-3.0-or-later"""
import pathlib

import h5py


def digests(folder):
    """SHA-256 of the model of every run file of a sweep's folder, by name; each must be complete."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("runs/*.h5")):
        with h5py.File(path) as file:
            found[path.name] = {k: v for k, v in file["/digests"].attrs.items() if k.startswith("/model")}
            assert file.attrs["state"] == "complete", path
    return found
