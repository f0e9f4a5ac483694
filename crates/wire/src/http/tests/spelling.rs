//! Spellings of the same message have the same meaning, and no bytes can make interpretation
//! panic.

use holdpoint_core::Message as _;
use proptest::prelude::*;

use super::*;
use crate::http::{Scheme, credentials};

/// Upper or lower case, letter by letter.
fn cased(text: &str, upper: &[bool]) -> String {
    let upper = upper.iter().cycle();
    text.chars()
        .zip(upper)
        .map(|(letter, upper)| if *upper { letter.to_ascii_uppercase() } else { letter })
        .collect()
}

/// Hosts of which each is read in another way.
const HOSTS: &[&str] =
    &["api.example.com", "graphql.example.com", "registry.npmjs.org", "api.github.com"];
const PATHS: &[&str] =
    &["/items/5", "/repos/a/b", "/left-pad", "/v1/tokens", "/items/5/delete", "/a/backups/2"];

proptest! {
    #[test]
    fn spelling_does_not_matter(
        host in prop::sample::select(HOSTS),
        path in prop::sample::select(PATHS),
        method in prop::sample::select(&["GET", "POST", "PUT", "PATCH", "DELETE"][..]),
        upper in prop::collection::vec(any::<bool>(), 1..40),
        dot: bool,
        port: bool,
        slash: bool,
        suffix: bool,
    ) {
        let headers = [("content-type", "application/json"), ("x-http-method-override", "PUT")];
        let plain = operations(&format!("{method} https://{host}{path}"), &headers, "{}");
        let spelled = format!(
            "{method} https://{}{}{}{path}{}{}",
            cased(host, &upper),
            if dot { "." } else { "" },
            if port { ":443" } else { "" },
            if suffix { ".json" } else { "" },
            if slash { "/" } else { "" },
        );
        let names: Vec<String> = headers.iter().map(|(name, _)| cased(name, &upper)).collect();
        let headers = [(names[0].as_str(), headers[0].1), (names[1].as_str(), headers[1].1)];
        prop_assert_eq!(operations(&spelled, &headers, "{}"), plain);
    }

    #[test]
    fn a_verb_in_the_path_never_makes_it_more_harmless(
        path in prop::sample::select(PATHS),
        method in prop::sample::select(&["GET", "POST", "PUT", "PATCH", "DELETE"][..]),
        word in "[a-z]{1,12}",
    ) {
        let url = |path: &str| format!("{method} https://api.example.com{path}");
        let without = effect(&url("/items/5"), &[], "");
        let with = effect(&url(&format!("/items/5/{}", word)), &[], "");
        prop_assert!(with >= without);
        prop_assert!(effect(&url(path), &[("x-http-method", "DELETE")], "")
            >= effect(&url(path), &[], ""));
    }

    #[test]
    fn no_bytes_make_it_panic(
        method in "[A-Za-z]{1,8}",
        host in prop_oneof![prop::sample::select(HOSTS).prop_map(str::to_owned), any::<String>()],
        target in prop_oneof!["/[a-z%0-9./;?=&]{0,60}", any::<String>()],
        name in prop_oneof![
            prop::sample::select(&["content-type", "authorization", "cookie", "x-api-key"][..])
                .prop_map(str::to_owned),
            any::<String>(),
        ],
        value in prop_oneof![
            prop::sample::select(&["application/json", "text/xml", "Basic dTpw", "a=b; c=d"][..])
                .prop_map(|value| value.as_bytes().to_vec()),
            any::<Vec<u8>>(),
        ],
        body in prop_oneof![
            any::<Vec<u8>>(),
            "[\\[\\]{}\":,a-z0-9 ]{0,80}".prop_map(String::into_bytes),
        ],
        prefix: bool,
    ) {
        let scheme = Scheme::Https;
        let to = Address::Origin { scheme, authority: host, target };
        let body = if prefix { Body::Prefix(body.into()) } else { Body::Whole(body.into()) };
        let headers = vec![(name, Bytes::from(value))];
        let raw = RawMessage { headers, body, ..RawMessage::new(method, to) };
        if let Ok(mut message) = Message::try_from(raw) {
            let digest = message.digest();
            let found = read(&message, &Fixture);
            prop_assert_eq!(&found, &read(&message, &Fixture));
            prop_assert!(found.is_err() || found.is_ok_and(|found| !found.is_empty()));
            for used in credentials::find(&message).iter().rev() {
                let real = b"a real one: \"%&\"";
                let put = credentials::substitute(&mut message, used, real);
                prop_assert!(put.is_ok() || put.is_err_and(|error| error == credentials::SubstituteError::NotWritable));
            }
            prop_assert!(message.digest() == digest || !credentials::find(&message).is_empty()
                || credentials::occurrences(&message, b"a real one"));
        }
    }
}
