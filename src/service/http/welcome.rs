//! The welcome page: what this is, the connection that carries the page, and what to try.
//!
//! Only the figures of the connection differ from one request to the next. What stands between them is
//! put together once.

use std::fmt::Write;
use std::mem;
use std::net::IpAddr;
use std::sync::OnceLock;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use super::listing::escape;
use super::reply::{self, Reply};
use crate::service::{Service, ServiceContext};
use crate::tcp;

mod value;
use value::Value;

#[cfg(test)]
mod tests;

/// The page around what changes.
const PAGE: &str = include_str!("welcome.html");
/// What it says over a connection that is not this stack's.
const NOT_OURS: &str = "This page came over a connection that is not glasstcp's own: \
    the kernel's TCP carried it, and that cannot be seen through from here.";

/// The page for a browser, the same as plain text for anything else.
pub(super) fn reply(
    headers: &HeaderMap,
    context: &ServiceContext,
    info: Option<&tcp::Info>,
) -> Reply {
    let pages = &context.welcome;
    if super::accepts(headers, "text/html") {
        pages.html.get_or_init(|| html(context)).reply(info)
    } else {
        pages.plain.get_or_init(|| plain(context)).reply(info)
    }
}

/// The way of this page over a connection that is.
const WAY: &str = "<ol class=\"way\">\
    <li>your browser</li><i>&harr;</i><li>the kernel&rsquo;s TCP</li><i>&harr;</i>\
    <li>a TUN device</li><i>&harr;</i><li class=\"us\">glasstcp</li><i>&harr;</i>\
    <li>this page</li></ol>";

/// What the page shows of the connection at a place.
type Show = fn(&tcp::Info) -> Value;

/// A figure of the connection: its name, what it means, and its value.
type Figure = (&'static str, &'static str, Show);

/// Which connection it is.
const ENDS: [Figure; 3] = [
    ("connection", "its number on this stack", |info| Value::conn(info.conn)),
    ("from", "your end of it", |info| Value::endpoint(info.remote)),
    ("to", "this end", |info| Value::endpoint(info.local)),
];

const FIGURES: [Figure; 10] = [
    ("state", "where it stands in RFC 9293's diagram", |info| Value::word(info.state.name())),
    ("srtt", "the smoothed round-trip time", |info| {
        info.srtt.map_or_else(|| Value::word("not measured yet"), Value::millis)
    }),
    ("rto", "how long to wait before sending again", |info| Value::millis(info.rto)),
    ("congestion", "the algorithm that moves cwnd", |info| Value::word(info.congestion.name())),
    ("cwnd", "how much may be in flight", |info| Value::bytes(info.cwnd)),
    ("ssthresh", "where slow start ends", |info| {
        info.ssthresh.map_or_else(|| Value::word("none yet"), Value::bytes)
    }),
    ("mss", "the most data that one segment carries", |info| Value::bytes(info.mss)),
    ("bytes in", "your requests so far", |info| Value::bytes(info.bytes_received)),
    ("bytes out", "what was sent before this page", |info| Value::bytes(info.bytes_sent)),
    ("retransmissions", "segments that had to be sent again", |info| {
        Value::count(info.retransmissions)
    }),
];

/// Something to try: the command, and what it shows.
struct Trial {
    command: String,
    shows: &'static str,
}

fn trials(context: &ServiceContext) -> Vec<Trial> {
    let Some(&address) = context.addresses.first() else {
        return Vec::new();
    };
    let mut trials = Vec::new();
    let mut add = |command: String, shows| {
        let command = match &context.netns {
            Some(netns) => format!("sudo ip netns exec {netns} {command}"),
            None => command,
        };
        trials.push(Trial { command, shows });
    };
    add(format!("ping {address}"), "echo request, echo reply");
    for spec in &context.services {
        let port = spec.port;
        let url = url(address, port);
        match spec.service {
            Service::Echo => {
                add(format!("telnet {address} {port}"), "every line comes back (RFC 862)")
            }
            Service::Discard => {
                add(format!("nc -N {address} {port} < FILE"), "nothing comes back (RFC 863)")
            }
            Service::Daytime => {
                add(format!("nc {address} {port}"), "the date and the time (RFC 867)")
            }
            Service::Chargen => {
                add(format!("nc {address} {port} | head"), "a pattern without end (RFC 864)")
            }
            Service::Dns => {
                add(format!("dig -p {port} @{address} example.org"), "what a DNS server says")
            }
            Service::Ping => {
                add(format!("nc {address} {port}"), "every line comes back in upper case")
            }
            Service::Http => {
                add(format!("curl {url}/welcome"), "this page as plain text");
                add(format!("curl -T FILE {url}/sink"), "how fast an upload arrives");
                if context.www.is_some() {
                    add(
                        format!("curl -T FILE {url}/upload/"),
                        "store a file, then look at it in upload/",
                    );
                }
            }
            Service::Iperf3 => add(
                format!("iperf3 -c {address} -p {port}"),
                "how fast it goes, by another's clock",
            ),
            Service::Hello => {
                add(format!("echo Hello in Python | nc {address} {port}"), "and it says goodbye")
            }
            Service::Tasks => {
                add(format!("echo 'CALC 2+3*4' | nc -N {address} {port}"), "arithmetic, and more")
            }
        }
    }
    trials
}

fn url(address: IpAddr, port: u16) -> String {
    let host = match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    };
    match port {
        80 => format!("http://{host}"),
        port => format!("http://{host}:{port}"),
    }
}

/// The welcome page, made once but for its figures.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    html: OnceLock<Page>,
    plain: OnceLock<Page>,
}

/// How wide values are in plain text: room for the longest IPv4 address and port, and for any figure
/// that is met with. So the page is as long as before when it is asked for again, which is what load
/// generators expect of a page.
const COLUMN: usize = 21;

/// Where a value belongs, until it is known.
const PLACE: &str = "\0";

/// The page in one form.
#[derive(Clone, Debug)]
struct Page {
    /// The fields that it comes with. A copy of them costs less than to insert one by one.
    fields: HeaderMap,
    /// What it is over a connection that is not this stack's.
    not_ours: Bytes,
    /// The values, each with what stands before it.
    pieces: Vec<Piece>,
    /// How wide each value is at least, in bytes.
    width: usize,
    /// What stands after the last value.
    after: String,
    /// Room for all of it, in bytes.
    room: usize,
}

/// A value and what stands before it.
#[derive(Clone, Debug)]
struct Piece {
    before: String,
    show: Show,
}

impl Page {
    /// `like` is a reply of its kind. `ours` has a [`PLACE`] for each value, which takes at least `width`
    /// bytes.
    fn new(mut like: Reply, not_ours: String, ours: &str, width: usize) -> Page {
        let mut texts = ours.split(PLACE).map(str::to_owned);
        let piece = |((_, _, show), before)| Piece { before, show };
        let pieces: Vec<Piece> =
            ENDS.into_iter().chain(FIGURES).zip(&mut texts).map(piece).collect();
        let after = texts.next().unwrap_or_default();
        debug_assert!(texts.next().is_none(), "a place without a value");
        let room = ours.len() + pieces.len() * Value::MAX;
        let mut fields = mem::take(like.headers_mut());
        fields.insert(header::CACHE_CONTROL, reply::NO_STORE);
        fields.insert(header::VARY, HeaderValue::from_static("accept"));
        Page { fields, not_ours: not_ours.into(), pieces, width, after, room }
    }

    fn reply(&self, info: Option<&tcp::Info>) -> Reply {
        let body = info.map_or_else(|| self.not_ours.clone(), |info| self.fill(info).into());
        let mut reply = Response::new(Either::Left(Full::new(body)));
        *reply.headers_mut() = self.fields.clone();
        reply
    }

    /// The page with its values.
    fn fill(&self, info: &tcp::Info) -> Vec<u8> {
        let mut page = Vec::with_capacity(self.room);
        for Piece { before, show } in &self.pieces {
            page.extend_from_slice(before.as_bytes());
            show(info).append_to(&mut page, self.width);
        }
        page.extend_from_slice(self.after.as_bytes());
        page
    }
}

fn html(context: &ServiceContext) -> Page {
    let mut rows = String::new();
    for Trial { command, shows } in trials(context) {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            rows,
            "<li><code>{}</code><span>{}</span></li>",
            escape(&command),
            escape(shows)
        );
    }
    let page = |connection: &str| {
        PAGE.replace("<!--version-->", env!("CARGO_PKG_VERSION"))
            .replace("<!--connection-->", connection)
            .replace("<!--trials-->", &rows)
    };
    let mut ours = format!(
        "<p class=\"ends\"><b>Connection {PLACE}</b> <span>{PLACE}</span> <i>&rarr;</i> \
         <span>{PLACE}</span></p>\n{WAY}\n<dl>\n"
    );
    for (name, meaning, _) in FIGURES {
        let _ = writeln!(
            ours,
            "<div><dt>{name}</dt><dd>{PLACE}</dd><dd class=\"what\">{meaning}</dd></div>"
        );
    }
    ours.push_str("</dl>");
    let not_ours = page(&format!("<p class=\"none\">{NOT_OURS}</p>"));
    Page::new(reply::html(""), not_ours, &page(&ours), 0)
}

fn plain(context: &ServiceContext) -> Page {
    let suggestions = suggestions(context);
    let page = |connection: &str| {
        let version = env!("CARGO_PKG_VERSION");
        format!(
            "glasstcp {version}: a TCP/IP stack in user space that you can see through.\n\n\
             {connection}{suggestions}"
        )
    };
    let mut ours = "The connection that carries this page:\n\n".to_owned();
    for (name, meaning, _) in ENDS.into_iter().chain(FIGURES) {
        let _ = writeln!(ours, "  {name:<16} {PLACE} {meaning}");
    }
    let not_ours = page(&format!("{NOT_OURS}\n"));
    Page::new(reply::text(StatusCode::OK, ""), not_ours, &page(&ours), COLUMN)
}

/// What the page suggests to try, as plain text.
fn suggestions(context: &ServiceContext) -> String {
    let trials = trials(context);
    let mut text = String::new();
    if !trials.is_empty() {
        text.push_str("\nTry:\n\n");
    }
    let width = trials.iter().map(|t| t.command.len()).max().unwrap_or(0);
    for Trial { command, shows } in &trials {
        let _ = writeln!(text, "  {command:<width$}   {shows}");
    }
    text
}
