//! What an agent may ask of a human: to be granted something. A human's yes does nothing but be
//! told to the agent; granting is a command of its own, which no agent can give.

use holdpoint_core::{Effect, Operation, ResourceId, Reversibility};

use crate::{
    Unreadable,
    http::{Body, Message, json::Json},
};

/// The host that only exists here: agents ask it about themselves, and a human through it.
pub const HOST: &str = "holdpoint.internal";
/// Asking for a grant.
pub const OPERATION: &str = "holdpoint:ask";
/// Where that is done.
const TARGET: &str = "/ask";
/// Characters of the name of a grant, and of the reason for it, at most.
const GRANT_CHARS_MAX: usize = 128;
const WHY_CHARS_MAX: usize = 1500;

/// Whether a message asks a human for something.
pub fn asks(message: &Message) -> bool {
    message.host == HOST && message.method == "POST" && message.target == TARGET
}

/// What a message to [`HOST`] would do, if it asks for something.
pub fn interpret(message: &Message) -> Result<Vec<Operation>, Unreadable> {
    let Body::Whole(body) = &message.body else { return Err(wanted()) };
    if !asks(message) {
        return Err(wanted());
    }
    let body = Json::read(body)?;
    let text = |key: &str, max: usize| {
        let text = body.get(key).and_then(Json::as_str).map(str::trim);
        text.filter(|text| !text.is_empty() && text.chars().count() <= max).ok_or_else(wanted)
    };
    let (grant, _) = (text("grant", GRANT_CHARS_MAX)?, text("why", WHY_CHARS_MAX)?);
    if body.fields().len() != 2 || grant.chars().any(char::is_control) {
        return Err(wanted());
    }
    let resource = ResourceId::new(format!("holdpoint:grant/{grant}"));
    let way_back = Reversibility::Inverse;
    Ok(vec![Operation::known(OPERATION, Effect::GrantAccess, resource, way_back)])
}

fn wanted() -> Unreadable {
    Unreadable::new(format!(
        "send POST http://{HOST}{TARGET} with {{\"grant\":\"what you need\",\"why\":\"what for\"}}, \
         of at most {GRANT_CHARS_MAX} and {WHY_CHARS_MAX} characters"
    ))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{HOST, interpret};
    use crate::{
        connect,
        http::{Body, Message},
    };

    #[test]
    fn only_a_grant_and_a_reason_are_asked_for() {
        for (target, body, expect) in [
            (
                "/ask",
                r#"{"grant":"railway","why":"to list domains"}"#,
                Some("holdpoint:grant/railway"),
            ),
            ("/ask", r#"{"grant":"railway"}"#, None),
            ("/ask", r#"{"grant":"railway","why":" "}"#, None),
            ("/ask", r#"{"grant":"a\nb","why":"x"}"#, None),
            ("/ask", r#"{"grant":"a","why":"x","approve":true}"#, None),
            ("/ask", r#"{"grant":"a","grant":"b","why":"x"}"#, None),
            ("/ask?x", r#"{"grant":"a","why":"x"}"#, None),
            ("/holds/h-1", r#"{"grant":"a","why":"x"}"#, None),
            ("/ask", "x", None),
        ] {
            let message = Message {
                method: "POST".to_owned(),
                target: target.to_owned(),
                body: Body::Whole(Bytes::from_static(body.as_bytes())),
                ..connect::message(HOST, 80)
            };
            let read = interpret(&message).ok();
            let resource = read.as_ref().map(|it| it[0].resource.id.as_str());
            assert_eq!(resource, expect, "{target} {body}");
        }
    }
}
