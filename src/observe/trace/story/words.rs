//! Names of events in words, each with the clause that it goes back to. A name that is not known stands for itself.

use super::super::figures::plain;

/// What a name means, by a table.
fn look_up(table: &[(&str, &str)], name: &str) -> String {
    let known = table.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| plain(name), |(_, words)| (*words).to_owned())
}

/// What made a connection change its state.
pub fn cause(name: &str) -> String {
    look_up(
        &[
            ("connect", "the application opens it (RFC 9293 3.10.1)"),
            ("syn_arrived", "a SYN arrives (RFC 9293 3.10.7.2)"),
            ("syn_cookie", "a SYN cookie comes back (RFC 4987 3.6)"),
            ("no_room", "there is no room for it"),
            ("syn_ack_arrived", "the peer's SYN acknowledges ours (RFC 9293 3.10.7.3)"),
            ("syn_acked", "our SYN is acknowledged (RFC 9293 3.10.7.4)"),
            ("fin_arrived", "the peer's FIN arrives (RFC 9293 3.10.7.4)"),
            ("fin_acked", "our FIN is acknowledged (RFC 9293 3.10.7.4)"),
            ("user_close", "the application closes (RFC 9293 3.10.4)"),
            ("user_abort", "the application aborts (RFC 9293 3.10.5)"),
            ("killed", "somebody else than the application ends it"),
            ("reset_arrived", "a reset arrives (RFC 9293 3.10.7.4, RFC 5961 3.2)"),
            ("icmp_error", "an ICMP error says that it cannot be opened (RFC 9293 3.9.2.2)"),
            ("data_after_close", "text arrives that nobody is left to read (RFC 9293 3.6.1)"),
            ("retransmission_limit", "too many retransmissions without an answer (RFC 9293 3.8.3)"),
            ("user_timeout", "the user time-out is over (RFC 9293 3.8.3)"),
            ("keepalive_limit", "keepalive probes are not answered (RFC 9293 3.8.4)"),
            ("linger_timeout", "the linger time is over"),
            ("fin_wait_2_timeout", "the peer does not close for too long"),
            ("time_wait_over", "twice the maximum segment lifetime is over (RFC 9293 3.3.2)"),
            ("time_wait_reused", "a new connection takes its place (RFC 6191)"),
            ("stack_shutdown", "the stack ends"),
        ],
        name,
    )
}

/// How something was found lost.
pub fn found_by(name: &str) -> String {
    look_up(
        &[
            ("duplicates", "by duplicate acknowledgments (RFC 5681 3.2, RFC 6582 3.2)"),
            ("rack", "since later segments have arrived (RACK, RFC 8985 6)"),
            ("timeout", "by the retransmission timer (RFC 6298 5)"),
            ("path_mtu", "since it is larger than the path takes (RFC 1191 6.4)"),
            ("syn_text", "since it went with the SYN and was not taken (RFC 7413 4.1.3)"),
            ("reneged", "since the peer has thrown it away after reporting it (RFC 2018 8)"),
            ("seems_fast", "after duplicate acknowledgments, it seems (RFC 5681 3.2)"),
            ("seems_timeout", "after a silence, so by a time-out, it seems (RFC 6298 5)"),
            ("seems_again", "for a reason that packets do not tell"),
        ],
        name,
    )
}

/// Why the window was lowered.
pub fn reduced_for(name: &str) -> String {
    look_up(
        &[
            ("loss", "for a loss (RFC 5681 3.2)"),
            ("tail_loss", "since a tail-loss probe has repaired a loss (RFC 8985 7.4.2)"),
            ("timeout", "for a time-out (RFC 5681 3.1)"),
            ("ecn", "since the peer reports a mark of congestion (RFC 3168 6.1.2)"),
            ("idle", "since nothing was sent for longer than a time-out (RFC 5681 4.1)"),
            ("unused", "since the application has not needed it (RFC 2861 3.2, RFC 7661)"),
        ],
        name,
    )
}

/// What has shown that a reduction was wrong.
pub fn shown_by(name: &str) -> String {
    look_up(
        &[
            ("eifel", "an echoed timestamp is that of the original (Eifel, RFC 3522)"),
            ("dsack", "everything sent again has arrived twice (D-SACK, RFC 3708)"),
            ("frto", "what was sent only before the time-out has arrived (F-RTO, RFC 5682)"),
            ("nothing_missing", "everything has arrived before anything was sent again"),
        ],
        name,
    )
}

/// What has shown how large packets may be.
pub fn known_by(name: &str) -> String {
    look_up(
        &[
            ("router", "a router says so (RFC 1191)"),
            ("black_hole", "large ones vanish without a word (RFC 4821 7.7)"),
            ("probe", "a larger one has arrived (RFC 4821 7.6)"),
        ],
        name,
    )
}

/// What holds a sender back.
pub fn limited_by(name: &str) -> String {
    look_up(
        &[
            ("nothing", "the application, which gave no more"),
            ("state", "the state"),
            ("congestion_window", "the congestion window (RFC 5681)"),
            ("peer_window", "the peer's window (RFC 9293 3.8.6)"),
            ("nagle", "Nagle's algorithm (RFC 9293 3.7.4)"),
            ("cork", "the application, which corks it"),
            ("silly_window", "silly-window avoidance (RFC 9293 3.8.6.2.1)"),
            ("pacing", "pacing"),
        ],
        name,
    )
}

/// Why something was refused, with the clause that says so.
pub fn refused_for(name: &str) -> String {
    look_up(
        &[
            ("tcp_checksum", "its checksum is wrong (RFC 9293 3.1)"),
            ("syn_queue_full", "too many connections are half open (RFC 4987)"),
            ("accept_queue_full", "too many connections wait to be accepted"),
            (
                "syn_received_unacceptable",
                "it neither opens nor closes what is half open (RFC 9293 3.10.7.4)",
            ),
            ("time_wait_segment", "it is old, and the connection in TIME-WAIT (RFC 9293 3.10.7.4)"),
            ("time_wait_reset", "resets do not end TIME-WAIT (RFC 1337)"),
            ("syn_sent_bad_ack", "it acknowledges what was never sent (RFC 9293 3.10.7.3)"),
            ("syn_sent_bad_echo", "it echoes a time at which nothing was sent (RFC 7323 4)"),
            ("syn_sent_bad_reset", "it does not acknowledge our SYN (RFC 9293 3.10.7.3)"),
            ("syn_sent_no_syn", "it has no SYN (RFC 9293 3.10.7.3)"),
            ("sequence_old", "all of it was received before (RFC 9293 3.10.7.4)"),
            ("sequence_beyond_window", "it lies beyond the window (RFC 9293 3.10.7.4)"),
            ("paws", "its timestamp is older than the last one (PAWS, RFC 7323 5.3)"),
            ("timestamp_missing", "it has no timestamp though they were agreed on (RFC 7323 3.2)"),
            ("reset_outside_window", "a reset outside the window (RFC 5961 3.2)"),
            ("reset_challenged", "a reset inside the window is challenged (RFC 5961 3.2)"),
            ("syn_challenged", "a SYN on an open connection is challenged (RFC 5961 4.2)"),
            ("ack_missing", "it has no ACK (RFC 9293 3.10.7.4)"),
            ("ack_beyond_sent", "it acknowledges what was never sent (RFC 5961 5.2)"),
            ("ack_too_old", "it acknowledges far less than a window ago (RFC 5961 5.2)"),
            ("text_after_fin", "there is text after the peer's FIN (RFC 9293 3.10.7.4)"),
            ("text_after_close", "nobody is left to read it: a reset (RFC 9293 3.6.1)"),
            ("text_beyond_window", "a part lies beyond the window (RFC 9293 3.10.7.4)"),
            ("listen_text", "text on a SYN is not kept (RFC 9293 3.10.7.2)"),
            ("fast_open_cookie", "its cookie of fast open is not ours (RFC 7413 4.1.2)"),
            ("reassembly_full", "there is no room for what is out of order"),
            ("sack_too_fine", "its SACK block would cut what was sent too fine"),
            ("tcp_memory", "memory is scarce, and it is out of order (RFC 2018 8)"),
            ("challenge_limited", "enough challenges were sent (RFC 5961 7)"),
            ("icmp_quote_sequence", "the ICMP error quotes what is not in flight (RFC 5927 4.1)"),
            (
                "icmp_mtu_not_smaller",
                "the ICMP error tells of a size that is not smaller (RFC 5927 7)",
            ),
        ],
        name,
    )
}

/// Why segments were sent, for a list of all reasons.
pub fn why(name: &str) -> String {
    look_up(
        &[
            ("new_data", "new data"),
            ("fin", "the end of the data"),
            ("fast_retransmit", "fast retransmission (RFC 5681 3.2)"),
            ("rack", "retransmission by RACK (RFC 8985 6)"),
            ("tail_loss_probe", "tail-loss probe (RFC 8985 7)"),
            ("tail_loss_probe_new", "tail-loss probe with new data (RFC 8985 7)"),
            ("partial_ack", "retransmission after a partial acknowledgment (RFC 6582 3.2)"),
            ("go_back_n", "everything since the loss again"),
            ("rto", "retransmission after a time-out (RFC 6298 5)"),
            ("rto_recovery", "retransmission of what a time-out declared lost"),
            ("path_mtu", "retransmission in smaller pieces (RFC 1191 6.4)"),
            ("path_mtu_probe", "probe of the path MTU (RFC 4821 7)"),
            ("zero_window_probe", "probe of a closed window (RFC 9293 3.8.6.1)"),
            ("keepalive", "keepalive probe (RFC 9293 3.8.4)"),
            ("ack_now", "acknowledgment that could not wait (RFC 9293 3.8.6.3)"),
            ("ack_quick", "quick acknowledgment"),
            ("ack_delayed", "delayed acknowledgment (RFC 9293 3.8.6.3)"),
            ("window_update", "window update (RFC 9293 3.8.6.2.2)"),
            ("challenge", "challenge acknowledgment (RFC 5961)"),
            ("handshake_retransmission", "handshake again (RFC 6298 5)"),
            ("seems_fast", "again after duplicate acknowledgments, it seems"),
            ("seems_timeout", "again after a silence, it seems"),
            (
                "seems_tail_loss_probe",
                "the last segment again after a while, a probe of the tail, it seems",
            ),
            ("seems_reordered", "new data that was overtaken on the way, it seems"),
            ("seems_again", "again"),
        ],
        name,
    )
}
