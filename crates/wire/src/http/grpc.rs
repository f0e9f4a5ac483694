//! gRPC: what a call does, by the path that names its method. What is inside the messages is
//! known to their schema alone, and need not be: they may stream both ways.
//! Sources: "gRPC over HTTP2" and "gRPC Web", the protocol documents of the gRPC project.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdpoint_catalog::rest::generic;
use holdpoint_core::{Effect, Operation};

use super::{
    content,
    message::{Body, Message},
    rest::Target,
};
use crate::Unreadable;

/// Bytes before each message: whether it is compressed, and its length.
pub const HEAD_BYTES: usize = 5;

/// What the media type of every variant begins with.
const MEDIA_TYPE: &str = "application/grpc";
/// What that of the variant begins with that browsers speak.
const WEB_MEDIA_TYPE: &str = "application/grpc-web";
/// The same with everything in Base64.
const TEXT_MEDIA_TYPE: &str = "application/grpc-web-text";

/// Services that every server of gRPC may have, and that only read.
const READING: &[&str] = &[
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/List",
    "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Whether a content type is that of a call over HTTP/2, whose messages may follow one another
/// for as long as it lasts. The variant for browsers cannot do that.
pub fn is_call(content_type: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content_type);
    is_variant(&media_type_of(&text), MEDIA_TYPE)
}

fn media_type_of(text: &str) -> String {
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether `media` is `variant`, or that with the name of a serialisation (`+proto`).
fn is_variant(media: &str, variant: &str) -> bool {
    let rest = media.strip_prefix(variant);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
}

/// How a call is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// Over HTTP/2.
    Plain,
    /// For browsers.
    Web,
    /// The same in Base64.
    WebText,
}

impl Variant {
    /// The variant that a message says it is.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let media = content::media_type(message);
        [(MEDIA_TYPE, Self::Plain), (WEB_MEDIA_TYPE, Self::Web), (TEXT_MEDIA_TYPE, Self::WebText)]
            .into_iter()
            .find_map(|(name, variant)| is_variant(&media, name).then_some(variant))
    }

    /// The media type of an answer.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Plain => MEDIA_TYPE,
            Self::Web => "application/grpc-web+proto",
            Self::WebText => "application/grpc-web-text+proto",
        }
    }
}

/// A call, as far as a message is one.
pub(super) enum Call {
    /// Nothing else can read the message otherwise.
    Alone(Operation),
    /// A server that does not speak gRPC could do what method and path say.
    Beside(Operation),
}

/// What the call `message` does; `None` if it is none. A body that streams must begin like one.
pub(super) fn read(message: &Message, target: &Target) -> Result<Option<Call>, Unreadable> {
    let Some(variant) = Variant::of(message) else { return Ok(None) };
    let [service, method] = target.segments.as_slice() else { return Ok(None) };
    let names = is_name(service) && !method.contains('.') && is_name(method);
    if message.method != "POST" || !names {
        return Ok(None);
    }
    let name = format!("{service}/{method}");
    let operation =
        Operation::guessed(format!("grpc:{name}"), effect(&name, method), target.resource(message));
    let framed = is_framed(variant, &message.body);
    if !framed && matches!(message.body, Body::Prefix(_)) {
        return Err(Unreadable::new("the stream does not begin with a gRPC message; send one"));
    }
    Ok(Some(match framed && target.query.is_empty() {
        true => Call::Alone(operation),
        false => Call::Beside(operation),
    }))
}

/// Whether a text is a name of Protocol Buffers, with or without a package.
fn is_name(text: &str) -> bool {
    text.split('.').all(|part| {
        part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    })
}

/// What a method does: one that nobody knows runs what cannot be seen. The service's name may
/// only make it stricter.
fn effect(name: &str, method: &str) -> Effect {
    if READING.contains(&name) {
        return Effect::Observe;
    }
    generic::effect_of_procedure(method, name)
}

/// Whether a body is nothing but gRPC messages, of which no reader of JSON or forms can make
/// anything: each begins with a byte that no text has.
fn is_framed(variant: Variant, body: &Body) -> bool {
    match (variant, body) {
        (Variant::WebText, Body::Whole(text)) => {
            STANDARD.decode(text).is_ok_and(|bytes| is_all_messages(&bytes))
        }
        (Variant::WebText, Body::Prefix(_)) => false,
        (_, Body::Whole(bytes)) => is_all_messages(bytes),
        (_, Body::Prefix(bytes)) => split_message(bytes).is_some(),
    }
}

fn is_all_messages(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((length, after)) = split_message(rest) else { return false };
        let Some((_, next)) = after.split_at_checked(length) else { return false };
        rest = next;
    }
    !bytes.is_empty()
}

/// The length of the first message, and what comes after its head.
fn split_message(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let ([flag, length @ ..], rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    (*flag <= 1).then_some((length, rest))
}

#[cfg(test)]
mod tests;
