//! `GET` of a file, from its beginning or from where the last try has ended.

use std::io::{self, Write};
use std::path::PathBuf;

use hyper::header::{HeaderMap, HeaderValue};
use tokio::task::spawn_blocking;
use url::Url;

use super::part::{self, Answer};
use super::place::Place;
use super::writer::{Done, Out, Writer};
use super::{HttpError, Reply, Seen, get};
use crate::client::dial::Dialer;
use crate::service::text::hex;

/// What is fetched, and where to.
pub struct Download {
    /// Where it is.
    pub url: Url,
    /// Where it goes.
    pub output: Output,
    /// What its SHA-256 must be.
    pub sha256: Option<[u8; 32]>,
}

/// Where a body goes.
pub enum Output {
    /// To a stream, piece by piece, and its name in sentences.
    Stream(Box<dyn Write + Send>, String),
    /// To a file, which is there when it is whole.
    File {
        /// Its name.
        path: PathBuf,
        /// Whether a part of it is kept when the rest does not come, and continued the next time.
        keep: bool,
    },
}

/// A body that comes, and where it goes.
struct Coming {
    reply: Reply,
    /// Of a file.
    place: Option<Place>,
    out: Out,
    /// Bytes that are there already.
    have: u64,
    /// How many more there must be, where the reply has said so of its own.
    rest: Option<u64>,
    /// Where it goes, in sentences.
    shown: String,
}

impl Download {
    /// Fetches it. `seen` is shown what is on its way.
    ///
    /// # Errors
    /// [`HttpError`], also for a reply that refuses. There is no file then, but for a part that is to be kept.
    pub async fn run(
        self,
        dialer: &Dialer,
        mut seen: impl FnMut(Seen<'_>),
    ) -> Result<Done, HttpError> {
        let coming = match self.output {
            Output::Stream(stream, shown) => {
                let reply = get(dialer, self.url, &HeaderMap::new(), &mut seen).await?;
                part::answer(&reply, None)?;
                Coming { reply, place: None, out: Out::Stream(stream), have: 0, rest: None, shown }
            }
            Output::File { path, keep } => {
                let shown = path.display().to_string();
                let place = match Place::is_pipe(&path) {
                    // It opens when somebody reads from it.
                    true => spawn_blocking(move || Place::begin(&path, keep)).await,
                    false => Ok(Place::begin(&path, keep)),
                };
                let failed = |error| HttpError::File("write", shown, io::Error::other(error));
                let place = place.map_err(failed)??;
                to_place(dialer, &self.url, place, &mut seen).await?
            }
        };
        let Coming { mut reply, place, out, have, rest, shown } = coming;
        let whole = rest.or_else(|| reply.content_length()).map(|len| have + len);
        seen(Seen::Length { had: have, whole });
        let mut writer = Writer::start(out);
        let came = pass(&mut reply, &mut writer, (have, rest), &mut seen).await;
        // Also what is a part only is written before anybody looks at it.
        let written = writer.finish().await;
        came?;
        let done = written.map_err(|error| HttpError::File("write", shown, error))?;
        if let Some(wanted) = self.sha256.filter(|wanted| *wanted != done.sha256) {
            if let Some(place) = place {
                place.discard();
            }
            return Err(HttpError::Sum(done.hex(), hex(&wanted)));
        }
        place.map_or(Ok(()), Place::finish)?;
        Ok(done)
    }
}

/// Hands over the body, piece by piece, as long as it is written. It must be as long as the rest that it is, if it is
/// one, also where it has no length of its own.
async fn pass(
    reply: &mut Reply,
    writer: &mut Writer,
    (have, rest): (u64, Option<u64>),
    seen: &mut impl FnMut(Seen<'_>),
) -> Result<(), HttpError> {
    let mut came = 0;
    while let Some(piece) = reply.piece().await? {
        came += piece.len() as u64;
        if let Some(rest) = rest.filter(|&rest| came > rest) {
            return Err(HttpError::Part(format!("more than the {rest} bytes that it names")));
        }
        if !writer.put(piece).await {
            return Ok(());
        }
        seen(Seen::Moved(have + came));
    }
    match rest.filter(|&rest| came < rest) {
        Some(rest) => Err(HttpError::Short(came, rest)),
        None => Ok(()),
    }
}

/// Asks for what is not there yet.
async fn to_place(
    dialer: &Dialer,
    url: &Url,
    mut place: Place,
    seen: &mut impl FnMut(Seen<'_>),
) -> Result<Coming, HttpError> {
    let had = place.have(url);
    let have = had.as_ref().map(|(have, _)| *have);
    let fields = had.as_ref().map(|(have, version)| part::rest(*have, version));
    let mut reply = get(dialer, url.clone(), &fields.unwrap_or_default(), seen).await?;
    let mut answer = part::answer(&reply, have)?;
    let other = |(_, version): &(u64, HeaderValue)| !part::may_be(reply.head.headers(), version);
    if answer == Answer::Nothing || answer != Answer::Whole && had.as_ref().is_some_and(other) {
        // What is there is as long as it all, or longer; or the rest is that of another version.
        reply = get(dialer, url.clone(), &HeaderMap::new(), seen).await?;
        answer = part::answer(&reply, None)?;
    }
    let version = part::version(reply.head.headers());
    let (have, rest) = match (answer, had) {
        (Answer::Rest(rest), Some((have, _))) => (have, Some(rest)),
        _ => {
            place.restart(url, version)?;
            (0, None)
        }
    };
    let (out, shown) = (place.out(have)?, place.shown());
    Ok(Coming { reply, place: Some(place), out, have, rest, shown })
}
