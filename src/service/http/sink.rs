//! `POST /sink`: counts what arrives.

use std::time::Instant;

use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::reply::{self, Refused, Reply};
use super::uploaded::Uploaded;

/// Reads the body to its end and says how long it was and how long it took; as JSON to a client
/// that asks for it.
pub(super) async fn count(body: &mut Uploaded, headers: &HeaderMap) -> Result<Reply, Refused> {
    let begin = Instant::now();
    let mut bytes = 0_u64;
    while let Some(piece) = body.next().await? {
        bytes += piece.len() as u64;
    }
    let seconds = begin.elapsed().as_secs_f64();
    if super::accepts(headers, "application/json") {
        let json = format!("{{\"bytes\":{bytes},\"seconds\":{seconds:.6}}}\n");
        return Ok(reply::with_body(StatusCode::OK, reply::JSON, json.into()));
    }
    let gigabits = bytes as f64 * 8.0 / seconds.max(1e-9) / 1e9;
    let text = format!("{bytes} bytes in {seconds:.6} s ({gigabits:.3} Gbit/s)\n");
    Ok(reply::text(StatusCode::OK, text))
}
