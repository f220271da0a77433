//! The web server with a folder, over a pipe in memory: any bytes, split anywhere.
//!
//! The first byte of the input says in what pieces the rest arrives.

use std::sync::Arc;

use glasstcp::service::{ServiceContext, http, no_info};

use super::site::{Site, runtime, talk};

/// Most bytes of reply to a byte of request, beside one reply: the welcome page to a short line.
const LONGEST_REPLY: usize = 64 << 10;
const REPLY_A_BYTE: usize = 1000;

pub fn run(data: &[u8]) {
    let Some((&pieces, request)) = data.split_first() else { return };
    let site = Site::make();
    let context = ServiceContext { www: Some(site.www()), ..ServiceContext::default() };
    let reply = runtime().block_on(async {
        let (client, server) = tokio::io::duplex(4096);
        let serving = tokio::spawn(http::serve(server, Arc::new(context), no_info()));
        let reply = talk(client, pieces.into(), request.to_vec()).await;
        // An error is one of the client's; a panic is not.
        let _ = serving.await.expect("the server does not panic");
        reply
    });
    assert!(reply.len() <= LONGEST_REPLY + REPLY_A_BYTE * request.len(), "a flood of reply");
    site.check(&reply);
}
