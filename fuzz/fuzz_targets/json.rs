//! Strict JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdpoint_fuzz::json(input));
