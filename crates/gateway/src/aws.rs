//! AWS messages on their way out: the agent's signature, made with a phantom, is taken off, and
//! what was judged is signed with the real key.

use std::{
    mem,
    pin::Pin,
    sync::PoisonError,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use holdpoint_core::{Code, Refusal, Timestamp, identity::Site, refusal::RefusalKind};
use holdpoint_wire::http::{
    Body,
    aws::{
        chunked::{self, Pieces},
        sign::sign,
        signature::{self, Scope},
    },
};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::{
    body::{BodyError, Rest},
    known::Known,
    point::Arrived,
};

/// Signs `arrived` anew at `now`, if a phantom signed it; whether it did. The grant has been
/// asked: where a human did not allow the secret, the phantom's signature stays, which opens
/// nothing.
pub(crate) fn sign_anew(
    arrived: &mut Arrived,
    known: &Known,
    now: Timestamp,
) -> Result<bool, Refusal> {
    let Some(own) = signature::read(&arrived.message) else { return Ok(false) };
    let Some((secret, keys)) = known.keys_of(&own.key_id) else { return Ok(false) };
    let grant = &secret.grant;
    if !(grant.reaches(&arrived.message.host) && grant.takes(Site::Header)) {
        return Ok(false);
    }
    if own.ends_at.is_some_and(|end| end.saturating_mul(1000) < now.0) {
        return Err(refused(Code::Unparsed, "the presigned URL has ended; make a new one"));
    }
    let scope = own.scope.unwrap_or_else(|| s3_scope(&arrived.message.host));
    let seal = sign(&mut arrived.message, &scope, own.stands, keys, now)
        .map_err(|error| refused(Code::Unparsed, &error.to_string()))?;
    if !chunked::is_signed(&arrived.message) {
        return Ok(true);
    }
    let rest = arrived.rest.get_mut().unwrap_or_else(PoisonError::into_inner);
    match rest.take() {
        None => chunked::sign_whole(&mut arrived.message, seal)
            .map_err(|error| refused(Code::Unparsed, &error.to_string()))?,
        Some(following) => {
            let begin = mem::replace(&mut arrived.message.body, Body::Prefix(Bytes::new()));
            let begin = Some(begin.bytes().clone());
            let signed = Signed { begin, rest: Some(following), pieces: Pieces::new(seal) };
            *rest = Some(signed.boxed_unsync());
        }
    }
    Ok(true)
}

/// What a URL of version 2, which names no region, is for.
fn s3_scope(host: &str) -> Scope {
    let endpoint = holdpoint_catalog::aws::endpoint(host);
    let region = endpoint.and_then(|endpoint| endpoint.region);
    Scope { region: region.unwrap_or_else(|| "us-east-1".to_owned()), service: "s3".to_owned() }
}

fn refused(code: Code, text: &str) -> Refusal {
    Refusal::new(RefusalKind::Deny, code, text)
}

/// A body whose pieces are signed anew while it streams; as long as it was.
struct Signed {
    /// What was read of it before it was judged.
    begin: Option<Bytes>,
    /// Gone once it has ended or broken off.
    rest: Option<Rest>,
    pieces: Pieces,
}

impl Signed {
    fn break_off(
        &mut self,
        why: impl Into<BodyError>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.rest = None;
        Poll::Ready(Some(Err(why.into())))
    }
}

impl http_body::Body for Signed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            let data = match (this.begin.take(), &mut this.rest) {
                (Some(begin), _) => begin,
                (None, None) => return Poll::Ready(None),
                (None, Some(rest)) => match ready!(Pin::new(rest).poll_frame(context)) {
                    Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                    Some(Err(error)) => return this.break_off(error),
                    None => match this.pieces.finish() {
                        Ok(()) => {
                            this.rest = None;
                            return Poll::Ready(None);
                        }
                        Err(error) => return this.break_off(error),
                    },
                },
            };
            match this.pieces.push(&data) {
                Ok(signed) if signed.is_empty() => {}
                Ok(signed) => return Poll::Ready(Some(Ok(Frame::data(signed.into())))),
                Err(error) => return this.break_off(error),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        let begin = self.begin.as_ref().map_or(0, Bytes::len);
        let begin = u64::try_from(begin).unwrap_or(u64::MAX);
        let rest = self.rest.as_ref().map(|rest| rest.size_hint().exact());
        match (rest, self.begin.is_some()) {
            // Exact only before it begins: later a part of it is held.
            (Some(Some(exact)), true) => SizeHint::with_exact(exact.saturating_add(begin)),
            _ => SizeHint::new(),
        }
    }
}
