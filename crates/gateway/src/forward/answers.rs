//! What an upstream sends, held to one answer for each message: bytes that nobody asked for do not
//! become the answer to the next one.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use holdpoint_wire::http::framing::{Limits, Responses};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::withheld::Withheld;

/// What is known about the answers on one connection.
#[derive(Debug, Clone)]
pub(super) struct Answers(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    responses: Responses,
    /// A message is about to be written.
    begins: bool,
}

impl Answers {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(State { responses: Responses::new(limits), begins: false })))
    }

    /// A message with this method goes out next.
    pub(super) fn expect(&self, method: &str) {
        let mut state = self.state();
        state.responses.expect(method);
        state.begins = true;
    }

    /// Whether the connection may carry another message: the last answer has ended, there was one
    /// way to read it, and nothing came behind it.
    pub(super) fn are_sound(&self) -> bool {
        let state = self.state();
        state.responses.is_sound() && !state.responses.is_due()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection on which nothing is read but what [`Answers`] expect.
pub(super) struct Answering<I> {
    io: I,
    answers: Answers,
    withheld: Withheld,
}

impl<I> Answering<I> {
    pub(super) fn new(io: I, answers: Answers) -> Self {
        Self { io, answers, withheld: Withheld::default() }
    }
}

impl<I: AsyncRead + Unpin> Answering<I> {
    /// Looks whether something came unasked, before the first byte of a message is written.
    fn look(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let mut state = self.answers.state();
        if !std::mem::take(&mut state.begins) {
            return Ok(());
        }
        let mut space = [0; 1];
        let mut unasked = ReadBuf::new(&mut space);
        match Pin::new(&mut self.io).poll_read(context, &mut unasked) {
            Poll::Pending => Ok(()),
            Poll::Ready(read) => {
                read?;
                Err(io::Error::new(io::ErrorKind::BrokenPipe, "the upstream spoke unasked"))
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Answering<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { io, answers, withheld } = &mut *self;
        loop {
            if withheld.hand_over(buffer) || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut *io).poll_read(context, buffer))?;
            if buffer.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            let mut state = answers.state();
            let mut wrong = None;
            withheld.judge(buffer, before, |bytes| {
                state.responses.follow(bytes).unwrap_or_else(|why| {
                    wrong = Some(why);
                    0
                })
            });
            if let Some(why) = wrong {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
            }
            // What was not asked for ends the connection, as if it were not there.
            let nothing = !withheld.is_ready() && !state.responses.is_due();
            if buffer.filled().len() > before || nothing {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Answering<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.look(context)?;
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.look(context)?;
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
