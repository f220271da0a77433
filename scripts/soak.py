"""Loads a daemon and looks whether it stays as it is; called by scripts/soak."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KERNEL, STACK = "10.9.0.1", "10.9.0.2"
FLOOD_SECONDS = 20
# Seconds after which memory is no longer expected to grow, and by how much it may nevertheless.
SETTLED = 20
SLACK = 4 << 20
# So many seconds without a byte are a stall.
STALL = 3
# What is counted of everything.
COUNTED = {
    "packets_received", "bytes_received", "bursts_sent", "bytes_sent", "tcp_passive_opens", "tcp_segments_received",
    "tcp_segments_accepted", "tcp_segments_sent", "tcp_retransmissions", "tcp_resets_sent",
}
# What a lossy link and clients that leave early explain; whatever else is refused is a fault.
EXPLAINED = {
    "full": {"sequence_old", "tcp_stray_reset", "reset_outside_window", "sequence_outside"},
    "churn": {"time_wait_segment", "sequence_old", "tcp_stray_reset", "reset_outside_window"},
    "flood": {"ip_martian_source", "tcp_port_zero", "tcp_stray_reset", "tcp_syn_cookies_sent", "tcp_syn_cookies_received",
              "tcp_syn_cookies_failed", "device_dropped"},
}


class Failure(Exception):
    pass


def run(*command, **more):
    return subprocess.run(command, check=True, text=True, capture_output=True, **more).stdout


class Daemon:
    """A daemon in a namespace of its own."""

    def __init__(self, binary, arguments):
        self.netns = f"gt-soak-{os.getpid()}"
        run("ip", "netns", "add", self.netns)
        self.log = tempfile.TemporaryFile("w+")
        self.process = None
        try:
            run("ip", "-n", self.netns, "link", "set", "lo", "up")
            for setting in ("net.ipv4.tcp_max_tw_buckets=0", "net.ipv4.ip_local_port_range=10000 65535"):
                run(*self.inside("sysctl", "-qw", setting))
            command = [binary, "up", "--netns", self.netns, *arguments]
            self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
            self.wait_for(" is up")
            # BBR, where it is the default, would hold the kernel's clients back.
            run("ip", "-n", self.netns, "route", "change", "10.9.0.0/24", "dev", "glass0", "proto", "kernel",
                "scope", "link", "src", KERNEL, "congctl", "cubic")
        except BaseException:
            self.end()
            raise

    def inside(self, *command):
        return ["ip", "netns", "exec", self.netns, *command]

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def wait_for(self, text):
        for _ in range(200):
            if text in self.said():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise Failure(f"the daemon does not start: {self.said()}")

    def resident(self):
        """Bytes of memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def moved(self):
        """Bytes that have passed the device, each way."""
        folder = "/sys/class/net/glass0/statistics"
        return [int(line) for line in run(*self.inside("cat", f"{folder}/rx_bytes", f"{folder}/tx_bytes")).split()]

    def counters(self):
        """What it has counted."""
        self.process.send_signal(signal.SIGUSR1)
        self.wait_for("device_dropped")
        rows = [line.split() for line in self.said().splitlines()]
        return {row[1]: int(row[0]) for row in rows if len(row) == 2 and row[0].isdigit()}

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        subprocess.run(["ip", "netns", "del", self.netns], check=False)


def watch(daemon, seconds, ways, alive):
    """Looks every second; both ways are to move, or their sum. Gives memory when it had settled, at most after that, and
    the fewest bytes of a second."""
    settled, most, least = None, 0, None
    before, still = daemon.moved(), 0
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        time.sleep(1)
        alive()
        moved, resident = daemon.moved(), daemon.resident()
        steps = [after - earlier for after, earlier in zip(moved, before)]
        step = min(steps) if ways == 2 else sum(steps)
        before, still = moved, 0 if step > 0 else still + 1
        if still >= STALL:
            raise Failure(f"nothing moved for {STALL} s")
        passed = time.monotonic() - begun
        if passed > 5 and passed < seconds - 2:
            least = step if least is None else min(least, step)
        if passed >= min(SETTLED, seconds / 2):
            settled = resident if settled is None else settled
            most = max(most, resident)
    if most > settled + SLACK:
        raise Failure(f"memory grew from {settled >> 10} to {most >> 10} KiB")
    print(f"memory {settled >> 10} KiB after {SETTLED} s, {most >> 10} at most after that;"
          f" {(least or 0) / 1e6:.1f} MB in the slowest second", flush=True)


def judge(name, daemon):
    """The counters that should be zero, and those that count."""
    counters = daemon.counters()
    print("  ".join(f"{key} {value}" for key, value in counters.items()), flush=True)
    known = COUNTED | EXPLAINED[name]
    faults = {key: value for key, value in counters.items() if value and key not in known}
    if faults:
        raise Failure(f"counters that should be zero: {faults}")


def load(name, binary, client, seconds):
    arguments = ["--impair", "loss=1%"] if name == "full" else []
    daemon = Daemon(binary, arguments)
    clients = []
    try:
        def start(*command):
            clients.append(subprocess.Popen(daemon.inside(*command), stdout=subprocess.PIPE, text=True))

        def alive():
            if any(process.poll() not in (None, 0) for process in clients):
                raise Failure("a client has failed; see above")

        if name == "full":
            start(client, "bulk-in", f"{STACK}:9", str(seconds), "4")
            start(client, "bulk-out", f"{STACK}:19", str(seconds), "4")
            watch(daemon, seconds, 2, alive)
        elif name == "churn":
            start(client, "churn", f"{STACK}:7", str(seconds))
            watch(daemon, seconds, 2, alive)
        else:
            flood(daemon, alive, start)
        for process in clients:
            output, _ = process.communicate(timeout=60)
            # With 124 timeout(1) says that the time was over.
            if process.returncode not in (0, 124):
                raise Failure(f"a client has ended with {process.returncode}")
            if output.strip():
                unit = "connections a second" if name == "churn" else "Gbit/s"
                print(f"{output.split()[0]} {unit}", flush=True)
        time.sleep(2)
        judge(name, daemon)
    finally:
        for process in clients:
            if process.poll() is None:
                process.kill()
                process.wait()
        daemon.end()


def flood(daemon, alive, start):
    before = daemon.resident()
    start("timeout", "-s", "INT", str(FLOOD_SECONDS), "hping3", "-q", "--flood", "--rand-source", "-S", "-p", "80", STACK)
    asked, most = 0, 0
    end = time.monotonic() + FLOOD_SECONDS
    while time.monotonic() < end - 1:
        page = subprocess.run(daemon.inside("curl", "-sf", "-m", "10", "-o", "/dev/null", f"http://{STACK}/"))
        if page.returncode:
            raise Failure(f"curl has failed with {page.returncode} after {asked} pages")
        asked += 1
        most = max(most, daemon.resident())
    print(f"{asked} pages; memory {before >> 10} KiB before, {most >> 10} at most", flush=True)
    if most > before + (64 << 20):
        raise Failure(f"memory grew from {before >> 10} to {most >> 10} KiB")


def main():
    binary, client, minutes, names = sys.argv[1:]
    failed = False
    for name in names.split(","):
        print(f"\n== {name}", flush=True)
        try:
            load(name, binary, client, max(float(minutes) * 60, 10))
        except (Failure, subprocess.CalledProcessError, subprocess.TimeoutExpired) as failure:
            print(f"FAILED: {failure}", flush=True)
            failed = True
    sys.exit(1 if failed else 0)


main()
