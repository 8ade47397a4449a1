#!/usr/bin/python3
# bench_builds.py: two builds of the engine side by side, so that a slower commit shows.
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the images/s of two build folders and their ratio, case by case, as Markdown.

    tests/bench/bench_builds.py OLD/build/release build/release

The builds take turns, one process each, which of them begins changing from round to round. The ratio is the median of the
rounds' own ratios, for what slows one round slows both of its halves; beside it the smallest and the largest. Where all
rounds agree that the second build is slower by more than --limit, the line says so and the exit status is 1.
"""
import argparse
import statistics
import sys

import measuring


def measure_case(options, programs, case):
    """Images/s of the median step by round: [(old, new)..]."""
    rounds = []
    for number in range(options.rounds):
        order, rates = (0, 1) if number % 2 == 0 else (1, 0), [0, 0]
        for side in order:
            seconds, _ = measuring.measure_ours(programs[side], case, options.threads)
            rates[side] = case.batch / statistics.median(seconds)
        rounds.append(rates)
    return rounds


def case_row(case, rounds, limit):
    """The cells of one line, and whether the second build is slower."""
    ratios = sorted(new / old for old, new in rounds)
    slower = ratios[-1] < 1 - limit
    cells = [case.name] + [f"{statistics.median(pair[side] for pair in rounds):,.0f}" for side in (0, 1)]
    cells += [f"{statistics.median(ratios):.3f}", f"{ratios[0]:.3f}", f"{ratios[-1]:.3f}", "slower" if slower else ""]
    return cells, slower


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("old", help="build folder to compare with")
    add("new", help="build folder that should not be slower")
    add("--cases", default="", help="comma-separated: " + ", ".join(case.name for case in measuring.CASES))
    add("--threads", type=int, default=2)
    add("--rounds", type=int, default=5, help="how often each build is measured (default %(default)s)")
    add("--limit", type=float, default=0.03, help="slowdown that counts (default %(default)s)")
    return parser.parse_args()


def main():
    options = parse_options()
    builds = (options.old, options.new)
    programs = [measuring.bench_step(build) for build in builds]
    print(measuring.describe_machine(options.threads) + "\n")
    measuring.print_heading(["images/s", *(measuring.describe_build(build) for build in builds), "ratio", "least", "most",
                             ""])
    worse = False
    for case in measuring.parse_cases(options.cases):
        cells, slower = case_row(case, measure_case(options, programs, case), options.limit)
        measuring.print_row(cells)
        worse |= slower
    sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()
