#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| glasstcp_fuzz::rudp::run(data));
