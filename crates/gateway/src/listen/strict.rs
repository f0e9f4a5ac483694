//! A connection below the HTTP library, which hides what it mends: two lengths, folded headers,
//! bare line feeds. What could be divided into messages in two ways does not reach it; in its
//! place stands a request that is answered with the reason.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use holdpoint_core::Code;
use holdpoint_wire::http::framing::{self, Misframed, Place, Requests};
use http::{Request, StatusCode};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{Limits, refuse::Unanswerable};
use crate::withheld::Withheld;

/// Stands where the head stood that is refused, so that the answer comes in its turn.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: misframed\r\n\r\n";
/// What is kept of a client that goes on before it hears whether it may leave HTTP/1.1.
const HASTY_BYTES_MAX: usize = 16 * 1024;
/// How an answer begins that lets a client leave HTTP/1.1.
const SWITCHING: &[u8] = b"HTTP/1.1 101";

/// A connection whose client is held to one meaning.
pub(super) struct Strict<I> {
    io: I,
    requests: Requests,
    withheld: Withheld,
    misframed: Option<Misframed>,
    verdict: Verdict,
    /// Who waits for [`Requests::answered`].
    waker: Option<Waker>,
    limits: Limits,
    lingers: Option<Linger>,
}

/// Why the last request on a connection is refused, for whoever answers it.
#[derive(Clone, Default)]
pub(super) struct Verdict(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    /// How many requests were answered or are being answered.
    requests: u64,
    /// The number of the one that is refused.
    refused: Option<(u64, Unanswerable)>,
}

/// Reads on behind a refusal: a connection that is closed while its client still sends is reset,
/// and the client may lose the answer.
struct Linger {
    bytes_left: usize,
    deadline: Pin<Box<Sleep>>,
}

impl Verdict {
    /// Marks a request, in the order of the requests, if it stands for one that is refused.
    pub(super) fn mark<B>(&self, request: &mut Request<B>) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.requests += 1;
        let own = said.requests;
        if let Some((_, why)) = said.refused.take_if(|(number, _)| *number == own) {
            request.extensions_mut().insert(why);
        }
    }

    fn refuse(&self, number: u64, why: Unanswerable) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).refused = Some((number, why));
    }
}

/// The answer to a misframed request.
pub(super) fn unanswerable(misframed: &Misframed) -> Unanswerable {
    let status = match misframed.why.code {
        Code::OverLimit => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    Unanswerable::new(status, misframed.why.clone())
}

/// What is wrong with the framing of a body that could not be read.
pub(super) fn misframed<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Misframed> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(misframed) = inner.and_then(|inner| inner.downcast_ref()) {
            return Some(misframed);
        }
        next = error.source();
    }
    None
}

impl<I> Strict<I> {
    pub(super) fn new(io: I, limits: Limits, verdict: Verdict) -> Self {
        let Limits { head_bytes_max, headers_max, .. } = limits;
        Self {
            io,
            requests: Requests::new(framing::Limits { head_bytes_max, headers_max }),
            withheld: Withheld::default(),
            misframed: None,
            verdict,
            waker: None,
            limits,
            lingers: None,
        }
    }

    /// Judges the bytes of `buffer` behind `before`, and those withheld.
    fn judge(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let Self { requests, withheld, .. } = self;
        let mut refused = None;
        withheld.judge(buffer, before, |bytes| followed(requests, bytes, &mut refused));
        self.refuse(refused);
    }

    /// Nothing of what follows is read. Behind a head stands another in its place; a body breaks
    /// off.
    fn refuse(&mut self, misframed: Option<Misframed>) {
        let Some(misframed) = misframed else { return };
        match misframed.place {
            Place::Body => self.withheld.replace(&[]),
            Place::Head => {
                self.verdict.refuse(self.requests.heads() + 1, unanswerable(&misframed));
                self.withheld.replace(STAND_IN);
            }
        }
        self.misframed = Some(misframed);
    }

    /// Notices whether the client may leave HTTP/1.1.
    fn notice(&mut self, answer: &[u8]) {
        if self.requests.has_asked() && !answer.is_empty() {
            self.requests.answered(answer.starts_with(SWITCHING));
            let mut refused = None;
            let requests = &mut self.requests;
            self.withheld.judge_again(|bytes| followed(requests, bytes, &mut refused));
            self.refuse(refused);
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }
}

/// How many of these bytes go on, and why the others do not.
fn followed(requests: &mut Requests, bytes: &[u8], refused: &mut Option<Misframed>) -> usize {
    requests.follow(bytes).unwrap_or_else(|misframed| {
        let passed = misframed.passed;
        *refused = Some(misframed);
        passed
    })
}

impl<I: AsyncRead + Unpin> AsyncRead for Strict<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.withheld.hand_over(buffer) || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if let Some(misframed) = &this.misframed {
                return match misframed.place {
                    // Whoever answers the stand-in closes the connection.
                    Place::Head => Poll::Pending,
                    Place::Body => Poll::Ready(Err(io::Error::other(misframed.clone()))),
                };
            }
            if this.requests.has_asked() {
                this.waker = Some(context.waker().clone());
                if this.withheld.len() >= HASTY_BYTES_MAX {
                    return Poll::Pending;
                }
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.io).poll_read(context, buffer))?;
            if buffer.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            if this.requests.is_beyond() && this.withheld.is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.judge(buffer, before);
            if buffer.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Strict<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.notice(bytes);
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.notice(slices.iter().find(|slice| !slice.is_empty()).map_or(&[], |first| first));
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingers.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(context))?;
        }
        if this.misframed.is_none() {
            return Poll::Ready(Ok(()));
        }
        let linger = this.lingers.get_or_insert_with(|| Linger {
            bytes_left: this.limits.discard_bytes_max,
            deadline: Box::pin(sleep(this.limits.discard_timeout)),
        });
        linger.poll(&mut this.io, context)
    }
}

impl Linger {
    /// Ready once the client has closed, has sent too much, or has taken too long.
    fn poll<I: AsyncRead + Unpin>(
        &mut self,
        io: &mut I,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut space = [0; 4096];
        loop {
            let mut unwanted = ReadBuf::new(&mut space);
            match Pin::new(&mut *io).poll_read(context, &mut unwanted) {
                Poll::Ready(Ok(())) if unwanted.filled().is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => match self.bytes_left.checked_sub(unwanted.filled().len()) {
                    Some(left) => self.bytes_left = left,
                    None => return Poll::Ready(Ok(())),
                },
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Pending => return self.deadline.as_mut().poll(context).map(Ok),
            }
        }
    }
}
