//! The option of TCP Fast Open (RFC 7413 4.1.1), in both forms that are in use.
//!
//! ```text
//!   kind 34, length, cookie                     as in RFC 7413
//!   kind 254, length, F9 89, cookie             as in the experiment before it (RFC 6994)
//! ```

use arrayvec::ArrayVec;
use etherparse::tcp_option;

use crate::wire::append;

/// The kind of the option.
const KIND: u8 = 34;
/// The kind that all experiments share, and what tells this one from the others (RFC 6994 3).
const KIND_EXPERIMENT: u8 = 254;
const EXPERIMENT: [u8; 2] = [0xf9, 0x89];

/// A cookie: 4 to 16 bytes, an even number of them (RFC 7413 4.1.1); empty it asks for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookie(ArrayVec<u8, 16>);

impl Cookie {
    /// What a client without a cookie sends to get one.
    pub const REQUEST: Cookie = Cookie(ArrayVec::new_const());

    /// A cookie of these bytes, if there can be one.
    pub fn new(bytes: &[u8]) -> Option<Cookie> {
        let good = bytes.is_empty() || (bytes.len() >= 4 && bytes.len().is_multiple_of(2));
        ArrayVec::try_from(bytes).ok().filter(|_| good).map(Cookie)
    }

    /// Its bytes; none in a request.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it asks for a cookie.
    pub fn is_request(&self) -> bool {
        self.0.is_empty()
    }
}

/// The form of the option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// That of RFC 7413.
    #[default]
    Standard,
    /// That of the experiment, which some servers still speak.
    Experimental,
}

/// A cookie, or the request for one, in a SYN or a SYN with ACK.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FastOpen {
    /// The cookie.
    pub cookie: Cookie,
    /// How it is written.
    pub form: Form,
}

impl FastOpen {
    /// What `option`, from its kind on and as long as it says, is if it is this one and well formed.
    pub(super) fn parse(option: &[u8]) -> Option<FastOpen> {
        let (cookie, form) = match option {
            [KIND, _, cookie @ ..] => (cookie, Form::Standard),
            [KIND_EXPERIMENT, _, m0, m1, cookie @ ..] if [*m0, *m1] == EXPERIMENT => {
                (cookie, Form::Experimental)
            }
            _ => return None,
        };
        Cookie::new(cookie).map(|cookie| FastOpen { cookie, form })
    }

    /// Length of the option itself, in bytes: even.
    fn bare_len(&self) -> usize {
        let head = match self.form {
            Form::Standard => 2,
            Form::Experimental => 4,
        };
        head + self.cookie.bytes().len()
    }

    /// Length on the wire, in bytes: a multiple of four, at most 20.
    pub(super) fn len(&self) -> usize {
        self.bare_len().next_multiple_of(4)
    }

    /// Appends it, padded behind, as Linux does.
    pub(super) fn emit<const N: usize>(&self, out: &mut ArrayVec<u8, N>) {
        let len = self.bare_len();
        match self.form {
            Form::Standard => append(out, &[KIND, len as u8]),
            Form::Experimental => {
                append(out, &[KIND_EXPERIMENT, len as u8, EXPERIMENT[0], EXPERIMENT[1]]);
            }
        }
        append(out, self.cookie.bytes());
        append(out, &[tcp_option::KIND_NOOP; 2][..self.len() - len]);
    }
}

#[cfg(test)]
mod tests;
