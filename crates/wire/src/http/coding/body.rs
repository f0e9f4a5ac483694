//! A message's body, taken out of all its codings, as far as it is here.

use bytes::Bytes;

use super::{Coding, Decoder, Pause};
use crate::{
    Unreadable,
    http::message::{Body, Message},
};

/// The most that a body is decoded to, where nobody says otherwise.
pub(in crate::http) const DECODED_BYTES_MAX: usize = 10 * 1024 * 1024;
/// The most bytes that one coded byte may become, on average, ...
const RATIO_MAX: usize = 250;
/// ... once it is more than this.
const RATIO_FREE_BYTES: usize = 1 << 20;

impl Message {
    /// The message with this body. If that is in content codings, they are taken off for
    /// judgement, up to `bytes_max`, and [`coded`](Message::coded) keeps it as it came; a body
    /// that is longer, or of which only the beginning is here, is judged by its beginning. What
    /// cannot be taken off stays as it is, and is refused when it is interpreted.
    #[must_use]
    pub fn with_body(mut self, body: Body, bytes_max: usize) -> Self {
        let values = self.header("content-encoding").map(|value| &value[..]);
        let plain = Coding::list(values)
            .and_then(|codings| take_off(&body, &codings, bytes_max))
            .unwrap_or_default();
        self.coded = plain.is_some().then(|| body.bytes().clone());
        self.body = plain.unwrap_or(body);
        self
    }

    /// The body as it goes out: coded as it came, unless something was put into it.
    pub fn sent_body(&self) -> &Bytes {
        self.coded.as_ref().unwrap_or(self.body.bytes())
    }
}

/// What `body` holds, up to `bytes_max`; `None` if it is in no coding. `codings` are in the order
/// in which they were put on.
pub fn take_off(
    body: &Body,
    codings: &[Coding],
    bytes_max: usize,
) -> Result<Option<Body>, Unreadable> {
    if codings.is_empty() || body.bytes().is_empty() {
        return Ok(None);
    }
    let mut body = body.clone();
    for coding in codings.iter().rev() {
        body = take_one_off(&body, *coding, bytes_max)?;
    }
    Ok(Some(body))
}

fn take_one_off(body: &Body, coding: Coding, bytes_max: usize) -> Result<Body, Unreadable> {
    let whole = matches!(body, Body::Whole(_));
    let mut input: &[u8] = body.bytes();
    let mut decoder = Decoder::new(coding);
    let mut plain = Vec::new();
    loop {
        let pause = decoder.step(&mut input, &mut plain);
        let pause = pause.map_err(|error| {
            Unreadable::new(format!("{error}, although content-encoding says so; send it plain"))
        })?;
        let used = body.bytes().len() - input.len();
        if plain.len() > RATIO_FREE_BYTES && plain.len() / RATIO_MAX > used {
            return Err(Unreadable::over_limit(format!(
                "the body is more than {RATIO_MAX} times as long once it is decompressed; send it plain"
            )));
        }
        if plain.len() > bytes_max {
            plain.truncate(bytes_max);
            return Ok(Body::Prefix(plain.into()));
        }
        match pause {
            Pause::Room => {}
            Pause::Input if whole => {
                return Err(Unreadable::new(
                    "the compressed body breaks off before its end; send it again, whole",
                ));
            }
            Pause::Input => return Ok(Body::Prefix(plain.into())),
            Pause::End if whole && input.is_empty() => return Ok(Body::Whole(plain.into())),
            Pause::End => {
                return Err(Unreadable::new(
                    "something follows the end of the compressed body, which some servers read and some do not; send one gzip member or one zstd frame, and nothing behind it",
                ));
            }
        }
    }
}
