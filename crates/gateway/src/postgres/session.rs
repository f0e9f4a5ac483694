//! One session: the client's messages in their order, the server's answers, and whose transaction
//! it is at the moment.

use std::io;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use holdpoint_core::{Code, Refusal, identity::Principal};
use holdpoint_enforce::enforce;
use holdpoint_wire::{
    Unreadable,
    sql::{
        protocol::{
            backend::{self, say_error, say_parameter, say_ready},
            frontend::Frontend,
            refusal::error_response,
        },
        statements::Kind,
    },
};

use super::{
    batch::Batch,
    frame::{Frame, Framed, invalid},
    own::Own,
    point::SessionPoint,
    preimage::KeptAs,
    ran::Ran,
    script::{Bound, Script, Step, StoredAnswer, Values},
    upstream::READ_ONLY,
};
use crate::{forward::dial::Wire, point::Claim};

/// Bytes of copied rows that are kept, in case a human is asked.
const COPIED_BYTES_MAX: usize = 1 << 20;

/// Whose transaction is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// Nobody's.
    None,
    /// The gateway's, around what the client thinks stands alone.
    Ours,
    /// The client's.
    Theirs,
}

/// How a statement ended, as far as the client has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Well.
    Well,
    /// With an error.
    Failed,
    /// It wanted to write where nothing can be written. The client has not been told.
    Writes,
}

/// A session between a client and its server.
pub(super) struct Session<'a> {
    pub(super) point: &'a SessionPoint,
    pub(super) claim: &'a Claim,
    pub(super) principal: Principal,
    pub(super) client: Framed<Box<dyn Wire>>,
    pub(super) block: Block,
    /// Whether the gateway's own transaction has been opened at the server.
    pub(super) opened: bool,
    /// Whether the open transaction can only be rolled back.
    pub(super) failed: bool,
    /// Whether what the server has counted before the open transaction is still to be read in it.
    pub(super) uncounted: bool,
    /// What was run in the open transaction.
    pub(super) script: Ran,
    /// The word that a statement is done, until it is known whether that is so.
    pub(super) withheld: Option<Bytes>,
    /// The session may write by itself at the moment: one statement, which was judged.
    pub(super) may_write: bool,
    pub(super) batch: Batch,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        point: &'a SessionPoint,
        claim: &'a Claim,
        principal: Principal,
        client: Framed<Box<dyn Wire>>,
    ) -> Self {
        Self {
            point,
            claim,
            principal,
            client,
            block: Block::None,
            opened: false,
            failed: false,
            uncounted: false,
            script: Ran::default(),
            withheld: None,
            may_write: false,
            batch: Batch::default(),
        }
    }

    /// Message by message, until either side ends it.
    pub(super) async fn serve(&mut self) -> io::Result<()> {
        loop {
            let Some(frame) = self.next().await? else { return Ok(()) };
            let message = match Frontend::read(frame.tag, frame.body.clone()) {
                Ok(message) => message,
                Err(unreadable) => return Err(invalid(&unreadable.text)),
            };
            match message {
                Frontend::Query(text) => self.query(&text, frame.encoded()).await?,
                Frontend::Terminate => return Ok(()),
                // What a copy left behind that the server had given up.
                Frontend::CopyData(_) | Frontend::CopyDone | Frontend::CopyFail(_) => {}
                Frontend::Login(_) => return Err(invalid("a login within a session")),
                Frontend::FunctionCall { oid, .. } => self.function(oid, frame.encoded()).await?,
                message => self.extended(message, frame).await?,
            }
        }
    }

    /// The client's next message. What the server says meanwhile goes to the client.
    async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            let mut upstream = self.point.upstream.lock().await;
            tokio::select! {
                biased;
                frame = self.client.frame() => return frame,
                said = upstream.frame() => {
                    let said = said?;
                    if !matches!(said.tag, b'S' | b'E' | b'N' | b'A') {
                        return Err(invalid("the server speaks unasked"));
                    }
                    drop(upstream);
                    self.aside(said).await?;
                }
            }
        }
    }

    /// Passes on what the server says beside its answers.
    async fn aside(&mut self, said: Frame) -> io::Result<()> {
        if said.tag == b'S' {
            self.point.upstream.lock().await.note(said.body.clone())?;
            self.parameter(said.body).await?;
        } else {
            self.client.pass(&said).await?;
        }
        self.client.flush().await
    }

    /// Says whether the server is ready, in the client's own view.
    pub(super) async fn ready(&mut self) -> io::Result<()> {
        let status = match (self.block, self.failed) {
            (Block::Theirs, true) => b'E',
            (Block::Theirs, false) => b'T',
            _ => {
                self.batch.close_all();
                b'I'
            }
        };
        self.client.put(&say_ready(status)).await?;
        self.client.flush().await
    }

    /// Takes statements through the walk, in a transaction whose end is judged, and passes on what
    /// the server answers. Frames end with a message that the server answers with being ready.
    pub(super) async fn rehearse(
        &mut self,
        bounds: Vec<Bound>,
        frames: Bytes,
    ) -> io::Result<Ended> {
        let opens = self.block == Block::Ours && !self.opened;
        let mut script = self.script_of(bounds.clone(), Step::Rehearse, frames);
        let says = |bound: &Bound| bound.reading.kind == Kind::Characteristics;
        if opens {
            script.before = self.point.upstream.lock().await.opening("");
        } else if self.uncounted && !bounds.iter().all(says) {
            script.before = vec![Own::Carried];
        }
        if !opens && self.script.is_full() {
            let text = "the transaction is of too many different statements to be judged as one; \
                        commit it in parts";
            return self.refuse_unreadable("", Unreadable::over_limit(text)).await;
        }
        let before = script.before.clone();
        if let Err(refusal) = enforce(self.point, self.claim, script).await {
            return self.refuse(&refusal).await;
        }
        self.opened |= opens;
        if let Some(said) = self.own_answers(&before).await? {
            self.client.put(&said).await?;
            self.failed = true;
            self.own_answers(&[Own::Fail]).await?;
            return Ok(Ended::Failed);
        }
        self.uncounted &= before.is_empty();
        let (ended, copied) = self.pump(false).await?;
        let status = self.point.upstream.lock().await.status;
        if self.block != Block::None && status == b'I' {
            return Err(invalid("the transaction has ended by itself"));
        }
        if status == b'E' {
            self.failed = true;
        } else if self.block == Block::Theirs {
            self.failed = false;
        }
        if ended == Ended::Well && self.block != Block::None {
            let mut bounds = bounds;
            if let (Some(copied), Some(last)) = (copied, bounds.last_mut()) {
                last.values.partial = copied.len() > COPIED_BYTES_MAX;
                last.values.copied = (!last.values.partial).then_some(copied);
            }
            self.script.extend(bounds);
        } else if self.block == Block::Theirs && bounds.len() > 1 {
            // A way back to a mark between them keeps those that were run before the failure.
            let unsure = |bound: Bound| {
                let values = Values { partial: true, ..bound.values };
                Bound { values, ..bound }
            };
            self.script.extend(bounds.into_iter().map(unsure).collect());
        }
        Ok(ended)
    }

    /// Takes statements through the walk that are tried where nothing can be written.
    pub(super) async fn read(&mut self, bounds: Vec<Bound>, frames: Bytes) -> io::Result<Ended> {
        if self.block == Block::None && self.point.upstream.lock().await.status != b'I' {
            return Err(invalid("a transaction is open that nobody counts"));
        }
        let mut script = self.script_of(bounds, Step::Rehearse, frames);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        if self.block == Block::None && !self.point.upstream.lock().await.reports_read_only() {
            let control = |bound: &Bound| {
                use Kind::{Alone, Commit, Rollback, Savepoint};
                matches!(bound.reading.kind, Alone | Commit | Rollback | Savepoint)
            };
            if !script.statements.iter().any(control) {
                (before, after) = (vec![Own::BeginReading], vec![Own::Commit]);
            }
        }
        (script.before, script.after) = (before.clone(), after.clone());
        if let Err(refusal) = enforce(self.point, self.claim, script).await {
            return self.refuse(&refusal).await;
        }
        self.own_answers(&before).await?;
        let (ended, _) = self.pump(true).await?;
        match self.own_answers(&after).await? {
            // What waited for the end wanted to write.
            Some(said) if ended == Ended::Well => {
                self.client.put(&said).await?;
                Ok(Ended::Failed)
            }
            _ => Ok(ended),
        }
    }

    pub(super) fn script_of(&self, bounds: Vec<Bound>, step: Step, frames: Bytes) -> Script {
        Script::new(&self.point.served.name, bounds, step, frames)
    }

    /// Reads the answers to the gateway's own statements; the first error among them.
    pub(super) async fn own_answers(&mut self, asked: &[Own]) -> io::Result<Option<Bytes>> {
        let mut failure = None;
        let mut upstream = self.point.upstream.lock().await;
        for own in asked {
            match upstream.answer_to(own).await {
                Ok(_) => {}
                Err(super::upstream::OwnError::Server(_, said)) => {
                    let _first = failure.get_or_insert(said);
                }
                Err(error) => return Err(invalid(&error.to_string())),
            }
        }
        Ok(failure)
    }

    /// Passes on what the server says until it is ready. With `tries`, an attempt to write is not
    /// passed on as long as nothing has been.
    pub(super) async fn pump(&mut self, tries: bool) -> io::Result<(Ended, Option<Bytes>)> {
        let (mark, flushes) = (self.client.waiting(), self.client.flushes);
        let (mut ended, mut copied) = (Ended::Well, None);
        loop {
            let frame = self.point.upstream.lock().await.frame().await?;
            match frame.tag {
                b'Z' => break,
                b'S' => {
                    self.point.upstream.lock().await.note(frame.body.clone())?;
                    self.parameter(frame.body).await?;
                }
                _ if ended == Ended::Writes => {}
                b'E' => {
                    let said = backend::error(frame.body.clone()).unwrap_or_default();
                    self.withheld = None;
                    if tries && said.state == "25006" && self.client.flushes == flushes {
                        self.client.take_back(mark);
                        ended = Ended::Writes;
                    } else {
                        ended = Ended::Failed;
                        self.client.pass(&frame).await?;
                    }
                }
                b'G' => {
                    self.say_withheld().await?;
                    self.client.pass(&frame).await?;
                    self.client.flush().await?;
                    copied = Some(self.copy_in().await?);
                }
                b'W' => return Err(invalid("the server begins to copy in both directions")),
                b'C' if self.block == Block::Ours => {
                    self.say_withheld().await?;
                    self.withheld = Some(frame.encoded());
                }
                _ => {
                    self.say_withheld().await?;
                    self.client.pass(&frame).await?;
                }
            }
            if !self.point.upstream.lock().await.has_more() && ended == Ended::Well && !tries {
                self.client.flush().await?;
            }
        }
        Ok((ended, copied))
    }

    /// Passes on a word that is no longer the last one.
    pub(super) async fn say_withheld(&mut self) -> io::Result<()> {
        match self.withheld.take() {
            Some(packet) => self.client.put(&packet).await,
            None => Ok(()),
        }
    }

    /// Passes on what the client copies, to its end; what of it is kept.
    async fn copy_in(&mut self) -> io::Result<Bytes> {
        let mut kept = BytesMut::new();
        loop {
            let mut upstream = self.point.upstream.lock().await;
            let frame = tokio::select! {
                biased;
                frame = self.client.frame() => frame?.ok_or(io::ErrorKind::UnexpectedEof)?,
                // A trigger's notice is waited for by nobody; with anything else it gives up.
                tag = upstream.next_tag() => {
                    if !matches!(tag?, b'S' | b'N' | b'A') {
                        break;
                    }
                    let said = upstream.frame().await?;
                    drop(upstream);
                    self.aside(said).await?;
                    continue;
                }
            };
            match frame.tag {
                b'd' => {
                    if kept.len() <= COPIED_BYTES_MAX {
                        kept.extend_from_slice(&frame.body);
                    }
                    upstream.copy(&frame).await?;
                    if !self.client.has_more() {
                        upstream.flush().await?;
                    }
                }
                b'c' | b'f' => {
                    upstream.copy(&frame).await?;
                    break;
                }
                // PostgreSQL ignores both while it copies.
                b'S' | b'H' => {}
                _ => return Err(invalid("another message within a copy")),
            }
        }
        let mut upstream = self.point.upstream.lock().await;
        if self.batch.in_pipeline {
            // The one that was sent before the rows was ignored, and the client sends another too.
            upstream.sync().await?;
            self.batch.awaits_sync = true;
        }
        upstream.flush().await?;
        Ok(kept.freeze())
    }

    /// A setting that the server reports. One that would let the session write by itself ends it.
    async fn parameter(&mut self, body: Bytes) -> io::Result<()> {
        let read = backend::parameter_status(body);
        let (name, value) = read.map_err(|error| invalid(&error.text))?;
        if name != READ_ONLY {
            return self.client.put(&say_parameter(&name, &value)).await;
        }
        if value != "on" && !self.may_write {
            let text = "whether transactions may write is decided statement by statement here";
            self.say_ended("42501", text).await?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// Says why the session ends, as a server would.
    pub(super) async fn say_ended(&mut self, state: &str, why: &str) -> io::Result<()> {
        let text = format!("ended by Holdpoint: {why}");
        self.client.put(&say_error(b'E', "FATAL", state, &text)).await?;
        self.client.flush().await
    }

    /// Says no. Like an error of the server's own, it ends the client's transaction.
    pub(super) async fn refuse(&mut self, refusal: &Refusal) -> io::Result<Ended> {
        self.withheld = None;
        let own = refusal.text().strip_prefix("PostgreSQL would not read it: ");
        let packet = match own.filter(|_| refusal.code() == Code::Unparsed) {
            Some(own) => say_error(b'E', "ERROR", "42601", own),
            None => error_response(refusal),
        };
        self.client.put(&packet).await?;
        let open = match self.block {
            Block::None => false,
            Block::Ours => self.opened,
            Block::Theirs => true,
        };
        if open && !self.failed {
            let failing = self.point.own(&Own::Fail).await;
            if let Err(super::upstream::OwnError::Io(error)) = failing {
                return Err(error);
            }
        }
        self.failed = self.block != Block::None;
        Ok(Ended::Failed)
    }

    /// The same for a text that nobody can read, which is put on record like any other refusal.
    pub(super) async fn refuse_unreadable(
        &mut self,
        text: &str,
        unreadable: Unreadable,
    ) -> io::Result<Ended> {
        let script = Script::unreadable(&self.point.served.name, text, unreadable);
        match enforce(self.point, self.claim, script).await {
            Err(refusal) => self.refuse(&refusal).await,
            Ok(_) => Err(invalid("what nobody can read was let through")),
        }
    }

    /// A large object's function. Others are refused: nobody knows what they do.
    async fn function(&mut self, oid: u32, packet: Bytes) -> io::Result<()> {
        /// `lo_create`, `lo_open` to `lo_tell`, `lo_unlink`, `lo_truncate` and their 64-bit kin.
        const LARGE_OBJECTS: [u32; 13] =
            [715, 952, 953, 954, 955, 956, 957, 958, 964, 1004, 3170, 3171, 3172];
        let fine = LARGE_OBJECTS.contains(&oid) && self.block == Block::Theirs && !self.failed;
        if !fine {
            let text = "a function was called by its number, where nobody can see what it does; call \
                        it by its name in a statement, or, if it is for large objects, within a \
                        transaction";
            self.refuse_unreadable("", Unreadable::new(text)).await?;
            return self.ready().await;
        }
        let text = "SELECT lo_get(0)";
        let read = self.point.served.readings.read(text, &self.point.served.target);
        let reading = read.ok().and_then(|all| all.first().cloned());
        let reading = reading.ok_or_else(|| invalid("the gateway's own statement"))?;
        let values = Values { bind: packet.clone(), partial: true, ..Values::default() };
        self.rehearse(vec![Bound { reading, values }], packet).await?;
        self.ready().await
    }

    /// What the server said when this very script was run, if that was a short while ago.
    pub(super) fn answered_before(&self, bounds: &[Bound]) -> Result<Option<Vec<u8>>, Refusal> {
        let script = self.script_of(bounds.to_vec(), Step::Run, Bytes::new());
        let asked = script.asked(&self.principal.agent, &self.principal.run);
        let http = &self.point.served.http;
        let now = holdpoint_enforce::Point::now(&**http);
        let found = http.holds().answer(asked, now).map_err(crate::point::unavailable)?;
        found.map(|hold| self.point.stored_answer(&hold)).transpose()
    }

    /// Passes on an answer that was kept.
    pub(super) async fn say_stored(&mut self, stored: &[u8]) -> io::Result<()> {
        let stored: StoredAnswer =
            serde_json::from_slice(stored).map_err(|_| invalid("a stored answer"))?;
        let said = STANDARD.decode(stored.said).map_err(|_| invalid("a stored answer"))?;
        self.say_kept(stored.kept).await?;
        self.client.put(&said).await
    }

    /// Says where the rows are that a transaction has taken away.
    pub(super) async fn say_kept(&mut self, kept: Option<KeptAs>) -> io::Result<()> {
        let Some(KeptAs { id, restore_point }) = kept else { return Ok(()) };
        let text = match restore_point {
            false => {
                format!(
                    "Holdpoint kept the rows as they were; `holdpoint undo {id}` puts them back"
                )
            }
            true => format!(
                "the rows were too many for Holdpoint to keep, and the server has a restore point \
                 from before; `holdpoint undo {id}` says how to go back to it"
            ),
        };
        self.client.put(&say_error(b'N', "NOTICE", "00000", &text)).await
    }
}
