//! Searches a directory twice and says how long it took: `… --example search -- DIR [STATE]`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a tool of the measurement: what fails here is seen at once"
)]

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use holdpoint_catalog::credentials::Finder;
use holdpoint_posture::search::{Cache, search};

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let root = arguments.next().expect("a directory");
    let state = arguments.next();
    for _ in 0..2 {
        let begun = Instant::now();
        let mut cache =
            state.as_deref().map_or_else(Cache::default, |state: &Path| Cache::open(state, &root));
        let searched = search(&root, Finder::shared(), &mut cache, &str::to_owned);
        cache.save().expect("a state directory");
        let took = begun.elapsed().as_micros();
        eprintln!(
            "{} files, {} read, {} bytes, {} found: {took} us",
            searched.files,
            searched.read,
            searched.bytes,
            searched.exposed.len()
        );
        for it in searched.exposed.iter().filter(|_| state.is_none()) {
            let path = it.path.as_deref().unwrap_or(Path::new(""));
            println!(
                "{}\t{}\t{}\t{}\t{}",
                path.display(),
                it.line,
                it.name,
                it.kind.name,
                it.confidence.as_str()
            );
        }
        if state.is_none() {
            break;
        }
    }
}
