//! What else is known about a message on its way out.

use std::sync::Arc;

use http::StatusCode;

use super::{outgoing::Wanted, scrub::Needles};

/// What else is known about a message on its way out.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// A human listed the host as one that is inside.
    pub listed_privately: bool,
    /// What must not come back as it is.
    pub scrub: Option<Arc<Needles>>,
    /// A part of an object is asked for as it is: its range stays, and so do the codings of what
    /// comes of it, which nobody could take off a part. Any other answer is searched as always.
    pub partial: bool,
}

impl Route {
    /// What answer is asked for.
    pub(super) fn wanted(&self) -> Wanted {
        match (&self.scrub, self.partial) {
            (None, _) => Wanted::Any,
            (Some(_), false) => Wanted::Readable,
            (Some(_), true) => Wanted::ReadablePart,
        }
    }

    /// Whether an answer with this status has to be taken out of its codings.
    pub(super) fn must_read(&self, status: StatusCode) -> bool {
        let is_part = self.partial && status == StatusCode::PARTIAL_CONTENT;
        self.scrub.is_some() && !is_part
    }
}
