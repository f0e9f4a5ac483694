//! A "no" in HTTP's own words, in the shape that the client at hand prints.

mod aws;
mod shape;
mod text;

use bytes::Bytes;
use holdpoint_core::{Refusal, refusal::RefusalKind};
use serde_json::{Value, json};

use super::{git, message::Message};
use shape::Shape;
pub use text::advice;
pub(crate) use text::detail;

/// An HTTP answer that says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The status code.
    pub status: u16,
    /// The reason phrase of HTTP/1.1 (RFC 9112 §4), which is all that many a client prints: pip,
    /// twine, whatever of Python raises for a status, Maven. Empty: the usual one.
    pub reason: String,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

/// `refusal` as an answer to `message`; without one (it could not be read) as plain problem
/// details. Nothing of the message but the kind of its client shows.
pub fn render(refusal: &Refusal, message: Option<&Message>) -> Rendered {
    let shape = message.map_or(Shape::Problem, Shape::of);
    let status = match refusal.kind {
        RefusalKind::Deny => 403,
        // Nothing was done yet: no status of success, not even 202, which clients take for one.
        RefusalKind::Hold | RefusalKind::Scheduled => 428,
        RefusalKind::Unavailable => 503,
        RefusalKind::Upstream => 502,
    };
    let problem = Problem::of(refusal, status);
    let mut rendered = rendered(shape, &problem);
    // What failed behind us is no report of a server: it may have changed something.
    if let Some(message) = message.filter(|_| refusal.kind != RefusalKind::Upstream)
        && let Some(report) = git::report(message, &problem.summary(), &problem.detail)
    {
        rendered.status = 200;
        rendered.reason.clear();
        rendered.body = report;
        let headers = rendered.headers.iter_mut();
        headers.filter(|(name, _)| *name == "content-type").for_each(|(_, value)| {
            *value = git::MEDIA_TYPE.to_owned();
        });
    }
    rendered
}

/// The answer to who could not prove who they are (RFC 9110 §15.5.8): clients read it before they
/// have sent anything, so it has one shape.
pub fn unidentified(refusal: &Refusal) -> Rendered {
    let mut rendered = rendered(Shape::Problem, &Problem::of(refusal, 407));
    rendered.headers.push(("proxy-authenticate", "Basic realm=\"holdpoint\"".to_owned()));
    rendered
}

/// What every shape says in its own way.
struct Problem<'a> {
    refusal: &'a Refusal,
    status: u16,
    title: &'static str,
    detail: String,
    approve_with: Option<String>,
    retry: &'static str,
}

impl<'a> Problem<'a> {
    fn of(refusal: &'a Refusal, status: u16) -> Self {
        let approve_with = match refusal.kind {
            RefusalKind::Hold => refusal.hold.as_ref().map(|id| format!("holdpoint approve {id}")),
            _ => None,
        };
        Self {
            refusal,
            status,
            title: text::title(refusal),
            detail: text::detail(refusal),
            approve_with,
            retry: text::retry(refusal),
        }
    }

    /// The code as it is written everywhere.
    fn code(&self) -> &'static str {
        self.refusal.code().as_str()
    }

    /// What it is and what releases it, in a few words.
    fn summary(&self) -> String {
        let release = self.approve_with.iter().map(|command| format!(": {command}"));
        let time = self.refusal.not_before.iter().map(|time| format!(": not before {time}"));
        format!("{} ({}){}", self.title, self.code(), release.chain(time).collect::<String>())
    }

    /// The fields of `contracts.md` (RFC 9457, with our own after its five).
    fn fields(&self) -> Value {
        let mut fields = json!({
            "type": format!("urn:holdpoint:{}", self.code()),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code(),
            "hold": self.refusal.hold,
            "approve_with": self.approve_with,
            "retry": self.retry,
        });
        if let (Some(time), Some(fields)) = (self.refusal.not_before, fields.as_object_mut()) {
            let cancel = self.refusal.hold.as_ref().map(|id| format!("holdpoint undo {id}"));
            fields.insert("not_before".to_owned(), json!(time.to_string()));
            fields.insert("cancel_with".to_owned(), json!(cancel));
        }
        fields
    }
}

/// `problem` in `shape`.
fn rendered(shape: Shape, problem: &Problem<'_>) -> Rendered {
    let (media, body) = match shape {
        Shape::AwsCbor => aws::cbor(problem),
        _ => {
            let (media, text) = shape.body(problem);
            (media, Bytes::from(text))
        }
    };
    let mut headers = vec![
        ("content-type", media.to_owned()),
        ("cache-control", "no-store".to_owned()),
        ("x-holdpoint-code", problem.code().to_owned()),
    ];
    headers.extend(shape.headers(problem));
    if problem.retry == "later" {
        headers.push(("retry-after", text::RETRY_SECONDS.to_string()));
    }
    let status = shape.status(problem);
    let reason = if status == problem.status { problem.summary() } else { String::new() };
    Rendered { status, reason, headers, body }
}

#[cfg(test)]
mod tests;
