//! What an honest client sees: curl with nothing but its environment set.

use holdpoint_wire::http::{Body, Scheme};

use crate::support::{BEARER, Gateway, HOST, Upstream, curl_with};

#[tokio::test]
async fn gets_and_posts_go_through_a_tunnel_with_tls() {
    let upstream = Upstream::tls().await;
    let gateway = Gateway::start(&[&upstream]).await;

    let got = gateway.curl(&["-i", &upstream.url("/a%2Fb?q=1&q=2")]).await;
    assert_eq!(got.exit, 0, "{got:?}");
    assert!(got.out.contains("HTTP/1.1 200"), "{got:?}");
    assert!(got.out.ends_with("GET /a%2Fb?q=1&q=2 0\n"), "{got:?}");

    let posted = gateway.curl(&["-H", "X-One: 1", "-d", "hello", &upstream.url("/post")]).await;
    assert_eq!(posted.out, "POST /post 5\n", "{posted:?}");

    let handled = gateway.handled.lock().unwrap().clone();
    let message = &handled[1];
    assert_eq!((message.scheme, message.port), (Scheme::Https, 443));
    assert_eq!(message.host, HOST);
    assert_eq!(message.body, Body::Whole("hello".into()));
    assert!(message.headers.contains(&("x-one".to_owned(), "1".into())));
}

#[tokio::test]
async fn only_the_certificate_of_the_gateway_is_trusted_in_a_tunnel() {
    let upstream = Upstream::tls().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let distrusting = curl_with(&[&upstream.url("/")], &gateway.proxy_url(), None).await;
    assert_eq!(distrusting.exit, 60, "curl accepts a certificate of nobody: {distrusting:?}");
    assert!(distrusting.err.contains("certificate"), "{distrusting:?}");
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn plain_http_goes_in_absolute_form_and_inside_connect() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    for arguments in [&["-s"][..], &["--proxytunnel"][..]] {
        let url = upstream.url("/plain");
        let got = gateway.curl(&[arguments, &[url.as_str()]].concat()).await;
        assert_eq!(got.out, "GET /plain 0\n", "{got:?}");
    }
    for message in gateway.handled.lock().unwrap().iter() {
        assert_eq!((message.scheme, message.port), (Scheme::Http, 80));
        assert_eq!(message.target, "/plain");
    }
}

#[tokio::test]
async fn a_message_is_forwarded_as_it_was_judged_and_nothing_about_us_is_added() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let hops = ["-H", "Connection: x-hop, keep-alive", "-H", "X-Hop: 1", "-H", "Keep-Alive: 5"];
    let more = ["-H", "X-End: 2", "-H", "Expect: 100-continue", "-d", "12345", "-A", "agent"];
    let url = upstream.url("/");
    gateway.curl(&[&hops[..], &more[..], &[url.as_str()]].concat()).await;

    let seen = upstream.seen().remove(0);
    let mut names: Vec<&str> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let expected = ["accept", "content-length", "content-type", "host", "user-agent", "x-end"];
    assert_eq!(names, expected);
    assert_eq!(seen.header("host"), [HOST]);
    assert_eq!(seen.header("content-length"), ["5"]);
    assert_eq!(seen.header("user-agent"), ["agent"]);
}

#[tokio::test]
async fn hop_by_hop_headers_of_a_response_end_here() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let got = gateway.curl(&["-i", &upstream.url("/hops")]).await;
    let lower = got.out.to_ascii_lowercase();
    assert!(lower.contains("x-kept: 2"), "{got:?}");
    for gone in ["x-one", "keep-alive", "alt-svc", "via:"] {
        assert!(!lower.contains(gone), "{gone}: {got:?}");
    }
}

#[tokio::test]
async fn the_proxy_credential_is_asked_for_and_goes_no_further() {
    let upstream = Upstream::plain().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let tls = Upstream::tls().await.url("/");
    for proxy in ["http://", "http://wrong@", "http://wrong:sesame@"] {
        let proxy = format!("{proxy}{}", gateway.address);
        let got = curl_with(&["-i", &upstream.url("/")], &proxy, None).await;
        assert!(got.out.starts_with("HTTP/1.1 407"), "{got:?}");
        assert!(got.out.contains("proxy-authenticate: Basic realm=\"holdpoint\""), "{got:?}");
        assert!(got.out.contains("\"code\":\"unidentified\""), "{got:?}");
        let tunnel = curl_with(&["-i", &tls], &proxy, None).await;
        assert_eq!(tunnel.exit, 56, "{tunnel:?}");
        assert!(tunnel.out.starts_with("HTTP/1.1 407"), "{tunnel:?}");
    }
    assert!(gateway.handled.lock().unwrap().is_empty());

    let claim = format!("Proxy-Authorization: Bearer {BEARER}");
    let bare = format!("http://{}", gateway.address);
    let bearer = curl_with(&["--proxy-header", &claim, &upstream.url("/")], &bare, None).await;
    assert_eq!(bearer.out, "GET / 0\n", "{bearer:?}");
    let seen = upstream.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].header("proxy-authorization").is_empty());
}

#[tokio::test]
async fn the_option_works_like_the_environment() {
    let upstream = Upstream::tls().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let (address, ca) = (gateway.address.to_string(), gateway.ca_file());
    let user = format!("{BEARER}:");
    let options = ["--proxy", &address, "--proxy-user", &user, "--cacert", ca.to_str().unwrap()];
    let url = upstream.url("/option");
    let got = curl_with(&[&options[..], &[url.as_str()]].concat(), "", None).await;
    assert_eq!(got.out, "GET /option 0\n", "{got:?}");
}

#[tokio::test]
async fn our_own_host_reaches_the_handler_like_any_other() {
    let gateway = Gateway::start(&[]).await;
    let got = gateway.curl(&["http://holdpoint.internal/holds/h-1"]).await;
    assert_eq!(got.out, "internal", "{got:?}");
    assert_eq!(gateway.handled.lock().unwrap()[0].target, "/holds/h-1");
}

#[tokio::test]
async fn responses_without_a_body_stay_without_one() {
    let upstream = Upstream::tls().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let head = gateway.curl(&["-I", &upstream.url("/head")]).await;
    assert!(head.out.to_ascii_lowercase().contains("content-length: 13"), "{head:?}");
    assert_eq!(head.exit, 0);
    for (path, status) in [("/204", "HTTP/2 204"), ("/304", "HTTP/2 304")] {
        let got = gateway.curl(&["-i", &upstream.url(path)]).await;
        assert!(got.out.contains(status), "{got:?}");
        assert_eq!(got.exit, 0, "{got:?}");
    }
}

#[tokio::test]
async fn connections_are_used_again_on_both_sides() {
    let upstream = Upstream::tls().await;
    let gateway = Gateway::start(&[&upstream]).await;
    let url = upstream.url("/again");
    let three = [url.as_str(); 3];
    let format = ["-w", "%{num_connects}\n"];
    let got = gateway.curl(&[&format[..], &three[..]].concat()).await;
    let connects: Vec<&str> = got.out.lines().filter(|line| line.len() == 1).collect();
    assert_eq!(connects, ["1", "0", "0"], "{got:?}");
    let used: Vec<usize> = upstream.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(used, [0, 0, 0], "the upstream saw more than one connection");
    assert_eq!(gateway.leaves.count(), 1);
}
