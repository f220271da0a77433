"""Runs packetdrill scripts against the stack; scripts/packetdrill runs this.

Each script has namespaces of its own and a copy of /proc/sys in them, so that what it sets is seen by the stack under
test and by nobody else.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPECTED = ROOT / "tests" / "packetdrill-expected.txt"
# Where packetdrill puts the stack, unless the script says otherwise.
LOCAL_IP = "192.168.0.1"
# What packetdrill's own runner defines for IPv4.
DEFINES = {
    "TFO_COOKIE": "3021b9d889017eeb",
    "CODE": "host_unreachable",
    "CMSG_LEVEL_IP": "SOL_IP",
    "CMSG_TYPE_RECVERR": "IP_RECVERR",
}
# Real seconds a script may take: nearly all take a fifth of one.
TIMEOUT = 30
# What scripts may find and set, with what Linux begins with.
SYSCTLS = {
    "tcp_abort_on_overflow": "0",
    "tcp_allowed_congestion_control": "reno cubic bbr",
    "tcp_available_congestion_control": "reno cubic bbr",
    "tcp_base_mss": "1024",
    "tcp_congestion_control": "cubic",
    "tcp_dsack": "1",
    "tcp_early_retrans": "3",
    "tcp_ecn": "2",
    "tcp_ecn_fallback": "1",
    "tcp_ecn_option": "2",
    "tcp_fack": "0",
    "tcp_fastopen": "1",
    "tcp_fastopen_blackhole_timeout_sec": "0",
    "tcp_fastopen_key": "00000000-00000000-00000000-00000000",
    "tcp_fin_timeout": "60",
    "tcp_frto": "2",
    "tcp_keepalive_intvl": "75",
    "tcp_keepalive_probes": "9",
    "tcp_keepalive_time": "7200",
    "tcp_limit_output_bytes": "4194304",
    "tcp_max_syn_backlog": "4096",
    "tcp_min_tso_segs": "2",
    "tcp_moderate_rcvbuf": "1",
    "tcp_mtu_probing": "0",
    "tcp_no_metrics_save": "0",
    "tcp_notsent_lowat": "4294967295",
    "tcp_orphan_retries": "0",
    "tcp_pacing_ca_ratio": "120",
    "tcp_pacing_ss_ratio": "200",
    "tcp_recovery": "1",
    "tcp_reordering": "3",
    "tcp_retries1": "3",
    "tcp_retries2": "15",
    "tcp_rmem": "4096 131072 6291456",
    "tcp_sack": "1",
    "tcp_shrink_window": "0",
    "tcp_slow_start_after_idle": "1",
    "tcp_syn_linear_timeouts": "4",
    "tcp_syn_retries": "6",
    "tcp_synack_retries": "5",
    "tcp_syncookies": "1",
    "tcp_timestamps": "1",
    "tcp_tso_win_divisor": "3",
    "tcp_window_scaling": "1",
    "tcp_wmem": "4096 16384 4194304",
}
# sysctl -q name=value..., in the script's own /proc/sys. An unknown name is an error, as it is to the real one.
SYSCTL = r"""#!/bin/sh
status=0
for word; do
    case $word in -*) continue ;; esac
    path=/proc/sys
    separators=$IFS
    IFS=./
    for part in ${word%%=*}; do path=$path/$part; done
    IFS=$separators
    if [ ! -e "$path" ]; then
        echo "sysctl: there is no $path here" >&2
        status=255
    else
        case $word in
            *=*) printf '%s\n' "${word#*=}" >"$path" ;;
            *) read -r value <"$path" && echo "${word%%=*} = $value" ;;
        esac
    fi
done
exit $status
"""
# Of all that ip does only one thing concerns the stack: to forget what it knows of servers.
IP = r"""#!/bin/sh
[ "$1" = tcp_metrics ] && : >/proc/sys/net/ipv4/tcp_metrics_flushed
exit 0
"""
# And of what tc does: to have a queue without room, so that the device takes nothing.
TC = r"""#!/bin/sh
case $* in
    *qdisc*"limit 0"*) : >/proc/sys/net/ipv4/device_full ;;
    *qdisc*) rm -f /proc/sys/net/ipv4/device_full ;;
esac
exit 0
"""
# Commands that set up what there is none of here: devices, and the kernel's own counters.
DO_NOTHING = ["ethtool", "nstat"]


def die(sentence):
    sys.exit(f"packetdrill: {sentence}")


def find_scripts(places, expected):
    """Every script for IPv4, as pairs of a path and what it is called: as where it is expected to fail, wherever the
    place is; otherwise the name is relative to the place."""
    found = {}
    for place in map(pathlib.Path, places):
        if place.is_file():
            found[place] = f"{place.parent.name}/{place.name}"
        elif place.is_dir():
            # As packetdrill's own runner has it: the names of scripts for IPv6 end so.
            for path in place.rglob("*.pkt"):
                if not path.name.endswith("v6.pkt"):
                    name = path.relative_to(place)
                    found[path] = str(name) if name.parent.name else f"{place.name}/{name}"
        else:
            die(f"there is no {place}; give folders with scripts, or scripts.")
    if not found:
        die("there is not one script (*.pkt for IPv4) below the folders.")
    for path in found:
        parts = path.resolve().parts
        tails = ("/".join(parts[at:]) for at in range(len(parts)))
        found[path] = next((tail for tail in tails if tail in expected), found[path])
    return sorted(found.items(), key=lambda item: item[1])


def missing(scripts, expected):
    """Which scripts are expected to fail, and are not where others of the same folder are."""
    folders = {}
    for path, name in scripts:
        folders.setdefault(name.rpartition("/")[0], set()).add(path.parent)
    for name in expected:
        folder, _, file = name.rpartition("/")
        if folder in folders and not any((there / file).exists() for there in folders[folder]):
            yield name


def read_expected(path):
    """Which scripts are expected to fail, with the reason of each."""
    expected = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, _, reason = line.partition(" ")
        if not reason.strip():
            die(f"{path}, line {number}: there is no reason after {name}.")
        expected[name] = reason.strip()
    return expected


def write_shims(folder):
    """The commands that scripts call, in a folder for the beginning of PATH."""
    folder.mkdir()
    for name, text in {"sysctl": SYSCTL, "ip": IP, "tc": TC}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    for name in DO_NOTHING:
        (folder / name).symlink_to("/bin/true")
    return folder


def option(text, name, default):
    """What the script itself says on its first lines, or the default."""
    said = re.search(rf"^--{name}=(\S+)", text, re.MULTILINE)
    return said[1] if said else default


def of_their_runner(folder):
    """Arguments for scripts in a folder that has a runner of its own, as gVisor's has: what prepares the machine for each
    script, and how late something may happen."""
    setup, runner = folder / "packetdrill_setup.sh", folder / "packetdrill_test.sh"
    arguments = [f"--init_scripts={setup.resolve()}"] if setup.is_file() else []
    tolerance = re.search(r"\btolerance_usecs=(\d+)", runner.read_text()) if runner.is_file() else None
    return arguments + ([f"--tolerance_usecs={tolerance[1]}"] if tolerance else [])


class Runner:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.shims = write_shims(folder / "shims")
        self.unshare = ["unshare", "--mount", "--net"]
        if subprocess.run(["unshare", "--map-root-user", "--mount", "--net", "true"], capture_output=True).returncode == 0:
            self.unshare.insert(1, "--map-root-user")
        elif os.geteuid() != 0:
            die("user namespaces are not allowed here; run it as root, or allow them (sysctl kernel.unprivileged_userns_clone=1).")

    def run(self, path):
        """Whether the script has passed, failed, or broken off, which nobody expects; and what it has printed."""
        text = path.read_text(errors="replace")
        local = option(text, "local_ip", LOCAL_IP)
        settings = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        (settings / "net" / "ipv4").mkdir(parents=True)
        for name, value in SYSCTLS.items():
            (settings / "net" / "ipv4" / name).write_text(value + "\n")
        flags = f"local={local},mtu={option(text, 'mtu', 1500)},sysctl={settings}"
        command = [str(self.arguments.binary), "--ip_version=ipv4", f"--local_ip={local}"]
        command += [f"--so_filename={self.arguments.library}", f"--so_flags={flags}"]
        command += [f"-D{name}={value}" for name, value in DEFINES.items()]
        command += of_their_runner(path.parent)
        # Scripts are written for machines on which sh is bash. The pid of this shell is that of packetdrill, under which
        # scripts keep a file.
        inside = 'mount --bind "$1" /proc/sys && mount --bind "$(command -v bash)" /bin/sh || exit 125; shift; '
        inside += 'preload=$1; shift; exec env LD_PRELOAD="$preload" "$@"'
        process = subprocess.Popen(
            [*self.unshare, "sh", "-c", inside, "sh", str(settings), str(self.arguments.library), *command, path.name],
            cwd=path.parent,
            env={**os.environ, "PATH": f"{self.shims}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate(timeout=TIMEOUT)
            verdict = "passed" if process.returncode == 0 else "failed"
            if process.returncode < 0:
                printed, verdict = printed + f"ended by signal {-process.returncode}\n", "broken"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            printed, verdict = process.communicate()[0] + f"not done after {TIMEOUT} s\n", "broken"
        pathlib.Path(f"/tmp/sysctl_restore_{process.pid}.sh").unlink(missing_ok=True)
        shutil.rmtree(settings, ignore_errors=True)
        return verdict, printed


def report(results, expected, gone):
    """Prints a line for each folder and for each surprise, and says whether there was one."""
    areas = {}
    surprises = [f"{name} is expected to fail, and is not there" for name in gone]
    for name, (verdict, printed) in results.items():
        counts = areas.setdefault(name.split("/")[0], {"passed": 0, "failed": 0, "expected": 0})
        failed_as_expected = verdict == "failed" and name in expected
        if verdict == "passed" and name in expected:
            surprises.append(f"{name} passes, and was expected to fail: {expected[name]}")
        elif verdict != "passed" and not failed_as_expected:
            last = printed.strip().splitlines()[-1:] or ["it has printed nothing"]
            surprises.append(f"{name} fails: {last[0]}")
        counts["passed" if verdict == "passed" else "expected" if failed_as_expected else "failed"] += 1
    print(f"{'area':<20}{'passed':>8}{'failed':>8}{'expected to fail':>18}")
    for area, counts in sorted(areas.items()):
        print(f"{area:<20}{counts['passed']:>8}{counts['failed']:>8}{counts['expected']:>18}")
    for surprise in surprises:
        print(surprise)
    total = {key: sum(counts[key] for counts in areas.values()) for key in ["passed", "failed", "expected"]}
    print(f"{total['passed']} passed, {total['failed']} failed, {total['expected']} expected to fail")
    return bool(surprises)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--library", type=pathlib.Path, required=True)
    parser.add_argument("--expected", type=pathlib.Path, default=EXPECTED)
    parser.add_argument("--jobs", type=int, default=2 * len(os.sched_getaffinity(0)))
    parser.add_argument("--log", type=pathlib.Path)
    parser.add_argument("scripts", nargs="+")
    arguments = parser.parse_args()
    arguments.binary, arguments.library = arguments.binary.resolve(), arguments.library.resolve()
    expected = read_expected(arguments.expected)
    scripts = find_scripts(arguments.scripts, expected)
    with tempfile.TemporaryDirectory(prefix="packetdrill-") as folder:
        runner = Runner(arguments, pathlib.Path(folder))
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            outcomes = pool.map(lambda item: runner.run(item[0]), scripts)
            results = {name: outcome for (_, name), outcome in zip(scripts, outcomes)}
    if arguments.log:
        failed = [f"== {name}\n{printed}\n" for name, (verdict, printed) in results.items() if verdict != "passed"]
        arguments.log.write_text("".join(failed))
    sys.exit(1 if report(results, expected, missing(scripts, expected)) else 0)


main()
