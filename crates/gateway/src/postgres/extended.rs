//! The extended protocol: what a client sends up to its Sync is judged together, but for what
//! begins and ends transactions, which is judged where it stands.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use holdpoint_wire::{
    Unreadable,
    sql::{
        protocol::{
            backend::framed,
            frontend::{Frontend, Named},
        },
        statements::Kind,
    },
};

use super::{
    batch::{Item, Name, Prepared, What},
    frame::{Frame, invalid},
    reading::Reading,
    script::{Bound, Values},
    session::{Block, Ended, Session},
};

/// Messages before one Sync, and bytes of them.
const MESSAGES_MAX: usize = 100_000;
const BATCH_BYTES_MAX: usize = 64 << 20;

/// Messages that are sent together.
#[derive(Debug, Default)]
struct Segment {
    frames: BytesMut,
    bounds: Vec<Bound>,
    runs: bool,
    binds: usize,
    /// Named statements that it prepares.
    parses: Vec<String>,
}

impl Segment {
    fn push(&mut self, item: &Item) {
        self.frames.extend_from_slice(&item.packet);
        match &item.what {
            What::Parse(name, reading) => {
                // Judged where it is prepared and again where it is run.
                if !reading.may_only_read() {
                    self.bounds
                        .push(Bound { reading: Arc::clone(reading), values: prepared_only() });
                }
                if !name.is_empty() {
                    self.parses.push(name.clone());
                }
            }
            What::Execute(bound) => {
                self.bounds.retain(|it| !(it.values == prepared_only() && same(it, bound)));
                self.bounds.push(bound.clone());
                self.runs = true;
            }
            What::Bind => self.binds += 1,
            What::Other | What::Unreadable(..) => {}
        }
    }

    fn frames(&self) -> Bytes {
        [&self.frames[..], &framed(b'S', &[])].concat().into()
    }
}

fn same(one: &Bound, other: &Bound) -> bool {
    Arc::ptr_eq(&one.reading, &other.reading)
}

/// What stands for a statement that is prepared and not run.
fn prepared_only() -> Values {
    Values { partial: true, ..Values::default() }
}

impl Session<'_> {
    /// Takes one message of the extended protocol.
    pub(super) async fn extended(&mut self, message: Frontend, frame: Frame) -> io::Result<()> {
        let is_sync = message == Frontend::Sync;
        if self.batch.skips && !is_sync {
            return Ok(());
        }
        match message {
            Frontend::Sync => return self.sync().await,
            Frontend::Flush => {
                self.run_batch(false).await?;
                self.client.flush().await?;
                if std::mem::take(&mut self.batch.awaits_sync) {
                    return self.until_sync().await;
                }
                return Ok(());
            }
            _ => {}
        }
        let what = self.what(message, &frame);
        self.batch.bytes = self.batch.bytes.saturating_add(frame.body.len());
        let batch = &mut self.batch;
        if batch.items.len() >= MESSAGES_MAX || batch.bytes > BATCH_BYTES_MAX {
            return Err(invalid("too much before one Sync"));
        }
        if matches!(what, What::Execute(_)) && batch.items.len() % 1024 == 1023 {
            // A long pipeline is run as it comes: nothing of it counts before its end.
            batch.items.push(Item { packet: frame.encoded(), what });
            return self.run_batch(false).await;
        }
        batch.items.push(Item { packet: frame.encoded(), what });
        Ok(())
    }

    /// What a message is about.
    fn what(&mut self, message: Frontend, frame: &Frame) -> What {
        let batch = &mut self.batch;
        if batch.is_full() {
            let text = "there are too many prepared statements; close some";
            return What::Unreadable(String::new(), Unreadable::over_limit(text));
        }
        match message {
            Frontend::Parse { name, text, types } => {
                let served = &self.point.served;
                let read = served.readings.read(&text, &served.target);
                let one = read.and_then(|all| match all.as_slice() {
                    [] => Ok(None),
                    [one] => Ok(Some(Arc::clone(one))),
                    _ => Err(Unreadable::new(
                        "several statements are prepared as one; prepare them one by one",
                    )),
                });
                match one {
                    Err(unreadable) => What::Unreadable(text, unreadable),
                    Ok(None) => {
                        batch.forget(&name);
                        batch.touch(Name::Statement(name));
                        What::Other
                    }
                    Ok(Some(reading)) => {
                        batch.touch(Name::Statement(name.clone()));
                        let prepared = Prepared { reading: Arc::clone(&reading), types };
                        batch.prepare(name.clone(), prepared);
                        What::Parse(name, reading)
                    }
                }
            }
            Frontend::Bind { portal, statement, .. } => {
                let bind = after_names(&frame.body);
                let known = batch.check(&Name::Statement(statement.clone()));
                match known.and_then(|()| self.bound(&statement, bind)) {
                    Ok(bound) => {
                        self.batch.touch(Name::Portal(portal.clone()));
                        self.batch.bind(portal, bound);
                        What::Bind
                    }
                    Err(unreadable) => What::Unreadable(statement, unreadable),
                }
            }
            Frontend::Execute { portal, .. } => {
                let known = batch.check(&Name::Portal(portal.clone()));
                let bound = known.and_then(|()| match self.batch.portals.get(&portal).cloned() {
                    Some(bound) => Ok(bound),
                    // A cursor that was declared in SQL, or nothing at all.
                    None => self.bound(&portal, Bytes::new()),
                });
                match bound {
                    Ok(bound) => What::Execute(bound),
                    Err(unreadable) => What::Unreadable(portal, unreadable),
                }
            }
            Frontend::Close(Named::Statement, name) => {
                batch.forget(&name);
                batch.touch(Name::Statement(name));
                What::Other
            }
            Frontend::Close(Named::Portal, name) => {
                batch.close(&name);
                batch.touch(Name::Portal(name));
                What::Other
            }
            _ => What::Other,
        }
    }

    /// A prepared statement with values; one that was prepared in SQL is only known by its name.
    fn bound(&self, statement: &str, bind: Bytes) -> Result<Bound, Unreadable> {
        let prepared = self.batch.prepared.get(statement).cloned();
        Ok(match prepared {
            Some(Prepared { reading, types }) => {
                let values = Values { types, bind, ..Values::default() };
                Bound { reading, values }
            }
            None => {
                let reading = Reading::of_name(statement, &self.point.served.target)?;
                let values = Values { bind, partial: true, ..Values::default() };
                Bound { reading: Arc::new(reading), values }
            }
        })
    }

    async fn sync(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.batch.skips) {
            self.run_batch(true).await?;
        }
        self.batch.items.clear();
        self.end_ours().await?;
        if std::mem::take(&mut self.batch.awaits_sync) {
            return self.until_sync().await;
        }
        self.ready().await
    }

    /// Waits for the Sync that follows a copy: only then is the client told that all is ready.
    async fn until_sync(&mut self) -> io::Result<()> {
        self.client.flush().await?;
        loop {
            let frame = self.client.frame().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            match frame.tag {
                b'S' => break,
                b'd' | b'c' | b'f' | b'H' => {}
                _ => return Err(invalid("another message where a copy ends")),
            }
        }
        self.batch.skips = false;
        self.end_ours().await?;
        self.ready().await
    }

    /// Runs what has been sent so far; at its end there is a Sync, or only a Flush.
    async fn run_batch(&mut self, sync: bool) -> io::Result<()> {
        let items = std::mem::take(&mut self.batch.items);
        self.batch.bytes = 0;
        if items.is_empty() {
            return Ok(());
        }
        self.point.look_again().await?;
        self.batch.in_pipeline = true;
        self.point.upstream.lock().await.completed = 0;
        let ended = self.run_items(items, sync).await;
        self.batch.in_pipeline = false;
        let touched = std::mem::take(&mut self.batch.touched);
        if self.point.upstream.lock().await.completed != touched.len() {
            self.batch.unsure.extend(touched);
        }
        if ended? != Ended::Well && !sync {
            self.batch.skips = true;
        }
        Ok(())
    }

    async fn run_items(&mut self, items: Vec<Item>, sync: bool) -> io::Result<Ended> {
        let mut again = Bytes::new();
        if self.block == Block::None
            && !self.is_careful()
            && let Some(segment) = only_reads(&items, sync)
        {
            match self.read(segment.bounds.clone(), segment.frames()).await? {
                Ended::Writes => {
                    again = closes(&segment.parses);
                    self.point.upstream.lock().await.completed = 0;
                }
                ended => return Ok(ended),
            }
        }
        if !again.is_empty() {
            self.forget_parses(again).await?;
        }
        let mut segment = Segment::default();
        for item in &items {
            let ended = match &item.what {
                What::Unreadable(text, unreadable) => {
                    let ended = self.run_segment(std::mem::take(&mut segment)).await?;
                    if ended != Ended::Well {
                        return Ok(ended);
                    }
                    return self.refuse_unreadable(text, unreadable.clone()).await;
                }
                What::Execute(bound) if is_control(&bound.reading.kind, self.block) => {
                    self.control(std::mem::take(&mut segment), bound, item).await?
                }
                _ => {
                    segment.push(item);
                    Ended::Well
                }
            };
            if ended != Ended::Well {
                return Ok(ended);
            }
        }
        self.run_segment(segment).await
    }

    /// Runs messages that begin and end no transaction.
    async fn run_segment(&mut self, segment: Segment) -> io::Result<Ended> {
        if segment.frames.is_empty() {
            return Ok(Ended::Well);
        }
        if self.block == Block::None {
            if !segment.runs {
                return self.read(segment.bounds.clone(), segment.frames()).await;
            }
            match self.answered_before(&segment.bounds) {
                Ok(None) => self.block = Block::Ours,
                Ok(Some(stored)) => {
                    self.say_stored(&stored).await?;
                    return Ok(Ended::Well);
                }
                Err(refusal) => return self.refuse(&refusal).await,
            }
        }
        let ended = self.rehearse(segment.bounds.clone(), segment.frames()).await?;
        // What was only prepared has changed nothing, and is not run again.
        self.script.retain(|bound| bound.values != prepared_only());
        Ok(ended)
    }

    /// Runs what begins or ends a transaction, or stands alone.
    async fn control(&mut self, before: Segment, bound: &Bound, item: &Item) -> io::Result<Ended> {
        let mut frames = Segment::default();
        if matches!(bound.reading.kind, Kind::Alone) && before.binds > 1 {
            let unreadable = Unreadable::new("this stands alone; send it by itself");
            return self.refuse_unreadable(&bound.reading.text, unreadable).await;
        }
        // What is bound before the end of a transaction may compute: it is counted, too.
        if before.runs || (self.block != Block::None && self.opened) {
            let ended = self.run_segment(before).await?;
            if ended != Ended::Well {
                return Ok(ended);
            }
        } else {
            frames = before;
        }
        frames.push(item);
        let bounds = vec![bound.clone()];
        self.in_order(&bound.reading, bounds, frames.frames()).await
    }

    /// Lets the server forget what a first try has prepared.
    async fn forget_parses(&mut self, closes: Bytes) -> io::Result<()> {
        let mut upstream = self.point.upstream.lock().await;
        upstream.forget(&closes).await?;
        upstream.flush().await?;
        upstream.answer().await.map(drop).map_err(|error| invalid(&error.to_string()))
    }
}

/// All messages as one segment, if everything in it may be tried where nothing can be written.
fn only_reads(items: &[Item], sync: bool) -> Option<Segment> {
    let mut segment = Segment::default();
    for item in items {
        let fine = match &item.what {
            What::Execute(bound) => bound.reading.may_only_read(),
            What::Unreadable(..) => false,
            What::Parse(..) | What::Bind | What::Other => true,
        };
        if !fine {
            return None;
        }
        segment.push(item);
    }
    (sync || !segment.runs).then_some(segment)
}

/// Whether a statement is run by itself, and not with its neighbours.
fn is_control(kind: &Kind, block: Block) -> bool {
    match kind {
        Kind::Begin { .. } => block != Block::Theirs,
        Kind::Commit | Kind::Rollback => true,
        Kind::Savepoint | Kind::Alone => block == Block::None,
        _ => false,
    }
}

/// The messages by which named statements are forgotten.
fn closes(names: &[String]) -> Bytes {
    let each = names.iter().map(|name| framed(b'C', &[&b"S"[..], name.as_bytes(), &[0]].concat()));
    each.flatten().collect()
}

/// What follows the two names in `Bind`.
fn after_names(body: &Bytes) -> Bytes {
    let mut rest = body.clone();
    for _ in 0..2 {
        let end = memchr(&rest);
        rest = rest.slice(end.saturating_add(1).min(rest.len())..);
    }
    rest
}

fn memchr(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len())
}
