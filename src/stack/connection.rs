//! A connection in the table, and the one exit after anything has happened to it.

use std::task::Waker;

use slotmap::SlotMap;

use crate::context::{Context, Memory};
use crate::event::{Cause, Event, State, Why};
use crate::stack::control::Control;
use crate::stack::readiness::Watch;
use crate::stack::time_wait::TimeWait;
use crate::stack::wheel::{TimerId, Wheel};
use crate::stack::{ConnKey, Environment, Owner, Stack, TimeWaitEntry, TimeWaitKey, Token};
use crate::tcp::{Endpoints, Tcb};

/// The table of connections.
pub(super) type Connections = SlotMap<ConnKey, Connection>;

/// A control block with what the table needs around it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) tcb: Control,
    pub(super) timer: TimerId,
    /// It stands in the queue of those that may send.
    pub(super) queued: bool,
    /// Segments find it. Once it is closed or in TIME-WAIT it only serves what is unread.
    pub(super) in_table: bool,
    /// It opens fast, and something is to be done when it is open (RFC 7413).
    pub(super) opens_fast: bool,
    /// It is among those that were quiet and kept text behind a gap.
    pub(super) hoards: bool,
    /// What it holds, in bytes, as far as the stack's sum knows.
    charged: usize,
    pub(super) read_waker: Option<Waker>,
    pub(super) write_waker: Option<Waker>,
    /// Whoever wants to hear of changes.
    pub(super) watch: Option<Box<Watch>>,
}

impl Connection {
    /// Whether a task that waits to write should look again.
    fn write_ready(&mut self) -> bool {
        let tcb = self.tcb.whole();
        let opening =
            matches!(tcb.state(), State::SynSent | State::SynReceived) && !tcb.takes_early();
        !opening && (tcb.is_writable() || tcb.is_finished())
    }

    /// Brings the stack's sum up to date. Called after anything that may have changed the buffers.
    pub(super) fn settle(&mut self, env: &mut Environment) {
        let scarce = env.memory.settle(&mut self.charged, self.tcb.memory());
        env.counters.tcp_memory_pressures += u64::from(scarce);
        env.became_scarce |= scarce;
    }

    /// Arms the wheel for the next timer, and for a look when it will have been quiet for a while; parks it if it
    /// was quiet before what was done to it, and still rests.
    pub(super) fn rest(&mut self, env: &mut Environment, wheel: &mut Wheel<Token>) {
        let tcb = self.tcb.whole();
        let deadline = tcb.next_deadline();
        let look = Some(tcb.quiet_from()).filter(|&from| from > env.now);
        if look.is_none() && tcb.rests() {
            self.tcb.park();
            self.settle(env);
        }
        let look = look.filter(|_| self.in_table);
        if let Some(at) = deadline.into_iter().chain(look).min() {
            wheel.arm(self.timer, at);
        }
    }

    /// Whether nothing but the slot is left of it.
    fn is_over(&mut self) -> bool {
        !self.in_table && self.tcb.is_detached() && !self.tcb.whole().has_reset_to_send()
    }
}

impl Stack {
    /// Puts a control block into the table, with the timer of the half-open connection that it was.
    pub(super) fn insert_connection(&mut self, tcb: Box<Tcb>, timer: Option<TimerId>) -> ConnKey {
        let ends = tcb.endpoints();
        let wheel = &mut self.wheel;
        let key = self.connections.insert_with_key(|key| Connection {
            tcb: Control::Whole(tcb),
            timer: wheel.insert_or_hand_over(timer, Token::Connection(key)),
            queued: false,
            in_table: true,
            opens_fast: false,
            hoards: false,
            charged: 0,
            read_waker: None,
            write_waker: None,
            watch: None,
        });
        self.demux.insert(ends, Owner::Connection(key));
        key
    }

    /// Does something to a connection and then what must follow from it.
    pub(super) fn update_connection<R>(
        &mut self,
        key: ConnKey,
        change: impl FnOnce(&mut Tcb, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let connection = self.connections.get_mut(key)?;
        let result = change(connection.tcb.whole(), &mut self.env.context());
        self.after(key);
        Some(result)
    }

    pub(super) fn expire_connection(&mut self, key: ConnKey) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let now = self.env.now;
        let tcb = connection.tcb.whole();
        let deadline = tcb.next_deadline();
        if deadline.is_some_and(|at| at <= now) {
            self.update_connection(key, |tcb, cx| tcb.expire(cx));
            return;
        }
        // Deadlines move back without the wheel. Beside that this is the look at who is quiet.
        let later = Some(tcb.quiet_from()).filter(|&from| from > now);
        if later.is_none() {
            self.look_at_quiet(key);
        }
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let look = later.filter(|_| connection.in_table);
        if let Some(at) = deadline.into_iter().chain(look).min() {
            self.wheel.arm(connection.timer, at);
        }
    }

    /// Nothing has come or gone for a second: parks the connection if it rests. Another gives back what is kept for
    /// the next text, and is remembered if it keeps text behind a gap.
    fn look_at_quiet(&mut self, key: ConnKey) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let tcb = connection.tcb.whole();
        if tcb.rests() {
            connection.tcb.park();
        } else {
            tcb.drop_spare();
            if tcb.has_gap() && !std::mem::replace(&mut connection.hoards, true) {
                self.hoarders.insert(key);
            }
        }
        connection.settle(&mut self.env);
        if self.env.memory.level() != Memory::Plenty {
            self.reclaim();
        }
    }

    /// Memory is scarce: who keeps text behind a gap, and has heard nothing for a second, gives it up. Others need it
    /// more, and the peer still has it (RFC 2018 8).
    pub(super) fn reclaim(&mut self) {
        let now = self.env.now;
        for key in std::mem::take(&mut self.hoarders) {
            let Some(connection) = self.connections.get_mut(key) else {
                continue;
            };
            connection.hoards = false;
            let tcb = connection.tcb.whole();
            if tcb.has_gap() && tcb.quiet_from() <= now {
                tcb.drop_out_of_order();
                self.env.counters.tcp_out_of_order_reclaimed += 1;
                connection.settle(&mut self.env);
            }
        }
    }

    /// The one exit: wakes whom the change made ready, lets it send, and takes it out of the table
    /// when it is over.
    pub(super) fn after(&mut self, key: ConnKey) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        if connection.read_waker.is_some() && connection.tcb.whole().can_receive() {
            self.wakes.add(&mut connection.read_waker);
        }
        if connection.write_waker.is_some() && connection.write_ready() {
            self.wakes.add(&mut connection.write_waker);
        }
        connection.look(&mut self.wakes);
        connection.settle(&mut self.env);
        connection.tcb.whole().emit_timers(&mut self.env.context());
        self.queues.mark_ready(key, connection);
        let tcb = connection.tcb.whole();
        let over = matches!(tcb.state(), State::TimeWait | State::Closed);
        if let Some(at) = tcb.next_deadline().filter(|_| !over) {
            self.wheel.arm(connection.timer, at);
        }
        if connection.opens_fast {
            self.after_opening(key);
        }
        if over {
            self.leave_table(key);
            self.settle_connection(key);
        }
    }

    /// From here on segments do not find the connection: a record in TIME-WAIT takes its place, or
    /// nothing does.
    fn leave_table(&mut self, key: ConnKey) {
        let Some(connection) = self.connections.get_mut(key).filter(|one| one.in_table) else {
            return;
        };
        connection.in_table = false;
        let tcb = connection.tcb.whole();
        let ends = tcb.endpoints();
        if tcb.state() == State::Closed {
            return self.demux.remove(ends);
        }
        let record = TimeWait::of(tcb);
        if tcb.owes_acknowledgment() {
            self.acknowledge_from(&record);
        }
        self.insert_time_wait(ends, record);
    }

    /// Arms the wheel for the connection's next timer, or frees the slot when it is over.
    pub(super) fn settle_connection(&mut self, key: ConnKey) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        connection.tcb.whole().emit_timers(&mut self.env.context());
        connection.settle(&mut self.env);
        if connection.tcb.config().notsent_low.is_some() {
            // What was sent makes room below the mark.
            connection.look(&mut self.wakes);
            if connection.write_waker.is_some() && connection.write_ready() {
                self.wakes.add(&mut connection.write_waker);
            }
        }
        if connection.is_over() {
            self.env.memory.settle(&mut connection.charged, 0);
            self.wheel.remove(connection.timer);
            if connection.hoards {
                self.hoarders.remove(&key);
            }
            self.connections.remove(key);
        } else {
            connection.rest(&mut self.env, &mut self.wheel);
        }
    }

    /// Keeps a record in TIME-WAIT in the place of a connection.
    fn insert_time_wait(&mut self, ends: Endpoints, record: TimeWait) {
        if self.time_wait.len() >= self.config.limits.time_wait {
            // Shorter waiting is a smaller evil than no new connections.
            return self.demux.remove(ends);
        }
        let until = self.env.now + self.config.time_wait;
        let wheel = &mut self.wheel;
        let key = self.time_wait.insert_with_key(|key| TimeWaitEntry {
            record,
            timer: wheel.insert(Token::TimeWait(key)),
            until,
        });
        self.wheel.arm(self.time_wait[key].timer, until);
        self.demux.insert(ends, Owner::TimeWait(key));
    }

    /// Sends the acknowledgment of a connection in TIME-WAIT.
    pub(super) fn acknowledge_from(&mut self, record: &TimeWait) {
        let segment = record.acknowledgment(self.env.now.as_millis());
        let sender = (Some(record.conn), State::TimeWait, Why::AckNow);
        self.reply_segment(&segment, record.ends.get(), record.ip, sender, record.numbering());
    }

    pub(super) fn expire_time_wait(&mut self, key: TimeWaitKey) {
        let Some(entry) = self.time_wait.get(key) else {
            return;
        };
        if entry.until > self.env.now {
            return self.wheel.arm(entry.timer, entry.until);
        }
        self.remove_time_wait(key, Cause::TimeWaitOver);
    }

    /// Forgets a record in TIME-WAIT.
    pub(super) fn remove_time_wait(&mut self, key: TimeWaitKey, cause: Cause) {
        let Some(entry) = self.time_wait.remove(key) else {
            return;
        };
        self.wheel.remove(entry.timer);
        let (conn, ends) = (entry.record.conn, entry.record.ends.get());
        self.demux.remove(ends);
        self.env.context().emit(|| Event::StateChanged {
            conn,
            local: ends.local,
            remote: ends.remote,
            from: State::TimeWait,
            to: State::Closed,
            cause,
        });
    }
}
