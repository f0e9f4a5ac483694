//! What can be learned from an upstream's answers: which branch is a repository's own, and which
//! references a push has moved.

use holdpoint_core::ResourceId;

use super::{
    ancestry::{Ancestry, Commit},
    meaning::Repository,
    object_id::Format,
    pkt_line::{PktLine, PktLines},
    receive_pack::Push,
};
use crate::http::{
    message::Message,
    path::{self, EncodedSlash},
};

/// The band on which a pack travels.
const PACK_BAND: u8 = 1;
/// The band on which the report of a push travels.
const REPORT_BAND: u8 = 1;

/// One reference that a push is to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Its full name, below `refs/`.
    pub reference: String,
    /// As a resource.
    pub resource: ResourceId,
    /// Where it points before; none if it is not there.
    pub old: Option<String>,
    /// Where it points after; none if it is gone.
    pub new: Option<String>,
}

/// What the push `message` is to move; nothing for any other message.
pub fn moves(message: &Message) -> Vec<Move> {
    let segments = segments(message);
    if message.method != "POST" || segments.last().is_none_or(|last| last != "git-receive-pack") {
        return Vec::new();
    }
    let repository = Repository::of(message, &segments);
    let Ok(push) = Push::read(message) else { return Vec::new() };
    let commands = push.commands.into_iter().map(|command| Move {
        resource: repository.reference(&command.reference).id,
        reference: command.reference,
        old: (!command.old.is_null()).then(|| command.old.to_string()),
        new: (!command.new.is_null()).then(|| command.new.to_string()),
    });
    commands.collect()
}

/// The references that a server says it has moved, in its whole `answer` to a push
/// (git's `Documentation/gitprotocol-pack`, "Report Status").
pub fn moved(answer: &[u8]) -> Vec<String> {
    let banded = || -> Option<Vec<u8>> {
        let mut lines = PktLines::new(answer);
        let mut report = Vec::new();
        while let Ok(Some(PktLine::Data(line))) = lines.next() {
            let (band, data) = line.split_first()?;
            if *band == REPORT_BAND {
                report.extend_from_slice(data);
            }
        }
        (!report.is_empty()).then_some(report)
    };
    // A report by itself begins with a word, and no band is a letter.
    let report = banded().unwrap_or_else(|| answer.to_vec());
    let mut lines = PktLines::new(&report);
    let mut references = Vec::new();
    while let Ok(Some(PktLine::Data(line))) = lines.next() {
        let line = std::str::from_utf8(line).unwrap_or_default().trim_end_matches('\n');
        match line.split_once(' ') {
            Some(("unpack", state)) if state != "ok" => return Vec::new(),
            Some(("ok", reference)) => references.push(reference.to_owned()),
            _ => {}
        }
    }
    references
}

/// The commits that the push `message` brings, as far as they are here.
pub fn pushed(message: &Message) -> Vec<Commit> {
    Push::read(message)
        .map(|push| Ancestry::read(push.pack, push.format).into_commits())
        .unwrap_or_default()
}

/// The commits that the answer to the fetch `message` begins with. The answer may be cut off.
pub fn fetched(message: &Message, answer: &[u8]) -> Vec<Commit> {
    let sha256 = memchr::memmem::find(message.body.bytes(), b"object-format=sha256").is_some();
    let format = if sha256 { Format::Sha256 } else { Format::Sha1 };
    let mut pack = Vec::new();
    let mut rest = answer;
    loop {
        // The end of a section, in version 2.
        rest = rest.strip_prefix(b"0001").unwrap_or(rest);
        let mut lines = PktLines::new(rest);
        match lines.next() {
            Ok(Some(PktLine::Data(line))) => {
                pack.extend_from_slice(line.strip_prefix(&[PACK_BAND]).unwrap_or_default());
            }
            Ok(Some(PktLine::Flush)) => {}
            Ok(None) | Err(_) => break,
        }
        rest = lines.rest();
    }
    Ancestry::read(&pack, format).into_commits()
}

/// Whether `message` asks for objects.
pub fn fetches(message: &Message) -> bool {
    let service = segments(message).last().is_some_and(|last| last == "git-upload-pack");
    message.method == "POST" && service && lists_references(message).is_none()
}

/// Host and path of the repository whose references the answer to `message` will list.
pub fn lists_references(message: &Message) -> Option<(String, String)> {
    let segments = segments(message);
    let service = match segments.as_slice() {
        [before @ .., info, refs]
            if message.method == "GET"
                && info == "info"
                && refs == "refs"
                && message.target.ends_with("service=git-upload-pack") =>
        {
            before
        }
        [before @ .., service] if message.method == "POST" && service == "git-upload-pack" => {
            let asks = memchr::memmem::find(message.body.bytes(), b"command=ls-refs");
            asks.filter(|at| *at <= "0000".len())?;
            before
        }
        _ => return None,
    };
    let service = [service, &["refs".to_owned()]].concat();
    Some((message.host.clone(), Repository::of(message, &service).into_path()))
}

/// The branch that `HEAD` stands for, in the beginning of a list of references, in whichever
/// version of the protocol (git's `Documentation/gitprotocol-v2` and `gitprotocol-capabilities`).
pub fn default_branch(list: &[u8]) -> Option<String> {
    let mut lines = PktLines::new(list);
    while let Ok(Some(line)) = lines.next() {
        let PktLine::Data(line) = line else { continue };
        let line = std::str::from_utf8(line).unwrap_or_default().trim_end_matches('\n');
        let named = match line.split_once('\0') {
            Some((_, capabilities)) => capabilities
                .split(' ')
                .find_map(|capability| capability.strip_prefix("symref=HEAD:")),
            None => line
                .split_once(" HEAD ")
                .and_then(|(_, attributes)| attributes.strip_prefix("symref-target:"))
                .and_then(|target| target.split(' ').next()),
        };
        if let Some(branch) = named.and_then(|named| named.strip_prefix("refs/heads/")) {
            return Some(branch.to_owned());
        }
    }
    None
}

fn segments(message: &Message) -> Vec<String> {
    path::segments(message.raw_path(), EncodedSlash::Refused).unwrap_or_default()
}
