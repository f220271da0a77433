//! The list of connections: its columns, and which of them there is room for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::model::Model;
use super::row::Row;
use super::units::{short, sparkline, time};

/// A column: its title, how narrow it may be, how long it stays where there is little room, and what it shows.
struct Column {
    title: &'static str,
    least: usize,
    worth: u8,
    right: bool,
    cell: fn(&Row) -> String,
}

/// The widest that the curve at the end of a row is, and the narrowest.
const CURVE: (usize, usize) = (60, 8);

fn tcp(row: &Row, show: fn(&glasstcp::control::TcpStatus) -> String) -> String {
    row.tcp().map(show).unwrap_or_default()
}

const fn left(title: &'static str, least: usize, worth: u8, cell: fn(&Row) -> String) -> Column {
    Column { title, least, worth, right: false, cell }
}

const fn right(title: &'static str, least: usize, worth: u8, cell: fn(&Row) -> String) -> Column {
    Column { title, least, worth, right: true, cell }
}

const COLUMNS: [Column; 12] = [
    right("#", 3, 10, |row| row.key.conn.map(|conn| conn.to_string()).unwrap_or_default()),
    left("local", 6, 4, |row| row.key.local.to_string()),
    left("peer", 6, 11, |row| row.key.remote.to_string()),
    left("state", 5, 8, |row| row.socket.state.clone()),
    right("out b/s", 7, 9, |row| row.rates.map(|(out, _)| short(out)).unwrap_or_default()),
    right("in b/s", 6, 7, |row| row.rates.map(|(_, back)| short(back)).unwrap_or_default()),
    right("srtt", 6, 6, |row| tcp(row, |tcp| tcp.srtt_us.map(time).unwrap_or_default())),
    right("cwnd", 5, 6, |row| tcp(row, |tcp| short(tcp.cwnd.into()))),
    right("flight", 6, 5, |row| tcp(row, |tcp| short(tcp.in_flight.into()))),
    right("retr", 4, 6, |row| tcp(row, |tcp| short(tcp.retransmissions as f64))),
    right("queue", 5, 2, |row| short((row.socket.send_queue + row.socket.receive_queue) as f64)),
    left("limit", 8, 6, |row| row.limit.to_owned()),
];

/// Draws the list, with the row that is chosen in it.
pub fn draw(model: &Model, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let height = usize::from(area.height) - 1;
    let chosen = model.selection();
    let first = (chosen + 1).saturating_sub(height);
    let rows: Vec<_> = model.rows.iter().skip(first).take(height).collect();
    let (columns, curve) = columns(&rows, usize::from(area.width));
    let mut title = cells(&columns, |column| column.title.to_owned());
    if curve > 0 {
        title += " throughput";
    }
    let style = Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    let width = usize::from(area.width);
    put(Line::styled(format!("{title:width$}"), style), area, 0, buf);
    for (line, row) in rows.iter().enumerate() {
        let text = cells(&columns, |column| (column.cell)(row));
        let style = match first + line == chosen {
            true => Style::new().add_modifier(Modifier::REVERSED),
            false => Style::new().fg(color(row)),
        };
        let mut spans = vec![Span::styled(text, style)];
        if curve > 0
            && let Some(track) = model.track(row.key)
        {
            let rates: Vec<_> = track.rate.iter().copied().collect();
            let bars = format!(" {}", sparkline(&rates, curve));
            spans.push(Span::styled(bars, Style::new().fg(Color::Green)));
        }
        put(Line::from(spans), area, line as u16 + 1, buf);
    }
    if rows.is_empty() && height > 0 {
        let text = match model.looked {
            None => "waiting for the first look ...",
            Some(_) if model.filter.text().is_empty() => "no connections",
            Some(_) => "no connections that fit the filter (Esc takes it away)",
        };
        put(Line::from(text), area, 1, buf);
    }
}

/// Puts a line into a place, if it is within the area.
pub fn put(line: Line<'_>, area: Rect, at: u16, buf: &mut Buffer) {
    if at < area.height {
        line.render(Rect { y: area.y + at, height: 1, ..area }, buf);
    }
}

/// What is going on with a connection, as a colour.
fn color(row: &Row) -> Color {
    match row.limit {
        "loss" => Color::Red,
        "recovery" | "reducing" | "disorder" => Color::Yellow,
        _ if row.socket.state == "ESTAB" => Color::Reset,
        _ => Color::DarkGray,
    }
}

/// The columns that there is room for, with their widths, and how wide the curve behind them may be.
fn columns(rows: &[&Row], width: usize) -> (Vec<(&'static Column, usize)>, usize) {
    let sized = |column: &'static Column| {
        let cells = rows.iter().map(|row| (column.cell)(row).chars().count());
        (column, cells.chain([column.least, column.title.len()]).max().unwrap_or(0))
    };
    let mut columns: Vec<_> = COLUMNS.iter().map(sized).collect();
    loop {
        let taken: usize = columns.iter().map(|(_, width)| width + 1).sum();
        if taken <= width + 1 {
            let rest = (width + 1 - taken).saturating_sub(1);
            let curve = if rest < CURVE.1 { 0 } else { rest.min(CURVE.0) };
            return (columns, curve);
        }
        let Some(least) = (0..columns.len()).min_by_key(|&at| columns[at].0.worth) else {
            return (columns, 0);
        };
        columns.remove(least);
    }
}

/// A line of all columns.
fn cells(columns: &[(&'static Column, usize)], cell: impl Fn(&'static Column) -> String) -> String {
    let all = columns.iter().map(|&(column, width)| {
        let text = cell(column);
        if column.right { format!("{text:>width$}") } else { format!("{text:<width$}") }
    });
    all.collect::<Vec<_>>().join(" ")
}
