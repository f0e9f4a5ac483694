//! Every position where credentials go, and what is there.

use std::ops::Range;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretSlice};

use super::{
    CredentialUse, Part, Position, ToldBy, Writing, multipart,
    names::{self, Says},
    shape, subprotocol,
};
use crate::http::{
    aws::signature,
    content, json,
    message::{Body, Message},
    path,
};

/// Clients differ in whether they pad `Basic` pairs, and servers read both.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the media types of multipart bodies begin with.
const MULTIPART: &[u8] = b"multipart/";

/// What carries the session token of an AWS signature.
const SESSION: &str = "x-amz-security-token";

/// Every credential in `message`, in the order of its parts. A body that is not whole or cannot
/// be read has none that could be found: it is refused elsewhere, or is a prompt. Of an upload,
/// the beginning is searched.
pub fn find(message: &Message) -> Vec<CredentialUse> {
    let mut found = Vec::new();
    for (index, (name, value)) in message.headers.iter().enumerate() {
        if let Ok(text) = std::str::from_utf8(value) {
            in_header(index, name, text, &mut found);
        } else if names::header(name) == Says::Credential {
            let range = 0..value.len();
            found.push(credential(Part::Header(index), range, Writing::Plain, name, value));
        }
    }
    in_target(&message.target, &mut found);
    match &message.body {
        body if is_multipart(message) => in_upload(body.bytes(), &mut found),
        Body::Whole(bytes) => in_body(message, bytes, &mut found),
        Body::Prefix(_) => {}
    }
    found
}

fn credential(
    part: Part,
    range: Range<usize>,
    writing: Writing,
    name: &str,
    value: &[u8],
) -> CredentialUse {
    let position = Position { part, range, writing, name: name.to_owned() };
    CredentialUse { position, value: SecretSlice::from(value.to_vec()), told_by: ToldBy::Place }
}

/// A credential in a place that is for anything: only its shape tells what it is.
fn shaped(used: CredentialUse) -> CredentialUse {
    CredentialUse { told_by: ToldBy::Shape, ..used }
}

/// The credentials of one header.
fn in_header(index: usize, name: &str, text: &str, found: &mut Vec<CredentialUse>) {
    let part = Part::Header(index);
    match name {
        // The gateway's own; it is not forwarded.
        "proxy-authorization" | "host" => {}
        "authorization" => in_authorization(part, text, found),
        "sec-websocket-protocol" => in_subprotocols(part, name, text, found),
        "cookie" => {
            for (range, pair) in pieces(text, 0, ';') {
                let pair_start = range.start + (pair.len() - pair.trim_start().len());
                let pair = pair.trim();
                let (own, value) = pair.split_once('=').unwrap_or(("", pair));
                let start = pair_start + (pair.len() - value.len());
                let range = start..start + value.len();
                if !value.is_empty() {
                    let name = format!("cookie {own}");
                    found.push(credential(part, range, Writing::Plain, &name, value.as_bytes()));
                }
            }
        }
        SESSION if !text.trim().is_empty() => {
            let value = text.trim();
            let start = text.len() - text.trim_start().len();
            let range = start..start + value.len();
            found.push(credential(part, range, Writing::Signed, name, value.as_bytes()));
        }
        _ => in_other_header(part, name, text, found),
    }
}

/// `Authorization`: the token of a scheme that has one, both halves of a `Basic` pair, and
/// everything after the word for any other scheme (RFC 9110 §11.6.2).
fn in_authorization(part: Part, text: &str, found: &mut Vec<CredentialUse>) {
    let name = "authorization";
    if let Some((range, key_id)) = signature::key_id_in_header(text) {
        found.push(credential(part, range, Writing::Signed, name, key_id.as_bytes()));
        return;
    }
    let trimmed = text.trim();
    let begin = text.len() - text.trim_start().len();
    let (scheme, rest) = trimmed.split_once([' ', '\t']).unwrap_or(("", trimmed));
    let value = rest.trim();
    let start = begin + trimmed.len() - rest.trim_start().len();
    let range = start..start + value.len();
    if value.is_empty() {
        return;
    }
    if scheme.eq_ignore_ascii_case("basic")
        && let Ok(pair) = BASE64.decode(value)
        && let Some(colon) = pair.iter().position(|byte| *byte == b':')
    {
        let (user, password) = pair.split_at_checked(colon).unwrap_or((&pair, b""));
        let password = password.get(1..).unwrap_or_default();
        if !user.is_empty() {
            let told_by = match !password.is_empty() && is_name(user) {
                true => ToldBy::Nothing,
                false => ToldBy::Place,
            };
            let user = credential(part, range.clone(), Writing::BasicUser, name, user);
            found.push(CredentialUse { told_by, ..user });
        }
        if !password.is_empty() {
            found.push(credential(part, range, Writing::BasicPassword, name, password));
        }
        return;
    }
    found.push(credential(part, range, Writing::Plain, name, value.as_bytes()));
}

/// Whether the user of a `Basic` pair is a name beside a password (`git`, `x-access-token`, an
/// address of mail), and not a token that some servers take there.
fn is_name(user: &[u8]) -> bool {
    std::str::from_utf8(user).is_ok_and(|user| {
        !shape::is_credential(user) && (user.contains('@') || !shape::looks_secret(user))
    })
}

/// The subprotocols that a WebSocket asks for: a browser can send no other header there, so some
/// servers take a credential for one.
fn in_subprotocols(part: Part, name: &str, text: &str, found: &mut Vec<CredentialUse>) {
    for (range, piece) in pieces(text, 0, ',') {
        let word = piece.trim();
        let start = range.start + (piece.len() - piece.trim_start().len());
        let Some(carried) = subprotocol::credential(word) else { continue };
        let range = start + carried.start..start + word.len();
        found.push(credential(part, range, carried.writing, name, &carried.value));
    }
}

/// A header that is named for a credential, or has something in it that has the shape of one.
fn in_other_header(part: Part, name: &str, text: &str, found: &mut Vec<CredentialUse>) {
    let value = text.trim();
    let start = text.len() - text.trim_start().len();
    let named = match names::header(name) {
        Says::Credential => !matches!(value, "" | "true" | "false" | "0" | "1"),
        Says::Perhaps => shape::looks_secret(value),
        Says::Nothing => false,
    };
    if named {
        // `X-Auth: Bearer …`: the token is what would be replaced.
        let token = match value.split_once(' ') {
            Some((scheme, token)) if is_scheme(scheme) => token.trim(),
            _ => value,
        };
        let at = start + value.len() - token.len();
        let range = at..at + token.len();
        found.push(credential(part, range, Writing::Plain, name, token.as_bytes()));
        return;
    }
    for (range, word) in shape::words(text).filter(|(_, word)| shape::is_credential(word)) {
        found.push(shaped(credential(part, range, Writing::Plain, name, word.as_bytes())));
    }
}

fn is_scheme(word: &str) -> bool {
    ["bearer", "token", "apikey", "api-key"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// Credentials in the path (by shape) and in the query (by name, or by shape).
fn in_target(target: &str, found: &mut Vec<CredentialUse>) {
    let (path_text, query) = target.split_once('?').unwrap_or((target, ""));
    for (range, word) in shape::words(path_text).filter(|(_, word)| shape::is_credential(word)) {
        let word = credential(Part::Target, range, Writing::Percent, "", word.as_bytes());
        found.push(shaped(word));
    }
    // Escaped, a credential has another shape until the server decodes it.
    for (range, segment) in pieces(path_text, 0, '/').filter(|(_, own)| own.contains('%')) {
        let decoded = percent_decode_str(segment).decode_utf8_lossy();
        let holds = |text: &str| shape::words(text).any(|(_, word)| shape::is_credential(word));
        if holds(&decoded) && !holds(segment) {
            let whole = credential(Part::Target, range, Writing::Percent, "", decoded.as_bytes());
            found.push(shaped(whole));
        }
    }
    let from = found.len();
    in_pairs(Part::Target, query, path_text.len() + 1, found);
    presigned(found.get_mut(from..).unwrap_or_default());
}

/// Of a presigned URL the key id says whose it is, and the session token belongs to it; the
/// signature by itself opens nothing. Without a key id that is judged, a signature is: other
/// providers have parameters of the same name, and know the signer from elsewhere.
fn presigned(found: &mut [CredentialUse]) {
    let names = |name: &str| found.iter().any(|used| used.position.name.eq_ignore_ascii_case(name));
    let (new, old) = (names("x-amz-credential"), names("awsaccesskeyid"));
    for used in found {
        let name = used.position.name.to_ascii_lowercase();
        match name.as_str() {
            "x-amz-credential" => {
                let value = String::from_utf8_lossy(used.value.expose_secret()).into_owned();
                let key_id = value.split('/').next().unwrap_or_default();
                used.value = SecretSlice::from(key_id.as_bytes().to_vec());
                used.position.writing = Writing::Signed;
            }
            SESSION => used.position.writing = Writing::Signed,
            "awsaccesskeyid" => {
                used.told_by = ToldBy::Place;
                used.position.writing = Writing::Signed;
            }
            "x-amz-signature" if new => used.told_by = ToldBy::Nothing,
            "signature" if old => used.told_by = ToldBy::Nothing,
            _ => {}
        }
    }
}

/// Credentials among `name=value` pairs that begin at `offset` of their part.
fn in_pairs(part: Part, text: &str, offset: usize, found: &mut Vec<CredentialUse>) {
    for (range, pair) in pieces(text, offset, '&') {
        let Some((name, raw)) = pair.split_once('=') else { continue };
        // What cannot be decoded is taken as it is: in a body that streams, nobody refuses it.
        let name = path::decode(name).unwrap_or(name.into());
        let (value, writing) = match path::decode(raw) {
            Ok(value) => (value, Writing::Percent),
            Err(_) => (raw.into(), Writing::Plain),
        };
        let range = range.end - raw.len()..range.end;
        let used = || credential(part, range, writing, &name, value.as_bytes());
        if is_named(&name, &value) {
            found.push(used());
        } else if shape::words(&value).any(|(_, word)| shape::is_credential(word)) {
            found.push(shaped(used()));
        }
    }
}

/// Whether the name of a parameter, or of a field in a form, says that its value is a credential.
fn is_named(name: &str, value: &str) -> bool {
    match names::field(name) {
        // `offline_token=true` asks a registry for a token.
        Says::Credential => !matches!(value, "" | "true" | "false"),
        Says::Perhaps => shape::looks_secret(value) || value.len() >= 32,
        Says::Nothing => false,
    }
}

fn is_multipart(message: &Message) -> bool {
    let begins = |value: &[u8]| {
        let begin = value.trim_ascii_start().get(..MULTIPART.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(MULTIPART))
    };
    message.header("content-type").any(|value| begins(value))
}

/// Credentials in the fields of a multipart body. A file is anything, so its shape tells nothing.
fn in_upload(bytes: &[u8], found: &mut Vec<CredentialUse>) {
    for multipart::Field { names, is_file, range } in multipart::fields(bytes) {
        let Some(raw) = bytes.get(range.clone()) else { continue };
        let value = String::from_utf8_lossy(raw);
        let named = names.iter().find(|name| is_named(name, &value));
        let name = named.or(names.first()).map(String::as_str).unwrap_or_default();
        let used = || credential(Part::Upload, range, Writing::Plain, name, raw);
        if named.is_some() {
            found.push(used());
        } else if !is_file && shape::words(&value).any(|(_, word)| shape::is_credential(word)) {
            found.push(shaped(used()));
        }
    }
}

/// The pieces of a text between separators, with their bytes counted from `offset`.
fn pieces(
    text: &str,
    offset: usize,
    separator: char,
) -> impl Iterator<Item = (Range<usize>, &str)> {
    text.split(separator).scan(offset, move |at, piece| {
        let range = *at..*at + piece.len();
        *at = range.end + separator.len_utf8();
        Some((range, piece))
    })
}

/// Credentials in the fields of a form, or at the top level of a JSON object.
fn in_body(message: &Message, bytes: &[u8], found: &mut Vec<CredentialUse>) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if content::media_type(message) == "application/x-www-form-urlencoded" {
        in_pairs(Part::Body, text, 0, found);
        return;
    }
    for json::WrittenString { name, value, range } in json::written_strings(text) {
        let named = match names::field(&name) {
            Says::Credential => !value.is_empty(),
            Says::Perhaps => name.contains(['_', '-']) && shape::looks_secret(&value),
            Says::Nothing => false,
        };
        let used = || credential(Part::Body, range, Writing::Json, &name, value.as_bytes());
        if named {
            found.push(used());
        } else if shape::is_credential(&value) {
            found.push(shaped(used()));
        }
    }
}
