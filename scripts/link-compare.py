"""Measures glasstcp beside the kernel's TCP over emulated links; scripts/link-compare runs this as root.

Each transfer has namespaces of its own, so that many can run at the same time and nothing is left of one when
the next begins. A sender and a receiver are the kernel's in `a` and `b`, or a glasstcp in `m` and `n`, behind the
TUN device of which sits the same forwarding kernel:

    a: kernel --veth-- m: forwards == glasstcp link == n: forwards --veth-- b: kernel
               glasstcp --tun--'                        '--tun-- glasstcp
"""

import argparse
import concurrent.futures
import fnmatch
import hashlib
import json
import os
import platform
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

BINARY, OUT = sys.argv[1], sys.argv[2]
ENDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "link_ends.py")
RATE = 100e6
TEXT = 1448
# What is beside ours, where it has another name.
KERNELS = {"newreno": "reno", "tahoe": "reno"}
# A link that would be slower than this share of a CPU's worth runs beside others.
FAST = 10e6
# What the kernels may keep for each connection: 32 MiB.
BUFFERS = {f"net.ipv4.tcp_{side}mem": f"4096 131072 {32 << 20}" for side in "rw"}

stopped = threading.Event()
processes, lock = set(), threading.Lock()
numbers = iter(range(1 << 30))


class Failed(Exception):
    """One sentence that says what could not be done."""


def die(sentence):
    sys.exit(f"link-compare: {sentence}")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def inside(netns, *command):
    return ["ip", "netns", "exec", netns, *command]


class Link:
    """The namespaces, the link and whoever runs on them, for one transfer."""

    def __init__(self, spec, seed):
        self.folder = tempfile.TemporaryDirectory(prefix="link-compare-")
        self.names = [f"gtlc{os.getpid()}x{next(numbers)}{end}" for end in "amnb"]
        self.children, self.spec, self.seed = [], spec, seed

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        a, m, n, b = self.names
        for name in self.names:
            run("ip", "netns", "add", name)
        for end, router, side in [(a, m, 1), (b, n, 2)]:
            run("ip", "-n", router, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", end)
            for netns, device, last in [(router, "near", 1), (end, "far", 2)]:
                run("ip", "-n", netns, "address", "add", f"10.7.{side}.{last}/24", "dev", device)
                run(*inside(netns, sys.executable, ENDS, "plain", device))
                run("ip", "-n", netns, "link", "set", device, "up")
                run("ip", "-n", netns, "link", "set", "lo", "up")
            run("ip", "-n", end, "route", "add", "default", "via", f"10.7.{side}.1")
            run(*inside(end, "sysctl", "-qw", *[f"{key}={value}" for key, value in BUFFERS.items()]))
            run(*inside(router, "sysctl", "-qw", "net.ipv4.ip_forward=1"))
        command = [BINARY, "link", "--spin", "0", "--seed", str(self.seed), "--control", self.control()]
        command += ["--left", f"{m}:link0,10.8.0.1/24", "--right", f"{n}:link1,10.8.0.2/24"]
        self.start([*command, *[word for rule in self.spec.split() for word in ("--impair", rule)]], "Ctrl-C")
        for router, device, to in [(m, "link0", "10.8.0.2"), (n, "link1", "10.8.0.1")]:
            self.lengthen(router, device)
            run("ip", "-n", router, "route", "add", "default", "via", to)

    def lengthen(self, netns, device):
        """Whole windows come at once, and what is dropped should be the link's choice, not the device's."""
        run("ip", "-n", netns, "link", "set", device, "txqueuelen", "20000")

    def control(self):
        return f"{self.folder.name}/control"

    def start(self, command, word):
        """Starts a program and waits until it says `word`."""
        if stopped.is_set():
            raise Failed("ended")
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        self.children.append(child)
        with lock:
            processes.add(child)
        said = ""
        for line in child.stdout:
            said += line
            if word in line:
                # It may say more; nobody reads it, and a pipe has room for that.
                return
        raise Failed(f"{' '.join(command)} has ended: {said.strip()}")

    def glasstcp(self, sends, cc, www):
        """A glasstcp beside the router of its side; gives its address."""
        router, side = (self.names[1], 1) if sends else (self.names[2], 2)
        command = [BINARY, "up", "--offload", "off", "--netns", router, "--addr", f"10.9.{side}.1/24", "--cc", cc]
        command += ["--no-default-services", "--serve", "http", "--www", www, "--control", f"{self.folder.name}/up{side}"]
        self.start(command, " is up")
        self.lengthen(router, "glass0")
        return f"10.9.{side}.2:80"

    def kernel(self, sends, cc, www):
        """The same service over the kernel's TCP, in the namespace of its end."""
        end, side = (self.names[0], 1) if sends else (self.names[3], 2)
        # A namespace may not have every algorithm as its default, but a route may.
        run("ip", "-n", end, "route", "replace", "default", "via", f"10.7.{side}.1", "congctl", cc)
        address = f"10.7.{side}.2:80"
        self.start(inside(end, BINARY, "serve", "--kernel", address, "http", "--www", www), " serves ")
        return address

    def end(self, netns, *words):
        """Starts one end of a transfer."""
        command = inside(netns, sys.executable, ENDS, *map(str, words))
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        self.children.append(child)
        with lock:
            processes.add(child)
        return child

    def finish(self, child, seconds):
        """What came of it."""
        try:
            out, said = child.communicate(timeout=seconds + 30)
        except subprocess.TimeoutExpired:
            raise Failed("a transfer has not stopped at its end") from None
        if child.returncode:
            raise Failed(said.strip().splitlines()[-1] if said.strip() else "a transfer was ended")
        return json.loads(out)

    def counters(self):
        """What the link has done to the packets with the text."""
        with socket.socket(socket.AF_UNIX) as end:
            end.settimeout(5)
            end.connect(self.control())
            end.sendall(b'{"command":"impair"}\n')
            text = b""
            while not text.endswith(b"\n"):
                text += end.recv(1 << 16) or b"\n"
        return json.loads(text)["link"]["out"]

    def dropped(self):
        """Packets that a device had no room for: none should be."""
        count = 0
        for netns in self.names:
            for device in json.loads(run("ip", "-n", netns, "-j", "-s", "link")):
                count += device["stats64"]["tx"]["dropped"] + device["stats64"]["rx"]["dropped"]
        return count

    def __exit__(self, *_):
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
        for child in self.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            for pipe in [child.stdout, child.stderr]:
                if pipe:
                    pipe.close()
            with lock:
                processes.discard(child)
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        self.folder.cleanup()


# What is measured.


class Cell:
    """A row: what the link is like, and how fast the kernel's algorithms are expected to be on it."""

    def __init__(self, name, rtt, rules="", losses=0.0, rate=RATE, size=None, times=1):
        self.name, self.rtt, self.losses, self.rate, self.size, self.times = name, rtt, losses, rate, size, times
        self.spec = f"delay={rtt * 500:g}ms rate={rate / 1e6:g}mbit queue=1bdp {rules}".strip()

    def expected(self, cc):
        """Bits a second (Mathis et al. 1997 where losses hold it back)."""
        if "bbr" in cc or not self.losses:
            return self.rate
        return min(self.rate, 1.22 * TEXT * 8 / self.rtt / self.losses**0.5)


def loss_cells():
    for rtt in [0.02, 0.1]:
        for kind, burst in [("loss", 1), ("burst", 5)]:
            for percent in [0.1, 1, 3, 10]:
                rules = f"out:loss={percent}%" + (f":burst={burst}" if burst > 1 else "")
                # A dozen losses, or three bursts, are a matter of luck.
                times = 3 if percent < 1 else 1
                yield Cell(f"{kind}{percent}-{rtt * 1000:g}ms", rtt, rules, percent / 100 / burst, times=times)
    for rtt in [0.02, 0.1]:
        yield Cell(f"reorder-{rtt * 1000:g}ms", rtt, f"out:reorder=2%:by={rtt * 250:g}ms")


def tail_cells():
    for rtt in [0.02, 0.1]:
        for segments in [3, 8, 40]:
            # However long the head of the reply is, from 40 to 1400 bytes, this byte is in the last segment.
            size, byte = segments * TEXT - 30, segments * TEXT + 10
            yield Cell(f"tail{segments}-{rtt * 1000:g}ms", rtt, f"out:drop:data:byte={byte}", size=size)


MODES = {
    "loss": list(loss_cells()),
    "fairness": [Cell(f"fair-{rtt * 1000:g}ms", rtt) for rtt in [0.02, 0.05]],
    "fill": [Cell("fill-1gbit-100ms", 0.1, rate=1e9)],
    "tail": list(tail_cells()),
}


def columns(mode, names):
    """The columns of a table: who sends, who receives, by the names of ours."""
    for name in names:
        kernel = KERNELS.get(name, name)
        if mode == "fairness":
            yield from [f"linux+linux-{kernel}", f"ours+ours-{name}", f"ours+linux-{name}"]
        else:
            yield from [f"linux-{kernel}", f"ours-{name}"]
    if mode == "loss":
        yield from ["linux-to-linux", "linux-to-ours"]


def transfer(mode, cell, column, seed, args):
    """One transfer, or two beside each other: what came of it."""
    who, _, cc = column.rpartition("-")
    www, begun = args.www[mode], time.time()
    with Link(cell.spec, seed) as link:
        a, b = link.names[0], link.names[3]

        def sender(name, cc):
            real = name == "ours" and not args.null
            return link.glasstcp(True, cc, www) if real else link.kernel(True, KERNELS.get(cc, cc), www)

        if mode == "fairness":
            pair = who.split("+")
            made = {name: sender(name, cc) for name in sorted(set(pair))}
            children = [link.end(b, "pull", made[name], "/file", args.seconds) for name in pair]
        elif who.startswith("linux-to"):
            make = link.glasstcp if cc == "ours" and not args.null else link.kernel
            address = make(False, "cubic" if make == link.kernel else args.names[0], www)
            children = [link.end(a, "push", address, "/sink", args.seconds, "cubic", args.bytes)]
        else:
            children = [link.end(b, "pull", sender(who, cc), f"/{cell.size or 'file'}", args.seconds)]
        flows = [link.finish(child, args.seconds) for child in children]
        record = dict(counters=link.counters(), dropped=link.dropped(), load=os.getloadavg()[0], took=time.time() - begun)
    record["flows"] = flows
    return record | measure(mode, cell, flows)


def measure(mode, cell, flows):
    """The one number of a transfer, by its mode."""
    flow = flows[0]
    if mode == "loss":
        return dict(value=flow["bytes"] * 8 / flow["seconds"], complete=flow["complete"])
    if mode == "tail":
        return dict(value=flow["seconds"], complete=flow["complete"])
    if mode == "fill":
        # The first half second in which nine tenths of what the link carries has come.
        full, series = 0.9 * cell.rate * TEXT / 1500 / 8 / 2, [0] * 5 + flow["series"]
        times = [at / 10 for at in range(len(series) - 5) if series[at + 5] - series[at] >= full]
        return dict(value=times[0] if times else float("inf"), complete=True)
    # The first third is for finding each other.
    shares = [flow["bytes"] - flow["series"][len(flow["series"]) // 3] for flow in flows]
    return dict(value=sum(shares) ** 2 / (2 * sum(share**2 for share in shares) or 1), complete=True)


def unit(mode, value):
    if mode == "loss":
        return f"{value / 1e6:.4g} Mbit/s"
    if mode == "fill" and value == float("inf"):
        return "never"
    return {"fairness": f"{value:.3f}", "fill": f"{value:.1f} s", "tail": f"{value * 1000:.0f} ms"}[mode]


# Results that are there.


class Results:
    """A file with one line for each transfer; the last of a kind counts."""

    def __init__(self, args):
        os.makedirs(OUT, exist_ok=True)
        self.file, self.args, self.kept = f"{OUT}/results.jsonl", args, {}
        if os.path.exists(self.file):
            for line in open(self.file):
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # half a line: it was ended while it wrote
                self.kept[tuple(record["key"])] = record

    def key(self, cell, column, seed):
        """What must be the same for a result to count: for ours the build too, for others the kernel."""
        args = self.args
        ours = "ours" in column
        who = "null" if ours and args.null else args.build if ours else platform.release()
        asked = [args.bytes, args.seconds] if args.mode == "loss" else [args.seconds]
        return (args.mode, cell.name, cell.spec, column, seed, who, *asked)

    def find(self, cell, column, seed):
        return self.kept.get(self.key(cell, column, seed))

    def add(self, cell, column, seed, record):
        key = self.key(cell, column, seed)
        record = dict(key=key) | record
        with lock:
            self.kept[key] = record
            with open(self.file, "a") as file:
                file.write(json.dumps(record) + "\n")

    def values(self, cell, column):
        found = [self.find(cell, column, seed) for seed in self.args.seeds(cell)]
        return {record["key"][4]: record["value"] for record in found if record}

    def median(self, cell, column):
        values = self.values(cell, column)
        return statistics.median(values.values()) if values else None

    def ratio(self, cell, ours, other):
        """How many times as much: the median over the seeds, each compared with itself. The same seed loses the
        same packets, so that luck is left out of it, which the medians of either have in them."""
        mine, theirs = self.values(cell, ours), self.values(cell, other)
        found = [mine[seed] / theirs[seed] for seed in mine if theirs.get(seed)]
        return statistics.median(found) if found else None


def measure_all(results, args):
    """Everything that is not there yet: slow transfers side by side, fast ones one at a time."""
    # Columns side by side, for what disturbs one then disturbs the others.
    tasks = [(cell, column, seed) for cell in args.cells for seed in args.seeds(cell) for column in args.columns]
    tasks = sorted((task for task in tasks if not results.find(*task)), key=lambda task: task[2] / task[0].times)
    slow = lambda task: args.mode == "tail" or task[0].expected(task[1]) < FAST
    # To make the namespaces and to take them away takes some seconds.
    took = lambda task: 4 + min(args.seconds, (args.bytes * 8 if args.mode == "loss" else 1e12) / task[0].expected(task[1]))
    minutes = max(sum(took(task) for task in tasks if slow(task)) / args.jobs, sum(took(task) for task in tasks if not slow(task))) / 60
    print(f"{len(tasks)} transfers to measure, some {minutes:.0f} minutes; into {results.file}", flush=True)
    done, failures = iter(range(1, len(tasks) + 1)), []

    def measure_one(task):
        cell, column, seed = task
        if stopped.is_set():
            return
        try:
            record = transfer(args.mode, cell, column, seed, args)
        except (Failed, OSError, ValueError) as error:
            if not stopped.is_set():
                failures.append(f"{cell.name} {column} seed {seed}: {error}")
                print(f"FAILED {failures[-1]}", flush=True)
            return
        results.add(cell, column, seed, record)
        note = "" if record["complete"] else f", stopped after {args.seconds:g} s"
        note += f", {record['dropped']} dropped by a device" if record["dropped"] else ""
        print(f"{next(done)}/{len(tasks)} {cell.name} {column} seed {seed}: {unit(args.mode, record['value'])}{note}", flush=True)

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as many, concurrent.futures.ThreadPoolExecutor(1) as one:
        futures = [(many if slow(task) else one).submit(measure_one, task) for task in tasks]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        except BaseException:
            stop(futures)
            raise
    return failures


def stop(futures):
    """Ends what was started; what was measured is kept."""
    stopped.set()
    for future in futures:
        future.cancel()
    with lock:
        for process in processes:
            process.terminate()


# What comes of it.


def pairs(mode, names):
    """Columns of ours, what each is compared with, and how many times that it has to be: in each cell, and in
    the median."""
    for name in names:
        kernel = KERNELS.get(name, name)
        if mode == "fairness":
            yield from [(f"ours+ours-{name}", f"linux+linux-{kernel}"), (f"ours+linux-{name}", f"linux+linux-{kernel}")]
        else:
            yield f"ours-{name}", f"linux-{kernel}"
    if mode == "loss":
        yield "linux-to-ours", "linux-to-linux"


def ratios(results, ours, other):
    """By the names of the cells: how many times as much."""
    found = {}
    for cell in results.args.cells:
        ratio = results.ratio(cell, ours, other)
        if ratio is not None:
            found[cell.name] = ratio
    return found


def table(results):
    args = results.args
    head = ["link", *args.columns]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    beside = dict(pairs(args.mode, args.names))
    for cell in args.cells:
        words = [f"`{cell.spec}`" if args.mode != "fairness" else cell.name]
        for column in args.columns:
            value = results.median(cell, column)
            word = "" if value is None else unit(args.mode, value)
            ratio = results.ratio(cell, column, beside[column]) if column in beside else None
            if ratio is not None and args.mode in ["loss", "tail"]:
                word += f" ({ratio:.2f})"
            words.append(word)
        lines.append("| " + " | ".join(words) + " |")
    return "\n".join(lines) + "\n"


def verdicts(results):
    """What is required, whether it holds, and why it is thought so. Half of what is asked for in the median is
    a matter of chance where two are as good as each other, so what has to be equal may be 2 % behind."""
    mode, names = results.args.mode, results.args.names
    if mode == "loss":
        wanted = [("ours-cubic", "linux-cubic", 0.95, 1, "CUBIC"), ("ours-bbr", "linux-bbr", 0.9, 0, "BBR")]
        wanted += [("linux-to-ours", "linux-to-linux", 0.95, 0.98, "the receiver")]
        known = {ours for ours, *_ in wanted}
        wanted += [(ours, other, 0.95, 0.98, ours) for ours, other in pairs(mode, names) if ours not in known and results.args.null]
        for ours, other, least, median, what in wanted:
            if ours in results.args.columns:
                yield from judge(ratios(results, ours, other), least, median, f"{what}, {ours} over {other}", results)
            elif results.args.whole:
                yield f"{what}: {least} of the kernel's", False, f"there is no column {ours}"
        return
    for cell in results.args.cells:
        for ours, other in pairs(mode, names):
            mine, theirs = results.median(cell, ours), results.median(cell, other)
            if mine is None:
                yield f"{cell.name} {ours}", False, "not measured"
            elif mode == "fairness":
                least = 0.95 if ours.endswith("cubic") else 0.9
                yield f"{cell.name} {ours}: Jain's index {least} and more", mine >= least, f"{mine:.3f}"
            elif mode == "fill":
                yield f"{cell.name} {ours}: full within 5 s", mine <= 5, f"{unit(mode, mine)}; {other}: {unit(mode, theirs or 0)}"
            elif theirs:
                good = mine <= 1.1 * theirs + 0.005
                yield f"{cell.name} {ours}: at most a tenth later than {other}", good, f"{unit(mode, mine)}, {unit(mode, theirs)}"


def judge(found, least, median, what, results):
    missing = len(results.args.cells) - len(found)
    if missing or not found:
        yield f"{what}: everything measured", False, f"{missing} cells are missing"
    if not found:
        return
    worst = min(found, key=found.get)
    yield f"{what}: {least} and more in every cell", found[worst] >= least, f"least in {worst}: {found[worst]:.3f}"
    if median:
        middle = statistics.median(found.values())
        ahead = middle > 1 if median == 1 else middle >= median
        yield f"{what}: {'ahead' if median == 1 else median} in the median", ahead, f"{middle:.3f}"


def arguments():
    parser = argparse.ArgumentParser(prog="link-compare")
    parser.add_argument("--mode", choices=MODES, default="loss")
    for name in ["--only", "--columns", "--cc"]:
        parser.add_argument(name)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--size", type=float)
    parser.add_argument("--jobs", type=int, default=10)
    for name in ["--null", "--quick", "--report"]:
        parser.add_argument(name, action="store_true")
    args = parser.parse_args(sys.argv[3:])
    quick, mode = args.quick, args.mode
    args.runs = args.runs or (1 if quick else 3 if mode == "fairness" else 5)
    args.seconds = args.seconds or {"loss": 8 if quick else 60, "fairness": 8 if quick else 60, "fill": 10, "tail": 10}[mode]
    if min(args.runs, args.seconds, args.jobs) <= 0:
        die("--runs, --seconds and --jobs need numbers above zero.")
    args.bytes = int((args.size or (2 if quick else 20)) * (1 << 20))
    with open(BINARY, "rb") as file:
        args.build = hashlib.sha256(file.read()).hexdigest()[:12]
    there = re.search(r"choose one of ([a-z0-9_, -]+)", subprocess.run([BINARY, "sim", "--cc", "?"], capture_output=True, text=True).stderr)
    there = there[1].split(", ") if there else die("'glasstcp sim --cc ?' does not say what congestion controls there are.")
    args.names = args.cc.split(",") if args.cc else [name for name in ["cubic", "bbr"] if name in there]
    for name in set() if args.null else set(args.names) - set(there):
        die(f"there is no congestion control '{name}': choose of {', '.join(there)}.")
    if not args.names:
        args.names = [there[-1]]
        print(f"there is neither cubic nor bbr yet, so this is {there[-1]}")
    with open("/proc/sys/net/ipv4/tcp_available_congestion_control") as file:
        kernels = file.read().split()
    for name in args.names:
        if KERNELS.get(name, name) not in kernels:
            die(f"this kernel has no congestion control '{KERNELS.get(name, name)}': load the module tcp_{name}.")
    args.seeds = lambda cell: range(1, args.runs * (1 if quick else cell.times) + 1)
    args.whole = not (args.only or args.columns or args.cc or args.null)
    all_columns = list(dict.fromkeys(columns(mode, args.names)))
    args.columns = chosen(all_columns, args.columns, lambda name: name, "--columns")
    args.cells = chosen(MODES[mode], args.only, lambda cell: cell.name, "--only")
    return args


def chosen(all, patterns, name, option):
    if not patterns:
        return all
    for pattern in patterns.split(","):
        if not any(fnmatch.fnmatch(name(one), pattern) for one in all):
            die(f"{option}: nothing is called '{pattern}': choose of {', '.join(map(name, all))}.")
    return [one for one in all if any(fnmatch.fnmatch(name(one), pattern) for pattern in patterns.split(","))]


def make_files(folder, args):
    """What is served: zeros, that take no room on the disk. By the mode, the folder with them."""
    args.www = {}
    for mode, cells in MODES.items():
        args.www[mode] = f"{folder}/{mode}"
        os.mkdir(args.www[mode])
        sizes = {"file": args.bytes if mode == "loss" else 64 << 30}
        sizes |= {str(cell.size): cell.size for cell in cells if cell.size}
        for name, size in sizes.items():
            with open(f"{args.www[mode]}/{name}", "wb") as file:
                file.truncate(size)


def main():
    args = arguments()
    # What ends this ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    results, failures = Results(args), []
    if not args.report:
        with tempfile.TemporaryDirectory() as folder:
            make_files(folder, args)
            failures = measure_all(results, args)
    text = table(results)
    print(f"\n{platform.system()} {platform.release()}, glasstcp {args.build}, medians of {args.runs} runs", end="")
    print("; in brackets how many times what the kernel has" if args.mode in ["loss", "tail"] else "", end="\n\n")
    print(text)
    with open(f"{OUT}/table{'' if args.mode == 'loss' else '-' + args.mode}.md", "w") as file:
        file.write(text)
    checks = list(verdicts(results))
    for what, good, why in checks:
        print(f"{'PASS' if good else 'FAIL'} {what} ({why})")
    for failure in failures:
        print(f"FAILED {failure}")
    sys.exit(0 if all(good for _, good, _ in checks) and not failures else 1)


try:
    main()
except KeyboardInterrupt:
    die("ended; what was measured is kept, and the same command goes on from there.")
