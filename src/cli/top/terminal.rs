//! The terminal: a screen of our own for as long as it takes, and as it was before at the end, however that comes.

use std::io::{self, IsTerminal};
use std::sync::mpsc::SyncSender;

use anyhow::{Context, anyhow, bail};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::Message;
use crate::cli::signals::Signals;

/// The screen, until this is dropped. A panic gives it back as well.
pub struct Screen(DefaultTerminal);

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// There is none.
    pub fn open() -> anyhow::Result<Screen> {
        if !io::stdout().is_terminal() {
            bail!(
                "top needs a terminal: use 'glasstcp top --once' or 'glasstcp ss' where there is none"
            );
        }
        let terminal = ratatui::try_init();
        let terminal = terminal.inspect_err(|_| drop(ratatui::try_restore()));
        Ok(Screen(terminal.context("cannot use the terminal")?))
    }

    /// What draws on it.
    pub fn terminal(&mut self) -> &mut DefaultTerminal {
        &mut self.0
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have gone.
        let _ = ratatui::try_restore();
    }
}

/// Has a thread wait for a signal that says to end.
///
/// # Errors
/// When the system does not let it.
pub fn watch_signals(out: &SyncSender<Message>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let mut signals = {
        let _within = runtime.enter();
        Signals::new().context("cannot handle signals")?
    };
    let told = out.clone();
    super::spawn(out, move || {
        runtime.block_on(signals.until_end());
        let _ = told.send(Message::End);
    })
}

/// Reads keys for as long as there is somebody who wants them. A terminal that has gone holds up whoever reads from it, so
/// this is for a thread of its own.
pub fn read_keys(out: &SyncSender<Message>) {
    loop {
        let message = match event::read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Message::Key(key),
            Ok(Event::Resize(..)) => Message::Resized,
            Ok(_) => continue,
            Err(error) => Message::Failed(anyhow!(error).context("cannot read from the terminal")),
        };
        let is_last = matches!(message, Message::Failed(_));
        if out.send(message).is_err() || is_last {
            return;
        }
    }
}
