//! The end of a transaction: what it changed is counted and judged, and then it counts, or it has
//! not been.

use std::{io, time::Duration};

use bytes::Bytes;
use holdpoint_core::{Refusal, refusal::RefusalKind};
use holdpoint_enforce::enforce;
use holdpoint_store::{Hold, HoldState};
use holdpoint_wire::sql::protocol::backend::say_complete;
use tokio::time::{Instant, timeout_at};

use super::{
    meter::MeterError,
    own::Own,
    point::Outcome,
    script::{Bound, Measured, Step},
    session::{Block, Ended, Session},
    upstream::OwnError,
};
use crate::point::unavailable;

impl Session<'_> {
    /// Ends the gateway's own transaction, if there is one.
    pub(super) async fn end_ours(&mut self) -> io::Result<Ended> {
        if self.block != Block::Ours {
            return Ok(Ended::Well);
        }
        if !self.opened {
            self.leave();
            return Ok(Ended::Well);
        }
        if self.failed {
            self.withheld = None;
            self.take_back().await?;
            return Ok(Ended::Failed);
        }
        self.commit(None).await
    }

    /// Ends the open transaction for good: in the client's words, or in the gateway's own.
    pub(super) async fn commit(&mut self, words: Option<(Vec<Bound>, Bytes)>) -> io::Result<Ended> {
        if !self.opened {
            self.leave();
            self.client.put(&say_complete("COMMIT")).await?;
            return Ok(Ended::Well);
        }
        let script = self.script.take();
        let measured = match self.point.measure(&script, &[]).await {
            Ok(first) => self.point.save_and_run_again(&script, first).await,
            failed => failed,
        };
        let measured = match measured {
            Ok(measured) => measured,
            Err(MeterError::Server(said)) => {
                self.withheld = None;
                self.client.put(&said).await?;
                self.take_back().await?;
                return Ok(Ended::Failed);
            }
            Err(MeterError::Refused(refusal) | MeterError::TooLarge(refusal)) => {
                self.take_back().await?;
                return self.refuse(&refusal).await;
            }
        };
        let theirs = words.is_some();
        let frames = words.map_or_else(|| Own::Commit.encoded(), |(_, frame)| frame);
        self.judge(script, measured, frames, theirs).await
    }

    async fn judge(
        &mut self,
        script: Vec<Bound>,
        measured: Measured,
        frames: Bytes,
        theirs: bool,
    ) -> io::Result<Ended> {
        let script = self.script_of(script, Step::Commit(Box::new(measured)), frames);
        let judged = enforce(self.point, self.claim, script).await;
        let kept = self.point.take_kept();
        match judged {
            Ok(Outcome::Committed(said)) => {
                self.leave();
                self.say_kept(kept).await?;
                if theirs {
                    self.client.put(&said).await?;
                }
                self.say_withheld().await?;
                Ok(Ended::Well)
            }
            Ok(Outcome::Failed(said)) => {
                self.leave();
                self.withheld = None;
                self.client.put(&said).await?;
                Ok(Ended::Failed)
            }
            Ok(Outcome::Answered(stored)) => {
                self.take_back().await?;
                self.say_done(theirs, &stored).await
            }
            Ok(Outcome::Sent) => Err(super::frame::invalid("a commit without an end")),
            Err(refusal) => {
                self.take_back().await?;
                self.wait_or_say(refusal, theirs).await
            }
        }
    }

    /// Rolls the open transaction back: nobody's rows wait for a human.
    pub(super) async fn take_back(&mut self) -> io::Result<()> {
        self.point.spooled.clear();
        let rolled = self.point.own(&Own::Rollback).await;
        self.leave();
        match rolled {
            Err(OwnError::Io(error)) => Err(error),
            // A cancellation may have hit it.
            _ if self.point.upstream.lock().await.status != b'I' => {
                Err(super::frame::invalid("a transaction could not be taken back"))
            }
            _ => Ok(()),
        }
    }

    /// What was asked for was done a short while ago.
    async fn say_done(&mut self, theirs: bool, stored: &[u8]) -> io::Result<Ended> {
        self.withheld = None;
        match theirs {
            true => self.client.put(&say_complete("COMMIT")).await?,
            false => self.say_stored(stored).await?,
        }
        Ok(Ended::Well)
    }

    /// Waits a while for a release of something that stands alone, or says no.
    pub(super) async fn wait_or_refuse(&mut self, refusal: Refusal) -> io::Result<Ended> {
        self.wait_or_say(refusal, false).await
    }

    async fn wait_or_say(&mut self, refusal: Refusal, theirs: bool) -> io::Result<Ended> {
        match self.released(&refusal).await {
            Some(Ok(stored)) => self.say_done(theirs, &stored).await,
            Some(Err(refusal)) => self.refuse(&refusal).await,
            None => self.refuse(&refusal).await,
        }
    }

    /// What the server said to the same statements, once a human has released them; none if
    /// nobody has in the time that a client is kept waiting.
    async fn released(&mut self, refusal: &Refusal) -> Option<Result<Vec<u8>, Refusal>> {
        let id = refusal.hold.as_ref().filter(|_| refusal.kind == RefusalKind::Hold)?;
        let http = &self.point.served.http;
        let until = Instant::now() + Duration::from_secs(http.config().hold.wait_seconds);
        let mut changes = http.state.subscribe();
        loop {
            let now = holdpoint_enforce::Point::now(&**http);
            let found = http.holds().find(id, now).map_err(unavailable);
            match found {
                Err(refusal) => return Some(Err(refusal)),
                Ok(None) => return None,
                Ok(Some(hold)) => {
                    if let Some(over) = self.over(&hold) {
                        return Some(over);
                    }
                }
            }
            // A missed change is a change as well: look again.
            timeout_at(until, changes.recv()).await.ok()?.ok();
        }
    }

    /// How a hold ended, if it did.
    fn over(&self, hold: &Hold) -> Option<Result<Vec<u8>, Refusal>> {
        use holdpoint_core::Code;
        let refused = |kind, code, text: &str| {
            let mut refusal = Refusal::new(kind, code, text);
            refusal.reference = hold.id.clone();
            Some(Err(refusal))
        };
        match hold.state {
            HoldState::Open | HoldState::Approved | HoldState::Scheduled | HoldState::Consuming => {
                None
            }
            HoldState::Done => Some(self.point.stored_answer(hold)),
            HoldState::Denied | HoldState::Cancelled => Some(Err(crate::fulfil::denied(hold))),
            HoldState::Unknown => refused(
                RefusalKind::Upstream,
                Code::OutcomeUnknown,
                "it was released and sent, and what became of it is not known",
            ),
            HoldState::Void | HoldState::Expired => refused(
                RefusalKind::Deny,
                Code::ApprovalVoid,
                "it could not be done any more as it was released; nothing is changed, and it can \
                 be asked for again",
            ),
        }
    }
}
