//! A test for people, as iperf3 prints it.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use glasstcp::client::iperf::{Begun, Ends, Interval, Moved, Params, Report, Results, Seen};

use crate::cli::say;

/// Between what is printed while a test runs and what is in the end.
const LINE: &str = "- - - - - - - - - - - - - - - - - - - - - - - - -\n";

/// Prints it as it goes on.
pub struct Text {
    to: SocketAddr,
    both: bool,
    lanes: Vec<Ends>,
    /// Whether the columns have their names.
    headed: bool,
    /// What could not be printed.
    printed: anyhow::Result<()>,
}

/// A line of a table.
struct Row {
    /// `None`: all of one direction.
    id: Option<u32>,
    sends: bool,
    seconds: (f64, f64),
    bytes: u64,
    retransmits: Option<u64>,
}

impl Text {
    /// For a test that is about to begin.
    pub fn new(to: SocketAddr, params: &Params) -> Text {
        let (both, lanes) = (params.bidirectional, Vec::new());
        Text { to, both, lanes, headed: false, printed: Ok(()) }
    }

    /// Prints what is to be seen.
    pub fn see(&mut self, seen: &Seen<'_>) {
        let text = match seen {
            Seen::Begun(begun) => self.begun(begun),
            Seen::Interval(interval) => self.interval(interval),
        };
        if self.printed.is_ok() {
            self.printed = say(&text);
        }
    }

    /// Prints what came of it.
    ///
    /// # Errors
    /// That something could not be printed.
    pub fn end(self, report: &Report) -> anyhow::Result<()> {
        let text = self.summary(report);
        self.printed?;
        say(&text)
    }

    fn begun(&mut self, begun: &Begun) -> String {
        self.lanes.clone_from(&begun.lanes);
        let to = self.to;
        let mut text = format!("Connecting to host {}, port {}\n", to.ip(), to.port());
        for Ends { id, local, peer, .. } in &self.lanes {
            let (here, there) = (local.ip(), peer.ip());
            let (from, to) = (local.port(), peer.port());
            text += &format!("[{id:>3}] local {here} port {from} connected to {there} port {to}\n");
        }
        text
    }

    pub(super) fn interval(&mut self, interval: &Interval) -> String {
        let Interval { start, end, omitted, lanes } = interval;
        let knows = lanes.iter().any(|lane| lane.retransmits.is_some());
        let seen = lanes.iter().any(|lane| lane.info.is_some());
        let mut text = String::new();
        if !self.headed {
            self.headed = true;
            text += &self.head(knows, seen);
        } else if self.lanes.len() > 1 {
            text += LINE;
        }
        let seconds = (start.as_secs_f64(), end.as_secs_f64());
        let omitted = if *omitted { "  (omitted)" } else { "" };
        let of = |(ends, moved): (&Ends, &Moved)| Row {
            id: Some(ends.id),
            sends: ends.sends,
            seconds,
            bytes: moved.bytes,
            retransmits: moved.retransmits,
        };
        let rows: Vec<Row> = self.lanes.iter().zip(lanes).map(of).collect();
        for (row, moved) in rows.iter().zip(lanes) {
            let cwnd = moved.info.as_ref().map(|info| format!("  {}", size(info.cwnd.into())));
            let cwnd = cwnd.unwrap_or_default();
            let _ = writeln!(text, "{}", (self.row(row) + &cwnd + omitted).trim_end());
        }
        for sum in self.sums(&rows) {
            let _ = writeln!(text, "{}", (self.row(&sum) + omitted).trim_end());
        }
        text
    }

    pub(super) fn summary(&self, report: &Report) -> String {
        let rows = |results: &Results, ours: bool| -> Vec<Row> {
            let streams = self.lanes.iter().zip(&results.streams);
            let row = streams.map(|(ends, stream)| Row {
                id: Some(ends.id),
                sends: ends.sends,
                seconds: (0.0, stream.end_time - stream.start_time),
                bytes: stream.bytes,
                retransmits: Some(stream.retransmits)
                    .filter(|_| ours == ends.sends)
                    .and_then(|retransmits| u64::try_from(retransmits).ok()),
            });
            row.collect()
        };
        let ours = rows(&report.ours, true);
        let theirs = report.theirs.as_ref().map(|theirs| rows(theirs, false)).unwrap_or_default();
        let knows = ours.iter().chain(&theirs).any(|row| row.retransmits.is_some());
        let mut text = LINE.to_owned() + &self.head(knows, false);
        let mut add = |ours: Option<&Row>, theirs: Option<&Row>| {
            let sends = ours.or(theirs).is_some_and(|row| row.sends);
            let (sender, receiver) = if sends { (ours, theirs) } else { (theirs, ours) };
            for (row, what) in [(sender, "sender"), (receiver, "receiver")] {
                if let Some(row) = row {
                    let _ = writeln!(text, "{}   {what}", self.row(row));
                }
            }
        };
        for nth in 0..self.lanes.len() {
            add(ours.get(nth), theirs.get(nth));
        }
        let sums = (self.sums(&ours), self.sums(&theirs));
        for nth in 0..sums.0.len() {
            add(sums.0.get(nth), sums.1.get(nth));
        }
        if report.theirs.is_some() {
            text += "\niperf Done.\n";
        }
        text
    }

    /// The names of the columns, of which the last two may not be there.
    fn head(&self, again: bool, window: bool) -> String {
        let role = if self.both { "[Role]" } else { "" };
        let (again, window) = (if again { "Retr" } else { "" }, if window { "Cwnd" } else { "" });
        let head = format!(
            "[ ID]{role} Interval           Transfer     Bitrate         {again:<4}  {window}"
        );
        head.trim_end().to_owned() + "\n"
    }

    fn row(&self, row: &Row) -> String {
        let id = row.id.map_or("SUM".to_owned(), |id| format!("{id:>3}"));
        let role = match (self.both, row.sends) {
            (false, _) => "",
            (true, true) => "[TX-C]",
            (true, false) => "[RX-C]",
        };
        let (start, end) = row.seconds;
        let (bytes, rate) = (size(row.bytes), rate(row.bytes, end - start));
        let again = row.retransmits.map_or(String::new(), |again| again.to_string());
        format!("[{id}]{role} {start:>6.2}-{end:<6.2} sec  {bytes}  {rate}  {again:>4}")
    }

    /// All of each direction, where that is more than one.
    fn sums(&self, rows: &[Row]) -> Vec<Row> {
        let direction = |sends| {
            let rows: Vec<&Row> = rows.iter().filter(|row| row.sends == sends).collect();
            let longest =
                rows.iter().copied().max_by(|a, b| a.seconds.1.total_cmp(&b.seconds.1))?;
            (rows.len() > 1).then(|| Row {
                id: None,
                sends,
                seconds: longest.seconds,
                bytes: rows.iter().fold(0, |sum, row| row.bytes.saturating_add(sum)),
                retransmits: rows.iter().fold(None, |sum, row| together(sum, row.retransmits)),
            })
        };
        [true, false].into_iter().filter_map(direction).collect()
    }
}

/// What of two numbers is known, added up.
pub fn together(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        _ => one.or(other),
    }
}

/// Bytes, in three digits or four.
fn size(bytes: u64) -> String {
    let (number, prefix) = scaled(bytes as f64, 1024.0);
    format!("{number} {prefix}Bytes")
}

/// Bits a second.
fn rate(bytes: u64, seconds: f64) -> String {
    let (number, prefix) = scaled(per_second(bytes, seconds), 1000.0);
    format!("{number} {prefix}bits/sec")
}

/// So many bits a second these bytes are.
pub fn per_second(bytes: u64, seconds: f64) -> f64 {
    let shortest = Duration::from_micros(1).as_secs_f64();
    if seconds < shortest { 0.0 } else { bytes as f64 * 8.0 / seconds }
}

/// A number of four characters and what it is multiplied by.
fn scaled(mut number: f64, step: f64) -> (String, &'static str) {
    let mut prefixes = [" ", "K", "M", "G"].into_iter();
    let mut prefix = prefixes.next().unwrap_or_default();
    for larger in prefixes {
        if number < step {
            break;
        }
        (number, prefix) = (number / step, larger);
    }
    let digits = match number {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    (format!("{number:>4.digits$}"), prefix)
}
