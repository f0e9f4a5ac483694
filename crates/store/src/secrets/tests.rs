//! Secrets stay secret, phantoms look like them, and bounds bound.

use holdpoint_core::{
    Environment, Timestamp,
    identity::{Grant, Task},
};
use proptest::prelude::*;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Bounds, Offer, PhantomError, Purpose, SecretError, StandIn, phantom_of};
use crate::{error::StoreError, state::State};

const NOW: Timestamp = Timestamp(5);
const REAL: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn bounds(hosts: &[&str], purposes: &[&str], environment: Option<Environment>) -> Bounds {
    Bounds {
        hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        purposes: purposes.iter().map(|purpose| purpose.parse().unwrap()).collect(),
        environment,
        places: Vec::new(),
    }
}

fn class(c: char) -> u8 {
    match c {
        '0'..='9' => 0,
        'a'..='z' => 1,
        'A'..='Z' => 2,
        _ => 3,
    }
}

#[test]
fn phantoms_keep_what_is_public_in_a_credential() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";
    for (real, kept) in [
        (REAL, "ghp_"),
        ("github_pat_11ABCDEFG0abcdefghijkl", "github_pat_"),
        ("sk-proj-abcdefgh12345678", "sk-proj-"),
        ("sk-abcdefgh12345678", "sk-"),
        ("sk_live_abcdefgh12345678", "sk_live_"),
        ("xoxb-1234567890-abcdefghij", "xoxb-"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIA"),
        ("glpat-abcdefgh12345678", "glpat-"),
        ("npm_abcdefgh12345678", "npm_"),
        (jwt, "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9."),
        ("postgres://app:s3cr3tpassw0rd@db.example.com/app", "postgres://app:"),
        (
            "-----BEGIN KEY-----\nMIIBVAIBADANBgkqhkiG9w0B\n-----END KEY-----\n",
            "-----BEGIN KEY-----\n",
        ),
    ] {
        let Ok(phantom) = phantom_of(&secret(real.trim())) else { panic!("{real}") };
        assert!(phantom.starts_with(kept), "{phantom}");
        assert_ne!(phantom, real.trim());
        assert_eq!(phantom.len(), real.trim().len());
    }
}

#[test]
fn a_phantom_keeps_the_ends_of_a_url_and_of_an_armoured_key() {
    let url = phantom_of(&secret("postgres://app:s3cr3tpassw0rd@db.example.com/app")).unwrap();
    assert!(url.ends_with("@db.example.com/app"), "{url}");
    let key = "-----BEGIN KEY-----\nMIIBVAIBADANBgkqhkiG9w0B\n-----END KEY-----";
    assert!(phantom_of(&secret(key)).unwrap().ends_with("\n-----END KEY-----"));
}

#[test]
fn a_uuid_stays_a_uuid_of_its_version() {
    let real = "3d2c42fb-9f1e-4b6a-8c0d-1234567890ab";
    for _ in 0..50 {
        let phantom = phantom_of(&secret(real)).unwrap();
        assert_ne!(phantom, real);
        let groups: Vec<usize> = phantom.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert!(phantom.chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{phantom}");
        assert_eq!((phantom.as_bytes()[14], phantom.as_bytes()[19]), (b'4', b'8'));
    }
}

#[test]
fn what_cannot_have_a_phantom_is_refused() {
    for (real, expect) in [
        ("", PhantomError::TooShort),
        ("short12", PhantomError::TooShort),
        ("ghp_abc", PhantomError::TooShort),
        ("--------------------", PhantomError::TooShort),
        ("postgres://app:short@db.example.com/app", PhantomError::TooShort),
        ("eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYW5vbiJ9.", PhantomError::TooShort),
        ("abcdefgh12345678\n", PhantomError::Blanks),
        (" abcdefgh12345678", PhantomError::Blanks),
        ("abcdefgh\u{0}12345678", PhantomError::NotAscii),
        ("abcdefgh\u{e4}12345678", PhantomError::NotAscii),
        (&"a1".repeat(40_000), PhantomError::TooLong),
    ] {
        let refused = phantom_of(&secret(real)).unwrap_err();
        assert_eq!(refused.to_string(), expect.to_string(), "{real}");
    }
    assert_eq!(phantom_of(&secret("longer12")).unwrap().len(), 8);
}

proptest! {
    #[test]
    fn phantoms_have_the_shape_of_the_secret_and_not_its_value(
        prefix in prop::sample::select(vec!["", "ghp_", "sk-", "AKIA", "glpat-"]),
        real in "[!-~]{0,8}[a-zA-Z0-9]{8,40}[!-~]{0,8}",
    ) {
        let real = format!("{prefix}{real}");
        let Ok(phantom) = phantom_of(&secret(&real)) else { return Ok(()) };
        prop_assert_ne!(&phantom, &real);
        let classes = |text: &str| text.chars().map(class).collect::<Vec<_>>();
        prop_assert_eq!(classes(&phantom), classes(&real));
        prop_assert!(phantom.starts_with(prefix));
        let other = |c: char| if class(c) == 3 { c } else { '.' };
        let marks = |text: &str| text.chars().map(other).collect::<String>();
        prop_assert_eq!(marks(&phantom), marks(&real));
    }

    #[test]
    fn hexadecimal_stays_hexadecimal(real in "[0-9a-f]{16,64}") {
        let phantom = phantom_of(&secret(&real)).unwrap();
        prop_assert!(phantom.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
    }
}

#[test]
fn a_phantom_leads_to_its_secret_and_back() {
    let secrets = State::in_memory().unwrap().secrets();
    let bound = bounds(&["api.github.com"], &["github:*"], Some(Environment::None));
    let listed = secrets.add("github", &secret(REAL), &bound, NOW).unwrap();
    let found = secrets.secret_of(&listed.phantom).unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.value.expose_secret()), ("github", REAL));
    assert_eq!(found.bounds, bound);
    assert!(secrets.secret_of(REAL).unwrap().is_none());
    assert_eq!(secrets.is_real(REAL).unwrap().as_deref(), Some("github"));
    assert_eq!(secrets.is_real(&listed.phantom).unwrap(), None);
    assert_eq!(secrets.reveal_all().unwrap()[0].value.expose_secret(), REAL);
    let rebound = secrets.bind("github", &bounds(&[], &[], None)).unwrap();
    assert_eq!(rebound.phantom, listed.phantom);
    let unbound = secrets.secret_of(&listed.phantom).unwrap().unwrap();
    assert_eq!(unbound.value.expose_secret(), REAL);
    assert_eq!(unbound.bounds.grant(), Grant::default());
    secrets.remove("github").unwrap();
    assert!(secrets.secret_of(&listed.phantom).unwrap().is_none());
    assert!(matches!(secrets.remove("github"), Err(StoreError::Missing { .. })));
}

#[test]
fn a_secret_is_kept_once_and_a_phantom_never() {
    let secrets = State::in_memory().unwrap().secrets();
    let none = Bounds::default();
    let listed = secrets.add("github", &secret(REAL), &none, NOW).unwrap();
    let again = secrets.add("other", &secret(REAL), &none, NOW);
    assert!(matches!(again, Err(SecretError::Known(name)) if name == "github"));
    let phantom = secrets.add("other", &secret(&listed.phantom), &none, NOW);
    assert!(matches!(phantom, Err(SecretError::IsPhantom(name)) if name == "github"));
    let named = secrets.add("github", &secret("another-secret-1"), &none, NOW);
    assert!(matches!(named, Err(SecretError::Store(StoreError::Exists { .. }))));
}

#[test]
fn no_secret_is_in_an_error_a_debug_text_or_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap();
    let secrets = state.secrets();
    let listed = secrets.add("github", &secret(REAL), &Bounds::default(), NOW).unwrap();
    let found = secrets.secret_of(&listed.phantom).unwrap().unwrap();
    let refused = secrets.add("other", &secret(REAL), &Bounds::default(), NOW).unwrap_err();
    let json = serde_json::to_string(&listed).unwrap();
    for text in [
        format!("{found:?} {state:?} {secrets:?} {listed:?}"),
        format!("{refused} {refused:?}"),
        json,
    ] {
        assert!(!text.contains(REAL.trim_start_matches("ghp_")), "{text}");
    }
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(16).any(|window| window == &REAL.as_bytes()[4..20]));
    }
}

#[test]
fn a_row_that_was_changed_from_outside_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = State::open(dir.path()).unwrap().secrets();
    let bound = bounds(&["api.github.com"], &["github:read*"], None);
    let outside = rusqlite::Connection::open(dir.path().join("state.db")).unwrap();
    for change in [
        "UPDATE secrets SET hosts = '[\"evil.example.com\"]'",
        "UPDATE secrets SET purposes = '[\"github:*\"]'",
        "UPDATE secrets SET environment = 'staging'",
        "UPDATE secrets SET places = '[\"query:token\"]'",
        "UPDATE secrets SET name = 'other'",
        "UPDATE secrets SET sealed = zeroblob(60)",
        "UPDATE secrets SET sealed = x'00'",
    ] {
        let phantom = secrets.add("github", &secret(REAL), &bound, NOW).unwrap().phantom;
        assert!(secrets.secret_of(&phantom).is_ok());
        outside.execute(change, []).unwrap();
        let found = secrets.secret_of(&phantom);
        assert!(matches!(found, Err(StoreError::Unsealed("secret"))), "{change}");
        outside.execute("DELETE FROM secrets", []).unwrap();
    }
}

#[test]
fn places_are_kept_and_a_value_without_any_is_sealed_as_before_there_were_places() {
    let secrets = State::in_memory().unwrap().secrets();
    let narrow = bounds(&["api.github.com"], &["github:read*"], None);
    let sealed_for = r#"{"hosts":["api.github.com"],"purposes":["github:read*"]}"#;
    assert_eq!(serde_json::to_string(&narrow).unwrap(), sealed_for);
    let phantom = secrets.add("github", &secret(REAL), &narrow, NOW).unwrap().phantom;
    assert_eq!(secrets.secret_of(&phantom).unwrap().unwrap().bounds, narrow);

    let places = ["query:access_token", "body:client_secret"];
    let places: Vec<_> = places.iter().map(|place| place.parse().unwrap()).collect();
    let wide = Bounds { places: places.clone(), ..narrow };
    secrets.bind("github", &wide).unwrap();
    assert_eq!(secrets.list().unwrap()[0].bounds, wide);
    let found = secrets.secret_of(&phantom).unwrap().unwrap();
    assert_eq!((found.bounds.grant().places, found.value.expose_secret()), (places.clone(), REAL));
    let many = Bounds { places: vec![places[0].clone(); 101], ..Bounds::default() };
    assert!(matches!(secrets.bind("github", &many), Err(StoreError::Malformed { .. })));
}

#[test]
fn fingerprints_are_keyed() {
    let (one, other) = (State::in_memory().unwrap(), State::in_memory().unwrap());
    let print = one.secrets().fingerprint(REAL);
    assert_eq!(print, one.secrets().fingerprint(REAL));
    assert_ne!(print, one.secrets().fingerprint(REAL.trim_start_matches('g')));
    assert_ne!(print, other.secrets().fingerprint(REAL));
    assert_eq!(print.len(), 32);
}

#[test]
fn what_is_no_purpose_is_refused() {
    for (text, expect) in [
        ("railway:customDomain*", true),
        ("github:*", true),
        ("*:read", false),
        ("*", false),
        ("railway", false),
        ("railway:", false),
        (":x", false),
        ("a:*b*c*d*e*f*g*h*", true),
        ("a:*b*c*d*e*f*g*h*i*", false),
        ("a:b c", false),
        (&format!("a:{}", "b".repeat(200)), false),
    ] {
        assert_eq!(text.parse::<Purpose>().is_ok(), expect, "{text}");
    }
}

#[test]
fn a_secret_for_look_ups_is_for_nothing_else() {
    let host = "backboard.railway.com";
    for (hosts, purposes, environment, expect) in [
        (&[host][..], &["lookup:railway"][..], None, true),
        (&[host], &["lookup:railway", "railway:*"], None, false),
        (&["*.railway.com"], &["lookup:railway"], None, false),
        (&[host], &["lookup:railway"], Some(Environment::Staging), false),
    ] {
        let secrets = State::in_memory().unwrap().secrets();
        let bounds = bounds(hosts, purposes, environment);
        assert_eq!(bounds.lookup(), Some("railway"));
        let added = secrets.add("lookup", &secret(REAL), &bounds, NOW);
        assert_eq!(added.is_ok(), expect, "{hosts:?} {purposes:?} {environment:?}: {added:?}");
    }
    assert_eq!(bounds(&[host], &["railway:*"], None).lookup(), None);
}

#[test]
fn what_is_found_is_lent_to_its_run_and_two_places_say_more_than_one() {
    let state = State::in_memory().unwrap();
    let run =
        |name: &str| state.agents().add(name, &Task::default(), NOW).unwrap().agent.principal.run;
    let (one, other) = (run("one"), run("other"));
    let secrets = state.secrets();
    let offer = |host: &str, phantom: &str| Offer {
        name: format!("found-{phantom}-{}", host.len()),
        value: secret(REAL),
        bounds: bounds(&[host], &["rest:read"], None),
        phantom: phantom.to_owned(),
    };
    let at_once = [offer("a.example.com", "p1"), offer("long.example.com", "p1")];
    assert_eq!(secrets.lend(&one, &at_once, NOW).unwrap(), 0);
    assert_eq!(secrets.lend(&other, &[offer("long.example.com", "p2")], NOW).unwrap(), 0);
    let lent = secrets.lent().unwrap();
    let seen: Vec<(&str, usize)> =
        lent.iter().map(|it| (it.secret.phantom.as_str(), it.secret.bounds.hosts.len())).collect();
    let mut both = [(one.as_str(), "p1"), (other.as_str(), "p2")];
    both.sort_unstable();
    assert_eq!(seen, both.map(|(_, phantom)| (phantom, 2)));
    assert!(lent.iter().all(|it| it.secret.value.expose_secret() == REAL));
    // Its phantom stands for itself, and it has none that everybody could use.
    assert!(matches!(secrets.stand_in(b"x", &secret("p1")).unwrap(), StandIn::Itself));
    assert!(matches!(secrets.stand_in(b"x", &secret(REAL)).unwrap(), StandIn::Drawn(_)));
    // A human has the last word, whatever is found later.
    secrets.bind("found-p1-13", &bounds(&["c.example.com"], &["rest:*"], None)).unwrap();
    secrets.lend(&one, &[offer("a.example.com", "p1")], NOW).unwrap();
    assert_eq!(secrets.list().unwrap()[0].bounds.hosts.len(), 1);
    assert!(secrets.unasked().unwrap().is_empty());
    // What is over is lent no more.
    state.agents().remove("other").unwrap();
    secrets.lend(&one, &[offer("a.example.com", "p1")], NOW).unwrap();
    assert_eq!(secrets.lent().unwrap().len(), 1);
    let short = Offer { value: secret("hunter2"), ..offer("a.example.com", "p3") };
    assert_eq!(secrets.lend(&one, &[short], NOW).unwrap(), 1, "it could stand anywhere by chance");
}

#[test]
fn what_was_found_gives_way_to_what_a_human_gives() {
    let state = State::in_memory().unwrap();
    let run = state.agents().add("one", &Task::default(), NOW).unwrap().agent.principal.run;
    let secrets = state.secrets();
    let offer = Offer {
        name: "found".into(),
        value: secret(REAL),
        bounds: bounds(&["a.example.com"], &["rest:read"], None),
        phantom: "p1".into(),
    };
    secrets.lend(&run, &[offer], NOW).unwrap();
    let given = bounds(&["b.example.com"], &["rest:*"], None);
    let added = secrets.add("given", &secret(REAL), &given, NOW).unwrap();
    let names: Vec<String> = secrets.list().unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!((names, added.found), (vec!["given".to_owned()], false));
    // Whoever sees it by its old phantom has it within the bounds that were given.
    let lent = secrets.lent().unwrap();
    assert_eq!((lent[0].secret.phantom.as_str(), &lent[0].secret.bounds), ("p1", &given));
    // What a human has said stays said.
    let again = secrets.add("again", &secret(REAL), &given, NOW);
    assert!(matches!(again, Err(SecretError::Known(name)) if name == "given"));
}
