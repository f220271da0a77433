//! `GET` of a file, from its beginning or from where the last try has ended.

use std::io::Write;
use std::path::PathBuf;

use hyper::header::HeaderMap;
use url::Url;

use super::part::{self, Answer};
use super::place::Place;
use super::writer::{Done, Out, Writer, hex};
use super::{HttpError, Reply, Seen, get};
use crate::client::dial::Dialer;

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
                Coming { reply, place: None, out: Out::Stream(stream), have: 0, shown }
            }
            Output::File { path, keep } => {
                let place = Place::begin(&path, keep)?;
                to_place(dialer, &self.url, place, &mut seen).await?
            }
        };
        let Coming { mut reply, place, out, have, shown } = coming;
        let whole = reply.content_length().map(|len| have + len);
        seen(Seen::Length { had: have, whole });
        let mut writer = Writer::start(out);
        let came = pass(&mut reply, &mut writer, have, &mut seen).await;
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

/// Hands over the body, piece by piece, as long as it is written.
async fn pass(
    reply: &mut Reply,
    writer: &mut Writer,
    mut moved: u64,
    seen: &mut impl FnMut(Seen<'_>),
) -> Result<(), HttpError> {
    while let Some(piece) = reply.piece().await? {
        moved += piece.len() as u64;
        if !writer.put(piece).await {
            break;
        }
        seen(Seen::Moved(moved));
    }
    Ok(())
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
    if answer == Answer::Nothing {
        // What is there is as long as it all, or longer.
        reply = get(dialer, url.clone(), &HeaderMap::new(), seen).await?;
        answer = part::answer(&reply, None)?;
    }
    let version = part::version(reply.head.headers());
    let have = match (answer, had) {
        (Answer::Rest, Some((_, before))) if version.is_some_and(|now| now != before) => {
            return Err(HttpError::Part("it is of another version".to_owned()));
        }
        (Answer::Rest, Some((have, _))) => have,
        _ => {
            place.restart(url, version)?;
            0
        }
    };
    let (out, shown) = (place.out(have)?, place.shown());
    Ok(Coming { reply, place: Some(place), out, have, shown })
}
