//! What a stack has counted and what it holds, as text that Prometheus reads (version 0.0.4 of its format).

use std::fmt::{Display, Write};

use crate::event::{Refusal, State};
use crate::stack::Counters;

#[cfg(test)]
mod tests;

/// The type of such a text in HTTP.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What there is of it now.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// TCP sockets in each [`State`], by its number in the enum; listeners and TIME-WAIT are among them.
    pub sockets: [u64; State::ALL.len()],
    /// UDP sockets.
    pub udp_sockets: u64,
    /// Timers, armed or not.
    pub timers: u64,
    /// What the buffers of all connections hold, in bytes.
    pub tcp_memory: u64,
}

/// All counters, those that are zero too, and all gauges. `device_dropped` is how many packets the device has refused.
pub fn format(counters: &Counters, device_dropped: u64, gauges: &Gauges) -> String {
    let mut text = Text::default();
    text.family("build_info", "gauge", "What runs.");
    text.sample("build_info", Some(("version", env!("CARGO_PKG_VERSION"))), 1);
    for (name, help, count) in counters.all() {
        text.single(&format!("{name}_total"), "counter", help, count);
    }
    let help = "Packets that the device has refused.";
    text.single("device_dropped_total", "counter", help, device_dropped);
    text.family(
        "refused_total",
        "counter",
        "Packets, segments and parts of them refused, by reason.",
    );
    for reason in Refusal::ALL {
        let count = counters.refusals.of(*reason);
        text.sample("refused_total", Some(("reason", reason.name())), count);
    }
    text.family("sockets", "gauge", "TCP sockets by state.");
    for state in State::ALL {
        let name = state.name().to_ascii_lowercase();
        text.sample("sockets", Some(("state", &name)), gauges.sockets[state as usize]);
    }
    text.single("udp_sockets", "gauge", "UDP sockets.", gauges.udp_sockets);
    text.single("timers", "gauge", "Timers, armed or not.", gauges.timers);
    let help = "What the buffers of all TCP connections hold, in bytes.";
    text.single("tcp_memory_bytes", "gauge", help, gauges.tcp_memory);
    text.0
}

/// A text that becomes longer; all names get the same beginning.
#[derive(Default)]
struct Text(String);

impl Text {
    /// What the samples that follow are.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.trim().replace('\\', "\\\\").replace('\n', "\\n");
        self.line(format_args!("# HELP glasstcp_{name} {help}"));
        self.line(format_args!("# TYPE glasstcp_{name} {kind}"));
    }

    fn sample(&mut self, name: &str, label: Option<(&str, &str)>, value: u64) {
        match label {
            Some((key, label)) => {
                let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                self.line(format_args!("glasstcp_{name}{{{key}=\"{label}\"}} {value}"));
            }
            None => self.line(format_args!("glasstcp_{name} {value}")),
        }
    }

    /// One sample and what it is.
    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help);
        self.sample(name, None, value);
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}
