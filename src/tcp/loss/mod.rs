//! Finding losses. What to do about the window is `congestion`'s; which bytes are lost is written
//! on the scoreboard.

pub mod dupack;
