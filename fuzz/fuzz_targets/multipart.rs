//! Uploads and forms in several parts.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdpoint_fuzz::multipart(input));
