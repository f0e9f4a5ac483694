//! From what a listener has to a [`Message`], or to the reason why it is none.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::{
    authority::{self, Authority},
    coding::DECODED_BYTES_MAX,
    message::{Body, Message, Scheme},
};
use crate::Unreadable;

/// The longest method that is read.
pub(super) const METHOD_BYTES_MAX: usize = 32;
/// The longest path and query that are read.
const TARGET_BYTES_MAX: usize = 32 * 1024;
/// The largest number of headers that are read.
const HEADERS_MAX: usize = 256;
/// The most that all headers together may take.
const HEADER_BYTES_MAX: usize = 256 * 1024;

/// What a listener has, before anything is checked.
#[derive(Clone)]
pub struct RawMessage {
    /// The method.
    pub method: String,
    /// Where to.
    pub to: Address,
    /// Names and values, as sent and in order.
    pub headers: Vec<(String, Bytes)>,
    /// The body, without the framing.
    pub body: Body,
    /// HTTP/2's `:authority`, where it was sent beside the URL.
    pub authority: Option<String>,
    /// The name in the TLS handshake, where there was one.
    pub sni: Option<String>,
    /// The target of the `CONNECT` that the message came through, where there was one.
    pub connect: Option<String>,
}

/// Where a message goes, as it was sent.
#[derive(Clone)]
pub enum Address {
    /// Absolute form: `https://example.com/path`.
    Url(String),
    /// Origin form (`/path`), and where the connection leads.
    Origin {
        /// Whether the connection is protected.
        scheme: Scheme,
        /// `host[:port]`.
        authority: String,
        /// Path and query.
        target: String,
    },
}

impl RawMessage {
    /// A message without headers or body.
    pub fn new(method: impl Into<String>, to: Address) -> Self {
        Self {
            method: method.into(),
            to,
            headers: Vec::new(),
            body: Body::Whole(Bytes::new()),
            authority: None,
            sni: None,
            connect: None,
        }
    }
}

impl TryFrom<RawMessage> for Message {
    type Error = Unreadable;

    fn try_from(raw: RawMessage) -> Result<Self, Unreadable> {
        check_method(&raw.method)?;
        let Place { scheme, userinfo, authority, target } = place(raw.to)?;
        let mut headers = read_headers(raw.headers)?;
        check_framing(&headers, &raw.body)?;
        let port = scheme.default_port();
        let host_header = single(&headers, "host")?;
        for other in [host_header, raw.authority.as_deref(), raw.connect.as_deref()] {
            if let Some(text) = other
                && authority::read(text, port)? != authority
            {
                return Err(two_hosts());
            }
        }
        if let Some(name) = raw.sni.as_deref()
            && authority::read_host(name)? != authority.host
        {
            return Err(two_hosts());
        }
        if let Some(userinfo) = userinfo {
            headers.push(("authorization".to_owned(), basic(&userinfo)?));
        }
        for name in ["authorization", "content-type", "content-encoding"] {
            single(&headers, name)?;
        }
        let Authority { host, port } = authority;
        let (method, body) = (raw.method, Body::Whole(Bytes::new()));
        let message = Self { method, scheme, host, port, target, headers, body, coded: None };
        Ok(message.with_body(raw.body, DECODED_BYTES_MAX))
    }
}

/// The refusal of a message that names two hosts: domain fronting, or a confused client.
fn two_hosts() -> Unreadable {
    Unreadable::new(
        "URL, Host header, :authority, SNI and CONNECT target name different hosts; send one host",
    )
}

/// Where a message goes.
struct Place {
    scheme: Scheme,
    userinfo: Option<String>,
    authority: Authority,
    target: String,
}

/// Reads where a message goes.
fn place(address: Address) -> Result<Place, Unreadable> {
    let (scheme, authority, target) = match address {
        Address::Origin { scheme, authority, target } => (scheme, authority, target),
        Address::Url(url) => {
            let (scheme, rest) = scheme_of(&url)?;
            let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
            let (authority, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
            let slash = if target.starts_with('/') { "" } else { "/" };
            (scheme, authority.to_owned(), format!("{slash}{target}"))
        }
    };
    check_target(&target)?;
    let (userinfo, host) = match authority.rsplit_once('@') {
        Some((userinfo, _)) if userinfo.contains('@') => {
            return Err(Unreadable::new("the URL has more than one `@` before its host"));
        }
        Some((userinfo, host)) => (Some(userinfo.to_owned()), host),
        None => (None, authority.as_str()),
    };
    let authority = authority::read(host, scheme.default_port())?;
    Ok(Place { scheme, userinfo: userinfo.filter(|text| !text.is_empty()), authority, target })
}

/// The scheme of a URL, and what follows it.
fn scheme_of(url: &str) -> Result<(Scheme, &str), Unreadable> {
    let (name, rest) = url
        .split_once("://")
        .ok_or_else(|| Unreadable::new("the URL does not begin with http:// or https://"))?;
    match name.to_ascii_lowercase().as_str() {
        "http" => Ok((Scheme::Http, rest)),
        "https" => Ok((Scheme::Https, rest)),
        _ => Err(Unreadable::new("only http and https are read here")),
    }
}

/// Whether `byte` can be part of a method or a header's name (RFC 9110 §5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn check_method(method: &str) -> Result<(), Unreadable> {
    if !(1..=METHOD_BYTES_MAX).contains(&method.len()) || !method.bytes().all(is_token) {
        return Err(Unreadable::new("the method is no word"));
    }
    if method.eq_ignore_ascii_case("CONNECT") {
        return Err(Unreadable::new("CONNECT opens a tunnel; it cannot be read as a message"));
    }
    Ok(())
}

fn check_target(target: &str) -> Result<(), Unreadable> {
    if target.len() > TARGET_BYTES_MAX {
        return Err(Unreadable::over_limit("path and query are longer than 32 KiB"));
    }
    if !target.starts_with('/') {
        return Err(Unreadable::new("the target must begin with a slash (origin form)"));
    }
    if target.contains('#') {
        return Err(Unreadable::new("a fragment (`#`) is never sent; leave it out"));
    }
    if target.contains('\\') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Unreadable::new(
            "path or query hold spaces, control characters, backslashes or raw non-ASCII; percent-encode them",
        ));
    }
    Ok(())
}

/// Names in lower case; refuses what could end one header and begin another.
fn read_headers(headers: Vec<(String, Bytes)>) -> Result<Vec<(String, Bytes)>, Unreadable> {
    let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > HEADERS_MAX || size > HEADER_BYTES_MAX {
        return Err(Unreadable::over_limit("there are more than 256 headers or 256 KiB of them"));
    }
    for (name, value) in &headers {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Unreadable::new("a header's name has characters that no name has"));
        }
        // Line breaks (also folded ones, RFC 9112 §5.2), NUL and their kin.
        if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(Unreadable::new(format!("the header `{name}` holds control characters")));
        }
    }
    Ok(headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
}

/// The value of a header that may be there once.
fn single<'a>(headers: &'a [(String, Bytes)], name: &str) -> Result<Option<&'a str>, Unreadable> {
    let mut values = headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value);
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(Unreadable::new(format!("the header `{name}` is there more than once")));
    }
    first
        .map(|value| std::str::from_utf8(value).map(str::trim))
        .transpose()
        .map_err(|_| Unreadable::new(format!("the header `{name}` is not text")))
}

/// Refuses lengths that two readers could take differently (RFC 9112 §6.3).
fn check_framing(headers: &[(String, Bytes)], body: &Body) -> Result<(), Unreadable> {
    let length = single(headers, "content-length")?;
    let coding = single(headers, "transfer-encoding")?;
    if length.is_some() && coding.is_some() {
        return Err(Unreadable::new("Content-Length and Transfer-Encoding exclude each other"));
    }
    if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case("chunked")) {
        return Err(Unreadable::new("the only Transfer-Encoding that is read is `chunked`"));
    }
    let Some(length) = length else { return Ok(()) };
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let bytes = length.parse::<u64>().ok().filter(|_| digits);
    let there = body.bytes().len() as u64;
    let agrees = bytes.is_some_and(|bytes| match body {
        Body::Whole(_) => bytes == there,
        Body::Prefix(_) => bytes > there,
    });
    if agrees {
        Ok(())
    } else {
        Err(Unreadable::new("Content-Length is not the number of bytes in the body"))
    }
}

/// Refuses a body that is the next request to a server that expects none with this method
/// (RFC 9110 §9.3.1).
pub(super) fn check_bodiless(method: &str, body: &[u8]) -> Result<(), Unreadable> {
    let bodiless = ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"];
    let line = body.trim_ascii_start().split(|byte| matches!(byte, b'\r' | b'\n')).next();
    let mut words = line.unwrap_or_default().split(|byte| matches!(byte, b' ' | b'\t'));
    let is_method =
        words.next().is_some_and(|word| !word.is_empty() && word.iter().copied().all(is_token));
    let mut words = words.filter(|word| !word.is_empty());
    let is_target = |word: &[u8]| {
        matches!(word.first(), Some(b'/' | b'*')) || memchr::memmem::find(word, b"://").is_some()
    };
    match bodiless.contains(&method) && is_method && words.next().is_some_and(is_target) {
        true => Err(Unreadable::new(format!(
            "the body of this {method} begins like another request, and servers that expect no \
             body would answer that; send it with POST"
        ))),
        false => Ok(()),
    }
}

/// The `Authorization` that clients make of `user:password@` (RFC 7617 §2).
fn basic(userinfo: &str) -> Result<Bytes, Unreadable> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let user: Vec<u8> = percent_decode_str(user).collect();
    let password: Vec<u8> = percent_decode_str(password).collect();
    let control = user.iter().chain(&password).any(u8::is_ascii_control);
    if control || user.contains(&b':') {
        return Err(Unreadable::new("the user in the URL holds a colon or control characters"));
    }
    let pair = [user.as_slice(), b":", &password].concat();
    Ok(Bytes::from(format!("Basic {}", STANDARD.encode(pair))))
}
