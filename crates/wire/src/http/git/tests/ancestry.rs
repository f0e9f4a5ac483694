//! Packs, and what they show of where a branch goes.

use std::{collections::BTreeSet, io::Write as _};

use flate2::{Compression, write::ZlibEncoder};
use proptest::prelude::*;

use super::super::{
    ancestry::Ancestry,
    delta,
    object_id::{Format, ObjectId},
};

use crate::{
    World,
    http::{
        git::fetched,
        tests::{Fixture, message},
    },
    world::Host,
};

const FORMATS: [Format; 2] = [Format::Sha1, Format::Sha256];

/// A commit with these parents; `number` sets it apart.
fn commit(number: usize, parents: &[&str]) -> Vec<u8> {
    let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
    let author = "Ada <ada@example.com> 1767225600 +0000";
    format!("tree 0\n{parents}author {author}\ncommitter {author}\n\ncommit {number}\n").into()
}

fn id(commit: &[u8], format: Format) -> ObjectId {
    ObjectId::of_object("commit", commit, format)
}

/// The digits of an id.
fn digits(id: &ObjectId) -> String {
    let shown = format!("{id:?}");
    shown.split('"').nth(1).unwrap().to_owned()
}

/// The head of an object in a pack: kind and size.
fn head(kind: u8, size: usize) -> Vec<u8> {
    let more = |rest: usize| if rest > 0 { 0x80 } else { 0 };
    let mut rest = size >> 4;
    let mut bytes = vec![more(rest) | kind << 4 | u8::try_from(size & 0x0f).unwrap()];
    while rest > 0 {
        let low = u8::try_from(rest & 0x7f).unwrap();
        rest >>= 7;
        bytes.push(more(rest) | low);
    }
    bytes
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A pack of whole objects of these kinds.
fn pack(objects: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"PACK\0\0\0\x02".to_vec();
    bytes.extend(u32::try_from(objects.len()).unwrap().to_be_bytes());
    for (kind, content) in objects {
        bytes.extend(head(*kind, content.len()));
        bytes.extend(deflated(content));
    }
    bytes
}

#[test]
fn a_chain_of_commits_is_proof_and_anything_less_is_not() {
    for format in FORMATS {
        let old = id(&commit(0, &[]), format);
        let first = commit(1, &[&digits(&old)]);
        let second = commit(2, &[&digits(&id(&first, format))]);
        let new = id(&second, format);
        let whole = [(1, second.clone()), (1, first.clone())];
        let shows = |pack: &[u8]| Ancestry::read(pack, format).shows(&new, &old, &Fixture);
        let bytes = pack(&whole);
        assert!(shows(&bytes), "{format:?}");
        assert!(Ancestry::read(b"", format).shows(&new, &new, &Fixture), "it stays where it is");
        let ends = bytes.len() - deflated(&first).len();
        assert!(!shows(&bytes[..ends]), "a prefix that ends within the chain");
        assert!(!shows(&pack(&whole[..1])), "a commit is missing");
        assert!(!shows(&pack(&[(1, second.clone()), (3, vec![]), (1, first.clone())])), "a blob");
        let lies = commit(3, &[&digits(&old)]);
        assert!(!shows(&pack(&[(1, lies)])), "another commit with that parent");
        let body = [b"tree 0\nauthor x\n\nparent ", digits(&old).as_bytes(), b"\n"].concat();
        let told = id(&body, format);
        let read = Ancestry::read(&pack(&[(1, body)]), format);
        assert!(!read.shows(&told, &old, &Fixture), "a parent in the text of a commit is none");
        let other = [Format::Sha256, Format::Sha1].into_iter().find(|it| *it != format).unwrap();
        assert!(
            !Ancestry::read(&bytes, other).shows(&new, &old, &Fixture),
            "another hash function"
        );
    }
}

#[test]
fn a_commit_that_is_stored_as_a_difference_by_id_is_read() {
    let old = id(&commit(0, &[]), Format::Sha1);
    let base = commit(1, &[&digits(&old)]);
    let new = [base.as_slice(), b"and more\n"].concat();
    let size = u8::try_from(base.len()).unwrap();
    assert!(size > 127, "sizes of two bytes");
    // Copy the base from the beginning, then insert.
    let sizes = [size & 0x7f | 0x80, size >> 7, (size + 9) & 0x7f | 0x80, (size + 9) >> 7];
    let difference = [&sizes[..], &[0x90, size, 9], b"and more\n"].concat();
    let mut bytes = pack(&[(1, base.clone())]);
    bytes.extend(head(7, difference.len()));
    bytes.extend(hex(&digits(&id(&base, Format::Sha1))));
    bytes.extend(deflated(&difference));
    let ancestry = Ancestry::read(&bytes, Format::Sha1);
    assert!(ancestry.shows(&id(&new, Format::Sha1), &old, &Fixture));
}

fn hex(digits: &str) -> Vec<u8> {
    let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16);
    digits.as_bytes().chunks(2).map(|two| byte(two).unwrap()).collect()
}

#[test]
fn differences_that_do_not_fit_are_none() {
    let check = |delta: &[u8], expect: Option<&[u8]>| {
        assert_eq!(delta::apply(b"base", delta, 64).as_deref(), expect, "{delta:?}");
    };
    check(&[4, 4, 0x90, 4], Some(b"base"));
    check(&[4, 3, 0x91, 1, 3], Some(b"ase"));
    check(&[4, 6, 0x90, 4, 2, b'd', b's'], Some(b"baseds"));
    check(&[4, 0], Some(b""));
    check(&[3, 4, 0x90, 4], None);
    check(&[4, 5, 0x90, 4], None);
    check(&[4, 3, 0x90, 4], None);
    check(&[4, 4, 0x91, 1, 4], None);
    check(&[4, 4, 0x80], None);
    check(&[4, 4, 0x90], None);
    check(&[4, 1, 0], None);
    check(&[4, 2, 2, b'a'], None);
    check(&[4, 65, 0x90, 4], None);
    check(&[4, 0xff, 0xff, 0xff, 0xff, 0x7f], None);
    check(&[4], None);
    check(&[], None);
}

#[test]
fn what_inflates_without_end_is_not_read() {
    let old = id(&commit(0, &[]), Format::Sha1);
    let long = [commit(1, &[&digits(&old)]), vec![b'x'; 300_000]].concat();
    let new = id(&long, Format::Sha1);
    assert!(!Ancestry::read(&pack(&[(1, long)]), Format::Sha1).shows(&new, &old, &Fixture));
    // One that says it is short.
    let mut bytes = pack(&[]);
    bytes.extend(head(1, 10));
    bytes.extend(deflated(&vec![b'x'; 10_000_000]));
    assert!(!Ancestry::read(&bytes, Format::Sha1).shows(&new, &old, &Fixture));
}

proptest! {
    /// For any history, and any part of it that is sent: there is proof exactly where a chain of
    /// sent commits leads from the new tip to the old one.
    #[test]
    fn what_is_shown_is_what_the_sent_commits_say(
        history in prop::collection::vec((prop::collection::vec(any::<prop::sample::Index>(), 0..3), any::<bool>()), 1..12),
        new: prop::sample::Index, old: prop::sample::Index,
    ) {
        let (mut commits, mut ids, mut edges) = (Vec::new(), Vec::<ObjectId>::new(), Vec::new());
        for (number, (parents, _)) in history.iter().enumerate() {
            let parents: Vec<usize> = match number {
                0 => Vec::new(),
                _ => parents.iter().map(|parent| parent.index(number)).collect(),
            };
            let named: Vec<String> = parents.iter().map(|parent| digits(&ids[*parent])).collect();
            let named: Vec<&str> = named.iter().map(String::as_str).collect();
            let content = commit(number, &named);
            ids.push(id(&content, Format::Sha1));
            commits.push(content);
            edges.push(parents);
        }
        let sent = |number: &usize| history[*number].1;
        let objects: Vec<(u8, Vec<u8>)> =
            (0..history.len()).rev().filter(sent).map(|number| (1, commits[number].clone())).collect();
        let (new, old) = (new.index(history.len()), old.index(history.len()));
        let mut reached = BTreeSet::from([new]);
        for number in (0..=new).rev().filter(sent) {
            if reached.contains(&number) {
                reached.extend(edges[number].iter().copied());
            }
        }
        let found = Ancestry::read(&pack(&objects), Format::Sha1).shows(&ids[new], &ids[old], &Fixture);
        prop_assert_eq!(found, reached.contains(&old));
    }

    #[test]
    fn any_bytes_are_no_pack_or_a_pack(bytes: Vec<u8>, objects: Vec<u8>) {
        let null = ObjectId::of_bytes(&[0; 20]);
        let any = id(b"", Format::Sha1);
        let pack = [b"PACK\0\0\0\x02\0\0\0\x09".as_slice(), &objects].concat();
        prop_assert!(!Ancestry::read(&pack, Format::Sha1).shows(&any, &null, &Fixture));
        prop_assert_eq!(delta::apply(&objects, &bytes, 64).is_some_and(|it| it.len() > 64), false);
    }
}

/// Somebody has seen commits pass.
struct Seen(Vec<(String, Vec<String>)>);

impl World for Seen {
    fn host(&self, _: &str, _: u16) -> Option<Host> {
        None
    }

    fn persisted(&self, _: &str) -> Option<std::sync::Arc<str>> {
        None
    }

    fn parents(&self, commit: &str) -> Option<Vec<String>> {
        self.0.iter().find(|(id, _)| id == commit).map(|(_, parents)| parents.clone())
    }
}

#[test]
fn what_has_passed_before_shows_where_a_branch_goes() {
    let first = id(&commit(0, &[]), Format::Sha1);
    let second = commit(1, &[&first.to_string()]);
    let third = commit(2, &[&id(&second, Format::Sha1).to_string()]);
    let bytes = pack(&[(1, third.clone()), (1, second)]);
    let band = |bytes: &[u8]| [format!("{:04x}\u{1}", bytes.len() + 5).as_bytes(), bytes].concat();
    let (one, other) = bytes.split_at(bytes.len() / 2);
    let answer = [
        b"0013acknowledgments0008NAK\n0001000dpackfile\n".to_vec(),
        band(one),
        b"000b\x02hello\n".to_vec(),
        band(other),
        b"0000".to_vec(),
    ];
    let fetch = message("POST https://github.com/a/b.git/git-upload-pack", &[], "0000");
    let commits = fetched(&fetch, &answer.concat());
    assert_eq!(commits.len(), 2);
    let seen = Seen(commits.into_iter().map(|it| (it.id, it.parents)).collect());
    let nothing = Ancestry::read(b"", Format::Sha1);
    let third = id(&third, Format::Sha1);
    assert!(nothing.shows(&third, &first, &seen));
    assert!(!nothing.shows(&first, &third, &seen) && !nothing.shows(&third, &first, &Fixture));
    assert_eq!(fetched(&fetch, b"<html>"), []);
}
