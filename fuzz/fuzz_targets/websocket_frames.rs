//! Frames of WebSockets, as either side sends them.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdpoint_fuzz::websocket_frames(input));
