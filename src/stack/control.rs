//! A control block in the table of connections: whole, or parked while nothing happens.

use std::ops::Deref;
use std::sync::Arc;

use crate::tcp::{Config, Parked, Tcb};

/// A control block, or what it can be made of.
#[derive(Debug)]
pub(super) enum Control {
    /// Not in the table itself, for it is large and what is in a table moves about.
    Whole(Box<Tcb>),
    Parked(Parked),
}

/// A control block to look at.
pub(super) enum Look<'a> {
    Whole(&'a Tcb),
    Parked(Box<Tcb>),
}

impl Deref for Look<'_> {
    type Target = Tcb;

    fn deref(&self) -> &Tcb {
        match self {
            Look::Whole(tcb) => tcb,
            Look::Parked(tcb) => tcb,
        }
    }
}

impl Control {
    /// The control block; it is whole from now on.
    pub(super) fn whole(&mut self) -> &mut Tcb {
        if let Control::Parked(parked) = self {
            *self = Control::Whole(parked.tcb());
        }
        match self {
            Control::Whole(tcb) => tcb,
            Control::Parked(_) => unreachable!("it was made whole"),
        }
    }

    /// The control block as it is; it stays parked if it is.
    pub(super) fn look(&self) -> Look<'_> {
        match self {
            Control::Whole(tcb) => Look::Whole(tcb),
            Control::Parked(parked) => Look::Parked(parked.tcb()),
        }
    }

    /// The settings.
    pub(super) fn config(&self) -> &Arc<Config> {
        match self {
            Control::Whole(tcb) => &tcb.config,
            Control::Parked(parked) => parked.config(),
        }
    }

    /// Whether the application has let go of it.
    pub(super) fn is_detached(&self) -> bool {
        match self {
            Control::Whole(tcb) => tcb.is_detached(),
            Control::Parked(_) => false,
        }
    }

    /// Bytes in its buffers.
    pub(super) fn memory(&self) -> usize {
        match self {
            Control::Whole(tcb) => tcb.memory(),
            Control::Parked(_) => 0,
        }
    }

    /// Whether it is parked: nothing is to be read, and nothing waits to be sent.
    pub(super) fn is_parked(&self) -> bool {
        matches!(self, Control::Parked(_))
    }

    /// Parks it, for it rests ([`Tcb::rests`]).
    pub(super) fn park(&mut self) {
        if let Control::Whole(tcb) = self {
            *self = Control::Parked(Parked::of(tcb));
        }
    }
}
