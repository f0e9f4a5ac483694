//! Pushes over git's smart HTTP.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdpoint_fuzz::receive_pack(input));
