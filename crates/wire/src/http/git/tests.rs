//! Pushes, from their bytes to operations.

mod ancestry;
mod commands;
mod follow;
mod report;
mod seeds;

use bytes::Bytes;
use holdpoint_core::Operation;

use crate::{
    Unreadable,
    http::{
        interpret,
        message::{Body, Message},
        tests::{Fixture, message},
    },
};

/// Where pushes go in these tests.
const URL: &str = "POST https://github.com/Acme/Shop.git/git-receive-pack";
const NULL: &str = "0000000000000000000000000000000000000000";
const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";
const CAPABILITIES: &str = "\0 report-status-v2 side-band-64k object-format=sha1 agent=git/2.47.3";

/// `lines` as pkt-lines; `0000` stands for the end of a list, `PACK` for a pack.
fn pkt(lines: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        match *line {
            "0000" => bytes.extend(b"0000"),
            "PACK" => bytes.extend(b"PACK\0\0\0\x02\0\0\0\0"),
            line => bytes.extend(format!("{:04x}{line}", line.len() + 4).bytes()),
        }
    }
    bytes
}

/// A push with `body`.
fn push(body: Body) -> Message {
    Message { body, ..message(URL, &[], "") }
}

fn read(body: impl Into<Bytes>) -> Result<Vec<Operation>, Unreadable> {
    interpret(&push(Body::Whole(body.into())), &Fixture)
}

/// Each operation as `name effect resource`, without the repository.
fn shown(operations: &[Operation]) -> Vec<String> {
    let line = |operation: &Operation| {
        let id = operation.resource.id.as_str().replace("git:github.com/acme/shop", ".");
        format!("{} {} {id}", operation.name.trim_start_matches("git:"), operation.effect)
    };
    operations.iter().map(line).collect()
}
