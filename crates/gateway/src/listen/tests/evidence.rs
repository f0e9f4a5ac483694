//! Claims of identity, as clients write them.

use http::{HeaderMap, HeaderValue, header::PROXY_AUTHORIZATION};
use secrecy::ExposeSecret;

use crate::listen::{Door, Evidence};

fn check(claims: &[&str], expect: Option<&str>) {
    let mut headers = HeaderMap::new();
    for claim in claims {
        headers.append(PROXY_AUTHORIZATION, HeaderValue::from_str(claim).unwrap());
    }
    let evidence = Evidence::take(&mut headers, "127.0.0.1:1".parse().unwrap(), Door::Proxy);
    let bearer = evidence.bearer.as_ref().map(ExposeSecret::expose_secret);
    assert_eq!(bearer, expect, "{claims:?}");
    assert!(headers.is_empty(), "the claim goes on");
    assert!(!format!("{evidence:?}").contains("hunter2"), "the claim can be printed");
}

#[test]
fn a_bearer_is_the_user_part_or_named_so() {
    check(&[], None);
    check(&["Basic aHVudGVyMjo="], Some("hunter2")); // hunter2:
    check(&["basic aHVudGVyMg=="], Some("hunter2")); // hunter2
    check(&["Basic aHVudGVyMjp4OnkK"], Some("hunter2")); // hunter2:x:y
    check(&["Bearer hunter2"], Some("hunter2"));
    check(&["bearer  hunter2 "], Some("hunter2"));
    check(&["Basic OnBhc3M="], None); // :pass
    check(&["Basic"], None);
    check(&["Bearer "], None);
    check(&["Basic not base64!"], None);
    check(&["Basic //79"], None); // no UTF-8
    check(&["Digest username=\"hunter2\""], None);
    check(&["Bearer hunter2", "Bearer hunter2"], None);
}
