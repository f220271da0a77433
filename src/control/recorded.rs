//! What the flight recorder has kept, for who asks over the control socket.

use tokio::io::AsyncWriteExt;

use super::{Reply, Takeover, tell};
use crate::event::ConnId;
use crate::net::Net;
use crate::observe::flight;
use crate::observe::stream::Style;

/// Tells of what is kept of every connection, or of one.
pub fn recorded(net: Net, conn: Option<u32>, style: Style) -> Takeover {
    Box::new(move |mut unix| {
        Box::pin(async move {
            if !net.records() {
                let sentence = "it runs without a flight recorder: start it with --flight-memory, or follow what happens";
                return tell(&mut unix, &Reply::Error(sentence.to_owned())).await;
            }
            let kept: Vec<ConnId> = match conn {
                Some(conn) => vec![ConnId(conn)],
                None => net.recorded().iter().map(|one| one.conn).collect(),
            };
            let mut recordings =
                kept.into_iter().filter_map(|conn| net.recording(conn, 0)).peekable();
            if let (Some(conn), None) = (conn, recordings.peek()) {
                let sentence = format!(
                    "nothing is kept of a connection #{conn}: there is none, or it is long gone"
                );
                return tell(&mut unix, &Reply::Error(sentence)).await;
            }
            tell(&mut unix, &Reply::Done { count: 0 }).await?;
            for recording in recordings {
                let mut out = Vec::new();
                flight::write(&mut out, style, &recording)?;
                unix.write_all(&out).await?;
            }
            Ok(())
        })
    })
}
