//! What is one message for every reader passes; what is two for some is refused, however its bytes
//! arrive.

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { head_bytes_max: 512, headers_max: 8 };

/// Follows `bytes` in pieces of these lengths, again and again, as a connection would.
fn follow(bytes: &[u8], pieces: &[usize]) -> Result<(usize, u64), Misframed> {
    let mut requests = Requests::new(LIMITS);
    let (mut passed, mut offered) = (0, 0);
    let mut pieces = pieces.iter().cycle();
    while offered < bytes.len() {
        offered = bytes.len().min(offered + pieces.next().copied().unwrap_or(1).max(1));
        let fresh = requests.follow(&bytes[passed..offered]);
        passed += fresh.map_err(|error| Misframed { passed: passed + error.passed, ..error })?;
    }
    Ok((passed, requests.heads()))
}

fn lines(text: &str) -> String {
    text.replace('\n', "\r\n")
}

/// A message of which all passes, in any pieces, as so many.
fn check_passes(text: &str, heads: u64) {
    let bytes = text.as_bytes();
    for pieces in [&[bytes.len()][..], &[1], &[3, 1, 2]] {
        assert_eq!(follow(bytes, pieces), Ok((bytes.len(), heads)), "{text:?} in {pieces:?}");
    }
}

/// A message that is refused for this reason, in any pieces.
fn check_refused(text: &str, why: &str) {
    let bytes = text.as_bytes();
    for pieces in [&[bytes.len()][..], &[1], &[3, 1, 2]] {
        let refused = follow(bytes, pieces).expect_err(text);
        assert!(refused.why.text.contains(why), "{text:?}: {refused}");
    }
}

#[test]
fn what_is_framed_in_one_way_passes() {
    let check = |text: &str, heads| check_passes(&lines(text), heads);
    check("GET / HTTP/1.1\nHost: a\n\n", 1);
    check("GET / HTTP/1.0\n\n", 1);
    check("OPTIONS * HTTP/1.1\nHost: a\n\n", 1);
    check("GET http://a/?u=http://b@c/ HTTP/1.1\nHost:a\nX-Empty:\nX-Umlaut: \u{e4}\n\n", 1);
    check("POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabcGET / HTTP/1.1\nHost: a\n\n", 2);
    check("POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\nGET / HTTP/1.1\nHost: a\n\n", 2);
    let chunked = "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: Chunked\n\n";
    check(&format!("{chunked}3\nabc\nA;x=\"y\"\n0123456789\n0\n\nGET / HTTP/1.1\n\n"), 2);
    check(&format!("{chunked}0\nx-checksum: 1\n\nGET / HTTP/1.1\n\n"), 2);
    check("CONNECT a:443 HTTP/1.1\nHost: a:443\n\n\0\r\u{1}anything\n\n", 1);
}

#[test]
fn what_could_be_framed_in_two_ways_is_refused() {
    let check = |text: &str, why| check_refused(&lines(text), why);
    let head =
        |header: &str, why| check(&format!("POST / HTTP/1.1\nHost: a\n{header}\n\nabc"), why);
    head("Content-Length: 3\nTransfer-Encoding: chunked", "exclude each other");
    head("Transfer-Encoding: chunked\ncontent-length: 3", "exclude each other");
    head("Content-Length: 3\nContent-Length: 3", "two Content-Length");
    for length in
        ["+3", "-3", "3, 3", "3,4", "0x3", "3.0", "03", "", "3 3", "٣", "99999999999999999999"]
    {
        head(&format!("Content-Length: {length}"), "one plain number");
    }
    for coding in ["gzip, chunked", "chunked, identity", "identity", "chunked;q=1", "xchunked", ""]
    {
        head(&format!("Transfer-Encoding: {coding}"), "only Transfer-Encoding");
    }
    head("Transfer-Encoding: chunked\nTransfer-Encoding: chunked", "two Transfer-Encoding");
    head("Transfer_Encoding: chunked", "write `transfer-encoding`");
    head("CONTENT_LENGTH: 3", "write `content-length`");
    head("X-A: b\n c", "obs-fold");
    head("X-A: b\n\tTransfer-Encoding: chunked", "obs-fold");
    head("Content-Length : 3", "between a header's name");
    head("Content-Length\t: 3", "between a header's name");
    head(": 3", "no name");
    head("Content-Length", "no colon");
    head("Content\"Length: 3", "no name has");
    head("X-A: \0", "NUL");
    head("X-A: \u{b}b", "control characters");
    head("X-A: \u{7f}", "control characters");
    let first = |line: &str, why| check(&format!("{line}\nHost: a\n\n"), why);
    first("GET  / HTTP/1.1", "one space");
    first("GET / / HTTP/1.1", "one space");
    first("GET / HTTP/1.1 ", "one space");
    first("GET\t/ HTTP/1.1", "one space");
}

#[test]
fn a_first_line_is_one_for_every_reader() {
    let check = |line: &str, why| check_refused(&format!("{line}\r\nHost: a\r\n\r\n"), why);
    check("GET /", "one space");
    check("GET / HTTP/2.0", "neither HTTP/1.1");
    check("GET / HTTP/1.10", "neither HTTP/1.1");
    check("GET / http/1.1", "neither HTTP/1.1");
    check("GET / HTTP/1.1\u{b}", "control characters");
    check("G@T / HTTP/1.1", "no word");
    check("GET /\u{e4} HTTP/1.1", "raw non-ASCII");
    check("GET a.example/ HTTP/1.1", "neither a URL");
    check("GET * HTTP/1.1", "neither a URL");
    check("GET http://u:p@a/ HTTP/1.1", "names a user");
    check("CONNECT u@a:443 HTTP/1.1", "names a user");
    check("CONNECT a:443 HTTP/1.1\r\nContent-Length: 3", "no body");
    check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked", "HTTP/1.0 has no");
    for junk in ["\r\n", " ", "\n", "\0", "\u{16}\u{3}\u{1}", "HTTP/1.1 200 OK\r\n\r\n"] {
        let why = if junk.starts_with('H') { "no word" } else { "stands before" };
        check_refused(&format!("{junk}GET / HTTP/1.1\r\nHost: a\r\n\r\n"), why);
    }
    check_refused("GET / HTTP/1.1\nHost: a\n\n", "bare LF");
    check_refused("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "bare LF");
    check_refused("GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", "CR that ends no line");
    check_refused("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "CR that ends no line");
}

#[test]
fn a_chunk_has_one_size() {
    let check = |body: &str, why| {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        check_refused(&format!("{head}{body}"), why);
    };
    for size in
        ["", " 3", "3 ", "+3", "-3", "0x3", "3h", "3_0", "ffffffffffffffff", "00000000000000003"]
    {
        check(&format!("{size}\r\nabc\r\n0\r\n\r\n"), "one plain hexadecimal number");
    }
    check("3\nabc\r\n0\r\n\r\n", "bare LF");
    check("3\r\nabcd\r\n0\r\n\r\n", "longer than it says");
    check("3\r\nabc\n0\r\n\r\n", "longer than it says");
    check("3;a\rb\r\nabc\r\n0\r\n\r\n", "control characters");
    check(&format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(300)), "one plain hexadecimal number");
    check(&format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(60), "chunk extensions");
    check("0\r\nContent-Length: 3\r\n\r\n", "behind the body");
    check("0\r\nTransfer_Encoding: chunked\r\n\r\n", "behind the body");
    check("0\r\nAuthorization: x\r\n\r\n", "behind the body");
    check("0\r\n x: y\r\n\r\n", "obs-fold");
    check("0\r\nx: y\n\r\n", "bare LF");
    check("0\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", "stands before");
}

#[test]
fn heads_have_limits() {
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(600));
    check_refused(&long, "longer than 512 bytes");
    check_refused(long.trim_end(), "longer than 512 bytes");
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(9));
    check_refused(&many, "more than 8 headers");
}

#[test]
fn what_stands_before_a_refusal_passes() {
    let first = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
    let refused = follow(format!("{first}GET /\r\n\r\n").as_bytes(), &[7]).unwrap_err();
    assert_eq!((refused.passed, refused.place), (first.len(), Place::Head));
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
    let refused = follow(format!("{chunked}z\r\n").as_bytes(), &[7]).unwrap_err();
    assert_eq!((refused.passed, refused.place), (chunked.len(), Place::Body));
}

#[test]
fn whoever_asks_to_leave_waits_for_the_answer() {
    let asks = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x82\x00";
    let told = |may_leave| {
        let mut requests = Requests::new(LIMITS);
        assert_eq!(requests.follow(asks), Ok(asks.len() - 2));
        assert!(requests.has_asked());
        requests.answered(may_leave);
        requests.follow(b"\x82\x00")
    };
    assert_eq!(told(true), Ok(2));
    assert!(told(false).is_err());
}

/// Follows what an upstream sends to one request.
fn answered(method: &str, text: &str) -> Result<(usize, bool), Unreadable> {
    let mut responses = Responses::new(LIMITS);
    responses.expect(method);
    let passed = responses.follow(text.as_bytes())?;
    Ok((passed, responses.is_sound()))
}

#[test]
fn an_upstream_answers_once() {
    let check = |method: &str, text: &str, expect: Option<bool>| {
        let text = lines(text);
        let whole = |(passed, sound): (usize, bool)| sound && passed == text.len();
        let sound = answered(method, &text).ok().map(whole);
        assert_eq!(sound, expect, "{method} {text:?}");
    };
    check("GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", Some(true));
    check("GET", "HTTP/1.1 200\nContent-Length: 2\n\nok", Some(true));
    check("HEAD", "HTTP/1.1 200 OK\nContent-Length: 2\n\n", Some(true));
    check("GET", "HTTP/1.1 304 Not Modified\nContent-Length: 2\n\n", Some(true));
    check("GET", "HTTP/1.1 100 Continue\n\nHTTP/1.1 204 No Content\n\n", Some(true));
    check("GET", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n", Some(true));
    check("GET", "HTTP/1.1 200 OK\n\nuntil it closes", Some(true));
    // One end to us, another to others: read, and never used again.
    check(
        "GET",
        "HTTP/1.1 200 OK\nContent-Length: 9\nTransfer-Encoding: chunked\n\n0\n\n",
        Some(false),
    );
    check("GET", "HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 2\n\nok", Some(false));
    check("GET", "HTTP/1.1 200 OK\nTransfer-Encoding: gzip\n\nok", Some(false));
    // No end that we could stand for.
    check("GET", "HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 3\n\nok", None);
    check("GET", "HTTP/1.1 200 OK\nContent-Length: 2, 2\n\nok", None);
    check("GET", "HTTP/1.1 200 OK\nX: y\n z\n\n", None);
    check("GET", "HTTP/1.1 20 OK\n\n", None);
    check("GET", "HTTP/2 200\n\n", None);
    check("GET", &"HTTP/1.1 102 Processing\n\n".repeat(33), None);
    check("GET", &format!("HTTP/1.1 200 OK\n{}\n", "a: b\n".repeat(200)), None);
    // More than was asked for.
    check("GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\nokHTTP/1.1 200 OK\n\n", Some(false));
    check("HEAD", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", Some(false));
    check("GET", "HTTP/1.1 204 No Content\n\nx", Some(false));
}

#[test]
fn nothing_comes_unasked() {
    let mut responses = Responses::new(LIMITS);
    assert_eq!(responses.follow(b"HTTP/1.1 200 OK\r\n\r\n"), Ok(0));
    assert!(!responses.is_sound());
}

proptest! {
    /// What passes and what is refused does not depend on how the bytes arrive.
    #[test]
    fn pieces_do_not_matter(
        parts in prop::collection::vec(prop::sample::select(PARTS), 1..12),
        pieces in prop::collection::vec(1_usize..40, 1..8),
    ) {
        let bytes = parts.concat();
        let whole = follow(bytes.as_bytes(), &[bytes.len()]);
        prop_assert_eq!(follow(bytes.as_bytes(), &pieces), whole);
    }
}

const PARTS: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /a HTTP/1.1\r\n",
    "Host: a\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 10\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\r\n",
    "abc",
    "3\r\n",
    "0\r\n",
    "a;b\r\n",
    "\n",
    "\r",
    " ",
    "Upgrade: h2c\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
];
