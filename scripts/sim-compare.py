"""Measures in the setting of smoltcp's netsim; scripts/sim-compare runs this.

A column is a congestion control of ours, or the smoltcp crate; a row is a share of packets that are lost. Each
cell is the median of the same seeds, so that all columns lose the packets of the same numbers.
"""

import argparse
import csv
import json
import os
import re
import statistics
import subprocess
import sys

BYTES = 10 << 20
# What tests/snapshots/netsim__netsim.snap of smoltcp 0.14.0 says for buffers of 32,768 bytes, in bytes a second.
PUBLISHED = {0: 322944.88, 0.1: 314779.73, 1: 219670.76, 2: 166587.86, 5: 76626.48, 10: 37774.62, 20: 6079.34, 30: 1156.40}
# How many times as fast as smoltcp the best of ours has to be, by the share that is lost.
REQUIRED = {10: 1.3, 20: 2, 30: 3}
# Receivers acknowledge a single segment when those of smoltcp do.
AS_SMOLTCP = ["--ack-delay", "10ms"]
# Long enough for whatever goes on at all: at 30 % smoltcp takes 9,000 s.
TIME_LIMIT = "200000s"


def die(sentence):
    sys.exit(f"sim-compare: {sentence}")


def run(command):
    """What it prints, and what it says on standard error; it may fail, for a transfer may."""
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout, done.stderr.strip()


def algorithms(glasstcp):
    """Every name that --cc takes, from the sentence with which it refuses another one."""
    names = re.search(r"choose one of ([a-z0-9_, -]+)", run([glasstcp, "sim", "--cc", "?"])[1])
    return names[1].split(", ") if names else die("'glasstcp sim --cc ?' does not say what there is.")


def ours(glasstcp, names, loss, runs, seed):
    """Bytes a second of each congestion control, a list with one value for each seed."""
    command = [glasstcp, "sim", "--bytes", str(BYTES), "--rtt", "100ms", "--rate", "unlimited", "--buffer", "32k"]
    command += AS_SMOLTCP
    command += ["--loss", f"{loss}%", "--impair", f"in:loss={loss}%", "--time-limit", TIME_LIMIT]
    command += ["--cc", ",".join(names), "--runs", str(runs), "--seed", str(seed)]
    table, said = run(command)
    speeds = {name: [] for name in names}
    for line in table.splitlines():
        words = line.split()
        # cc, seed, flow, goodput and its unit, time and its unit, ...
        if words and words[0] in speeds and len(words) > 8 and words[1].isdigit():
            # A transfer that was not completed is worth nothing, and there is a dash for its time.
            speeds[words[0]].append(0 if words[5] == "-" else BYTES / float(words[5]))
    counts = {len(list_) for list_ in speeds.values()}
    if counts != {runs}:
        die(f"{' '.join(command)} has not printed {runs} lines for each: {said or table}")
    for name, list_ in speeds.items():
        if 0 in list_:
            print(f"  {list_.count(0)} of {runs} transfers with {name} at {loss} % were not completed: {said}")
    return speeds


def smoltcp(program, loss, runs, seed):
    table, said = run([program, "--loss", f"{loss}%", "--runs", str(runs), "--seed", str(seed)])
    speeds = [BYTES / float(line.split()[1]) for line in table.splitlines()]
    return speeds if len(speeds) == runs else die(f"the smoltcp crate failed at {loss} %: {said}")


def cell(speeds, published):
    median = statistics.median(speeds)
    return f"{median:,.0f} ({median / published:.2f}) {min(speeds):,.0f} to {max(speeds):,.0f}"


def markdown(results, names):
    columns = ["smoltcp, published", "smoltcp, here", *names]
    lines = ["| lost | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for loss, published in PUBLISHED.items():
        cells = [f"{published:,.0f}"] + [cell(results[name][loss], published) for name in ["smoltcp", *names]]
        lines.append(f"| {loss} % | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def verdicts(results, names):
    """What is required, whether it holds, and the numbers that say so."""
    ratio = lambda name, loss: statistics.median(results[name][loss]) / PUBLISHED[loss]
    if "cubic" in names:
        worst = min(PUBLISHED, key=lambda loss: ratio("cubic", loss))
        why = f"least ahead at {worst} %: {ratio('cubic', worst):.3f}"
        yield "CUBIC is ahead of smoltcp at every loss", ratio("cubic", worst) > 1, why
    else:
        yield "CUBIC is ahead of smoltcp at every loss", False, "there is no cubic among " + ", ".join(names)
    for loss, times in REQUIRED.items():
        best = max(names, key=lambda name: ratio(name, loss))
        why = f"{best}: {ratio(best, loss):.2f}"
        yield f"the best of ours is at least {times} times as fast at {loss} %", ratio(best, loss) >= times, why


def write(folder, results, names, checks, args):
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/table.md", "w") as file:
        file.write(markdown(results, names))
    with open(f"{folder}/results.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["column", "loss_percent", "seed", "bytes_per_second"])
        for name, losses in results.items():
            for loss, speeds in losses.items():
                rows.writerows([name, loss, args.seed + at, round(speed, 1)] for at, speed in enumerate(speeds))
    with open(f"{folder}/results.json", "w") as file:
        requirements = [dict(requirement=what, holds=good, because=why) for what, good, why in checks]
        json.dump(dict(published=PUBLISHED, measured=results, requirements=requirements), file, indent=1)
    print(f"\nwritten to {folder}: table.md, results.csv, results.json")


def main():
    parser = argparse.ArgumentParser(prog="sim-compare")
    parser.add_argument("binaries")
    parser.add_argument("--runs", type=int, default=51)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cc")
    parser.add_argument("--out")
    args = parser.parse_args()
    if args.runs < 1:
        die("--runs needs a number from 1.")
    glasstcp, program = f"{args.binaries}/glasstcp", f"{args.binaries}/examples/smoltcp_netsim"
    there = algorithms(glasstcp)
    names = args.cc.split(",") if args.cc else there
    for name in set(names) - set(there):
        die(f"there is no congestion control '{name}': choose of {', '.join(there)}.")
    results = {name: {} for name in ["smoltcp", *names]}
    for number, loss in enumerate(PUBLISHED, 1):
        print(f"{number} of {len(PUBLISHED)}: {loss} % lost, {args.runs} seeds, {', '.join(names)}, smoltcp", flush=True)
        results["smoltcp"][loss] = smoltcp(program, loss, args.runs, args.seed)
        for name, speeds in ours(glasstcp, names, loss, args.runs, args.seed).items():
            results[name][loss] = speeds
    print("\nBytes a second, medians; in brackets how many times what smoltcp has published; least and most\n")
    print(markdown(results, names))
    checks = list(verdicts(results, names))
    for what, good, why in checks:
        print(f"{'PASS' if good else 'FAIL'} {what} ({why})")
    if args.out:
        write(args.out, results, names, checks, args)
    sys.exit(0 if all(good for _, good, _ in checks) else 1)


main()
