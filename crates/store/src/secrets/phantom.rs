//! Phantoms: stand-ins with the length and the shape of the secret, and nothing of its value.
//!
//! Every character that can be secret is drawn anew from its own class, so that whatever checks
//! a credential's looks before it sends it takes the phantom for one. What is public in a
//! credential is kept: a known prefix, a token's header and claims, a UUID's version, a URL's
//! user and host. A JWT's claims are kept because clients read them (`exp`, a project's name);
//! without its signature they grant nothing.

use std::{convert::Infallible, ops::Range};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use crate::{error::StoreError, id::random};

/// Characters that have to be drawn anew, lest a phantom is an ordinary word by chance.
const DRAWN_MIN: usize = 8;
/// Draws before it is said that every one would be the secret itself.
const TRIES_MAX: usize = 8;
/// Bytes of the longest secret.
const SECRET_BYTES_MAX: usize = 65_536;

/// Prefixes by which people and programs know a credential's kind; longest match first.
const PREFIXES: &[&str] = &[
    "github_pat_",
    "sk-proj-",
    "sk-ant-api03-",
    "sk-ant-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "rk_test_",
    "pk_live_",
    "pk_test_",
    "whsec_",
    "glpat-",
    "gldt-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "npm_",
    "pypi-",
    "dop_v1_",
    "hvs.",
    "dckr_pat_",
    "shpat_",
    "lin_api_",
    "sbp_",
    "AKIA",
    "ASIA",
    "AIza",
    "SG.",
    "hp_",
    "sk-",
];

/// Why there can be no phantom for a value.
#[derive(Debug, Error)]
pub enum PhantomError {
    /// A phantom of it could be an ordinary word.
    #[error(
        "fewer than {DRAWN_MIN} of its characters can be secret; its phantom could not be told \
         from ordinary text. Make a longer credential at the provider"
    )]
    TooShort,
    /// It is too long to be a credential.
    #[error("longer than {SECRET_BYTES_MAX} bytes; this is no credential")]
    TooLong,
    /// It could not be sent where credentials go.
    #[error("it holds characters outside printable ASCII; check how it was pasted")]
    NotAscii,
    /// Blanks around it would be sent with it.
    #[error("there are blanks around it; paste it without them")]
    Blanks,
    /// The system gave no random numbers.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A phantom for `secret`, drawn at random; never the secret itself.
pub fn phantom_of(secret: &SecretString) -> Result<String, PhantomError> {
    let secret = secret.expose_secret();
    if secret.len() > SECRET_BYTES_MAX {
        return Err(PhantomError::TooLong);
    }
    if secret.trim() != secret {
        return Err(PhantomError::Blanks);
    }
    if !secret.chars().all(|c| c.is_ascii_graphic() || matches!(c, ' ' | '\n' | '\r' | '\t')) {
        return Err(PhantomError::NotAscii);
    }
    let (kept, hex) = (kept_part(secret), is_hex(secret));
    let is_drawn = |(at, c): &(usize, char)| kept.draws(*at) && c.is_ascii_alphanumeric();
    if secret.char_indices().filter(is_drawn).count() < DRAWN_MIN {
        return Err(PhantomError::TooShort);
    }
    loop {
        let mut numbers = || Ok::<_, StoreError>(u32::from_be_bytes(random()?));
        let phantom = drawn(secret, &kept, hex, &mut numbers)?;
        if phantom != secret {
            return Ok(phantom);
        }
    }
}

/// A phantom for `secret` from numbers that are the same whenever they are asked for, of any
/// length; nothing if it has no character that could be another.
pub(super) fn phantom_from(secret: &str, mut numbers: impl FnMut() -> u32) -> Option<String> {
    let (kept, hex) = (kept_part(secret), is_hex(secret));
    (0..TRIES_MAX).find_map(|_| {
        let phantom = drawn(secret, &kept, hex, &mut || Ok::<_, Infallible>(numbers()));
        phantom.ok().filter(|phantom| phantom != secret)
    })
}

/// Whether all that is drawn of it are hexadecimal digits, and enough to be no chance.
fn is_hex(secret: &str) -> bool {
    let kept = kept_part(secret);
    let is_drawn = |(at, c): &(usize, char)| kept.draws(*at) && c.is_ascii_alphanumeric();
    let drawn: Vec<char> = secret.char_indices().filter(is_drawn).map(|(_, c)| c).collect();
    drawn.len() >= 16 && drawn.iter().all(char::is_ascii_hexdigit)
}

/// `secret` with every character that is not kept drawn anew.
fn drawn<E>(
    secret: &str,
    kept: &Kept,
    hex: bool,
    numbers: &mut dyn FnMut() -> Result<u32, E>,
) -> Result<String, E> {
    let draw_at = |(at, c)| if kept.draws(at) { draw(c, hex, numbers) } else { Ok(c) };
    secret.char_indices().map(draw_at).collect()
}

/// Which bytes of a secret are drawn anew.
struct Kept {
    drawn: Range<usize>,
    but: Vec<Range<usize>>,
}

impl Kept {
    fn draws(&self, at: usize) -> bool {
        self.drawn.contains(&at) && !self.but.iter().any(|range| range.contains(&at))
    }
}

fn kept_part(secret: &str) -> Kept {
    let but = if is_uuid(secret) { vec![14..15, 19..20] } else { armour_lines(secret) };
    let drawn = match (password(secret), signature(secret)) {
        (Some(password), _) => password,
        (None, Some(signature)) => signature,
        (None, None) => prefix_length(secret)..secret.len(),
    };
    Kept { drawn, but }
}

fn prefix_length(secret: &str) -> usize {
    PREFIXES.iter().find(|prefix| secret.starts_with(**prefix)).map_or(0, |prefix| prefix.len())
}

/// 8-4-4-4-12 hexadecimal digits (RFC 9562).
fn is_uuid(secret: &str) -> bool {
    let groups: Vec<&str> = secret.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().chars().all(|c| c.is_ascii_hexdigit())
}

/// The signature of a JWT in compact form (RFC 7519), if `secret` is one.
fn signature(secret: &str) -> Option<Range<usize>> {
    let (rest, signature) = secret.rsplit_once('.')?;
    let (header, payload) = rest.split_once('.')?;
    let is_object = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<serde_json::Map<_, _>>(&bytes).ok()
    };
    is_object(header)?.get("alg")?;
    is_object(payload)?;
    Some(secret.len() - signature.len()..secret.len())
}

/// The password of a URL such as `postgres://user:password@host/name`, if `secret` is one.
fn password(secret: &str) -> Option<Range<usize>> {
    let (scheme, rest) = secret.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user_part, _) = authority.rsplit_once('@')?;
    let (user, password) = user_part.split_once(':')?;
    let start = scheme.len() + "://".len() + user.len() + 1;
    Some(start..start + password.len())
}

/// The lines around a key that say what it is (RFC 7468).
fn armour_lines(secret: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in secret.split_inclusive('\n') {
        if line.starts_with("-----") {
            lines.push(start..start + line.len());
        }
        start += line.len();
    }
    lines
}

/// Another character of the same class; what is neither letter nor digit stays.
fn draw<E>(c: char, hex: bool, numbers: &mut dyn FnMut() -> Result<u32, E>) -> Result<char, E> {
    let class: &[u8] = match c {
        '0'..='9' => b"0123456789",
        'a'..='f' if hex => b"abcdef",
        'A'..='F' if hex => b"ABCDEF",
        'a'..='z' => b"abcdefghijklmnopqrstuvwxyz",
        'A'..='Z' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        _ => return Ok(c),
    };
    let number = numbers()? as usize % class.len();
    Ok(class.get(number).copied().map_or(c, char::from))
}
