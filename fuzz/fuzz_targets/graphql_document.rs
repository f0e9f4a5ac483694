//! GraphQL documents, as a Railway client sends them.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdpoint_fuzz::graphql_document(input));
