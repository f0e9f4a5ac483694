//! What is found, what is not, and what is put in its place.

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::{Confidence, Finder, Place, Sink, Use, binding};

const UUID: &str = "3d2c42fb-9f1e-4b6a-8c0d-73aa51be90ab";

/// Name, value, and kind of what is found in a file.
fn found(path: &str, text: &str) -> Vec<(String, String, &'static str)> {
    let found = Finder::shared().find_in(path, text.as_bytes());
    let told = |it: &super::Found| {
        let value = it.value(text.as_bytes()).unwrap();
        (it.name.clone(), value.expose_secret().to_owned(), it.kind.name)
    };
    found.iter().map(told).collect()
}

fn check(path: &str, text: &str, expect: &[(&str, &str)]) {
    let found = found(path, text);
    let found: Vec<(&str, &str)> =
        found.iter().map(|(name, value, _)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, expect, "{path}: {text}");
}

#[test]
fn the_automaton_is_built() {
    check(
        "notes/domains.md",
        &format!("RAILWAY_API_TOKEN={UUID}\n"),
        &[("RAILWAY_API_TOKEN", UUID)],
    );
}

#[test]
fn the_same_uuid_is_a_token_by_its_name_alone() {
    for (text, expect) in [
        (format!("RAILWAY_API_TOKEN={UUID}"), true),
        (format!("export RAILWAY_TOKEN=\"{UUID}\""), true),
        (format!("railway token: {UUID}"), true),
        (format!("Authorization: Bearer {UUID}"), true),
        (format!("RAILWAY_PROJECT_ID={UUID}"), false),
        (format!("project {UUID}"), false),
        (UUID.to_owned(), false),
    ] {
        assert_eq!(!found("a.md", &text).is_empty(), expect, "{text}");
    }
}

#[test]
fn what_stands_in_code_without_quotes_is_code_unless_a_known_name_holds_what_was_drawn() {
    check("a.py", &format!("# RAILWAY_TOKEN={UUID}\n"), &[("RAILWAY_TOKEN", UUID)]);
    check("a.sql", &format!("-- RAILWAY_TOKEN={UUID}\n"), &[("RAILWAY_TOKEN", UUID)]);
    check("a.rs", "let stripe_key = settings.stripe.key_v2_2024_live;", &[]);
    check("a.rs", "let github_token = read_token_2_of_3_in_4(config);", &[]);
    check("a.rs", "let password = Tr0ub4dor3xxyyzz11;", &[]);
}

#[test]
fn values_are_read_as_they_are_written() {
    check("a.json", r#"{"password": "a\"b\\c\u0044e9f#1"}"#, &[("password", "a\"b\\cDe9f#1")]);
    check(
        "a.sh",
        "psql postgres://app:p%40ssw0rd%21x9@db.acme.dev/app",
        &[("postgres password", "p@ssw0rd!x9")],
    );
    check(
        ".env",
        "DB_PASSWORD='it is, 7 words; long'\n",
        &[("DB_PASSWORD", "it is, 7 words; long")],
    );
    check(".env", "DB_PASSWORD=a,b;c#d9)E\n", &[("DB_PASSWORD", "a,b;c#d9)E")]);
    check(
        "config.json",
        r#"{"auths":{"ghcr.io":{"auth":"YWRhOlRyMHViNGRvciYzeHg="}}}"#,
        &[("auth", "Tr0ub4dor&3xx")],
    );
}

#[test]
fn a_provider_s_name_alone_is_that_of_a_key_if_its_value_is_as_one() {
    let key = "7c9e6a3b58d14f0ea2b791d4c3e8f605";
    let long = "kZ8nV2xQ7pB3xN8rKmVt6Lq1GzCe9Hy4Ud7S";
    check("a.toml", &format!("datadog = \"{key}\"\n"), &[("datadog", key)]);
    check("a.yaml", &format!("keys:\n  Datadog: {key}\n"), &[("Datadog", key)]);
    check("a.json", &format!("{{\"algolia\": \"{long}\"}}"), &[("algolia", long)]);
    check("a.py", &format!("datadog = '{key}'\n"), &[("datadog", key)]);
    for (path, text) in [
        ("a.toml", format!("github = \"{key}\"\n")),
        ("a.toml", format!("datadog = \"{key}{key}\"\n")),
        ("a.toml", "datadog = \"7c9e6a3b58d14f0e\"\n".to_owned()),
        ("a.toml", format!("datadog_icon = \"{key}\"\n")),
        ("a.toml", format!("datadog.svg = \"{key}\"\n")),
        ("a.json", format!("{{\"stripe\": \"stripe-{key}.svg\"}}")),
        ("a.json", format!("{{\"slack\": \"https://cdn.acme.dev/{key}\"}}")),
        ("a.yaml", "openai: AnOpenAiCompatibleServerForLocalModels\n".to_owned()),
        ("a.yaml", "stripe: 00000000000000000000000000000000\n".to_owned()),
        ("a.yaml", "stripe: ${STRIPE_KEY_OF_THE_ENVIRONMENT_2}\n".to_owned()),
        ("a.rs", format!("let datadog = call{key};")),
    ] {
        check(path, &text, &[]);
    }
}

#[test]
fn where_it_would_go_is_told() {
    let sink = |path: &str, text: &str| {
        let found = Finder::shared().find_in(path, text.as_bytes());
        found.first().map(|it| it.sink.clone())
    };
    let hosts =
        |names: &[&str]| Some(Sink::Hosts(names.iter().map(|name| (*name).to_owned()).collect()));
    let railway = ["backboard.railway.com", "backboard.railway.app"];
    assert_eq!(sink("a.md", &format!("RAILWAY_TOKEN={UUID}")), hosts(&railway));
    assert_eq!(
        sink(".netrc", "machine git.acme.dev login ada password Tr0ub4dor&3"),
        hosts(&["git.acme.dev"])
    );
    assert_eq!(
        sink(".npmrc", &format!("//npm.acme.dev/:_authToken={UUID}")),
        hosts(&["npm.acme.dev"])
    );
    assert_eq!(sink(".env", "JWT_SECRET=kJ8sN2pQ7vXr4TzWm6YbA1cD3eF5gH7i"), Some(Sink::Here));
    assert_eq!(sink(".env", "SHOP_PASSWORD=kJ8sN2pQ7vXr4TzWm6Yb"), Some(Sink::Unknown));
}

#[test]
fn known_names_bind_themselves_and_the_rest_is_asked_about() {
    let bound = |path: &str, place: Place, text: &str| {
        let found = Finder::shared().find_in(path, text.as_bytes());
        let it = binding(found.first().unwrap(), place);
        (it.how, it.hosts.first().cloned().unwrap_or_default(), it.purposes.concat())
    };
    let check = |path: &str, text: &str, how, host: &str, purpose: &str| {
        let place = Place::in_workspace(path);
        assert_eq!(bound(path, place, text), (how, host.to_owned(), purpose.to_owned()), "{text}");
    };
    let live = format!("STRIPE_SECRET_KEY={}_live_kJ8sN2pQ7vXr4TzWm6YbQw3E", "sk");
    check(".env", &live, Use::Sent, "api.stripe.com", "rest:read");
    check(".env", &live.replace("live", "test"), Use::Sent, "api.stripe.com", "rest:*");
    check(
        "a.md",
        &format!("RAILWAY_TOKEN={UUID}"),
        Use::Sent,
        "backboard.railway.com",
        "railway:read",
    );
    check(
        ".npmrc",
        &format!("//registry.npmjs.org/:_authToken={UUID}"),
        Use::Sent,
        "registry.npmjs.org",
        "npm:read",
    );
    // An agent asks its model with it all day: as the catalogue names what it asks.
    let key = "OPENAI_API_KEY=sk-proj-kJ8sN2pQ7vXr4TzWm6YbA1cD3eF5gH7i";
    check(".env", key, Use::Sent, "api.openai.com", "model:*openai:read");
    check(".env", "JWT_SECRET=kJ8sN2pQ7vXr4TzWm6YbA1cD3eF5gH7i", Use::Local, "", "");
    // A text that anybody can write binds nothing to the host that it names.
    let text = "SHOP_API=https://evil.example.dev\nSHOP_API_TOKEN=kJ8sN2pQ7vXr4TzWm6Yb";
    check(".env", text, Use::Unbound, "evil.example.dev", "");
    let registry = format!("//npm.acme.dev/:_authToken={UUID}");
    check(".npmrc", &registry, Use::Unbound, "npm.acme.dev", "");
    // What the human wrote down for packages, or for git, is for the host beside it.
    let human = |path: &str, text: &str, host: &str, purpose: &str| {
        let expect = (Use::Sent, host.to_owned(), purpose.to_owned());
        assert_eq!(bound(path, Place::in_home(path), text), expect, "{text}");
    };
    human(".npmrc", &registry, "npm.acme.dev", "rest:read");
    human(
        ".netrc",
        "machine pypi.acme.dev login a password Tr0ub4dor&3x",
        "pypi.acme.dev",
        "rest:read",
    );
    let remote =
        "[remote \"origin\"]\n\turl = https://ada:kJ8sN2pQ7vXr4TzWm6Yb@git.acme.dev/shop.git\n";
    check(".git/config", remote, Use::Sent, "git.acme.dev", "git:*");
    check("a/.git/config", remote, Use::Unbound, "git.acme.dev", "");
}

#[test]
fn what_overlaps_is_one() {
    let jwt =
        "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZSIsIm4iOjd9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";
    for text in [
        format!("SUPABASE_SERVICE_ROLE_KEY={jwt}"),
        format!("Authorization: Bearer {jwt}"),
        format!("https://ada:{jwt}@git.acme.dev/"),
    ] {
        let found = found(".env", &text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].1, jwt, "{text}");
    }
}

#[test]
fn a_secret_of_eight_bytes_is_found() {
    check(".env", "DB_PASSWORD=xK9#mP2q\n", &[("DB_PASSWORD", "xK9#mP2q")]);
}

#[test]
fn every_width_and_order_of_characters_is_read_and_written() {
    let text = format!("# für Ähnliches\r\nRAILWAY_API_TOKEN={UUID}\r\n");
    let stand_in = "7a1b42fb-0f2e-4c6d-8b1a-90aa51be73cd";
    let wide = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let marked = |unit: fn(u16) -> [u8; 2]| [unit(0xFEFF).to_vec(), wide(unit)].concat();
    let utf32: Vec<u8> = std::iter::once('\u{feff}')
        .chain(text.chars())
        .flat_map(|c| u32::from(c).to_le_bytes())
        .collect();
    let utf8 = [b"\xEF\xBB\xBF".as_slice(), text.as_bytes()].concat();
    for bytes in [
        text.clone().into_bytes(),
        utf8,
        wide(u16::to_le_bytes),
        wide(u16::to_be_bytes),
        marked(u16::to_le_bytes),
        marked(u16::to_be_bytes),
        utf32,
    ] {
        let found = Finder::shared().find_in("a.md", &bytes);
        assert_eq!(found.len(), 1, "{bytes:?}");
        assert_eq!((found[0].line, found[0].value(&bytes).unwrap().expose_secret()), (2, UUID));
        let mut masked = bytes.clone();
        masked.splice(found[0].span.clone(), found[0].replaced(&bytes, stand_in).unwrap());
        assert_eq!(masked.len(), bytes.len());
        let again = Finder::shared().find_in("a.md", &masked);
        assert_eq!(again[0].value(&masked).unwrap().expose_secret(), stand_in);
    }
}

#[test]
fn a_stand_in_of_another_shape_is_not_written() {
    let text = r#"{"password": "a\"b9cDe9f#1"}"#;
    let found = Finder::shared().find_in("a.json", text.as_bytes());
    assert_eq!(found[0].replaced(text.as_bytes(), "short"), None);
    assert_eq!(found[0].replaced(text.as_bytes(), "zzbz9cDe9f#1"), None, "an escape is no letter");
    assert!(found[0].replaced(text.as_bytes(), "z\"z9zZz9z#9").is_some());
}

#[test]
fn a_checksum_says_how_sure_it_is() {
    let confidence = |text: &str| {
        Finder::shared().find_in("a.md", text.as_bytes()).first().map(|it| it.confidence)
    };
    let made = format!("{}_Kq7RmT2vXw9ZbN4cLp6YdH8sJf1GaE", "ghp");
    assert_eq!(confidence(&format!("{made}000000")), Some(Confidence::Likely));
}

#[test]
fn a_name_in_a_program_is_no_key_and_a_program_s_own_name_for_itself_no_secret() {
    let find = |path: &str, text: &str| Finder::shared().find_in(path, text.as_bytes()).len();
    let key = format!("re{}", "_q7Rm2Xw9_Z4bNc6LpYd8HsJfGaEkT3vQu");
    assert_eq!(find("a.js", &format!("send(\"{key}\")")), 1);
    let message = "re_only_allowed_when_the_option_is_set_to_es2022_or_es2015";
    assert_eq!(find("a.js", &format!("say(\"{message}\")")), 0);
    let client = format!("GOCSPX{}", "-4uHgMPm1o7Sk9geV6Cu5clXFsxl");
    assert_eq!(find("app/settings.py", &client), 1);
    assert_eq!(find("node_modules/cli/index.js", &client), 0);
}

#[test]
fn thousands_are_told_up_to_a_maximum() {
    let line = format!("RAILWAY_TOKEN={UUID}\n");
    let text = line.repeat(super::FINDS_MAX + 5);
    assert_eq!(Finder::shared().find_in("a.md", text.as_bytes()).len(), super::FINDS_MAX);
}

#[test]
fn a_word_of_beginnings_is_not_read_for_ever_and_hides_nothing_behind_it() {
    for beginning in ["key=", "fm2_", "token:", "-p"] {
        let text = beginning.repeat(20_000);
        let text = format!("{text}\nRAILWAY_API_TOKEN=5e0c2a14-8f3b-4d6e-9a71-c2d4b6e8f013\n");
        let found = Finder::shared().find_in("notes.md", text.as_bytes());
        let last = found.last().map(|it| it.value(text.as_bytes()).unwrap());
        let last = last.as_ref().map(|it| it.expose_secret());
        assert_eq!(last, Some("5e0c2a14-8f3b-4d6e-9a71-c2d4b6e8f013"), "{beginning}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        for path in ["a.md", ".env", ".pgpass", ".netrc", "token", "a.rs"] {
            let found = Finder::shared().find_in(path, &bytes);
            for pair in found.windows(2) {
                prop_assert!(pair[0].span.end <= pair[1].span.start);
            }
            prop_assert!(found.iter().all(|it| it.span.end <= bytes.len()));
        }
    }

    #[test]
    fn what_is_planted_is_found_wherever_it_stands(before in "[ -~\n]{0,200}", behind in "[ -~\n]{0,200}") {
        let text = format!("{before}\nRAILWAY_API_TOKEN={UUID}\n{behind}");
        let found = found("a.md", &text);
        prop_assert!(found.iter().any(|(_, value, _)| value == UUID), "{}", text);
    }

    #[test]
    fn a_stand_in_is_read_as_it_was_written(value in "[a-zA-Z0-9]{4}[!-~]{4,20}[0-9][a-z]{3}", stand in "[a-z0-9]{40}") {
        let text = serde_json::json!({ "password": value }).to_string();
        let found = Finder::shared().find_in("a.json", text.as_bytes());
        let Some(it) = found.first().filter(|it| it.value(text.as_bytes()).unwrap().expose_secret() == value) else { return Ok(()) };
        let mut letters = stand.chars();
        let stand_in: String = value.chars().map(|c| if c.is_ascii_alphanumeric() { letters.next().unwrap_or('x') } else { c }).collect();
        let written = it.replaced(text.as_bytes(), &stand_in).unwrap();
        let mut masked = text.clone().into_bytes();
        masked.splice(it.span.clone(), written);
        let read: serde_json::Value = serde_json::from_slice(&masked).unwrap();
        prop_assert_eq!(read["password"].as_str().unwrap(), stand_in);
    }
}
