//! What is on a connection, divided into messages.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdpoint_fuzz::framing(input));
