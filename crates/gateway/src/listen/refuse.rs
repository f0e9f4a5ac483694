//! Answers to what does not even become a message.

use holdpoint_core::{Code, Reason, Refusal, refusal::RefusalKind};
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::body::{ResponseBody, whole};

/// What a client without a valid credential is asked for (RFC 9110 §11.7.1).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"holdpoint\"");

/// Something that cannot become a message, with the status that HTTP has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswerable {
    /// HTTP's word for it.
    pub status: StatusCode,
    /// Ours.
    pub refusal: Refusal,
}

impl Unanswerable {
    /// Refused with `status`, because of `reason`.
    pub fn new(status: StatusCode, reason: impl Into<Reason>) -> Self {
        let Reason { code, text, .. } = reason.into();
        Self { status, refusal: Refusal::new(RefusalKind::Deny, code, text) }
    }

    /// The challenge to somebody who could not prove who they are.
    pub fn challenge() -> Self {
        let text = "the proxy credential is missing or wrong: use the proxy URL that Holdpoint \
                    printed for this agent, with its user part";
        let reason = Reason::new(Code::Unidentified, text);
        Self::new(StatusCode::PROXY_AUTHENTICATION_REQUIRED, reason)
    }
}

/// A refusal as `application/problem+json` (RFC 9457).
pub fn problem(status: StatusCode, refusal: &Refusal) -> Response<ResponseBody> {
    let code = refusal.code();
    let sent = if code == Code::OutcomeUnknown { "" } else { "; nothing was sent" };
    let body = json!({
        "type": format!("http://holdpoint.internal/reasons/{code}"),
        "title": "Holdpoint refused this",
        "status": status.as_u16(),
        "detail": format!("Holdpoint refused this ({code}). {}{sent}.", refusal.text()),
        "code": code.as_str(),
    });
    let mut response = Response::new(whole(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Adds what HTTP requires of a response with this status, whoever rendered it.
pub(super) fn complete(
    status: StatusCode,
    mut response: Response<ResponseBody>,
) -> Response<ResponseBody> {
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        headers.insert(header::PROXY_AUTHENTICATE, CHALLENGE);
    }
    // The request may not have been read to its end, and nothing that follows can be trusted to
    // be a request of its own.
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
