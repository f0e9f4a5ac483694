//! One value put in another's place, written as that place needs it, and nothing else changed.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use secrecy::ExposeSecret as _;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{CredentialUse, Part, Position, Writing, find::BASE64};
use crate::http::{
    json::Json,
    message::{Body, Message},
    path,
};

/// Why a value could not be put in its place. The message is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SubstituteError {
    /// The message has changed since the credential was found.
    #[error("the credential is no longer where it was found; find it again")]
    Moved,
    /// The value has bytes that cannot be written in that place.
    #[error("the secret has bytes that this place cannot hold; store it without line breaks")]
    NotWritable,
    /// The upstream would keep the value as content.
    #[error("no secret is put into an upload; send the credential in a header")]
    Upload,
}

/// Puts `real` where `used` is. To substitute several, take the last found first: what is before
/// stays where it was.
pub fn substitute(
    message: &mut Message,
    used: &CredentialUse,
    real: &[u8],
) -> Result<(), SubstituteError> {
    let Position { part, range, writing, .. } = &used.position;
    let bytes: &[u8] = match part {
        Part::Header(index) => &message.headers.get(*index).ok_or(SubstituteError::Moved)?.1,
        Part::Target => message.target.as_bytes(),
        Part::Body => message.body.bytes(),
        Part::Upload => return Err(SubstituteError::Upload),
    };
    let end = match writing {
        // The other half may have been replaced before, and the pair be longer than it was.
        Writing::BasicUser | Writing::BasicPassword => bytes.trim_ascii_end().len(),
        _ => range.end,
    };
    let before = bytes.get(..range.start).ok_or(SubstituteError::Moved)?;
    let there = bytes.get(range.start..end).ok_or(SubstituteError::Moved)?;
    let after = bytes.get(end..).ok_or(SubstituteError::Moved)?;
    let written = write(*writing, there, used.value.expose_secret(), real)?;
    let whole = [before, written.as_slice(), after].concat();
    put(message, *part, whole)
}

/// How `real` is written in place of `value`, which must be what is `there`.
fn write(
    writing: Writing,
    there: &[u8],
    value: &[u8],
    real: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SubstituteError> {
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| SubstituteError::Moved);
    let control = real.iter().any(|byte| byte.is_ascii_control());
    match writing {
        Writing::Plain if there == value => {
            if control {
                return Err(SubstituteError::NotWritable);
            }
            Ok(Zeroizing::new(real.to_vec()))
        }
        Writing::Percent if path::decode(text(there)?).is_ok_and(|own| own.as_bytes() == value) => {
            Ok(Zeroizing::new(percent_encode(real, NON_ALPHANUMERIC).to_string().into_bytes()))
        }
        Writing::Base64Url if URL_SAFE_NO_PAD.decode(there).is_ok_and(|own| own == value) => {
            Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(real).into_bytes()))
        }
        Writing::Json => {
            let own = Json::read(there).map_err(|_| SubstituteError::Moved)?;
            if own.as_str().map(str::as_bytes) != Some(value) {
                return Err(SubstituteError::Moved);
            }
            let real = std::str::from_utf8(real).map_err(|_| SubstituteError::NotWritable)?;
            let written = serde_json::to_vec(real).map_err(|_| SubstituteError::NotWritable)?;
            Ok(Zeroizing::new(written))
        }
        Writing::BasicUser | Writing::BasicPassword => basic(writing, there, value, real, control),
        Writing::Plain | Writing::Percent | Writing::Base64Url | Writing::Signed => {
            Err(SubstituteError::Moved)
        }
    }
}

/// A `Basic` pair with one half replaced.
fn basic(
    writing: Writing,
    there: &[u8],
    value: &[u8],
    real: &[u8],
    control: bool,
) -> Result<Zeroizing<Vec<u8>>, SubstituteError> {
    let pair = Zeroizing::new(BASE64.decode(there).map_err(|_| SubstituteError::Moved)?);
    let colon = pair.iter().position(|byte| *byte == b':').ok_or(SubstituteError::Moved)?;
    let (user, rest) = pair.split_at_checked(colon).ok_or(SubstituteError::Moved)?;
    let password = rest.get(1..).unwrap_or_default();
    let of_user = writing == Writing::BasicUser;
    if control || (of_user && real.contains(&b':')) {
        return Err(SubstituteError::NotWritable);
    }
    if (if of_user { user } else { password }) != value {
        return Err(SubstituteError::Moved);
    }
    let pair = if of_user { [real, b":", password] } else { [user, b":", real] };
    let pair = Zeroizing::new(pair.concat());
    Ok(Zeroizing::new(STANDARD.encode(pair.as_slice()).into_bytes()))
}

/// Puts the changed bytes back, and says how long the body is now.
fn put(message: &mut Message, part: Part, whole: Vec<u8>) -> Result<(), SubstituteError> {
    match part {
        Part::Header(index) => {
            let header = message.headers.get_mut(index).ok_or(SubstituteError::Moved)?;
            header.1 = Bytes::from(whole);
        }
        Part::Target => {
            message.target = String::from_utf8(whole).map_err(|_| SubstituteError::NotWritable)?;
        }
        Part::Upload => return Err(SubstituteError::Upload),
        Part::Body => {
            let length = whole.len().to_string();
            message.body = match message.body {
                Body::Whole(_) => Body::Whole(Bytes::from(whole)),
                // A prefix is never rewritten: nobody has read how long the rest is.
                Body::Prefix(_) => return Err(SubstituteError::Moved),
            };
            // It goes out as it is now: the codings that it came in are not put on again.
            message.coded = None;
            for (name, value) in &mut message.headers {
                if name == "content-length" {
                    *value = Bytes::from(length.clone());
                }
            }
        }
    }
    Ok(())
}
