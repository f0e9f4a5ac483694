//! Writes the labelled files to a directory, and to standard output one label a line, so that other
//! programs can be run on them: `cargo run -p holdpoint-posture --example corpus -- DIR`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    dead_code,
    reason = "a tool of the measurement: what fails here is seen at once"
)]

#[path = "../tests/corpus/mod.rs"]
mod corpus;

fn main() {
    let root = std::env::args().nth(1).unwrap();
    for label in corpus::render(std::path::Path::new(&root)) {
        let test = label.label == corpus::Label::Test;
        println!("{}\t{}\t{}\t{}", label.path.display(), label.line, label.marker, test);
    }
}
