//! The events of the chosen connection, for as long as it is chosen.

use std::io::BufRead;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use glasstcp::control::{Reply, Request};
use glasstcp::observe::stream::Style;
use glasstcp::service::text::harmless_line;

use super::Message;
use crate::cli::control::Whom;

/// They come until this is dropped.
pub struct Watch {
    conn: u32,
    way: Arc<Mutex<Way>>,
}

/// What they come over.
#[derive(Default)]
struct Way {
    unix: Option<UnixStream>,
    ended: bool,
}

impl Watch {
    /// Has those of `conn` sent to `out`, by a thread of its own.
    ///
    /// # Errors
    /// There can be no more threads.
    pub fn start(whom: Whom, conn: u32, out: &SyncSender<Message>) -> anyhow::Result<Watch> {
        let way = Arc::<Mutex<Way>>::default();
        let (its, lines) = (Arc::clone(&way), out.clone());
        super::spawn(out, move || {
            if let Err(error) = follow(whom, conn, &its, &lines) {
                let _ = lines.send(Message::Told(format!("no events: {error:#}"), true));
            }
        })?;
        Ok(Watch { conn, way })
    }

    /// Whose they are.
    pub fn conn(&self) -> u32 {
        self.conn
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        way.ended = true;
        if let Some(unix) = &way.unix {
            let _ = unix.shutdown(Shutdown::Both);
        }
    }
}

fn follow(
    whom: Whom,
    conn: u32,
    way: &Mutex<Way>,
    out: &SyncSender<Message>,
) -> anyhow::Result<()> {
    let request = Request::Events { conn: Some(conn), style: Style::Text };
    let (reply, lines) = whom.ask_for_lines(&request)?;
    if !matches!(reply, Reply::Done { .. }) {
        return Ok(());
    }
    {
        let mut way = way.lock().unwrap_or_else(PoisonError::into_inner);
        if way.ended {
            return Ok(());
        }
        way.unix = Some(lines.get_ref().try_clone()?);
    }
    // That the glasstcp has ended others learn as well.
    for line in lines.lines().map_while(Result::ok) {
        if out.send(Message::Event(conn, harmless_line(&line))).is_err() {
            break;
        }
    }
    Ok(())
}
