//! All that is drawn: the head with what is true of all, the list or one connection, and what keys do.

use std::time::Instant;

use glasstcp::observe::text::grouped;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

use super::detail;
use super::list::{self, put};
use super::model::{Count, Input, Model};
use super::units::short;

/// What each key does.
const KEYS: [&str; 12] = [
    "up down j k   choose a connection (also PgUp PgDn g G)",
    "Enter         show all of it, with its events",
    "Esc           back to the list; there: no filter",
    "s S r         next order, order before, turn it round",
    "/             filter: port, address, state or part of them",
    "p Space       pause: nothing is asked, nothing moves",
    "K             kill the connection: the peer gets a reset",
    "i             change the link, as 'glasstcp impair'",
    "?             this",
    "q Ctrl-C      end",
    "",
    "limit: what a connection waits for (docs/watching.md)",
];

/// How many lines the curves below the list take, with the ends of whose they are.
const CURVES: u16 = 5;

/// How many lines the head of the list takes.
pub const HEAD: u16 = 4;

/// Draws everything, as of `now`.
pub fn draw(model: &Model, now: Instant, area: Rect, buf: &mut Buffer) {
    // Where there is little room, the list comes first.
    let head = match area.height {
        height if height >= 14 => HEAD,
        height if height >= 6 => 2,
        _ => 0,
    };
    let foot = u16::from(area.height >= 3);
    let body = Rect { y: area.y + head, height: area.height - head - foot, ..area };
    let lines = head_lines(model, usize::from(area.width));
    for (at, line) in lines.into_iter().take(head.into()).enumerate() {
        put(line, area, at as u16, buf);
    }
    match &model.detail {
        Some(detail) => detail::draw(model, detail, now, body, buf),
        None => list_and_curves(model, body, buf),
    }
    let last = Rect { y: area.bottom() - foot, height: foot, ..area };
    put(foot_line(model), last, 0, buf);
    if model.input == Some(Input::Help) {
        help(area, buf);
    }
}

/// The list, and below it, if there is room, curves of the connection that is chosen.
fn list_and_curves(model: &Model, area: Rect, buf: &mut Buffer) {
    let below = if area.height >= 3 * CURVES { CURVES } else { 0 };
    list::draw(model, Rect { height: area.height - below, ..area }, buf);
    if let Some(row) = model.chosen().filter(|_| below > 0) {
        let place = Rect { y: area.bottom() - below, height: below, ..area };
        let number = row.key.conn.map(|conn| format!("#{conn} ")).unwrap_or_default();
        let title = format!("{number}{} <-> {}", row.key.local, row.key.remote);
        put(Line::styled(title, Style::new().add_modifier(Modifier::BOLD)), place, 0, buf);
        let curves = Rect { y: place.y + 1, height: below - 1, ..place };
        detail::curves(model, row.key, curves, buf);
    }
}

/// What is true of all, the most important first.
pub fn head_lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut title = vec![Span::styled(format!("glasstcp top {}", model.name), bold)];
    if model.paused {
        title.push(Span::styled("  paused", Style::new().fg(Color::Yellow)));
    }
    let order = if model.reversed { ", turned round" } else { "" };
    title.push(Span::raw(format!("  by {}{order}", model.sort.name())));
    if !model.filter.text().is_empty() {
        title.push(Span::styled(format!("  filter: {}", model.filter.text()), Color::Yellow));
    }
    vec![Line::from(title), states(model), counters(model, width), link(model)]
}

fn states(model: &Model) -> Line<'static> {
    let others = [("listeners", "listeners"), ("udp_sockets", "UDP sockets")];
    let others = others.map(|(name, title)| format!("; {title} {}", model.count(name).total));
    let others = others.concat();
    if model.detail.is_some() {
        // Only one is looked at.
        let all = ["connections", "half_open", "time_wait"].map(|name| model.count(name).total);
        return Line::from(format!("connections {}{others}", grouped(all.iter().sum())));
    }
    let total: u64 = model.states.values().sum();
    let each = model.states.iter().map(|(state, count)| format!("{state} {}", grouped(*count)));
    let each = each.collect::<Vec<_>>().join(", ");
    let kept = model.rows.len() as u64;
    let more = match total > kept && kept > 0 {
        true => format!(" (the first {kept} are listed)"),
        false => String::new(),
    };
    let each = if each.is_empty() { each } else { format!(": {each}") };
    Line::from(format!("connections {}{each}{more}{others}", grouped(total)))
}

/// What was counted since the beginning, and how fast it grows.
fn counters(model: &Model, width: usize) -> Line<'static> {
    let rate = |count: Count| format!("{}/s", short(count.rate));
    let total = |count: Count| match count.rate > 0.0 {
        true => format!("{} (+{}/s)", grouped(count.total), short(count.rate)),
        false => grouped(count.total),
    };
    let bits = |name: &str| format!("{}bit/s", short(model.count(name).rate * 8.0));
    let mut parts = vec![
        format!("in {} packets {}", rate(model.count("packets_received")), bits("bytes_received")),
        format!("out {} bursts {}", rate(model.count("bursts_sent")), bits("bytes_sent")),
        format!("refused {}", total(model.refused())),
        format!("sent again {}", total(model.count("tcp_retransmissions"))),
        format!("memory {}B", short(model.count("tcp_memory_bytes").total as f64)),
        format!("dropped {}", total(model.count("device_dropped"))),
    ];
    while parts.len() > 1 && parts.iter().map(|part| part.len() + 2).sum::<usize>() > width + 2 {
        parts.pop();
    }
    Line::from(parts.join("  "))
}

fn link(model: &Model) -> Line<'static> {
    let rules = |rules: &str| match rules {
        "" => "perfect".to_owned(),
        rules => rules.to_owned(),
    };
    match &model.link {
        None => Line::default(),
        Some(link) => Line::from(format!(
            "link out: {}  in: {}",
            rules(&link.out.rules),
            rules(&link.back.rules)
        )),
    }
}

fn foot_line(model: &Model) -> Line<'static> {
    let typed = |title: &str, text: &str| {
        Line::from(format!("{title}{text}_")).style(Style::new().fg(Color::Yellow))
    };
    match (&model.input, &model.notice) {
        (Some(Input::Filter(text)), _) => typed("filter: ", text),
        (Some(Input::Impair(text)), _) => {
            typed("impair (as delay=20ms out:loss=1%, or clear): ", text)
        }
        (Some(Input::Kill(key)), _) => {
            let text = format!("kill {} {}? y or n ", key.local, key.remote);
            Line::from(text).style(Style::new().fg(Color::Red))
        }
        (_, Some(notice)) => {
            let color = if notice.bad { Color::Red } else { Color::Green };
            Line::from(notice.text.clone()).style(Style::new().fg(color))
        }
        _ => {
            let keys = match model.detail {
                Some(_) => "q quit  ? help  Esc back  p pause  K kill  i impair",
                None => {
                    "q quit  ? help  Enter details  s sort  / filter  p pause  K kill  i impair"
                }
            };
            Line::from(keys).style(Style::new().add_modifier(Modifier::DIM))
        }
    }
}

/// The keys, over whatever is there.
fn help(area: Rect, buf: &mut Buffer) {
    let width = KEYS.iter().map(|line| line.len()).max().unwrap_or(0) as u16 + 2;
    let (width, height) = (width.min(area.width), (KEYS.len() as u16 + 2).min(area.height));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    Clear.render(place, buf);
    buf.set_style(place, Style::new().bg(Color::Blue).fg(Color::White));
    let inner = Rect { x: place.x + 1, width: width.saturating_sub(2), ..place };
    let first = u16::from(usize::from(height) > KEYS.len() + 1);
    for (at, line) in KEYS.iter().enumerate() {
        put(Line::from(*line), inner, at as u16 + first, buf);
    }
}

#[cfg(test)]
mod tests;
