//! The send window of a connection: what is in it, in bytes, and as a bar.

use glasstcp::control::SocketStatus;
use glasstcp::observe::text::grouped;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

/// What there is of the sequence space that a connection sends, from the oldest byte on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Bytes that were acknowledged, since the connection was opened.
    pub acked: u64,
    /// Bytes behind a gap that the peer has.
    pub sacked: u64,
    /// Bytes believed lost, and not sent again.
    pub lost: u64,
    /// Bytes on their way.
    pub flight: u64,
    /// Bytes that may be sent at once.
    pub usable: u64,
    /// Bytes that wait because they may not.
    pub blocked: u64,
    /// What sets the end of the window.
    pub edge: &'static str,
}

/// A part of the window: its sign, its name, its colour, and how large it is.
type Part = (char, &'static str, Color, u64);

impl Window {
    /// That of a connection, if it has one.
    pub fn of(socket: &SocketStatus) -> Option<Window> {
        let tcp = socket.tcp.as_deref()?;
        let mss = u64::from(tcp.mss);
        let flight = u64::from(tcp.in_flight);
        // They are told in segments, of which the last may be short.
        let (sacked, lost) =
            (u64::from(tcp.segments_sacked) * mss, u64::from(tcp.segments_lost) * mss);
        let outstanding = flight + sacked + lost;
        let by_cwnd = u64::from(tcp.cwnd).saturating_sub(flight);
        let by_peer = u64::from(tcp.snd_wnd).saturating_sub(outstanding);
        let usable = by_cwnd.min(by_peer);
        Some(Window {
            acked: tcp.bytes_acked,
            sacked,
            lost,
            flight,
            usable,
            blocked: u64::from(tcp.unsent).saturating_sub(usable),
            edge: if by_cwnd <= by_peer { "cwnd" } else { "the peer's window" },
        })
    }

    fn parts(&self) -> [Part; 5] {
        [
            ('▒', "sacked", Color::Blue, self.sacked),
            ('x', "lost", Color::Red, self.lost),
            ('▆', "in flight", Color::Cyan, self.flight),
            ('░', "usable", Color::Gray, self.usable),
            ('»', "blocked", Color::Yellow, self.blocked),
        ]
    }

    /// A bar of `width` cells. What was acknowledged has a tenth of it, what waits at most a fifth, and whatever there is
    /// one cell at least.
    pub fn bar(&self, width: usize) -> Line<'static> {
        let acked = if self.acked > 0 { width / 10 } else { 0 };
        let parts = self.parts();
        let inside: u64 = parts[..4].iter().map(|part| part.3).sum();
        let blocked = if inside > 0 { self.blocked.min(inside / 4 + 1) } else { self.blocked };
        let mut sizes = parts.map(|part| part.3);
        sizes[4] = blocked;
        let cells = share(sizes, width - acked);
        let span = |char: char, count: usize, color| {
            Span::styled(String::from(char).repeat(count), Style::new().fg(color))
        };
        let mut spans = vec![span(ACKED.0, acked, ACKED.1)];
        let all = parts.into_iter().zip(cells);
        spans.extend(all.map(|((sign, _, color, _), count)| span(sign, count, color)));
        Line::from(spans)
    }

    /// What the signs mean, and how many bytes each stands for.
    pub fn legend(&self) -> Vec<(char, Color, String)> {
        let acked = (ACKED.0, ACKED.1, format!("acked {}", grouped(self.acked)));
        let parts = self.parts().into_iter();
        let rest = parts.map(|(sign, name, color, size)| {
            let by = match name {
                "blocked" if size > 0 => format!(" by {}", self.edge),
                _ => String::new(),
            };
            (sign, color, format!("{name} {}{by}", grouped(size)))
        });
        std::iter::once(acked).chain(rest).collect()
    }
}

/// What was acknowledged.
const ACKED: (char, Color) = ('·', Color::Green);

/// So many cells for each, together at most `width`, and one at least for each that is not zero as far as there is room.
fn share(sizes: [u64; 5], width: usize) -> [usize; 5] {
    let total: u64 = sizes.iter().sum();
    let mut cells = sizes.map(|size| match size {
        0 => 0,
        size => ((size as f64 / total as f64 * width as f64) as usize).max(1),
    });
    // What is lost by rounding goes to the largest, and what is too much comes from it.
    let sum: usize = cells.iter().sum();
    if let Some(largest) = (0..cells.len()).max_by_key(|&at| cells[at]).filter(|_| total > 0) {
        cells[largest] = (cells[largest] + width).saturating_sub(sum);
    }
    cells
}

#[cfg(test)]
mod tests;
