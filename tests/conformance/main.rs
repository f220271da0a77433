//! What the RFCs ask for, shown by exact exchanges with one stack in virtual time (`docs/sim.md` has the language of
//! the scripts). Each module has the rules of one RFC, or of some that belong together, and is written from their text.
//!
//! `requirements.toml` lists what is required, where the code for it is and which tests show it, these or others; the
//! module `document` makes `docs/conformance.md` from it, and sees to it that nothing in it leads nowhere.

mod document;
mod play;

mod rfc1122;
mod rfc2018;
mod rfc5682;
mod rfc5927;
mod rfc5961;
mod rfc6093;
mod rfc6298;
mod rfc6675;
mod rfc7323;
mod rfc8985;
mod rfc9293;
mod rfc9438;
