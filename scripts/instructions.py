"""Counts instructions of benches/core under valgrind; called by scripts/instructions."""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KNOWN = Path("benches/instructions.toml")
# How often each is done, and how much more than is known it may take.
OPS = 1000
SLACK = 1.10

HEAD = """# Instructions of the core for each thing that happens, as scripts/instructions counts them (--bless writes this).
"""


def compiler():
    """Which compiler, whose code it is."""
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


def differs(known):
    """Why what was counted elsewhere cannot be compared with what is counted here, if it cannot."""
    if known.get("rustc") != compiler():
        return f"{KNOWN} was counted with rustc {known.get('rustc')}, and this is {compiler()}"
    if " avx2 " not in Path("/proc/cpuinfo").read_text():
        return "this processor has no AVX2, with which sums are taken elsewhere"
    return None


def binary():
    """The program that cargo has built."""
    build = ["cargo", "build", "--profile", "checked", "--bench", "core", "--message-format", "json", "-q"]
    output = subprocess.run(build, capture_output=True, text=True, check=True).stdout
    for line in output.splitlines():
        message = json.loads(line)
        if message.get("target", {}).get("kind") == ["bench"] and message.get("executable"):
            return message["executable"]
    sys.exit("instructions: cargo has built no benchmark")


def counted(program, name, ops):
    """Instructions of the whole program that does a workload so often."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={folder}/out"]
        run = subprocess.run([*command, program, "--run", name, str(ops)], capture_output=True, text=True)
    found = re.search(r"I\s+refs:\s+([\d,]+)", run.stderr)
    if run.returncode != 0 or not found:
        sys.exit(f"instructions: {name} did not run under valgrind:\n{run.stderr}")
    return int(found[1].replace(",", ""))


def each(program, name):
    """Instructions of one: what twice as many take more."""
    return (counted(program, name, 2 * OPS) - counted(program, name, OPS)) / OPS


def main():
    known = tomllib.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    program = binary()
    names = subprocess.run([program, "--names"], capture_output=True, text=True, check=True).stdout.split()
    with ThreadPoolExecutor(2) as pool:
        counts = dict(zip(names, pool.map(lambda name: each(program, name), names)))
    for name, count in counts.items():
        before = known.get(name)
        change = f"{count / before - 1:+.1%}" if before else "new"
        print(f"{name:28} {count:10.0f}  {change}")
    if "--bless" in sys.argv:
        lines = "".join(f"{name} = {count:.0f}\n" for name, count in counts.items())
        KNOWN.write_text(f'{HEAD}rustc = "{compiler()}"\n{lines}')
        return
    if reason := differs(known):
        print(f"NOT COMPARED: {reason}")
        return
    more = [name for name in names if counts[name] > SLACK * known.get(name, 0)]
    if more:
        sys.exit(f"instructions: over a tenth more than {KNOWN} says: {', '.join(more)}; "
                 "make them fewer, or say in the commit why there are more, with --bless")


main()
