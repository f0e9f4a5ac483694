//! The sentences of a refusal: that it was us, what and why, that nothing was sent, what to do
//! now, and that another road will not help.

use holdpoint_core::{Code, Refusal, plain, refusal::RefusalKind};

/// How long a client should wait before it tries again what failed on our side.
pub(super) const RETRY_SECONDS: u32 = 5;

/// The kind of "no" in a few words.
pub(super) fn title(refusal: &Refusal) -> &'static str {
    match refusal.kind {
        RefusalKind::Deny => "Refused by Holdpoint",
        RefusalKind::Hold => "Held by Holdpoint",
        RefusalKind::Scheduled => "Scheduled by Holdpoint, not done",
        RefusalKind::Upstream => "Passed by Holdpoint, not answered",
        RefusalKind::Unavailable => "Not decided by Holdpoint",
    }
}

/// Whether and when to send the same message again.
pub(super) fn retry(refusal: &Refusal) -> &'static str {
    match (refusal.kind, refusal.code()) {
        (_, Code::OutcomeUnknown) => "after_check",
        (RefusalKind::Hold, _) => "after_approval",
        (RefusalKind::Scheduled, _) => "after_time",
        (RefusalKind::Unavailable | RefusalKind::Upstream, _) => "later",
        (RefusalKind::Deny, _) => "no",
    }
}

/// The whole text.
pub(crate) fn detail(refusal: &Refusal) -> String {
    let code = refusal.code();
    let sent = if code == Code::OutcomeUnknown { None } else { Some("Nothing was sent.") };
    let reason = sentence(refusal.text());
    let sentences = [
        opening(refusal),
        reason,
        sent.unwrap_or_default().to_owned(),
        advice(refusal),
        elsewhere(refusal).to_owned(),
        reference(refusal),
    ];
    let said: Vec<&str> =
        sentences.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    said.join(" ")
}

/// Where to look it up, and what the human can do who finds that it was wrong.
fn reference(refusal: &Refusal) -> String {
    let reference = plain(&refusal.reference);
    match (reference.as_str(), refusal.kind) {
        ("", _) => String::new(),
        // Nobody decided these.
        (_, RefusalKind::Unavailable | RefusalKind::Upstream) => format!("Ref {reference}."),
        _ => format!("Ref {reference} (mistaken? `holdpoint wrong {reference}`)."),
    }
}

/// That it was us, what, and the code.
fn opening(refusal: &Refusal) -> String {
    let subject = match refusal.subject.as_str() {
        "" => "this".to_owned(),
        subject => plain(subject),
    };
    let code = refusal.code();
    match refusal.kind {
        RefusalKind::Deny => format!("Holdpoint refused {subject} ({code})."),
        RefusalKind::Hold => {
            format!("Holdpoint holds {subject} until a human releases it ({code}).")
        }
        RefusalKind::Scheduled => {
            format!("Holdpoint has scheduled {subject}; it is not done ({code}).")
        }
        // What failed behind us is not claimed as ours.
        RefusalKind::Upstream => {
            format!("Holdpoint let {subject} pass, and the upstream did not answer ({code}).")
        }
        RefusalKind::Unavailable => format!("Holdpoint could not decide {subject} ({code})."),
    }
}

/// What to do now.
pub fn advice(refusal: &Refusal) -> String {
    if refusal.kind == RefusalKind::Hold {
        return match &refusal.hold {
            Some(id) => format!(
                "Tell the human that `holdpoint approve {id}` releases it; then send the same again.",
                id = plain(id)
            ),
            None => "Tell the human that you are waiting; then send the same again.".to_owned(),
        };
    }
    if refusal.kind == RefusalKind::Scheduled {
        return later(refusal);
    }
    let text = match refusal.code() {
        Code::ChangedMeanwhile => "Send the same again.",
        Code::OutcomeUnknown => "Look at the state of things before you send it again.",
        Code::UpstreamUnreachable => "Check the address, or try again later.",
        Code::ForeignCredential => {
            "Do not look for another token. Continue without it, or ask the human to give this task one."
        }
        Code::UnboundCredential | Code::PhantomLeaving | Code::OutsidePurpose => {
            "Continue without it, or ask the human to bind the credential to this host, place and purpose."
        }
        Code::WrongEnvironment | Code::OutsideTask => {
            "Stay within the task, or ask the human to change what the task is about."
        }
        Code::UnlistedHost => "Continue without it, or ask the human to list the host.",
        Code::Unparsed => "Send it in a form that can be read in one way only.",
        Code::OverLimit => "Ask for less at once.",
        Code::TooLargeToHold => "Send it in smaller parts.",
        Code::Killed => "Stop here: a human ended this run.",
        Code::Tamper => "Leave the guard as it is, and tell the human what you need.",
        Code::Unidentified => {
            "Send the proxy credential that this agent was given; `holdpoint agents` makes one."
        }
        _ if refusal.kind == RefusalKind::Unavailable => {
            "Try again in a few seconds; if it stays so, tell the human to run `holdpoint doctor`."
        }
        _ => "Continue without it, or tell the human what you need and why.",
    };
    text.to_owned()
}

/// What to do while something waits for its time.
fn later(refusal: &Refusal) -> String {
    let id = plain(refusal.hold.as_deref().unwrap_or_default());
    format!(
        "Do not wait for it, and take it for not done: go on with something else, and tell the \
         human that `holdpoint undo {id}` cancels it until then. GET \
         http://holdpoint.internal/holds/{id} says what became of it."
    )
}

/// That another road will not help; empty where the fault is on the road.
fn elsewhere(refusal: &Refusal) -> &'static str {
    match (refusal.kind, refusal.code()) {
        (
            _,
            Code::OutcomeUnknown | Code::UpstreamUnreachable | Code::Unparsed | Code::OverLimit,
        ) => "",
        (RefusalKind::Hold | RefusalKind::Scheduled, _) => "The same by another route is held too.",
        (RefusalKind::Unavailable, _) => "Another route ends here too.",
        (RefusalKind::Upstream, _) => "",
        (RefusalKind::Deny, _) => "Another route, tool or credential is refused too.",
    }
}

/// A reason's text as a sentence.
fn sentence(text: &str) -> String {
    let line = plain(text.trim());
    let mut letters = line.trim_end_matches('.').chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}
