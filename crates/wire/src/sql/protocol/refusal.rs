//! A refusal as an ErrorResponse: the connection stays usable, and whoever prints errors like
//! PostgreSQL's own prints all of it.

use bytes::{BufMut, Bytes, BytesMut};
use holdpoint_core::{Code, Refusal, refusal::RefusalKind};

use crate::http::refusal::{advice, detail};

/// The ErrorResponse for a refusal, with its first byte and its length.
pub fn error_response(refusal: &Refusal) -> Bytes {
    let (state, message) = match refusal.kind {
        // What a client runs again by itself: `serialization_failure`.
        _ if refusal.code() == Code::ChangedMeanwhile => ("40001", "not decided by Holdpoint"),
        RefusalKind::Deny => ("42501", "refused by Holdpoint"),
        RefusalKind::Hold => ("HP001", "held by Holdpoint until a human releases it"),
        RefusalKind::Scheduled => ("HP001", "scheduled by Holdpoint, and not done"),
        RefusalKind::Upstream => ("08006", "let through by Holdpoint, and not answered"),
        RefusalKind::Unavailable => ("58000", "not decided by Holdpoint"),
    };
    let message = format!("{message} ({})", refusal.code());
    let mut fields = BytesMut::new();
    for (name, value) in [
        (b'S', "ERROR"),
        (b'V', "ERROR"),
        (b'C', state),
        (b'M', &message),
        (b'D', &detail(refusal)),
        (b'H', &advice(refusal)),
    ] {
        if !value.is_empty() {
            fields.put_u8(name);
            fields.extend(value.bytes().filter(|byte| *byte != 0));
            fields.put_u8(0);
        }
    }
    fields.put_u8(0);
    let mut packet = BytesMut::with_capacity(fields.len() + 5);
    packet.put_u8(b'E');
    packet.put_u32(u32::try_from(fields.len() + 4).unwrap_or(u32::MAX));
    packet.put(fields);
    packet.freeze()
}
