//! What the daemon has counted and used.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::time::Duration;

use glasstcp::event::Refusal;

/// The last row of the counters that the daemon prints.
pub const LAST_ROW: &str = " device_dropped\n";

/// The daemon's counters by name, as it has printed them.
pub struct Counted(HashMap<String, u64>);

impl Counted {
    /// Reads everything in a log that looks like a row of counters; the last one of a name counts.
    pub fn read(log: &str) -> Counted {
        let row = |line: &str| {
            let (value, name) = line.trim_start().split_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Counted(log.lines().filter_map(row).collect())
    }

    /// The value of a counter; those not printed are zero.
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Fails unless every packet received was taken, or refused as a whole for one named reason.
    #[track_caller]
    pub fn assert_accounted(&self) {
        let icmp = ["icmp_echo_replies", "icmp_echo_answers", "icmp_errors_received"];
        let taken = icmp.into_iter().chain(["udp_received", "tcp_segments_accepted"]);
        let whole = Refusal::ALL.iter().filter(|reason| reason.is_whole());
        let names = taken.chain(whole.map(|reason| reason.name()));
        let accounted: u64 = names.map(|name| self.of(name)).sum();
        // Several shards pass on to each other what they have nobody for.
        let [on, over] = ["packets_passed_on", "packets_taken_over"].map(|name| self.of(name));
        assert_eq!(accounted + on, self.of("packets_received") + over, "{self}");
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort();
        rows.iter().try_for_each(|(name, value)| writeln!(f, "{value:>12} {name}"))
    }
}

/// What a process has used.
pub struct Usage {
    /// Time of processors, for itself and inside of the kernel, in steps of 10 ms.
    pub cpu: Duration,
    /// The same of its first thread alone, exactly where the kernel says it.
    pub on_cpu: Duration,
    /// Resident memory.
    pub memory_kib: u64,
}

impl Usage {
    /// What `/proc` says of a process.
    pub fn of(id: u32) -> Usage {
        let path = |name| format!("/proc/{id}/{name}");
        let file = |name| fs::read_to_string(path(name)).expect("the process has not ended");
        let stat = file("stat");
        // The name, in parentheses, may contain anything; utime is the 14th field, stime the 15th.
        let (_, fields) = stat.rsplit_once(')').expect("proc(5)");
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|field| field.parse::<u64>().expect("proc(5)")).sum();
        let status = file("status");
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = memory.and_then(|text| text.trim().strip_suffix(" kB"));
        // Linux tells user space 100 ticks a second on every machine.
        let cpu = Duration::from_millis(ticks * 10);
        let exact = fs::read_to_string(path("schedstat")).ok();
        let exact = exact.and_then(|text| text.split(' ').next()?.parse().ok());
        Usage {
            cpu,
            on_cpu: exact.map_or(cpu, Duration::from_nanos),
            memory_kib: memory.and_then(|text| text.parse().ok()).expect("proc(5)"),
        }
    }
}
