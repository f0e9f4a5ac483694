//! The authority and its leaves, judged by a real TLS client.

use std::{
    fs::{self, Permissions},
    num::NonZeroUsize,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::Arc,
};

use holdpoint_core::Timestamp;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    client::WebPkiServerVerifier,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tempfile::TempDir;

use super::{
    Authority, AuthorityError, Leaves,
    authority::{CERTIFICATE_FILE, KEY_FILE},
    leaves::LEAF_SECONDS,
    trust,
};

/// Some day in 2026.
const NOW: Timestamp = Timestamp(1_790_000_000_000);
const DAY: u64 = 86_400;

fn leaves(directory: &TempDir, most: usize) -> Leaves {
    let authority = Authority::open(directory.path(), NOW).unwrap();
    Leaves::new(authority, NonZeroUsize::new(most).unwrap())
}

#[test]
fn the_authority_of_the_first_start_is_the_one_of_all_later_ones() {
    let directory = TempDir::new().unwrap();
    let first = Authority::open(directory.path(), NOW).unwrap();
    let second = Authority::open(directory.path(), NOW.plus_seconds(DAY)).unwrap();
    assert_eq!(first.certificate(), second.certificate());
    let mode =
        |name| fs::metadata(directory.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(KEY_FILE), 0o600);
    let mut names: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [KEY_FILE, CERTIFICATE_FILE], "something was left behind");
}

#[test]
fn a_lost_or_expiring_certificate_is_made_anew_from_the_same_key() {
    let directory = TempDir::new().unwrap();
    let first = leaves(&directory, 2);
    fs::remove_file(directory.path().join(CERTIFICATE_FILE)).unwrap();
    let again = leaves(&directory, 2);
    assert_ne!(first.authority().certificate(), again.authority().certificate());
    // What trusts the old certificate still accepts what the new one stands for.
    let config = again.serve_as("api.example.com", NOW).unwrap();
    assert!(accepts(first.authority().certificate(), &config, "api.example.com", NOW));

    let years = NOW.plus_seconds(5 * 365 * DAY - 10 * DAY);
    let renewed = Authority::open(directory.path(), years).unwrap();
    assert_ne!(renewed.certificate(), again.authority().certificate());
}

#[test]
fn a_key_that_others_may_know_is_refused() {
    for mode in [0o640, 0o604, 0o666] {
        let directory = TempDir::new().unwrap();
        Authority::open(directory.path(), NOW).unwrap();
        let key = directory.path().join(KEY_FILE);
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let refused = Authority::open(directory.path(), NOW);
        assert!(matches!(refused, Err(AuthorityError::Exposed(path)) if path == key));
    }
}

#[test]
fn files_that_we_did_not_write_are_refused() {
    type Spoil = fn(&Path);
    let table: [(&str, Spoil); 4] = [
        (KEY_FILE, |path| fs::write(path.join(KEY_FILE), "no key").unwrap()),
        (KEY_FILE, |path| {
            fs::rename(path.join(KEY_FILE), path.join("elsewhere")).unwrap();
            symlink(path.join("elsewhere"), path.join(KEY_FILE)).unwrap();
        }),
        (CERTIFICATE_FILE, |path| fs::write(path.join(CERTIFICATE_FILE), "nothing").unwrap()),
        (CERTIFICATE_FILE, |path| {
            let other = TempDir::new().unwrap();
            Authority::open(other.path(), NOW).unwrap();
            fs::copy(other.path().join(CERTIFICATE_FILE), path.join(CERTIFICATE_FILE)).unwrap();
        }),
    ];
    for (file, spoil) in table {
        let directory = TempDir::new().unwrap();
        Authority::open(directory.path(), NOW).unwrap();
        spoil(directory.path());
        match Authority::open(directory.path(), NOW) {
            Err(AuthorityError::Unusable { path, .. }) => assert!(path.ends_with(file)),
            other => panic!("{file}: {other:?}"),
        }
    }
}

#[test]
fn a_state_directory_that_is_not_there_is_an_error() {
    let refused = Authority::open(Path::new("/nonexistent/state"), NOW);
    assert!(matches!(refused, Err(AuthorityError::File { .. })), "{refused:?}");
}

/// Runs a handshake in memory at a moment.
fn accepts(
    root: &CertificateDer<'static>,
    server: &Arc<ServerConfig>,
    host: &str,
    moment: Timestamp,
) -> bool {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let roots = Arc::new(roots);
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
            .build()
            .unwrap();
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(At(moment)))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_webpki_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = super::offer(&super::ALPN);
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    for _ in 0..8 {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        if server.process_new_packets().is_err() {
            return false;
        }
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        if client.process_new_packets().is_err() {
            return false;
        }
    }
    assert_eq!(client.alpn_protocol(), Some(super::ALPN_HTTP2));
    !client.is_handshaking() && !server.is_handshaking()
}

#[derive(Debug)]
struct At(Timestamp);

impl rustls::time_provider::TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_millis(self.0.0)))
    }
}

#[test]
fn a_leaf_is_for_one_host_and_at_most_seven_days() {
    let directory = TempDir::new().unwrap();
    let leaves = leaves(&directory, 2);
    let root = leaves.authority().certificate();
    let long = format!("{}.example.com", "a".repeat(63));
    let table = [
        ("api.example.com", "api.example.com", 0, true),
        ("api.example.com", "www.example.com", 0, false),
        ("example.com", "api.example.com", 0, false),
        ("192.0.2.7", "192.0.2.7", 0, true),
        ("2001:db8::1", "2001:db8::1", 0, true),
        ("my_host.example.com", "my_host.example.com", 0, true),
        (&long, &long, 0, true),
        ("api.example.com", "api.example.com", 6 * DAY, true),
        ("api.example.com", "api.example.com", LEAF_SECONDS, false),
    ];
    for (made_for, asked, later, expect) in table {
        let config = leaves.serve_as(made_for, NOW).unwrap();
        let moment = NOW.plus_seconds(later);
        assert_eq!(accepts(root, &config, asked, moment), expect, "{made_for} {asked} {later}");
    }
}

#[test]
fn names_that_no_certificate_can_hold_have_none() {
    let directory = TempDir::new().unwrap();
    assert!(leaves(&directory, 2).serve_as("exämple.com", NOW).is_err());
}

#[test]
fn leaves_are_kept_renewed_and_bounded() {
    let directory = TempDir::new().unwrap();
    let leaves = leaves(&directory, 2);
    let a = leaves.serve_as("a.example.com", NOW).unwrap();
    let b = leaves.serve_as("b.example.com", NOW).unwrap();
    let a_later = leaves.serve_as("a.example.com", NOW.plus_seconds(DAY)).unwrap();
    assert!(Arc::ptr_eq(&a, &a_later), "a leaf was not kept");
    leaves.serve_as("c.example.com", NOW).unwrap();
    assert_eq!(leaves.count(), 2);
    let a_again = leaves.serve_as("a.example.com", NOW).unwrap();
    assert!(Arc::ptr_eq(&a, &a_again), "the leaf that was used last made way");
    let b_again = leaves.serve_as("b.example.com", NOW).unwrap();
    assert!(!Arc::ptr_eq(&b, &b_again), "the leaf that was used first stayed");
    let soon = NOW.plus_seconds(LEAF_SECONDS - DAY);
    let renewed = leaves.serve_as("b.example.com", soon).unwrap();
    assert!(!Arc::ptr_eq(&b_again, &renewed), "an expiring leaf was not renewed");
    assert!(accepts(leaves.authority().certificate(), &renewed, "b.example.com", soon));
    assert_eq!(leaves.count(), 2);
}

#[test]
fn extra_trust_must_be_usable() {
    let directory = TempDir::new().unwrap();
    let authority = Authority::open(directory.path(), NOW).unwrap();
    let config = trust(&[authority.certificate_path().to_owned()]).unwrap();
    assert_eq!(config.alpn_protocols, super::ALPN);
    let empty = directory.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    for bad in [empty, directory.path().join("missing.pem"), directory.path().join(KEY_FILE)] {
        let error = trust(std::slice::from_ref(&bad)).unwrap_err().to_string();
        assert!(error.contains("give a PEM file"), "{error}");
    }
}
