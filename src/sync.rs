//! Locks that a model checker can look into.
//!
//! Whoever waits for a stack, and the driver that waits for work, meet at these. In every build but
//! one they are those of std. Under `--cfg glasstcp_loom` they are those of [loom](https://docs.rs/loom),
//! which runs a test once for each order in which its threads may take them, so that
//! `runtime/tests/model.rs` checks the very code that runs, and no copy of it. (The name is our own
//! because some crates below us listen to `loom`, and leave out what we need.)

#[cfg(not(glasstcp_loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(glasstcp_loom)]
pub(crate) use self::model::Condvar;
#[cfg(glasstcp_loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};

#[cfg(glasstcp_loom)]
mod model {
    use std::sync::LockResult;

    use super::MutexGuard;
    use crate::time::Duration;

    /// loom's condition variable with what it lacks of std's.
    #[derive(Debug, Default)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    impl Condvar {
        pub(crate) fn wait_while<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            mut condition: impl FnMut(&mut T) -> bool,
        ) -> LockResult<MutexGuard<'a, T>> {
            while condition(&mut guard) {
                guard = self.0.wait(guard)?;
            }
            Ok(guard)
        }

        pub(crate) fn wait_timeout_while<'a, T>(
            &self,
            _: MutexGuard<'a, T>,
            _: Duration,
            _: impl FnMut(&mut T) -> bool,
        ) -> LockResult<(MutexGuard<'a, T>, ())> {
            unimplemented!("no time passes in a model")
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}
