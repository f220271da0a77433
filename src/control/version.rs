//! Requests as they stand on a line, with the version of the protocol that they are of.

use serde::{Deserialize, Serialize};

use super::Request;

/// The version of the protocol. It changes when what is asked or answered no longer means the same; a command or a field
/// more is not such a change, for who does not know it says so.
pub const VERSION: u32 = 1;
/// That of a request that names none.
const UNNAMED: u32 = 1;
/// A request, to show what one looks like.
const EXAMPLE: &str = r#"{"command":"impair","spec":"out:loss=1%"}"#;

/// What is looked at first: the rest may be of a version that is not understood.
#[derive(Deserialize)]
struct Head {
    #[serde(default = "unnamed")]
    version: u32,
}

/// A request with its version.
#[derive(Serialize, Deserialize)]
struct Versioned<R> {
    #[serde(default = "unnamed")]
    version: u32,
    #[serde(flatten)]
    request: R,
}

fn unnamed() -> u32 {
    UNNAMED
}

/// A request as a line.
pub(super) fn encode(request: &Request) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Versioned { version: VERSION, request })?;
    line.push(b'\n');
    Ok(line)
}

/// The request on a line, or in one sentence what is wrong with it.
pub(super) fn decode(line: &[u8]) -> Result<Request, String> {
    if let Ok(Head { version }) = serde_json::from_slice(line)
        && version != VERSION
    {
        return Err(format!(
            "the running glasstcp speaks version {VERSION} of the control protocol, and this one version {version}: \
             use the same version of both"
        ));
    }
    let read: serde_json::Result<Versioned<Request>> = serde_json::from_slice(line);
    read.map(|versioned| versioned.request)
        .map_err(|error| format!("this is not a request such as {EXAMPLE}: {error}"))
}

#[cfg(test)]
mod tests;
