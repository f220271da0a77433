//! Addresses that are taken before there is a connection or a listener (bind(2)).

use std::collections::HashMap;
use std::net::SocketAddr;

use slotmap::SlotMap;

use crate::stack::demux::KeyedHash;
use crate::stack::{BoundKey, ConnKey, ListenerKey, SocketError, Stack};
use crate::tcp;

/// An address that is kept for somebody.
#[derive(Clone, Copy, Debug)]
struct Bound {
    local: SocketAddr,
    /// Others that say so, too, may have it as well (SO_REUSEADDR).
    shared: bool,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Bindings {
    all: SlotMap<BoundKey, Bound>,
    by_port: HashMap<u16, Vec<BoundKey>, KeyedHash>,
}

impl Bindings {
    /// None are taken.
    pub(super) fn new(hash: KeyedHash) -> Self {
        Bindings { all: SlotMap::with_key(), by_port: HashMap::with_hasher(hash) }
    }

    /// How many are taken.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nobody else has `local` than `own`, the binding of who asks, and those that share with it.
    pub(super) fn is_free(&self, local: SocketAddr, own: Option<BoundKey>) -> bool {
        let shared = own.and_then(|own| self.all.get(own)).is_some_and(|own| own.shared);
        self.can_bind(local, shared, own)
    }

    fn can_bind(&self, local: SocketAddr, shared: bool, own: Option<BoundKey>) -> bool {
        let on_port = self.by_port.get(&local.port()).map_or(&[][..], Vec::as_slice);
        let others = on_port.iter().filter(|&&key| Some(key) != own);
        others.filter_map(|&key| self.all.get(key)).all(|bound| {
            let apart = bound.local.ip() != local.ip()
                && !bound.local.ip().is_unspecified()
                && !local.ip().is_unspecified();
            apart || (shared && bound.shared)
        })
    }

    fn insert(&mut self, bound: Bound) -> BoundKey {
        let key = self.all.insert(bound);
        self.by_port.entry(bound.local.port()).or_default().push(key);
        key
    }

    fn remove(&mut self, key: BoundKey) -> Option<Bound> {
        let bound = self.all.remove(key)?;
        if let Some(on_port) = self.by_port.get_mut(&bound.local.port()) {
            on_port.retain(|other| *other != key);
            if on_port.is_empty() {
                self.by_port.remove(&bound.local.port());
            }
        }
        Some(bound)
    }
}

impl Stack {
    /// Takes an address for a connection or a listener to come: one of our own, or the unspecified one; port 0
    /// chooses an ephemeral port. With `shared` (SO_REUSEADDR) others that say so may have it as well; a listener
    /// never shares its address.
    pub fn bind(&mut self, mut local: SocketAddr, shared: bool) -> Result<BoundKey, SocketError> {
        if self.closing {
            return Err(SocketError::StackGone);
        }
        if !local.ip().is_unspecified() && !self.routes.is_own(local.ip()) {
            return Err(SocketError::AddrNotAvailable);
        }
        let (demux, routes, bindings) = (&self.demux, &self.routes, &self.bindings);
        let is_free = |local: SocketAddr| {
            bindings.can_bind(local, shared, None) && demux.can_listen(local, routes.own())
        };
        if local.port() == 0 {
            let free_port = |port| is_free(SocketAddr::new(local.ip(), port));
            let port = self.ports.choose(&self.secrets, local, local, free_port);
            local.set_port(port.ok_or(SocketError::Exhausted)?);
        } else if !is_free(local) {
            return Err(SocketError::AddrInUse);
        }
        if self.bindings.len() >= self.config.limits.connections {
            return Err(SocketError::Exhausted);
        }
        Ok(self.bindings.insert(Bound { local, shared }))
    }

    /// The address that was taken.
    pub fn bound_addr(&self, key: BoundKey) -> Option<SocketAddr> {
        self.bindings.all.get(key).map(|bound| bound.local)
    }

    /// Gives it back.
    pub fn unbind(&mut self, key: BoundKey) {
        self.bindings.remove(key);
    }

    /// [`Stack::connect`] from an address that was taken. The connection has it from then on, and the key is dead,
    /// unless it fails.
    pub fn connect_from(
        &mut self,
        key: BoundKey,
        remote: SocketAddr,
        config: Option<tcp::Config>,
    ) -> Result<ConnKey, SocketError> {
        let local = self.bound_addr(key).ok_or(SocketError::NotConnected)?;
        let opened = self.open(Some(local), remote, config, Some(key))?;
        self.unbind(key);
        Ok(opened)
    }

    /// [`Stack::listen_with`] on an address that was taken, as [`Stack::connect_from`].
    pub fn listen_on(
        &mut self,
        key: BoundKey,
        backlog: usize,
        config: Option<tcp::Config>,
    ) -> Result<ListenerKey, SocketError> {
        let local = self.bound_addr(key).ok_or(SocketError::NotConnected)?;
        let listener = self.begin_to_listen(local, backlog, config, Some(key))?;
        self.unbind(key);
        Ok(listener)
    }
}
