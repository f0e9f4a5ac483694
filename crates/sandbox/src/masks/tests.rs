//! A password of a local database is seen as it is, and no other.

use std::path::Path;

use holdpoint_core::Timestamp;
use holdpoint_store::{
    State,
    secrets::{Bounds, Secrets},
};
use secrecy::SecretString;

use super::Masks;
use crate::view::Mask as _;

const LONG: &str = "Vq8zT2mKx9LpRw4n";
const SHORT: &str = "k7Tz9wQ";
const FILE: &str = "/home/dev/shop/.env";

/// The masks of a run beside which a database listens on 5432.
fn masks(secrets: &Secrets) -> Masks {
    Masks::of("/home/dev/shop".into(), Vec::new(), Vec::new(), secrets.clone(), |port| port == 5432)
}

fn url(password: &str, place: &str) -> String {
    format!("DATABASE_URL=postgres://app:{password}@{place}/app\n")
}

fn shown(masks: &Masks, path: &str, text: &str) -> String {
    let masked = masks.masked(Path::new(path), text.as_bytes(), false);
    masked.map_or_else(|| text.to_owned(), |bytes| String::from_utf8(bytes).unwrap())
}

fn is_shown(masks: &Masks, path: &str, text: &str) -> bool {
    shown(masks, path, text) == text
}

#[test]
fn a_password_of_a_local_database_alone_is_shown() {
    let secrets = State::in_memory().unwrap().secrets();
    for (place, expect) in [
        ("localhost:5432", true),
        ("127.0.0.1:5432", true),
        ("localhost:5433", false),
        ("localhost-db.prod.example.com:5432", false),
        ("db.prod.example.com:5432", false),
    ] {
        assert_eq!(is_shown(&masks(&secrets), FILE, &url(LONG, place)), expect, "{place}");
        let variable = format!("postgres://app:{LONG}@{place}/app");
        let seen = masks(&secrets).variable("DATABASE_URL", &variable).unwrap();
        assert_eq!(seen == variable, expect, "{place}");
    }
}

#[test]
fn what_is_known_of_elsewhere_is_no_local_password() {
    let secrets = State::in_memory().unwrap().secrets();
    let (local, far) = (url(LONG, "localhost:5432"), url(LONG, "db.prod.example.com:5432"));
    let this = masks(&secrets);
    assert!(is_shown(&this, FILE, &local));
    assert!(!is_shown(&this, "/home/dev/shop/prod.env", &far));
    assert!(!is_shown(&this, FILE, &local), "the same value is bound for elsewhere");
    // Another run, where it is known of the store alone.
    let value = SecretString::from(LONG);
    secrets.add("shop", &value, &Bounds::default(), Timestamp(0)).unwrap();
    assert!(!is_shown(&masks(&secrets), FILE, &local));
}

#[test]
fn a_place_that_was_bound_for_elsewhere_is_not_made_a_local_one() {
    let secrets = State::in_memory().unwrap().secrets();
    for password in [LONG, SHORT] {
        let this = masks(&secrets);
        let seen = shown(&this, FILE, &url(password, "db.prod.example.com:5432"));
        let phantom = seen.split([':', '@']).nth(2).unwrap();
        for (place, expect) in [
            ("db.prod.example.com:5432", password),
            ("db2.prod.example.com:5432", password),
            ("localhost:5432", phantom),
            ("127.0.0.1:1", phantom),
        ] {
            let written = this.unmasked(Path::new(FILE), url(phantom, place).as_bytes());
            assert_eq!(String::from_utf8(written).unwrap(), url(expect, place));
        }
    }
}

#[test]
fn what_was_local_and_masked_is_written_back() {
    let secrets = State::in_memory().unwrap().secrets();
    let this = masks(&secrets);
    let real = url(LONG, "localhost:5433");
    let seen = shown(&this, FILE, &real);
    assert_ne!(seen, real);
    let written = this.unmasked(Path::new(FILE), format!("# more\n{seen}").as_bytes());
    assert_eq!(String::from_utf8(written).unwrap(), format!("# more\n{real}"));
}
