//! `glasstcp ss`: the sockets of a running glasstcp, as ss(8) shows those of the kernel.

use std::net::IpAddr;

use anyhow::{Context, anyhow};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use glasstcp::control::{
    Protocol, Reply, Request, SocketFilter, SocketStatus, TcpStatus, TimerStatus, state_name,
};
use glasstcp::event::State;

use super::control::{SOMETHING_ELSE, Whom};

/// The states of sockets that wait for others, which ss does not show unless it is asked to.
const WAITING: [&str; 2] = [state_name(State::Listen), state_name(State::Closed)];

/// Show the sockets of a running glasstcp, as ss(8) shows the kernel's
///
/// Each connection with its queues, its timer and what its congestion control thinks, in the words of 'ss -tino'. Without
/// -l and -a those are left out that wait for others.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp ss                            connections
  sudo glasstcp ss -a                         and listeners, and UDP
  sudo glasstcp ss --port 80 --state estab    connections of the web server that are open
  sudo glasstcp ss --json | jq .tcp.cwnd      an object for each

Words of its own: rates end with bps (bits a second); limited-by: for why nothing more was sent when it last stopped (app:
there was nothing more, cwnd, rwnd: the peer's window, nagle, cork, pacing); owned:no for what no application has any more, recovery: for what is
being done about losses. What ss counts in segments (cwnd, ssthresh) is so counted here too. Of a glasstcp with several
queues each has its listeners.

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    #[command(flatten)]
    whom: Whom,

    /// Those too that wait for others: listeners, and UDP sockets without a peer
    #[arg(short, long)]
    all: bool,

    /// Only those that wait for others
    #[arg(short, long, conflicts_with = "all")]
    listening: bool,

    /// TCP
    #[arg(short, long)]
    tcp: bool,

    /// UDP
    #[arg(short, long)]
    udp: bool,

    /// In this state; can be given several times
    #[arg(long, value_name = "STATE", ignore_case = true, value_parser = PossibleValuesParser::new(State::ALL.map(state_name)).map(|name| name.to_uppercase()))]
    state: Vec<String>,

    /// With this port at either end
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// With this address at either end
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,

    /// An object of JSON for each, on a line of its own
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Asks, and prints the answer.
    pub fn run(self) -> anyhow::Result<()> {
        let filter = self.filter();
        let json = self.json;
        let mut text = if json { String::new() } else { columns(HEADER) + "\n" };
        let last = self.whom.ask_for_all(&Request::Sockets { filter }, |reply| {
            let Reply::Socket(socket) = reply else {
                return Err(anyhow!(SOMETHING_ELSE));
            };
            text += &match json {
                true => serde_json::to_string(&socket).context("cannot write JSON")? + "\n",
                false => line(&socket),
            };
            // Printed when all is here: a pager that waits for somebody must not hold it up.
            Ok(())
        })?;
        super::say(&text)?;
        match last {
            Reply::Done { .. } => Ok(()),
            _ => Err(anyhow!(SOMETHING_ELSE)),
        }
    }

    fn filter(&self) -> SocketFilter {
        let protocol = match (self.tcp, self.udp) {
            (true, false) => Some(Protocol::Tcp),
            (false, true) => Some(Protocol::Udp),
            _ => None,
        };
        let named = |wait: bool| {
            let all = State::ALL.map(state_name).into_iter();
            all.filter(|name| WAITING.contains(name) == wait).map(str::to_owned).collect()
        };
        let states = match &self.state[..] {
            [] if self.all => Vec::new(),
            [] => named(self.listening),
            asked => asked.to_vec(),
        };
        let (port, address) = (self.port, self.address);
        SocketFilter { protocol, states, port, address, between: None }
    }
}

/// How far every path is taken to reorder, in segments: not worth a word.
const USUAL_REORDERING: u16 = 3;
/// What stands above the columns.
const HEADER: [&str; 6] =
    ["Netid", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port"];

fn columns([netid, state, receive, send, local, remote]: [&str; 6]) -> String {
    format!("{netid:<5} {state:<10} {receive:>6} {send:>6} {local:>21} {remote:>21}")
}

/// A socket, and below it what is known of it.
fn line(socket: &SocketStatus) -> String {
    let netid = match socket.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    let remote = socket.remote.map_or_else(|| "*:*".to_owned(), |remote| remote.to_string());
    let [receive, send] = [socket.receive_queue, socket.send_queue].map(|queue| queue.to_string());
    let local = socket.local.to_string();
    let mut text = columns([netid, &socket.state, &receive, &send, &local, &remote]);
    if let Some(timer) = &socket.timer {
        text += &format!(" {}", timer_text(timer));
    }
    if let Some(conn) = socket.conn {
        text += &format!(" #{conn}");
    }
    if !socket.owned && socket.conn.is_some() {
        text += " owned:no";
    }
    text.push('\n');
    if let Some(tcp) = &socket.tcp {
        text += &format!("\t{}\n", details(tcp));
    }
    text
}

/// A timer in the words of ss -o.
fn timer_text(timer: &TimerStatus) -> String {
    let name = match &timer.name[..] {
        "retransmission" => "on",
        "time_wait" => "timewait",
        name => name,
    };
    let left = timer.left_us;
    let time = match left / 1_000_000 {
        0..10 => format!("{}ms", left.div_ceil(1000)),
        seconds @ 10..60 => format!("{seconds}sec"),
        seconds => format!("{}min{}sec", seconds / 60, seconds % 60),
    };
    format!("timer:({name},{time},{})", timer.tries)
}

/// Milliseconds, as ss shows them: as many digits as there are.
fn ms(us: u64) -> String {
    format!("{}", us as f64 / 1e3)
}

/// Bits a second.
fn bps(bytes: u64) -> String {
    format!("{}bps", bytes.saturating_mul(8))
}

/// What ss -i says of a connection, in its order.
fn details(tcp: &TcpStatus) -> String {
    [agreed(tcp), amounts(tcp), progress(tcp), losses(tcp)].concat().join(" ")
}

/// A word for each of these that is not zero.
fn counts(all: &[(&str, u64)]) -> Vec<String> {
    let some = all.iter().filter(|(_, count)| *count > 0);
    some.map(|(name, count)| format!("{name}:{count}")).collect()
}

/// What both sides have agreed on, times and sizes.
fn agreed(tcp: &TcpStatus) -> Vec<String> {
    let flags = [(tcp.timestamps, "ts"), (tcp.sack, "sack"), (tcp.ecn, "ecn")];
    let flags = flags.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned());
    let (theirs, ours) = tcp.window_scales;
    let mut words: Vec<_> = flags.chain([tcp.congestion.clone()]).collect();
    words.push(format!("wscale:{theirs},{ours} rto:{}", ms(tcp.rto_us)));
    words.extend(tcp.srtt_us.map(|srtt| format!("rtt:{}/{}", ms(srtt), ms(tcp.rttvar_us))));
    words.push(format!("ato:{} mss:{} pmtu:{}", ms(tcp.ato_us), tcp.mss, tcp.path_mtu));
    words.push(format!("rcvmss:{} advmss:{}", tcp.rcv_mss, tcp.advertised_mss));
    words
}

/// The windows, and how much was sent and received.
fn amounts(tcp: &TcpStatus) -> Vec<String> {
    let segments = |bytes: u32| bytes / u32::from(tcp.mss).max(1);
    let cwnd = format!("cwnd:{}", segments(tcp.cwnd));
    let all = [
        ("ssthresh", segments(tcp.ssthresh.unwrap_or(0)).into()),
        ("bytes_sent", tcp.bytes_sent + tcp.bytes_retransmitted),
        ("bytes_retrans", tcp.bytes_retransmitted),
        ("bytes_acked", tcp.bytes_acked),
        ("bytes_received", tcp.bytes_received),
        ("segs_out", tcp.segments_out.into()),
        ("segs_in", tcp.segments_in.into()),
        ("data_segs_out", tcp.text_segments_out.into()),
        ("data_segs_in", tcp.text_segments_in.into()),
    ];
    [vec![cwnd], counts(&all)].concat()
}

/// How fast it goes, and what it waits for.
fn progress(tcp: &TcpStatus) -> Vec<String> {
    let send = tcp.srtt_us.filter(|&srtt| srtt > 0);
    let send = send.map(|srtt| u64::from(tcp.cwnd) * 1_000_000 / srtt);
    let mut words: Vec<_> = send.map(|rate| format!("send {}", bps(rate))).into_iter().collect();
    let since = [tcp.since_sent_us, tcp.since_text_us, tcp.since_heard_us].map(|us| us / 1000);
    words.push(format!("lastsnd:{} lastrcv:{} lastack:{}", since[0], since[1], since[2]));
    words.extend(tcp.pacing_rate.map(|rate| format!("pacing_rate {}", bps(rate))));
    words.extend(tcp.delivery_rate.map(|rate| format!("delivery_rate {}", bps(rate))));
    words.extend(tcp.app_limited.then(|| "app_limited".to_owned()));
    words.push(format!("busy:{}ms limited-by:{}", tcp.busy_us / 1000, tcp.limited_by));
    let share = |part: u64| part as f64 * 100.0 / tcp.busy_us.max(1) as f64;
    let limits = [("rwnd_limited", tcp.rwnd_limited_us), ("sndbuf_limited", tcp.sndbuf_limited_us)];
    let limits = limits.into_iter().filter(|(_, time)| *time > 0);
    words.extend(
        limits.map(|(name, time)| format!("{name}:{}ms({:.1}%)", time / 1000, share(time))),
    );
    words
}

/// What is on its way or lost, and the rest.
fn losses(tcp: &TcpStatus) -> Vec<String> {
    let mut words = counts(&[("unacked", tcp.segments_outstanding.into())]);
    let again = (tcp.retransmissions > 0)
        .then(|| format!("retrans:{}/{}", tcp.segments_again, tcp.retransmissions));
    words.extend(again);
    let reordering = if tcp.reordering > USUAL_REORDERING { tcp.reordering } else { 0 };
    words.extend(counts(&[
        ("lost", tcp.segments_lost.into()),
        ("sacked", tcp.segments_sacked.into()),
        ("dsack_dups", tcp.dsacks.into()),
        ("reordering", reordering.into()),
    ]));
    words.push(format!("rcv_wnd:{} snd_wnd:{}", tcp.rcv_wnd, tcp.snd_wnd));
    words.extend(tcp.min_rtt_us.map(|min| format!("minrtt:{}", ms(min))));
    words.extend(counts(&[("notsent", tcp.unsent.into())]));
    words.extend((tcp.recovery != "open").then(|| format!("recovery:{}", tcp.recovery)));
    words.extend(tcp.soft_error.as_ref().map(|error| format!("({error})")));
    words
}

#[cfg(test)]
mod tests;
