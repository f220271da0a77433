//! The welcome page: what this is, the connection that carries the page, and what to try.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};

use super::listing::escape;
use super::reply::{self, Reply};
use crate::service::{Service, ServiceContext};
use crate::tcp;

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
    let mut reply = if super::accepts(headers, "text/html") {
        reply::html(page(context, info))
    } else {
        reply::text(StatusCode::OK, plain(context, info))
    };
    let headers = reply.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    reply
}

/// The way of this page over a connection that is.
const WAY: &str = "<ol class=\"way\">\
    <li>your browser</li><i>&harr;</i><li>the kernel&rsquo;s TCP</li><i>&harr;</i>\
    <li>a TUN device</li><i>&harr;</i><li class=\"us\">glasstcp</li><i>&harr;</i>\
    <li>this page</li></ol>";

/// One figure of the connection: its name, its value, and what it means.
struct Figure {
    name: &'static str,
    value: String,
    meaning: &'static str,
}

fn figures(info: &tcp::Info) -> Vec<Figure> {
    let figure = |name, value, meaning| Figure { name, value, meaning };
    let srtt = info.srtt.map_or("not measured yet".to_owned(), millis);
    let ssthresh = info.ssthresh.map_or("none yet".to_owned(), bytes);
    vec![
        figure("state", info.state.to_string(), "where it stands in the diagram of RFC 9293"),
        figure("srtt", srtt, "the smoothed round-trip time"),
        figure("rto", millis(info.rto), "how long to wait before sending again"),
        figure("cwnd", bytes(info.cwnd), "how much may be in flight"),
        figure("ssthresh", ssthresh, "where slow start ends"),
        figure("mss", bytes(info.mss), "the most data that one segment carries"),
        figure("bytes in", bytes(info.bytes_received), "your requests so far"),
        figure("bytes out", bytes(info.bytes_sent), "what was sent before this page"),
        figure(
            "retransmissions",
            thousands(info.retransmissions),
            "segments that had to be sent again",
        ),
    ]
}

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

fn page(context: &ServiceContext, info: Option<&tcp::Info>) -> String {
    let mut connection = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = match info {
        None => write!(connection, "<p class=\"none\">{NOT_OURS}</p>"),
        Some(info) => write!(
            connection,
            "<p class=\"ends\"><b>Connection {}</b> <span>{}</span> <i>&rarr;</i> <span>{}</span></p>\n{WAY}\n<dl>\n{}</dl>",
            info.conn,
            info.remote,
            info.local,
            cells(info),
        ),
    };
    let mut rows = String::new();
    for Trial { command, shows } in trials(context) {
        let _ = writeln!(
            rows,
            "<li><code>{}</code><span>{}</span></li>",
            escape(&command),
            escape(shows)
        );
    }
    PAGE.replace("<!--version-->", env!("CARGO_PKG_VERSION"))
        .replace("<!--connection-->", &connection)
        .replace("<!--trials-->", &rows)
}

fn cells(info: &tcp::Info) -> String {
    figures(info).iter().fold(String::new(), |mut cells, cell| {
        let Figure { name, value, meaning } = cell;
        let _ = writeln!(
            cells,
            "<div><dt>{name}</dt><dd>{value}</dd><dd class=\"what\">{meaning}</dd></div>"
        );
        cells
    })
}

fn plain(context: &ServiceContext, info: Option<&tcp::Info>) -> String {
    let mut text = String::with_capacity(2048);
    text.push_str(concat!("glasstcp ", env!("CARGO_PKG_VERSION")));
    text.push_str(": a TCP/IP stack in user space that you can see through.\n\n");
    match info {
        None => {
            let _ = writeln!(text, "{NOT_OURS}");
        }
        Some(info) => {
            let _ = writeln!(
                text,
                "Connection {}, {} -> {}, carries this page:\n",
                info.conn, info.remote, info.local
            );
            for Figure { name, value, meaning } in figures(info) {
                text.push_str("  ");
                push_padded(&mut text, name, 16);
                push_padded(&mut text, &value, 18);
                text.push_str(meaning);
                text.push('\n');
            }
        }
    }
    text.push_str(context.suggestions.0.get_or_init(|| suggestions(context)));
    text
}

/// Appends `word`, blanks up to `width` and one more.
fn push_padded(text: &mut String, word: &str, width: usize) {
    text.push_str(word);
    text.extend(std::iter::repeat_n(' ', width.saturating_sub(word.len()) + 1));
}

/// What the page suggests to try, as plain text: made once, for it is the same for every request.
#[derive(Clone, Debug, Default)]
pub struct Suggestions(OnceLock<String>);

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

/// `0.043 ms`
fn millis(duration: Duration) -> String {
    let micros = (duration.as_nanos() + 500) / 1000;
    format!("{}.{:03} ms", micros / 1000, micros % 1000)
}

/// `14,600 bytes`
fn bytes(count: impl Into<u64>) -> String {
    format!("{} bytes", thousands(count.into()))
}

/// `1,048,576`
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
