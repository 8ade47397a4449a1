#!/usr/bin/python3
"""Golden tests of the command line.

usage: run.py BUILD [--refresh] [NAME...]

Each cases/NAME.sh runs in an empty folder of its own, with a copy of workbench that finds no plugins but those of
tests/plugins (and tests/bad_plugins where a case asks for $BAD), and with its own cache. Exit code, stdout and stderr
must be those of cases/NAME.expected, after what differs from call to call has been replaced by words in capitals.
--refresh writes the expectations anew: read the difference before committing it.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import argparse
import concurrent.futures
import difflib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

# What differs from call to call, or from machine to machine.
PLACEHOLDERS = [
    (r"\(\d+:\d\d(, peak [\d.]+ [kMG]?B)?\)", "(TIME)"),
    (r"\b[0-9a-f]{64}\b", "DIGEST"),
    (r"_[0-9a-f]{8}\.h5", "_IDENTITY.h5"),
    (r"written \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "written DATE"),
    (r'"seconds": [\d.e-]+', '"seconds": TIME'),
    (r'"peak_bytes": \d+', '"peak_bytes": SIZE'),
    (r"workbench \d+\.\d+\.\d+", "workbench VERSION"),
]


def normalised(text, folder, build):
    """The text with placeholders, and no spaces at the ends of lines that a reader would not see."""
    for path, word in ((str(folder), "HERE"), (str(build / "tests"), "BUILD")):
        text = text.replace(path, word)
    for pattern, word in PLACEHOLDERS:
        text = re.sub(pattern, word, text)
    return text


def run(case, build, root):
    """What a case prints, in the form of its .expected file."""
    folder = root / case.stem
    folder.mkdir()
    environment = {
        "PATH": f"{root}/bin:/usr/bin:/bin", "HOME": str(folder), "WORKBENCH_CACHE_DIR": str(folder / ".cache"),
        "WORKBENCH_PLUGIN_PATH": str(build / "tests/plugins"), "BAD": str(build / "tests/bad_plugins"),
        "GOOD": str(build / "tests/plugins"), "REAL": str(build / "bin/workbench"), "MAKE_RUNS": str(HERE / "make_runs.py"), "LC_ALL": "C.UTF-8",
        "OMP_WAIT_POLICY": "passive",
        # In a build with sanitizers, crashes that a case asks for stay crashes.
        "ASAN_OPTIONS": "handle_segv=0:handle_abort=0:allocator_may_return_null=1",
    }
    shell = subprocess.Popen(["sh", "-u", str(case)], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        stdout, stderr = shell.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        return f"took too long: {case.stem}\n"
    stdout, stderr = (normalised(text, folder, build) for text in (stdout, stderr))
    return f"exit {shell.returncode}\n---- stdout\n{stdout}---- stderr\n{stderr}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--refresh", action="store_true")
    a = parser.parse_intermixed_args()
    build = a.build.resolve()
    cases = [c for c in sorted((HERE / "cases").glob("*.sh")) if not a.names or c.stem in a.names]
    if b"__asan_init" in (build / "bin/workbench").read_bytes():  # its shadow memory rules out limits of memory
        cases = [c for c in cases if "--memory" not in c.read_text() or c.stem == "bad-values"]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="workbench-cli-") as name:
        root = pathlib.Path(name)
        (root / "bin").mkdir()
        shutil.copy2(build / "bin/workbench", root / "bin/workbench")
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            outputs = list(pool.map(lambda c: run(c, build, root), cases))
    for case, found in zip(cases, outputs):
        golden = case.with_suffix(".expected")
        expected = golden.read_text() if golden.exists() else ""
        if found == expected:
            continue
        failed += 1
        print(f"{'refreshed' if a.refresh else 'FAILED'}: {case.stem}")
        if a.refresh:
            golden.write_text(found)
        else:
            sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), found.splitlines(True), "expected",
                                                       "found"))
    print(f"{len(cases)} cases, {failed} {'refreshed' if a.refresh else 'failed'}")
    sys.exit(1 if failed and not a.refresh else 0)


main()
