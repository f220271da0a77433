//! Tasks over connections, and the table of what came of them.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use glasstcp::client::Connection;
use glasstcp::client::tasks::{Asker, Done, Task, TaskError};
use tokio::io::sink;

use super::store::Store;
use crate::cli::client::{Client, explain};

/// A server that says nothing over one connection is asked once more over another, and then not again: each time costs
/// the whole patience.
const SILENCES: u32 = 2;
/// Longest that a task is shown in the table, in characters.
const SHOWN: usize = 40;

/// All that is to be done.
pub struct Work<'a> {
    client: &'a Client,
    to: SocketAddr,
    tasks: &'a [Task],
    store: Store,
    /// The first task that nobody has taken.
    next: Cell<usize>,
    rows: RefCell<Vec<Option<Row>>>,
}

/// A connection and those after it.
#[derive(Default)]
struct Line {
    asker: Option<Asker<Connection>>,
    /// Tasks in a row, each over a connection of its own, to which nothing came.
    silences: u32,
    /// Why nothing is asked any more.
    given_up: Option<String>,
}

/// What becomes of a connection after a task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    GoesOn,
    Silent,
    Broken,
}

impl After {
    fn of(error: &TaskError) -> After {
        match error {
            TaskError::Silent(_) | TaskError::Slow(_) => After::Silent,
            error if error.goes_on() => After::GoesOn,
            _ => After::Broken,
        }
    }
}

/// What came of a task.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was found or where it is stored, or a sentence that says why it is not.
    pub result: Result<String, String>,
    /// Bytes of the answer.
    pub bytes: u64,
    /// How long it took, a connection that had to be opened included.
    pub time: Duration,
}

impl<'a> Work<'a> {
    /// Tasks for the server at `to`.
    pub fn new(client: &'a Client, to: SocketAddr, tasks: &'a [Task], store: Store) -> Work<'a> {
        let rows = RefCell::new(vec![None; tasks.len()]);
        Work { client, to, tasks, store, next: Cell::new(0), rows }
    }

    /// Does them over `parallel` connections, each of which begins with a task of its own, and gives what came
    /// of them in their order.
    pub async fn all(self, parallel: usize) -> Vec<Row> {
        let count = parallel.min(self.tasks.len());
        self.next.set(count);
        join_all((0..count).map(|first| self.some(first))).await;
        // Each task was taken by somebody.
        self.rows.into_inner().into_iter().flatten().collect()
    }

    /// What one connection does: the task `first` and then those that are left. It is opened anew after a
    /// failure, unless that is what has failed.
    async fn some(&self, first: usize) {
        let (mut index, mut line) = (first, Line::default());
        while let Some(task) = self.tasks.get(index) {
            let begun = Instant::now();
            let result = match &line.given_up {
                Some(sentence) => Err(sentence.clone()),
                None => self.one(&mut line, task).await,
            };
            let (result, bytes) = match result {
                Ok((result, bytes)) => (Ok(result), bytes),
                Err(sentence) => (Err(sentence), 0),
            };
            self.rows.borrow_mut()[index] = Some(Row { result, bytes, time: begun.elapsed() });
            index = self.next.replace(self.next.get() + 1);
        }
        if let Some(asker) = line.asker {
            asker.quit().await;
        }
    }

    /// One task: its result and the bytes of it, or a sentence.
    async fn one(&self, line: &mut Line, task: &Task) -> Result<(String, u64), String> {
        let mut open = match line.asker.take() {
            Some(open) => open,
            None => {
                let opened = self.connect().await;
                opened.inspect_err(|sentence| line.given_up = Some(sentence.clone()))?
            }
        };
        let (after, result) = match task {
            Task::File(name) => self.fetch(&mut open, task, name).await,
            Task::Calc(_) | Task::Dns(_) => match open.ask(task, &mut sink()).await {
                Ok(Done::Text(text)) => (After::GoesOn, Ok((text.clone(), text.len() as u64))),
                Ok(Done::File(bytes)) => (After::GoesOn, Ok((String::new(), bytes))),
                Err(error) => (After::of(&error), Err(error.to_string())),
            },
        };
        line.asker = (after == After::GoesOn).then_some(open);
        line.silences = if after == After::Silent { line.silences + 1 } else { 0 };
        if line.silences == SILENCES {
            line.given_up = result.as_ref().err().cloned();
        }
        result
    }

    async fn connect(&self) -> Result<Asker<Connection>, String> {
        let connected = self.client.sockets.connect_within(self.to, self.client.timeout).await;
        let what = format!("cannot connect to {}", self.to);
        match connected {
            Ok(connection) => Ok(Asker::new(connection, self.client.timeout)),
            Err(error) => Err(format!("{:#}", explain(&what, error))),
        }
    }

    /// A file, stored when it is whole; and what becomes of the connection.
    async fn fetch(
        &self,
        asker: &mut Asker<Connection>,
        task: &Task,
        name: &str,
    ) -> (After, Result<(String, u64), String>) {
        let mut unfinished = match self.store.begin(name) {
            Ok(unfinished) => unfinished,
            Err(error) => return (After::GoesOn, Err(format!("{error:#}"))),
        };
        let (room, file) = unfinished.sink();
        match asker.ask_for(task, room, file).await {
            Ok(Done::File(bytes)) => {
                let stored = unfinished.finish().await.map_err(|error| format!("{error:#}"));
                let result = stored.map(|place| (format!("{}, verified", place.display()), bytes));
                (After::GoesOn, result)
            }
            Ok(Done::Text(text)) => (After::GoesOn, Err(text)),
            Err(TaskError::Sink(error)) => (After::Broken, Err(unfinished.explain(&error))),
            Err(error) => (After::of(&error), Err(error.to_string())),
        }
    }
}

/// A task as it is shown.
pub fn shown(task: &Task) -> String {
    let text = task.to_string();
    match text.chars().count() > SHOWN {
        true => text.chars().take(SHOWN - 1).chain(['…']).collect(),
        false => text,
    }
}

/// A line for each task, and a sum.
pub fn table(tasks: &[Task], rows: &[Row]) -> String {
    let names: Vec<String> = tasks.iter().map(shown).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
    let mut text = format!("{:width$}  {:>12}  {:>10}  result\n", "task", "bytes", "time");
    for (name, Row { result, bytes, time }) in names.iter().zip(rows) {
        let result = match result {
            Ok(result) => result.clone(),
            Err(sentence) => format!("failed: {sentence}"),
        };
        let seconds = time.as_secs_f64();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:width$}  {bytes:>12}  {seconds:>8.3} s  {result}");
    }
    let done = rows.iter().filter(|row| row.result.is_ok()).count();
    let bytes: u64 = rows.iter().map(|row| row.bytes).sum();
    text + &format!("{done} of {} tasks done, {bytes} bytes\n", rows.len())
}
