"""Measures an emulated link; scripts/calibrate runs this as root.

Each row: rules for the link, a load from one kernel to the other, what was measured, and what is allowed. Shares
are allowed what chance gives in all but one of 10,000 runs, times and rates 2 %.
"""

import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

GLASSTCP = sys.argv[1]
QUICK = "--quick" in sys.argv[2:]
LEFT, RIGHT = f"gtcal{os.getpid()}a", f"gtcal{os.getpid()}b"
TO = "10.8.0.2"
PINGS = 1000 if QUICK else 10000
SECONDS = 2 if QUICK else 5
# One in 10,000 samples of a normal distribution lies further from its middle, in standard deviations.
SIGMAS = 3.9

rows = []
# Programs that run beside this one.
children = []
folder = tempfile.TemporaryDirectory()


def inside(netns, *command):
    return ["ip", "netns", "exec", netns, *map(str, command)]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def start(command, **options):
    children.append(subprocess.Popen(command, text=True, **options))
    return children[-1]


def impair(rules):
    run(GLASSTCP, "impair", "--control", f"{folder.name}/control", "clear", *rules.split())


def row(asked, what, measured, allowed, good):
    rows.append((asked, what, measured, allowed, good))
    print(f"{'ok ' if good else 'OUT'} {asked}: {what} {measured} (allowed {allowed})", flush=True)


class Capture:
    """What tcpdump sees at one end, read by tshark."""

    def __init__(self, netns, device):
        self.file = f"{folder.name}/{netns}.pcap"
        command = ["tcpdump", "-i", device, "-n", "-B", "65536", "--immediate-mode", "-s", "200", "-U", "-Z", "root"]
        self.tcpdump = start(inside(netns, *command, "-w", self.file), stderr=subprocess.PIPE)
        while "listening on" not in self.tcpdump.stderr.readline():
            pass

    def read(self, filter, *fields):
        """One list of fields for each packet that the filter selects, the time in us first."""
        time.sleep(0.5)
        self.tcpdump.send_signal(signal.SIGINT)
        said = self.tcpdump.communicate()[1]
        assert "\n0 packets dropped by kernel" in said, said
        command = ["tshark", "-n", "-r", self.file, "-o", "ip.check_checksum:TRUE", "-T", "fields"]
        for field in ["frame.time_epoch", *fields]:
            command += ["-e", field]
        if filter:
            command += ["-Y", filter]
        lines = [line.split("\t") for line in run(*command).splitlines()]
        for line in lines:
            seconds, fraction = line[0].split(".")
            line[0] = int(seconds) * 10**6 + int(fraction[:9].ljust(9, "0")) / 1000
        return lines


def captured(load, filter, *fields):
    """What was seen at the left and at the right end while `load` ran."""
    ends = Capture(LEFT, "link0"), Capture(RIGHT, "link1")
    load()
    return [end.read(filter, *fields) for end in ends]


def ping(count, interval=0.002):
    subprocess.run(
        inside(LEFT, "ping", "-n", "-q", "-c", count, "-i", interval, "-W", 1, TO), capture_output=True
    )


def pinged(count, interval=0.002):
    """When each echo request was seen at the left end, by number, and all that came to the right end."""
    sent, arrived = captured(lambda: ping(count, interval), "icmp.type == 8", "icmp.seq")
    return {number: at for at, number in sent}, arrived


def travelled(count, interval=0.002):
    """How long each echo request travelled, in us."""
    sent, arrived = pinged(count, interval)
    return [at - sent[number] for at, number in arrived]


def share(asked, what, hits, total, expected, spread=1.0):
    """Whether a share is as asked for; `spread`: how much more than in independent trials it varies."""
    sigma = math.sqrt(expected * (1 - expected) / total) * spread
    low, high = max(0, expected - SIGMAS * sigma), expected + SIGMAS * sigma
    good = hits > 0 and low <= hits / total <= high
    row(asked, what, f"{hits / total:.2%} of {total}", f"{low:.2%} to {high:.2%}", good)


def within(asked, what, measured, expected, unit):
    low, high = expected * 0.98, expected * 1.02
    row(asked, what, f"{measured:.4g} {unit}", f"{low:.4g} to {high:.4g}", low <= measured <= high)


def delays():
    for millis in [0, 1, 5, 50, 200]:
        rules = f"delay={millis}ms"
        impair(rules)
        late = [at - millis * 1000 for at in travelled(PINGS // 10, 0.005)]
        median, p99 = statistics.median(late), sorted(late)[len(late) * 99 // 100]
        good = 0 <= median <= 50
        row(rules, "late, median (99th percentile)", f"{median:.0f} us ({p99:.0f})", "0 to 50 us", good)
    impair("delay=20ms jitter=5ms")
    times = [at / 1000 for at in travelled(PINGS)]
    within("delay=20ms jitter=5ms", "mean", statistics.mean(times), 20, "ms")
    # An even distribution from -5 to 5.
    within("delay=20ms jitter=5ms", "standard deviation", statistics.pstdev(times), 5 / math.sqrt(3), "ms")
    row("delay=20ms jitter=5ms", "least", f"{min(times):.3f} ms", "from 15", 15 <= min(times) <= 15.3)
    # The machine itself holds up one of thousands.
    within("delay=20ms jitter=5ms", "99th percentile", sorted(times)[len(times) * 99 // 100], 24.9, "ms")


def losses():
    for rules, expected in [("out:loss=0.5%", 0.005), ("out:loss=1%", 0.01), ("out:loss=10%", 0.1)]:
        impair(rules)
        sent, arrived = pinged(PINGS)
        share(rules, "lost", len(sent) - len(arrived), len(sent), expected)
    rules = "out:loss=5%:burst=5"
    impair(rules)
    sent, arrived = pinged(PINGS)
    there = {number for _, number in arrived}
    lost = [number not in there for number in sent]
    bursts = sum(hit and not before for before, hit in zip([False, *lost], lost))
    # Within a burst the trials are one: the variance is that of so many fewer, and more.
    share(rules, "lost", sum(lost), len(lost), 0.05, spread=math.sqrt(2 * 5 - 1))
    sigma = math.sqrt(5 * 4 / max(bursts, 1))
    low, high = max(1, 5 - SIGMAS * sigma), 5 + SIGMAS * sigma
    mean = sum(lost) / max(bursts, 1)
    row(rules, "mean length of bursts", f"{mean:.2f}", f"{low:.2f} to {high:.2f}", low <= mean <= high)


def others():
    impair("out:duplicate=5%")
    sent, arrived = pinged(PINGS)
    share("out:duplicate=5%", "arrived twice", len(arrived) - len(sent), len(sent), 0.05)
    # For ten milliseconds ping waits for an answer before it sends the next.
    rules = "delay=5ms out:reorder=3%:by=30ms"
    impair(rules)
    sent, arrived = pinged(PINGS)
    late = [at - sent[number] > 30_000 for at, number in arrived]
    share(rules, "held back", sum(late), len(late), 0.03)
    furthest, overtaken = -1, 0
    for number in (int(number) for _, number in arrived):
        overtaken += number < furthest
        furthest = max(furthest, number)
    share(rules, "overtaken", overtaken, len(arrived), 0.03)
    impair("out:corrupt=2%")
    fields = ["ip.version", "ip.checksum.status", "icmp.checksum.status"]
    _, passed = captured(lambda: ping(PINGS), "", *fields)
    # Requests that came to the right end, and the answers, which are whole there.
    damaged = [line for line in passed if line[1:] != ["4", "1", "1"]]
    share("out:corrupt=2%", "damaged", len(damaged), PINGS, 0.02)


def iperf(*options):
    server = start(inside(RIGHT, "iperf3", "-s", "-1"), stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    done = json.loads(run(*inside(LEFT, "iperf3", "-J", "-c", TO, "-t", SECONDS, "-O", 1, *options)))
    server.wait()
    return done["end"]


def rates():
    for rules, load, expected in [("rate=1mbit", "2m", 1), ("rate=10mbit", "20m", 10), ("rate=100mbit", "150m", 100)]:
        impair(f"{rules} queue=100p")
        # Datagrams of 1,400 bytes of text, more than the link carries.
        end = iperf("-u", "-b", load, "-l", 1400)
        received = end["sum_received"]["bits_per_second"] / 1e6 * 1428 / 1400
        within(rules, "of datagrams", received, expected, "Mbit/s")
    for rules, expected in [("rate=100mbit delay=5ms queue=1bdp", 100), ("rate=500mbit delay=2ms queue=1bdp", 500)]:
        impair(rules)
        # Segments of 1,448 bytes in packets of 1,500.
        end = iperf("-C", "cubic")
        received = end["sum_received"]["bits_per_second"] / 1e6 * 1500 / 1448
        within(rules, "of TCP", received, expected, "Mbit/s")
    impair("delay=0")
    received = iperf("-C", "cubic")["sum_received"]["bits_per_second"] / 1e9
    row("nothing", "TCP, text", f"{received:.2f} Gbit/s", "1 and more", received >= 1)


def queueing():
    rules = "rate=10mbit delay=20ms queue=1bdp"
    impair(rules)
    load = lambda: iperf("-u", "-b", "15m", "-l", 1000)
    # iperf3 numbers its datagrams at their beginning.
    sent, arrived = captured(load, f"udp && ip.dst == {TO} && frame.len == 1028", "udp.payload")
    sent = {text[:32]: at for at, text in sent}
    times = [(at - sent[text[:32]]) / 1000 for at, text in arrived]
    # The queue is full: 50,000 bytes, twice the delay, and the way itself.
    within(rules, "in a full queue and on the way, median", statistics.median(times[len(times) // 2:]), 60, "ms")


def main():
    command = [GLASSTCP, "link", "--spin", "20ms", "--control", f"{folder.name}/control"]
    command += ["--left", f"{LEFT}:link0,10.8.0.1/24", "--right", f"{RIGHT}:link1,{TO}/24"]
    # What ends this ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    link = start(command, stdout=subprocess.PIPE)
    try:
        while "Ctrl-C" not in link.stdout.readline():
            assert link.poll() is None, "the link has ended"
        ping(5)
        for measure in [delays, losses, others, rates, queueing]:
            measure()
    finally:
        for child in reversed(children):
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
                child.wait()
    print("\n| asked for | measured | | allowed |\n|---|---|---|---|")
    for asked, what, measured, allowed, good in rows:
        print(f"| `{asked}` | {what} | {measured}{'' if good else ' **out**'} | {allowed} |")
    sys.exit(0 if all(good for *_, good in rows) else 1)


main()
