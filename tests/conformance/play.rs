//! What the scripts have in common: settings that make for exact exchanges, and handshakes.

use glasstcp::sim::script;
use glasstcp::stack::Config;
use glasstcp::tcp::{self, Profile};

/// Buffers that neither grow nor shrink, acknowledgments that are only delayed, and bursts of half a window, which end with PSH;
/// otherwise what every connection has.
pub fn config() -> Config {
    let mut config = Config::new([10, 0, 0, 1].into(), 24, [7; 32]);
    config.tcp.fix_buffers(60_000);
    config.tcp.quick_ack = false;
    config.tcp.burst_segments = 64;
    config
}

/// The stack as the server, over a path of 10 ms: no option but a segment size of 1,000 bytes.
pub const PLAIN: &str = "
    +0ms   call listen
    +0ms   inject SYN seq=0 win=65535 <mss 1000>
    +0ms   expect SYN,ACK seq=0 ack=1 win=60000 <mss 1460>
    +10ms  inject ACK seq=1 ack=1
    +0ms   call accept
";

/// The same with selective acknowledgments.
pub const SACK: &str = "
    +0ms   call listen
    +0ms   inject SYN seq=0 win=65535 <mss 1000, sackok>
    +0ms   expect SYN,ACK seq=0 ack=1 win=60000 <mss 1460, sackok>
    +10ms  inject ACK seq=1 ack=1
    +0ms   call accept
";

/// The same with timestamps, too, and windows that are scaled; the peer's clock counts milliseconds, as ours does, and
/// began a second earlier. A segment has 1,000 bytes again.
pub const TIMES: &str = "
    +0ms   call listen
    +0ms   inject SYN seq=0 win=65535 <mss 1012, sackok, ts 1000 0, wscale 7>
    +0ms   expect SYN,ACK seq=0 ack=1 win=60000 <mss 1460, sackok, ts 0 1000, wscale 0>
    +10ms  inject ACK seq=1 ack=1 win=512 <ts 1010 0>
    +0ms   call accept
";

/// Plays a script.
#[track_caller]
pub fn play(script: &str) {
    play_with(|_| {}, script);
}

/// Plays a script against a stack with other settings.
#[track_caller]
pub fn play_with(set: impl FnOnce(&mut Config), script: &str) {
    let mut config = config();
    set(&mut config);
    if let Err(error) = script::run(script, config) {
        panic!("{error}\nin:\n{script}");
    }
}

/// Has a stack do what the RFCs say where Linux does not.
pub fn by_the_letter(config: &mut Config) {
    config.tcp = tcp::Config::of(Profile::Rfc);
    config.tcp.fix_buffers(60_000);
}

/// Plays what follows one of the handshakes.
#[track_caller]
pub fn after(handshake: &str, script: &str) {
    play(&format!("{handshake}{script}"));
}

/// Segments of 1,000 bytes that are to be sent, as the lines that expect them: from the `first` on, which 0 is.
pub fn segments(first: u32, count: u32) -> String {
    let line = |nth: u32| {
        let push = if nth + 1 == first + count { "PSH,ACK" } else { "ACK" };
        format!("+0ms expect {push} seq={}..{}\n", nth * 1000 + 1, nth * 1000 + 1001)
    };
    (first..first + count).map(line).collect()
}
