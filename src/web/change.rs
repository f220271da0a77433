//! What the page may change.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Source;
use super::reply::{self, Refused, Reply};
use crate::control;
use crate::tcp::Endpoints;

/// The longest change, in bytes.
const MAX_LEN: usize = 16 << 10;
/// How long it may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the link is to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Impair {
    /// A rule, in the language of links.
    #[serde(default)]
    spec: Option<String>,
    /// Several.
    #[serde(default)]
    specs: Vec<String>,
}

/// Whom to end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kill {
    local: SocketAddr,
    remote: SocketAddr,
}

#[derive(Serialize)]
struct Killed {
    count: u32,
}

/// Takes the body of a request.
pub(super) async fn read(body: Incoming) -> Result<Bytes, Refused> {
    match timeout(PATIENCE, Limited::new(body, MAX_LEN).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) | Err(_) => Err(Refused::Broken),
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::Body(error.to_string()))
}

/// Changes the link, all of it or nothing.
pub(super) fn impair(source: &Source, body: &[u8]) -> Result<Reply, Refused> {
    let Impair { spec, specs } = parse(body)?;
    let all: Vec<_> = spec.into_iter().chain(specs).collect();
    let all = all.join(" ");
    let changed = control::impair(source.link.as_ref(), (!all.is_empty()).then_some(&*all));
    let link = changed.map_err(Refused::Change)?;
    Ok(reply::json(StatusCode::OK, &link))
}

/// Ends a connection.
pub(super) fn kill(source: &Source, body: &[u8]) -> Result<Reply, Refused> {
    let Kill { local, remote } = parse(body)?;
    match source.net.kill(Endpoints { local, remote }) {
        true => Ok(reply::json(StatusCode::OK, &Killed { count: 1 })),
        false => Err(Refused::Gone),
    }
}
