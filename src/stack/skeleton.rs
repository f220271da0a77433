//! SKELETON: signatures only; replaced by the real thing.
#![allow(unused_variables, missing_docs, clippy::all)]
use super::{Config, SocketError};
use crate::event::{Observer, Refusals};
use crate::tcp;
use crate::time::{Duration, Instant};
use crate::wire::{RxBatch, TxBatch};
use bytes::Bytes;
use std::net::SocketAddr;
use std::task::{self, Poll, Waker};

slotmap::new_key_type! {
    /// Names a connection; stale keys are refused, never confused.
    pub struct ConnKey;
    /// Names a listener.
    pub struct ListenerKey;
    /// Names a UDP socket.
    pub struct UdpKey;
}

/// Wakers of the tasks whose sockets became ready in a turn. `notify` outside of the lock.
#[derive(Default)]
#[must_use]
pub struct Wakes(Vec<Waker>);
impl Wakes {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub fn notify(self) {
        self.0.into_iter().for_each(Waker::wake)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub packets_received: u64,
    pub packets_sent: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub refusals: Refusals,
    // more named u64 fields to come; print through `rows`
}
impl Counters {
    /// Every counter that is not zero: its name and value, in a fixed order.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        todo!()
    }
}

pub struct Stack;
impl Stack {
    pub fn new(config: Config) -> Stack {
        todo!()
    }
    pub fn config(&self) -> &Config {
        todo!()
    }
    pub fn set_observer(&mut self, observer: Option<Box<dyn Observer + Send>>) {
        todo!()
    }
    /// First half of a turn: handles every received packet (drains `rx`), runs due timers; returns whom to wake.
    pub fn receive(&mut self, now: Instant, rx: &mut RxBatch) -> Wakes {
        todo!()
    }
    /// Second half: appends what is to be sent to `tx` (bounded: up to 16 bursts of 64 KiB a connection,
    /// stops when tx holds 64 bursts). True when more is waiting to be sent right away.
    pub fn transmit(&mut self, now: Instant, tx: &mut TxBatch) -> bool {
        todo!()
    }
    /// Both halves.
    pub fn turn(&mut self, now: Instant, rx: &mut RxBatch, tx: &mut TxBatch) -> Wakes {
        todo!()
    }
    /// When `receive` must be called again at the latest; `None`: never, until a packet or a call.
    pub fn next_deadline(&self) -> Option<Instant> {
        todo!()
    }
    /// Whether `transmit` has something to do (a call on a socket may have made it so).
    pub fn has_output(&self) -> bool {
        todo!()
    }
    pub fn counters(&self) -> &Counters {
        todo!()
    }
    /// Connections with a control block that are not closed (half-open and TIME-WAIT ones not counted).
    pub fn connection_count(&self) -> usize {
        todo!()
    }
    /// Refuses new connections and closes all others gracefully (FIN); sockets see end of stream.
    pub fn shutdown(&mut self) -> Wakes {
        todo!()
    }
    /// Resets every connection that is left.
    pub fn abort_all(&mut self) -> Wakes {
        todo!()
    }

    // TCP. `local` may be unspecified (0.0.0.0) = all own addresses; port 0 = an ephemeral one.
    pub fn listen(
        &mut self,
        local: SocketAddr,
        backlog: usize,
    ) -> Result<ListenerKey, SocketError> {
        todo!()
    }
    pub fn listener_addr(&self, key: ListenerKey) -> Option<SocketAddr> {
        todo!()
    }
    pub fn poll_accept(
        &mut self,
        key: ListenerKey,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(ConnKey, SocketAddr), SocketError>> {
        todo!()
    }
    /// Stops listening; connections not yet accepted are reset.
    pub fn close_listener(&mut self, key: ListenerKey) -> Wakes {
        todo!()
    }
    pub fn connect(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: Option<tcp::Config>,
    ) -> Result<ConnKey, SocketError> {
        todo!()
    }
    /// Ready when the handshake is over, with or without success.
    pub fn poll_connected(
        &mut self,
        key: ConnKey,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), SocketError>> {
        todo!()
    }
    /// Copies from `data` as much as there is room for; pending when there is none.
    pub fn poll_send(
        &mut self,
        key: ConnKey,
        data: &[u8],
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<usize, SocketError>> {
        todo!()
    }
    /// The same without a copy: splits what is taken off the front of `data`.
    pub fn poll_send_chunk(
        &mut self,
        key: ConnKey,
        data: &mut Bytes,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<usize, SocketError>> {
        todo!()
    }
    /// The next chunk of at most `max` bytes (max > 0), without a copy; empty at the end of the stream.
    pub fn poll_receive(
        &mut self,
        key: ConnKey,
        max: usize,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<Bytes, SocketError>> {
        todo!()
    }
    /// Ends the sending half (FIN after what was written).
    pub fn shutdown_write(&mut self, key: ConnKey) -> Result<(), SocketError> {
        todo!()
    }
    /// The application lets go: close, or reset when data is unread or linger is zero. The key is dead afterwards.
    pub fn close(&mut self, key: ConnKey) {
        todo!()
    }
    /// Reset; the key stays valid (calls give Aborted) until `close`.
    pub fn abort(&mut self, key: ConnKey) -> Wakes {
        todo!()
    }
    pub fn set_nodelay(&mut self, key: ConnKey, nodelay: bool) -> Result<(), SocketError> {
        todo!()
    }
    pub fn set_keepalive(
        &mut self,
        key: ConnKey,
        keepalive: Option<tcp::Keepalive>,
    ) -> Result<(), SocketError> {
        todo!()
    }
    pub fn set_linger(
        &mut self,
        key: ConnKey,
        linger: Option<Duration>,
    ) -> Result<(), SocketError> {
        todo!()
    }
    pub fn set_user_timeout(
        &mut self,
        key: ConnKey,
        timeout: Option<Duration>,
    ) -> Result<(), SocketError> {
        todo!()
    }
    /// The settings in force.
    pub fn tcp_config(&self, key: ConnKey) -> Option<&tcp::Config> {
        todo!()
    }
    pub fn info(&self, key: ConnKey) -> Option<tcp::Info> {
        todo!()
    }

    // UDP
    pub fn udp_bind(&mut self, local: SocketAddr) -> Result<UdpKey, SocketError> {
        todo!()
    }
    pub fn udp_addr(&self, key: UdpKey) -> Option<SocketAddr> {
        todo!()
    }
    pub fn udp_send(
        &mut self,
        key: UdpKey,
        payload: Bytes,
        to: SocketAddr,
    ) -> Result<(), SocketError> {
        todo!()
    }
    pub fn poll_udp_receive(
        &mut self,
        key: UdpKey,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(Bytes, SocketAddr), SocketError>> {
        todo!()
    }
    pub fn udp_close(&mut self, key: UdpKey) {
        todo!()
    }
}
