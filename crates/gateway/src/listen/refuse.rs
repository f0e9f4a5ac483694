//! Answers to what does not even become a message.

use holdpoint_core::{Code, Reason, Refusal, refusal::RefusalKind};
use holdpoint_wire::http::refusal::{self, Rendered};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use hyper::ext::ReasonPhrase;
use serde_json::{Map, Value};

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

/// A refusal with HTTP's own status for it, where there is no message to answer in kind.
pub fn problem(status: StatusCode, refusal: &Refusal) -> Response<ResponseBody> {
    let mut rendered = refusal::render(refusal, None);
    if let Ok(mut problem) = serde_json::from_slice::<Map<String, Value>>(&rendered.body) {
        // RFC 9457 §3.1.2: the same as the response's own.
        problem.insert("status".to_owned(), status.as_u16().into());
        rendered.body = Value::Object(problem).to_string().into();
    }
    rendered.status = status.as_u16();
    response(rendered)
}

/// What was rendered, as a response.
pub(crate) fn response(rendered: Rendered) -> Response<ResponseBody> {
    let mut response = Response::new(whole(rendered.body));
    *response.status_mut() =
        StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    if !rendered.reason.is_empty()
        && let Ok(reason) = ReasonPhrase::try_from(rendered.reason.into_bytes())
    {
        response.extensions_mut().insert(reason);
    }
    for (name, value) in rendered.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            response.headers_mut().append(name, value);
        }
    }
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
