#!/usr/bin/python3
"""Runs clang-tidy over the sources below the given folders, as the build compiles them.

usage: tidy.py BUILD FOLDER...      BUILD holds compile_commands.json

What passed is remembered in BUILD/tidy by the hash of the preprocessed source and of the rules, so that a second call
only looks at what changed. SPDX-License-Identifier: GPL-3.0-or-later
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / ".clang-tidy"


def key(entry):
    """Hash of all that clang-tidy would see of one source file: comments too, since NOLINT is one."""
    command = shlex.split(entry["command"])
    del command[command.index("-o"):command.index("-o") + 2]
    command.remove("-c")
    text = subprocess.run(command + ["-E", "-C"], cwd=entry["directory"], capture_output=True).stdout
    return hashlib.sha256(RULES.read_bytes() + text).hexdigest()


def check(entry, build):
    """clang-tidy's findings in one file, empty where there are none."""
    stamp = build / "tidy" / key(entry)
    if stamp.exists():
        return ""
    run = subprocess.run(["clang-tidy", "--quiet", f"--config-file={RULES}", "-p", build, entry["file"]],
                         capture_output=True, text=True)
    if run.returncode:
        return run.stdout + run.stderr
    stamp.touch()
    return ""


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    folders = [ROOT / folder for folder in sys.argv[2:]]
    (build / "tidy").mkdir(exist_ok=True)
    entries = json.loads((build / "compile_commands.json").read_text())
    entries = [e for e in entries if any(f in pathlib.Path(e["file"]).resolve().parents for f in folders)]
    if not entries:
        sys.exit(f"{build}/compile_commands.json names no source below {', '.join(sys.argv[2:])}")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [text for text in pool.map(lambda e: check(e, build), entries) if text]
    print("\n".join(findings), end="")
    print(f"{len(entries)} files, {len(findings)} with findings")
    sys.exit(1 if findings else 0)


main()
