//! A test for programs: one document, whose names are those of iperf3's.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use glasstcp::client::iperf::{
    Begun, Ends, Interval, IperfError, Moved, Params, Report, Results, Seen,
};
use glasstcp::service::text::harmless_line;
use serde_json::{Map, Value, json};

use super::text::{per_second, together};

/// Gathers what there is to say.
pub struct Json {
    params: Params,
    lanes: Vec<Ends>,
    start: Map<String, Value>,
    intervals: Vec<Value>,
}

/// What was moved over a connection, or over several.
#[derive(Clone, Copy, Default)]
struct Sum {
    bytes: u64,
    /// Segments sent again, if that is known.
    retransmits: Option<u64>,
}

impl Json {
    /// For a test that is about to begin.
    pub fn new(to: SocketAddr, params: &Params) -> Json {
        let mut start = Map::new();
        start.insert("connected".to_owned(), json!([]));
        start.insert("version".to_owned(), json!(params.client_version));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let timestamp = json!({
            "time": httpdate::fmt_http_date(UNIX_EPOCH + now),
            "timesecs": now.as_secs(),
        });
        start.insert("timestamp".to_owned(), timestamp);
        let host = json!({ "host": to.ip().to_string(), "port": to.port() });
        start.insert("connecting_to".to_owned(), host);
        Json { params: params.clone(), lanes: Vec::new(), start, intervals: Vec::new() }
    }

    /// Takes what is to be seen.
    pub fn see(&mut self, seen: &Seen<'_>) {
        match seen {
            Seen::Begun(begun) => self.begun(begun),
            Seen::Interval(interval) => {
                let interval = self.interval(interval);
                self.intervals.push(interval);
            }
        }
    }

    /// The document.
    pub fn end(self, done: &Result<Report, IperfError>) -> Value {
        let end = match done {
            Ok(report) => self.report(report),
            Err(_) => json!({}),
        };
        let mut all = json!({ "start": self.start, "intervals": self.intervals, "end": end });
        match done {
            Err(error) => all["error"] = json!(error.to_string()),
            Ok(Report { theirs: None, .. }) => all["error"] = json!("ended by a signal"),
            Ok(_) => {}
        }
        all
    }

    fn begun(&mut self, begun: &Begun) {
        self.lanes.clone_from(&begun.lanes);
        let connected = self.lanes.iter().map(|ends| {
            json!({
                "socket": ends.id,
                "local_host": ends.local.ip().to_string(),
                "local_port": ends.local.port(),
                "remote_host": ends.peer.ip().to_string(),
                "remote_port": ends.peer.port(),
            })
        });
        self.start.insert("connected".to_owned(), connected.collect());
        self.start.insert("cookie".to_owned(), json!(begun.cookie));
        let params = &self.params;
        let test = json!({
            "protocol": "TCP",
            "num_streams": params.parallel,
            "blksize": params.len,
            "omit": params.omit,
            "duration": params.time,
            "bytes": params.num,
            "blocks": 0,
            "reverse": u8::from(params.reverse),
            "bidir": u8::from(params.bidirectional),
        });
        self.start.insert("test_start".to_owned(), test);
    }

    fn interval(&self, interval: &Interval) -> Value {
        let seconds = (interval.start.as_secs_f64(), interval.end.as_secs_f64());
        let of = |moved: &Moved| Sum { bytes: moved.bytes, retransmits: moved.retransmits };
        let streams = self.lanes.iter().zip(&interval.lanes).map(|(ends, moved)| {
            let mut stream = object(of(moved), seconds, ends.sends);
            stream["socket"] = json!(ends.id);
            stream["omitted"] = json!(interval.omitted);
            if let Some(info) = &moved.info {
                let micros = |time: glasstcp::time::Duration| time.as_micros() as u64;
                stream["snd_cwnd"] = json!(info.cwnd);
                stream["snd_wnd"] = json!(info.snd_wnd);
                stream["rtt"] = json!(info.srtt.map_or(0, micros));
                stream["rttvar"] = json!(micros(info.rttvar));
                stream["pmtu"] = json!(info.details.path_mtu);
            }
            stream
        });
        let streams: Vec<Value> = streams.collect();
        let mut all = json!({ "streams": streams });
        for (sends, suffix) in self.directions() {
            let sums = self.lanes.iter().zip(&interval.lanes);
            let sums = sums.filter(|(ends, _)| ends.sends == sends).map(|(_, moved)| of(moved));
            let mut sum = object(sums.fold(Sum::default(), Sum::and), seconds, sends);
            sum["omitted"] = json!(interval.omitted);
            all[format!("sum{suffix}")] = sum;
        }
        all
    }

    fn report(&self, Report { ours, theirs }: &Report) -> Value {
        let none = Results::default();
        let theirs = theirs.as_ref().unwrap_or(&none);
        // What the sender and the receiver say of a connection, of which one may have said nothing.
        let halves = |nth: usize, sends: bool| {
            let (sender, receiver) = if sends { (ours, theirs) } else { (theirs, ours) };
            [sender, receiver].map(|side| {
                let stream = side.streams.get(nth)?;
                let retransmits = u64::try_from(stream.retransmits).ok();
                let sum = Sum { bytes: stream.bytes, retransmits };
                Some((sum, stream.end_time - stream.start_time))
            })
        };
        let streams = self.lanes.iter().enumerate().map(|(nth, ends)| {
            let mut both = json!({});
            for (half, name) in halves(nth, ends.sends).into_iter().zip(["sender", "receiver"]) {
                if let Some((mut sum, seconds)) = half {
                    sum.retransmits = sum.retransmits.filter(|_| name == "sender");
                    both[name] = object(sum, (0.0, seconds), ends.sends);
                    both[name]["socket"] = json!(ends.id);
                }
            }
            both
        });
        let mut end = json!({ "streams": streams.collect::<Vec<_>>() });
        for (sends, suffix) in self.directions() {
            for (side, name) in ["sum_sent", "sum_received"].into_iter().enumerate() {
                let lanes = self.lanes.iter().enumerate().filter(|(_, ends)| ends.sends == sends);
                let halves = lanes.filter_map(|(nth, _)| halves(nth, sends)[side]);
                let (sum, seconds) = halves.fold((Sum::default(), 0.0), |(sum, longest), half| {
                    (sum.and(half.0), f64::max(longest, half.1))
                });
                let retransmits = sum.retransmits.filter(|_| side == 0);
                let sum = Sum { retransmits, ..sum };
                end[format!("{name}{suffix}")] = object(sum, (0.0, seconds), sends);
            }
        }
        end["cpu_utilization_percent"] = json!({
            "host_total": ours.cpu_util_total,
            "host_user": ours.cpu_util_user,
            "host_system": ours.cpu_util_system,
            "remote_total": theirs.cpu_util_total,
            "remote_user": theirs.cpu_util_user,
            "remote_system": theirs.cpu_util_system,
        });
        let sends = self.lanes.first().is_some_and(|ends| ends.sends);
        let sides = if sends { [ours, theirs] } else { [theirs, ours] };
        for (side, name) in sides.into_iter().zip(["sender", "receiver"]) {
            if let Some(congestion) = &side.congestion_used {
                end[format!("{name}_tcp_congestion")] = json!(harmless_line(congestion));
            }
        }
        end
    }

    /// Whether we send, and what iperf3 adds to the name of a sum, for each direction that there is.
    fn directions(&self) -> Vec<(bool, &'static str)> {
        match (self.params.bidirectional, self.params.reverse) {
            (true, _) => vec![(true, ""), (false, "_bidir_reverse")],
            (false, reverse) => vec![(!reverse, "")],
        }
    }
}

impl Sum {
    fn and(self, other: Sum) -> Sum {
        let retransmits = together(self.retransmits, other.retransmits);
        Sum { bytes: self.bytes.saturating_add(other.bytes), retransmits }
    }
}

fn object(sum: Sum, (start, end): (f64, f64), sends: bool) -> Value {
    let mut object = json!({
        "start": start,
        "end": end,
        "seconds": end - start,
        "bytes": sum.bytes,
        "bits_per_second": per_second(sum.bytes, end - start),
        "sender": sends,
    });
    if let Some(retransmits) = sum.retransmits {
        object["retransmits"] = json!(retransmits);
    }
    object
}
