//! One connection, with all that is known of it.

use std::collections::VecDeque;
use std::time::Instant;

use glasstcp::control::TcpStatus;
use glasstcp::observe::text::grouped;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Sparkline, Widget};

use super::list::put;
use super::model::{Detail, Model};
use super::row::{Key, Row};
use super::units::{short, time};
use super::window::Window;

/// Lines that curves have at least with their titles, and at most.
const CURVES: (u16, u16) = (3, 8);
/// How wide one is at least.
const CURVE: u16 = 16;

/// Draws it as of `now`.
pub fn draw(model: &Model, detail: &Detail, now: Instant, area: Rect, buf: &mut Buffer) {
    let mut lines = head(model, detail, now, usize::from(area.width));
    lines.truncate(area.height.into());
    let used = lines.len() as u16;
    for (at, line) in lines.into_iter().enumerate() {
        put(line, area, at as u16, buf);
    }
    let rest = Rect { y: area.y + used, height: area.height - used, ..area };
    // Half for curves, half for events.
    let height = match rest.height {
        height if height < CURVES.0 => 0,
        height => (height / 2).clamp(CURVES.0, CURVES.1),
    };
    curves(model, detail.row.key, Rect { height, ..rest }, buf);
    events(detail, Rect { y: rest.y + height, height: rest.height - height, ..rest }, buf);
}

fn head(model: &Model, detail: &Detail, now: Instant, width: usize) -> Vec<Line<'static>> {
    let row = &detail.row;
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let number = row.key.conn.map(|conn| format!("#{conn} ")).unwrap_or_default();
    let gone = if detail.gone { "  gone: this is how it was last" } else { "" };
    let title = format!("{number}{} <-> {}  {}", row.key.local, row.key.remote, row.socket.state);
    let mut lines =
        vec![Line::from(vec![Span::styled(title, bold), Span::styled(gone, Color::Red)])];
    if let Some(window) = Window::of(&row.socket) {
        lines.push(window.bar(width));
        let parts = window.legend().into_iter().map(|(sign, color, text)| {
            vec![Span::styled(format!("{sign} "), color), Span::raw(text)]
        });
        lines.extend(flow(parts, width));
    }
    let since = if model.paused || detail.gone {
        0
    } else {
        let since = model.looked.map(|looked| now.duration_since(looked).as_micros() as u64);
        since.unwrap_or(0)
    };
    lines.extend(facts("timer", timer(row, since), width));
    if let Some(tcp) = row.tcp() {
        lines.extend(facts("cc", congestion(row, tcp), width));
        lines.extend(facts("times", times(tcp), width));
        lines.extend(facts("rates", rates(row, tcp), width));
        lines.extend(facts("bytes", amounts(row, tcp), width));
        lines.extend(facts("losses", losses(tcp), width));
        lines.extend(facts("agreed", agreed(tcp), width));
    }
    lines
}

/// How wide the headings of facts are.
const HEADING: usize = 6;

/// Words after a heading, on as many lines as they take.
fn facts(heading: &'static str, words: Vec<String>, width: usize) -> Vec<Line<'static>> {
    let words = words.into_iter().map(|word| vec![Span::raw(word)]);
    let lines = flow(words, width.saturating_sub(HEADING + 2)).into_iter().enumerate();
    let lines = lines.map(|(at, mut line)| {
        let heading = if at == 0 { heading } else { "" };
        line.spans.insert(0, Span::styled(format!("{heading:<HEADING$}  "), Color::Cyan));
        line
    });
    lines.collect()
}

/// Pieces beside each other with two blanks in between, and below each other where the line is full.
fn flow(pieces: impl Iterator<Item = Vec<Span<'static>>>, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default()];
    for piece in pieces {
        let long: usize = piece.iter().map(Span::width).sum();
        let last = lines.last().map_or(0, Line::width);
        if last > 0 && last + 2 + long > width {
            lines.push(Line::default());
        }
        if let Some(line) = lines.last_mut() {
            if line.width() > 0 {
                line.push_span("  ");
            }
            piece.into_iter().for_each(|span| line.push_span(span));
        }
    }
    lines
}

/// Something was sent or heard so short a time ago, in microseconds: more will be.
const BUSY_US: u64 = 1_000_000;

/// Timers and how long ago something was sent and heard, `since_us` microseconds after they were looked at. While much goes on
/// they are set anew all the time: then they are told as they were.
fn timer(row: &Row, since_us: u64) -> Vec<String> {
    let quiet_us = row.tcp().map_or(u64::MAX, |tcp| tcp.since_sent_us.min(tcp.since_heard_us));
    let since_us = if quiet_us < BUSY_US { 0 } else { since_us };
    let mut words = Vec::new();
    match &row.socket.timer {
        Some(timer) => {
            let left = time(timer.left_us.saturating_sub(since_us));
            words.push(format!("{} in {left}", timer.name.replace('_', " ")));
            words.extend((timer.tries > 0).then(|| format!("after {} in a row", timer.tries)));
        }
        None => words.push("none runs".to_owned()),
    }
    if let Some(tcp) = row.tcp() {
        words.push(format!("sent {} ago", time(tcp.since_sent_us + since_us)));
        words.push(format!("heard {} ago", time(tcp.since_heard_us + since_us)));
    }
    words
}

/// Bytes, and how many full segments that is.
fn segments(bytes: u32, tcp: &TcpStatus) -> String {
    format!("{} ({} seg)", grouped(bytes.into()), bytes / u32::from(tcp.mss).max(1))
}

fn congestion(row: &Row, tcp: &TcpStatus) -> Vec<String> {
    let threshold = tcp.ssthresh.map_or_else(|| "none yet".to_owned(), |it| segments(it, tcp));
    vec![
        tcp.congestion.clone(),
        format!("limit {}", row.limit),
        format!("cwnd {}", segments(tcp.cwnd, tcp)),
        format!("ssthresh {threshold}"),
    ]
}

fn times(tcp: &TcpStatus) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(tcp.srtt_us.map(|srtt| format!("rtt {} ±{}", time(srtt), time(tcp.rttvar_us))));
    words.extend(tcp.min_rtt_us.map(|min| format!("min {}", time(min))));
    words.push(format!("rto {}", time(tcp.rto_us)));
    words.push(format!("ack delay {}", time(tcp.ato_us)));
    words
}

fn rates(row: &Row, tcp: &TcpStatus) -> Vec<String> {
    let bits = |bytes: u64| format!("{}bit/s", short(bytes as f64 * 8.0));
    let mut words = Vec::new();
    if let Some((out, back)) = row.rates {
        words.push(format!("out {}bit/s", short(out)));
        words.push(format!("in {}bit/s", short(back)));
    }
    words.extend(tcp.delivery_rate.map(|rate| {
        let limited = if tcp.app_limited { " (by the application)" } else { "" };
        format!("delivered {}{limited}", bits(rate))
    }));
    words.extend(tcp.pacing_rate.map(|rate| format!("paced {}", bits(rate))));
    words
}

fn amounts(row: &Row, tcp: &TcpStatus) -> Vec<String> {
    vec![
        format!("peer's window {}", grouped(tcp.snd_wnd.into())),
        format!("ours {}", grouped(tcp.rcv_wnd.into())),
        format!("received {}", grouped(tcp.bytes_received)),
        format!("unread {}", grouped(row.socket.receive_queue)),
    ]
}

fn losses(tcp: &TcpStatus) -> Vec<String> {
    let mut words = vec![
        format!("sent again {}", grouped(tcp.retransmissions)),
        format!("lost now {}", tcp.segments_lost),
        format!("sacked now {}", tcp.segments_sacked),
        format!("duplicates {}", tcp.dsacks),
        format!("reordering {}", tcp.reordering),
    ];
    words.extend(tcp.soft_error.clone());
    words
}

fn agreed(tcp: &TcpStatus) -> Vec<String> {
    let flags = [(tcp.sack, "sack"), (tcp.timestamps, "timestamps"), (tcp.ecn, "ecn")];
    let mut words: Vec<_> =
        flags.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()).collect();
    let (theirs, ours) = tcp.window_scales;
    words.push(format!("window scales {theirs} and {ours}"));
    words.push(format!("mss {}", tcp.mss));
    words.push(format!("path mtu {}", tcp.path_mtu));
    words
}

/// Three curves beside each other, or as many as there is room for, the last looks at their right.
pub fn curves(model: &Model, key: Key, area: Rect, buf: &mut Buffer) {
    let Some(track) = model.track(key).filter(|_| area.height > 1) else {
        return;
    };
    type Curve<'a> = (&'a str, &'a VecDeque<u64>, fn(u64) -> String, Color);
    let bits = |rate| format!("{}bit/s", short(rate as f64));
    let all: [Curve<'_>; 3] = [
        ("throughput", &track.rate, bits, Color::Green),
        ("cwnd", &track.cwnd, |bytes| format!("{}B", short(bytes as f64)), Color::Cyan),
        ("rtt", &track.rtt, time, Color::Magenta),
    ];
    let count = (area.width / CURVE).clamp(1, all.len() as u16);
    let width = area.width / count;
    for (at, (name, values, unit, color)) in all.into_iter().take(count.into()).enumerate() {
        let place = Rect { x: area.x + width * at as u16, width: width.saturating_sub(1), ..area };
        let shown = usize::from(place.width);
        let values: Vec<u64> =
            values.iter().skip(values.len().saturating_sub(shown)).copied().collect();
        let (last, most) = (values.last(), values.iter().max());
        let title = match (last, most) {
            (Some(&last), Some(&most)) => {
                let title = format!("{name} {}", unit(last));
                let whole = format!("{title}, max {}", unit(most));
                if whole.chars().count() <= shown { whole } else { title }
            }
            _ => name.to_owned(),
        };
        put(Line::styled(title, Style::new().fg(color)), place, 0, buf);
        let below = Rect { y: place.y + 1, height: place.height - 1, ..place };
        // The newest at the right, whether or not there are many.
        let empty = shown - values.len();
        let values = std::iter::repeat_n(0, empty).chain(values);
        Sparkline::default().data(values).style(Style::new().fg(color)).render(below, buf);
    }
}

/// The last events, as many as there is room for.
fn events(detail: &Detail, area: Rect, buf: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let style = Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    let heading = match detail.events.is_empty() {
        true => "events: none yet",
        false => "events",
    };
    let width = usize::from(area.width);
    put(Line::styled(format!("{heading:width$}"), style), area, 0, buf);
    let room = usize::from(area.height) - 1;
    let first = detail.events.len().saturating_sub(room);
    for (at, event) in detail.events.iter().skip(first).enumerate() {
        put(Line::from(event.as_str()), area, at as u16 + 1, buf);
    }
}

#[cfg(test)]
mod tests;
