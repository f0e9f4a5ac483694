//! Secrets in what comes back become phantoms again, while it streams.
//!
//! A replacement is as long as what it replaces, so lengths that were announced stay true.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::body::BodyError;

/// Bytes of one needle, at most: a credential of 64 KiB in the longest spelling, `%252F`.
pub const NEEDLE_BYTES_MAX: usize = 5 * 64 * 1024;
/// Needles that are looked for at a time, at most.
pub const NEEDLES_MAX: usize = 4_096;

/// What is looked for, and what stands in its place.
pub struct Needles {
    /// By their first byte; longest first: where two begin at one place, the longer wins.
    beginning: [Vec<Pair>; 256],
}

struct Pair {
    needle: Zeroizing<Vec<u8>>,
    replacement: Vec<u8>,
}

impl fmt::Debug for Needles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Needles({})", self.beginning.iter().map(Vec::len).sum::<usize>())
    }
}

/// Needles that cannot be looked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NeedlesError {
    /// An empty needle is everywhere.
    #[error("a needle is empty")]
    Empty,
    /// Another length would make announced lengths untrue.
    #[error("a replacement must be as long as its needle")]
    Length,
    /// There is a maximum.
    #[error("at most {NEEDLES_MAX} needles of at most {NEEDLE_BYTES_MAX} bytes can be looked for")]
    TooMany,
}

/// What is to be done at one place.
enum Look<'a> {
    /// A needle is here.
    Replace(&'a [u8]),
    /// No needle begins here.
    Pass,
    /// More must be seen first.
    Wait,
}

impl Needles {
    /// Pairs of a needle and its replacement.
    pub fn new(
        pairs: impl IntoIterator<Item = (Zeroizing<Vec<u8>>, Vec<u8>)>,
    ) -> Result<Self, NeedlesError> {
        let mut beginning = [const { Vec::new() }; 256];
        for (count, (needle, replacement)) in pairs.into_iter().enumerate() {
            let first = needle.first().ok_or(NeedlesError::Empty)?;
            if needle.len() != replacement.len() {
                return Err(NeedlesError::Length);
            }
            if needle.len() > NEEDLE_BYTES_MAX || count >= NEEDLES_MAX {
                return Err(NeedlesError::TooMany);
            }
            if let Some(alike) = beginning.get_mut(usize::from(*first)) {
                alike.push(Pair { needle, replacement });
            }
        }
        for alike in &mut beginning {
            alike.sort_by_key(|pair| std::cmp::Reverse(pair.needle.len()));
        }
        Ok(Self { beginning })
    }

    /// A whole text, scrubbed.
    pub fn scrub(&self, whole: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(whole.len());
        self.pass(whole, true, &mut out);
        out
    }

    /// Whether a needle is anywhere in `text`.
    pub fn any_in(&self, text: &[u8]) -> bool {
        let suffixes = (0..text.len()).filter_map(|from| text.get(from..));
        suffixes.into_iter().any(|from| matches!(self.look(from, true), Look::Replace(_)))
    }

    /// Bytes of the longest needle.
    pub fn longest(&self) -> usize {
        self.beginning.iter().flatten().map(|pair| pair.needle.len()).max().unwrap_or_default()
    }

    /// A header's value, scrubbed in place.
    pub fn scrub_value(&self, value: &mut HeaderValue) {
        let scrubbed = self.scrub(value.as_bytes());
        if scrubbed != value.as_bytes() {
            // A replacement that no header can hold must not save what it replaces.
            let hidden = || HeaderValue::from_static("");
            *value = HeaderValue::from_bytes(&scrubbed).unwrap_or_else(|_| hidden());
        }
    }

    /// Moves what is certain from `input` to `out` and says how much that was; at the `end`
    /// everything is certain.
    fn pass(&self, input: &[u8], end: bool, out: &mut Vec<u8>) -> usize {
        let mut rest = input;
        while let Some(at) = rest.iter().position(|byte| !self.beginning_with(*byte).is_empty()) {
            let (plain, from) = rest.split_at(at);
            out.extend_from_slice(plain);
            let taken = match self.look(from, end) {
                Look::Replace(replacement) => {
                    out.extend_from_slice(replacement);
                    replacement.len()
                }
                Look::Pass => {
                    out.extend(from.first());
                    1
                }
                Look::Wait => return input.len() - from.len(),
            };
            rest = from.get(taken..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        input.len()
    }

    fn beginning_with(&self, byte: u8) -> &[Pair] {
        self.beginning.get(usize::from(byte)).map_or(&[], Vec::as_slice)
    }

    fn look(&self, from: &[u8], end: bool) -> Look<'_> {
        let alike = from.first().map_or(&[][..], |first| self.beginning_with(*first));
        for Pair { needle, replacement } in alike {
            if from.starts_with(needle) {
                return Look::Replace(replacement);
            }
            // A longer needle may still come true, which would win over a shorter one.
            if !end && needle.starts_with(from) {
                return Look::Wait;
            }
        }
        Look::Pass
    }
}

/// Scrubs a text that comes in chunks. It holds back the beginning of what may become a needle
/// (less than the longest one), and nothing else, so that events are not delayed.
#[derive(Debug)]
pub struct Scrubber {
    needles: Arc<Needles>,
    held: Zeroizing<Vec<u8>>,
}

impl Scrubber {
    /// Looks for `needles`.
    pub fn new(needles: Arc<Needles>) -> Self {
        Self { needles, held: Zeroizing::default() }
    }

    /// What can go on now that `chunk` has come.
    pub fn push(&mut self, chunk: &[u8]) -> Bytes {
        self.held.extend_from_slice(chunk);
        self.release(false)
    }

    /// What is left at the end.
    pub fn finish(&mut self) -> Bytes {
        self.release(true)
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn release(&mut self, end: bool) -> Bytes {
        let mut out = Vec::with_capacity(self.held.len());
        let passed = self.needles.pass(&self.held, end, &mut out);
        let keep = self.held.len().saturating_sub(passed);
        self.held.copy_within(passed.., 0);
        if let Some(gone) = self.held.get_mut(keep..) {
            gone.zeroize();
        }
        self.held.truncate(keep);
        out.into()
    }
}

/// A body that is scrubbed while it streams.
#[derive(Debug)]
pub struct Scrubbed<B> {
    body: B,
    scrubber: Scrubber,
    /// What comes after the body's last chunk: what was held back, then trailers.
    last: VecDeque<Frame<Bytes>>,
    ended: bool,
}

impl<B> Scrubbed<B> {
    /// `body` without `needles`.
    pub fn new(body: B, needles: Arc<Needles>) -> Self {
        Self { body, scrubber: Scrubber::new(needles), last: VecDeque::new(), ended: false }
    }

    fn end(&mut self, trailers: Option<Frame<Bytes>>) {
        self.ended = true;
        let left = self.scrubber.finish();
        self.last.extend((!left.is_empty()).then(|| Frame::data(left)));
        self.last.extend(trailers);
    }

    fn scrub_trailers(&self, mut frame: Frame<Bytes>) -> Frame<Bytes> {
        for value in frame.trailers_mut().into_iter().flat_map(http::HeaderMap::values_mut) {
            self.scrubber.needles.scrub_value(value);
        }
        frame
    }
}

impl<B: Body<Data = Bytes, Error = BodyError> + Unpin> Body for Scrubbed<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        while !this.ended {
            let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(context)) else {
                this.end(None);
                break;
            };
            match frame?.into_data() {
                Ok(data) => {
                    let certain = this.scrubber.push(&data);
                    if !certain.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(certain))));
                    }
                }
                Err(trailers) => {
                    let trailers = this.scrub_trailers(trailers);
                    this.end(Some(trailers));
                }
            }
        }
        Poll::Ready(this.last.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        let nothing_held = self.scrubber.held() == 0 && self.last.is_empty();
        nothing_held && (self.ended || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let held = u64::try_from(self.scrubber.held()).unwrap_or(u64::MAX);
        let last = self.last.iter().filter_map(Frame::data_ref).map(Bytes::len).sum::<usize>();
        let here = held.saturating_add(u64::try_from(last).unwrap_or(u64::MAX));
        let to_come = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(to_come.lower().saturating_add(here));
        if let Some(upper) = to_come.upper() {
            hint.set_upper(upper.saturating_add(here));
        }
        hint
    }
}
