//! The settings that the SYN-ACKs of half-open connections were made from, which may not be those that the listener has
//! by now. They are kept once for all connections of a listener that have the same, so that each needs four bytes for
//! them and for its listener, and go with the last one: there are never more of them than of half-open connections.

use std::sync::Arc;

use slab::Slab;

use crate::stack::ListenerKey;
use crate::tcp;

/// Names settings that somebody still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OfferedKey(u32);

/// What a listener has offered.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) listener: ListenerKey,
    pub(super) config: Arc<tcp::Config>,
    /// How many half-open connections hold it.
    holders: u32,
}

/// All that is held.
#[derive(Debug, Default)]
pub(super) struct Offered(Slab<Offer>);

impl Offered {
    /// One more half-open connection of `listener`, with `config`; `latest` is what the one before it held, if that is
    /// still held.
    pub(super) fn hold(
        &mut self,
        listener: ListenerKey,
        config: Arc<tcp::Config>,
        latest: Option<OfferedKey>,
    ) -> OfferedKey {
        if let Some(key) = latest {
            let offer = &mut self.0[key.0 as usize];
            if Arc::ptr_eq(&offer.config, &config) {
                offer.holders += 1;
                return key;
            }
        }
        OfferedKey(self.0.insert(Offer { listener, config, holders: 1 }) as u32)
    }

    /// What is held as `key`.
    pub(super) fn get(&self, key: OfferedKey) -> &Offer {
        &self.0[key.0 as usize]
    }

    /// One half-open connection less. It may have been the last: then nobody may ask for `key` any more.
    pub(super) fn release(&mut self, key: OfferedKey) -> Released {
        let index = key.0 as usize;
        let offer = &mut self.0[index];
        offer.holders -= 1;
        let (listener, last) = (offer.listener, offer.holders == 0);
        let config = if last { self.0.remove(index).config } else { offer.config.clone() };
        Released { listener, config, last }
    }

    /// How many different ones are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What a half-open connection has held.
#[derive(Debug)]
pub(super) struct Released {
    pub(super) listener: ListenerKey,
    pub(super) config: Arc<tcp::Config>,
    /// Nobody holds it any more.
    pub(super) last: bool,
}

#[cfg(test)]
mod tests;
