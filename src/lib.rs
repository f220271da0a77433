//! A TCP/IP stack in user space that you can see through.

pub mod context;
pub mod device;
pub mod event;
pub mod net;
pub mod observe;
pub mod runtime;
pub mod service;
pub mod stack;
pub mod tcp;
pub mod time;
pub mod wire;
