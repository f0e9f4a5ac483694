//! The simple protocol: a text of one or several statements, each run by itself.

use std::{io, sync::Arc};

use bytes::Bytes;
use holdpoint_core::Effect;
use holdpoint_wire::sql::{
    protocol::backend::{framed, say_complete},
    statements::Kind,
};

use super::{
    own::Own,
    reading::Reading,
    script::{Bound, Values},
    session::{Block, Ended, Session},
};

impl Session<'_> {
    /// Runs a text, and says that the server is ready again.
    pub(super) async fn query(&mut self, text: &str, frame: Bytes) -> io::Result<()> {
        self.point.look_again().await?;
        let read = self.point.served.readings.read(text, &self.point.served.target);
        match read {
            Err(unreadable) => drop(self.refuse_unreadable(text, unreadable).await?),
            Ok(readings) => match readings.as_slice() {
                // Nothing but comments: the server has a word for that.
                [] => drop(self.read(Vec::new(), frame).await?),
                [one] => drop(self.one(one, frame).await?),
                several => self.several(several).await?,
            },
        }
        self.ready().await
    }

    /// Runs a statement that stands alone in its text.
    async fn one(&mut self, reading: &Arc<Reading>, frame: Bytes) -> io::Result<Ended> {
        let bounds = vec![bound(reading)];
        let control = !matches!(
            reading.kind,
            Kind::Plain
                | Kind::Prepare(_)
                | Kind::Execute(_)
                | Kind::Deallocate(_)
                | Kind::CopyIn
                | Kind::Characteristics
        );
        if self.block != Block::None || control {
            return self.in_order(reading, bounds, frame).await;
        }
        if reading.may_only_read() && !self.is_careful() {
            match self.read(bounds.clone(), frame.clone()).await? {
                Ended::Writes => {}
                ended => return Ok(ended),
            }
        }
        self.write(bounds, frame).await
    }

    /// Runs a text of several statements. What stands in no transaction of the client's is one
    /// that the server would make around it: here it is the gateway's.
    async fn several(&mut self, readings: &[Arc<Reading>]) -> io::Result<()> {
        for reading in readings {
            let transaction =
                matches!(reading.kind, Kind::Begin { .. } | Kind::Commit | Kind::Rollback);
            if self.block == Block::None && !transaction {
                self.block = Block::Ours;
            }
            let frame = framed(b'Q', &[reading.text.as_bytes(), &[0]].concat());
            match self.in_order(reading, vec![bound(reading)], frame).await? {
                Ended::Well => {}
                Ended::Failed | Ended::Writes => break,
            }
        }
        self.end_ours().await.map(drop)
    }

    /// Runs one statement, by what it is to the transaction.
    pub(super) async fn in_order(
        &mut self,
        reading: &Arc<Reading>,
        bounds: Vec<Bound>,
        frame: Bytes,
    ) -> io::Result<Ended> {
        match (&reading.kind, self.block) {
            (Kind::Begin { reads }, Block::None) => self.begin(*reads, bounds, frame).await,
            (Kind::Begin { .. }, Block::Ours) => {
                self.say_withheld().await?;
                if !self.opened {
                    self.block = Block::None;
                    return self.begin(false, bounds, frame).await;
                }
                self.block = Block::Theirs;
                self.client.put(&say_complete("BEGIN")).await?;
                Ok(Ended::Well)
            }
            (Kind::Commit, Block::Ours | Block::Theirs) if !self.failed => {
                self.say_withheld().await?;
                self.commit(Some((bounds, frame))).await
            }
            (Kind::Commit | Kind::Rollback, Block::Ours | Block::Theirs) => {
                self.say_withheld().await?;
                self.roll_back(bounds, frame).await
            }
            (Kind::Commit | Kind::Rollback | Kind::Savepoint, Block::None) => {
                self.read(bounds, frame).await
            }
            (Kind::Alone, Block::None) => self.alone(bounds, frame).await,
            _ => self.rehearse(bounds, frame).await,
        }
    }

    /// Opens the client's own transaction.
    async fn begin(&mut self, reads: bool, bounds: Vec<Bound>, frame: Bytes) -> io::Result<Ended> {
        let after = if reads { Vec::new() } else { vec![Own::Write] };
        let anew = self.point.upstream.lock().await.counts_anew();
        let before = if anew { vec![Own::Forget] } else { Vec::new() };
        let script = self.script_of(bounds, super::script::Step::Rehearse, frame);
        let script =
            super::script::Script { before: before.clone(), after: after.clone(), ..script };
        if let Err(refusal) = holdpoint_enforce::enforce(self.point, self.claim, script).await {
            return self.refuse(&refusal).await;
        }
        self.own_answers(&before).await?;
        let (ended, _) = self.pump(false).await?;
        self.own_answers(&after).await?;
        if self.point.upstream.lock().await.status == b'T' {
            self.block = Block::Theirs;
            self.opened = true;
            self.failed = false;
            self.uncounted = !anew;
            self.script.clear();
        }
        Ok(ended)
    }

    /// Ends the open transaction as if it had not been.
    async fn roll_back(&mut self, bounds: Vec<Bound>, frame: Bytes) -> io::Result<Ended> {
        if !self.opened {
            self.leave();
            self.client.put(&say_complete("ROLLBACK")).await?;
            return Ok(Ended::Well);
        }
        let script = self.script_of(bounds, super::script::Step::Rehearse, frame);
        if let Err(refusal) = holdpoint_enforce::enforce(self.point, self.claim, script).await {
            return self.refuse(&refusal).await;
        }
        // What the server says of it is the client's, and nothing is withheld.
        self.block = Block::Theirs;
        let (ended, _) = self.pump(false).await?;
        if self.point.upstream.lock().await.status == b'I' {
            self.leave();
        }
        Ok(ended)
    }

    /// Runs a statement that changes something, in a transaction of the gateway's own.
    pub(super) async fn write(&mut self, bounds: Vec<Bound>, frame: Bytes) -> io::Result<Ended> {
        match self.answered_before(&bounds) {
            Ok(None) => {}
            Ok(Some(stored)) => {
                self.say_stored(&stored).await?;
                return Ok(Ended::Well);
            }
            Err(refusal) => return self.refuse(&refusal).await,
        }
        self.block = Block::Ours;
        let ended = self.rehearse(bounds, frame).await?;
        match (ended, self.end_ours().await?) {
            (Ended::Well, ended) => Ok(ended),
            (ended, _) => Ok(ended),
        }
    }

    /// Runs a statement that no transaction can hold: judged by its text alone.
    pub(super) async fn alone(&mut self, bounds: Vec<Bound>, frame: Bytes) -> io::Result<Ended> {
        let operations = bounds.iter().flat_map(|bound| bound.reading.operations.iter());
        if operations.into_iter().all(|it| it.effect == Effect::Observe) {
            return self.read(bounds, frame).await;
        }
        let script = self.script_of(bounds, super::script::Step::Run, frame);
        let (before, after) = (vec![Own::MayWrite(true)], vec![Own::MayWrite(false)]);
        let script =
            super::script::Script { before: before.clone(), after: after.clone(), ..script };
        match holdpoint_enforce::enforce(self.point, self.claim, script).await {
            Ok(super::point::Outcome::Answered(stored)) => {
                self.say_stored(&stored).await?;
                return Ok(Ended::Well);
            }
            Ok(_) => {}
            Err(refusal) => return self.wait_or_refuse(refusal).await,
        }
        self.may_write = true;
        self.own_answers(&before).await?;
        let (ended, _) = self.pump(false).await?;
        self.own_answers(&after).await?;
        self.may_write = false;
        self.point.served.catalogue.changed();
        let upstream = self.point.upstream.lock().await;
        match upstream.parameter(super::upstream::READ_ONLY) {
            Some("on") => Ok(ended),
            None if !upstream.reports_read_only() => Ok(ended),
            _ => Err(super::frame::invalid("the session would write by itself")),
        }
    }

    /// Whether looking, too, is done in a transaction that is counted.
    pub(super) fn is_careful(&self) -> bool {
        self.point.role().careful
    }

    /// Nobody's transaction is open any more.
    pub(super) fn leave(&mut self) {
        self.block = Block::None;
        (self.opened, self.failed, self.uncounted) = (false, false, false);
        self.script.clear();
    }
}

pub(super) fn bound(reading: &Arc<Reading>) -> Bound {
    let values = Values { simple: true, ..Values::default() };
    Bound { reading: Arc::clone(reading), values }
}
