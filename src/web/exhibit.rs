//! The page with recordings that are there already, and no stack behind it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Method, Request, StatusCode};
use serde::Serialize;

use super::reply::{self, Refused, Reply};
use super::{assets, guard};
use crate::service::Site;

/// Recordings by name: events as lines of JSON, or captures.
pub struct Exhibit(Vec<(String, Bytes)>);

/// What the page is told about it.
#[derive(Serialize)]
struct Welcome<'a> {
    version: &'static str,
    addresses: [IpAddr; 0],
    may_change: bool,
    payload: bool,
    recorder: bool,
    link: bool,
    recordings: Vec<&'a str>,
}

impl Exhibit {
    /// One of these. The page shows the first two side by side.
    pub fn new(recordings: Vec<(String, Bytes)>) -> Exhibit {
        Exhibit(recordings)
    }

    /// It for a web server, of which it is all that there is.
    pub fn site(self) -> Site {
        let shared = Arc::new(self);
        Site::new(true, move |request, _| {
            let reply = shared.answer(&request).unwrap_or_else(Refused::into_reply);
            Box::pin(async move { reply })
        })
    }

    fn answer(&self, request: &Request<Incoming>) -> Result<Reply, Refused> {
        guard::check_origin(request)?;
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return Err(Refused::Method("GET, HEAD"));
        }
        let Some(name) = request.uri().path().strip_prefix("/glass/") else {
            return Ok(reply::moved("/glass/"));
        };
        if name == "info" {
            return Ok(reply::json(StatusCode::OK, &self.welcome()));
        }
        if name == "events" {
            // To a browser that asks for events this says that there will be none, and that is no error.
            let kind = HeaderValue::from_static("text/event-stream");
            return Ok(reply::whole(StatusCode::NO_CONTENT, kind, Bytes::new()));
        }
        match name.strip_prefix("recording/") {
            Some(wanted) => {
                let wanted = percent_encoding::percent_decode_str(wanted).decode_utf8_lossy();
                let found = self.0.iter().find(|(name, _)| *name == wanted);
                let (_, bytes) = found.ok_or(Refused::NotFound)?;
                let kind = HeaderValue::from_static("application/octet-stream");
                Ok(reply::whole(StatusCode::OK, kind, bytes.clone()))
            }
            None => assets::reply(name, request.headers()).ok_or(Refused::NotFound),
        }
    }

    fn welcome(&self) -> Welcome<'_> {
        Welcome {
            version: env!("CARGO_PKG_VERSION"),
            addresses: [],
            may_change: false,
            payload: false,
            recorder: false,
            link: false,
            recordings: self.0.iter().map(|(name, _)| &name[..]).collect(),
        }
    }
}
