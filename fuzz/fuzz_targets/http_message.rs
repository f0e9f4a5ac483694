//! HTTP requests, from raw parts to operations, credentials and refusals.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdpoint_fuzz::http_message(input));
