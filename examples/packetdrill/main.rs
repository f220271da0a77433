//! The stack behind the C interface of packetdrill's shared-library mode, in virtual time.
//!
//! packetdrill is the tool with which Linux tests its own TCP: scripts of system calls, of packets that go in, and
//! of packets that have to come out, with the time of each. It takes the stack under test from a shared library,
//! which this is; `scripts/packetdrill` builds it and runs folders of scripts.
//!
//! ```text
//!   packetdrill
//!     main thread: packets, calls, usleep --+                 Host (one lock)
//!     a second thread: calls that block  ---+--> interface --> world --> sockets --> Stack
//!                                                 (C ABI)      clock     (what a system call means)
//! ```
//!
//! The clock stands still but for whoever asks it, so a script of ten minutes takes as long as its packets. There
//! is no device and no address of the machine in it, and it needs no root.
//!
//! The library is preloaded as well: some results packetdrill asks for with the C library's own `getsockopt`, which
//! is exported here and passes on what is not one of our sockets. Every socket is a real descriptor, so that numbers
//! are never confused and the C library's `close` works.

mod address;
mod calls;
mod control;
mod errno;
mod info;
mod interface;
mod options;
mod poll;
mod settings;
mod socket;
mod world;
