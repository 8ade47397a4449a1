#!/usr/bin/python3
# test_kill.py: a training that is killed again and again. SPDX-License-Identifier: GPL-3.0-or-later
"""usage: test_kill.py WORKBENCH [--kills N] [--seed N] [--objective ce|supcon]

Trains once without interruption. Then the same run is killed with SIGKILL N times at random moments, and continued with
--resume each time: what it leaves is no file yet or a whole one of state "training" whose digests are right, and the
model at the end is the uninterrupted one's to the bit. Then SIGINT and SIGTERM: exit 130, and the command that the
message prints continues.
"""
import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import h5py

EPOCHS = 40


class Killing:
    def __init__(self, a, folder):
        self.program, self.folder, self.random = os.path.abspath(a.program), folder, random.Random(a.seed)
        self.train = [self.program, "run", f"train-{a.objective}", "--data", "builtin,train=600,test=60", "--width",
                      "8", "--units", "36", "--validation-per-class", "6", "--batch", "50", "--epochs", str(EPOCHS),
                      "--patience", "0", "--threads", "2", "--readout-epochs", "3"]
        if a.objective == "ce":
            self.train = self.train[:-2]

    def start(self, name):
        return subprocess.Popen([*self.train, "--out", name, "--resume"], cwd=self.folder, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True)

    def finish(self, name):
        begun = time.monotonic()
        run = self.start(name)
        messages = run.communicate(timeout=600)[1]
        assert run.returncode == 0, f"exit {run.returncode}: {messages}"
        return time.monotonic() - begun

    def state(self, name):
        """(state, epochs); where there is no file yet: (None, 0). The digests must be right."""
        path = self.folder / name
        if not path.exists():
            return None, 0
        info = subprocess.run([self.program, "info", path], capture_output=True, text=True)
        assert info.returncode == 0, info.stdout + info.stderr
        with h5py.File(path) as f:
            return f.attrs["state"], int(f["history"].attrs["epochs"])

    def model(self, name):
        with h5py.File(self.folder / name) as f:
            assert f.attrs["state"] == "complete"
            groups = [g for g in ("model", "history", "activations/test", "readout") if g in f]
            return {key: value[()].tobytes() for group in groups
                    for key, value in f[group].items() if key not in ("seconds", "images_per_second")}

    def compare(self, name):
        whole, other = self.model("whole.h5"), self.model(name)
        assert whole.keys() == other.keys(), whole.keys() ^ other.keys()
        different = [key for key in whole if whole[key] != other[key]]
        assert not different, f"{name} differs from the uninterrupted run in {different}"

    def epochs(self, name):
        """Epochs on disk; files are replaced as a whole, so that this can be asked at any time."""
        if not (self.folder / name).exists():
            return 0
        with h5py.File(self.folder / name) as f:
            return int(f["history"].attrs["epochs"])

    def kill(self, kills, seconds):
        """The moments are spread over the whole run: soon after an epoch of each share of it was saved."""
        for k in range(kills):
            target = int((k + self.random.random()) / kills * (EPOCHS - 8))
            run = self.start("killed.h5")
            while self.epochs("killed.h5") < target and run.poll() is None:
                time.sleep(0.002)
            time.sleep(self.random.uniform(0, 2 * seconds / EPOCHS))
            run.kill()
            run.communicate()
            assert run.returncode == -signal.SIGKILL, f"it had ended before it was killed: exit {run.returncode}"
            state, epochs = self.state("killed.h5")
            print(f"kill {k + 1:2d}: {f'{state}, {epochs} epochs' if state else 'no file yet'}", flush=True)
            assert state in (None, "training"), state
        self.finish("killed.h5")
        self.compare("killed.h5")
        leftovers = [path.name for path in self.folder.iterdir() if "killed" in path.name and path.name != "killed.h5"]
        assert not leftovers, f"left behind: {leftovers}"
        print(f"{kills} kills: /model, /history and /activations are the uninterrupted run's to the bit")

    def interrupt(self, number):
        name = f"{signal.Signals(number).name}.h5"
        run = self.start(name)
        while not (self.folder / name).exists() and run.poll() is None:
            time.sleep(0.01)
        run.send_signal(number)
        messages = run.communicate(timeout=60)[1]
        assert run.returncode == 130, f"{name}: exit {run.returncode}: {messages}"
        command = messages.split("Continue with: ", 1)[1].splitlines()[0]
        state, epochs = self.state(name)
        assert state == "training", state
        environment = {**os.environ, "PATH": f"{os.path.dirname(self.program)}:{os.environ['PATH']}"}
        subprocess.run(command, shell=True, cwd=self.folder, env=environment, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.compare(name)
        print(f"{name[:-3]}: exit 130 after {epochs} epochs; {command} ended as the uninterrupted run")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--objective", choices=["ce", "supcon"], default="ce")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workbench-kill-") as folder:
        killing = Killing(a, pathlib.Path(folder))
        seconds = killing.finish("whole.h5")
        killing.kill(a.kills, seconds)
        killing.interrupt(signal.SIGINT)
        killing.interrupt(signal.SIGTERM)


main()
