//! Messages on a connection: each with a first byte and a length, of which there is a greatest.

use std::io::{self, Cursor};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use holdpoint_wire::sql::protocol::backend;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt as _, join, split};

use crate::forward::dial::Wire;

/// Bytes of one message.
const FRAME_BYTES_MAX: usize = 64 << 20;
/// Bytes that are put together before they are written.
const WRITE_BYTES: usize = 64 << 10;

/// One message.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// What it is.
    pub(super) tag: u8,
    /// What it says.
    pub(super) body: Bytes,
}

impl Frame {
    /// As it is sent.
    pub(super) fn encoded(&self) -> Bytes {
        backend::framed(self.tag, &self.body)
    }
}

/// A connection, message by message.
#[derive(Debug)]
pub(super) struct Framed<S> {
    io: S,
    read: BytesMut,
    written: BytesMut,
    /// How often something was written.
    pub(super) flushes: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Framed<S> {
    pub(super) fn new(io: S) -> Self {
        Self { io, read: BytesMut::new(), written: BytesMut::new(), flushes: 0 }
    }

    /// The connection itself; what was read ahead must be nothing.
    pub(super) fn into_inner(self) -> io::Result<S> {
        match self.read.is_empty() {
            true => Ok(self.io),
            false => Err(invalid("bytes before the encryption that was agreed on")),
        }
    }

    /// The first packet of a connection, which has no first byte; none if it ended.
    pub(super) async fn first_message(&mut self, max: usize) -> io::Result<Option<Bytes>> {
        if !self.fill(4).await? {
            return Ok(None);
        }
        let length = length(self.read.get(..4)).filter(|length| (8..=max).contains(length));
        let length = length.ok_or_else(|| invalid("no first packet of PostgreSQL's protocol"))?;
        if !self.fill(length).await? {
            return Ok(None);
        }
        let mut packet = self.read.split_to(length);
        packet.advance(4);
        Ok(Some(packet.freeze()))
    }

    /// One byte that stands alone.
    pub(super) async fn byte(&mut self) -> io::Result<Option<u8>> {
        Ok(self.fill(1).await?.then(|| self.read.get_u8()))
    }

    /// The next byte, which is not taken.
    pub(super) async fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(if self.fill(1).await? { self.read.first().copied() } else { None })
    }

    /// The next message; none if the connection ended between two. Nothing is lost if this is
    /// given up while it waits.
    pub(super) async fn frame(&mut self) -> io::Result<Option<Frame>> {
        if !self.fill(5).await? {
            return match self.read.is_empty() {
                true => Ok(None),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        let length = length(self.read.get(1..5)).filter(|it| (4..FRAME_BYTES_MAX).contains(it));
        let length = length.ok_or_else(|| invalid("a message of an impossible length"))?;
        if !self.fill(length + 1).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut message = self.read.split_to(length + 1);
        let tag = message.get_u8();
        message.advance(4);
        Ok(Some(Frame { tag, body: message.freeze() }))
    }

    /// Whether another message has begun to arrive.
    pub(super) fn has_more(&self) -> bool {
        !self.read.is_empty()
    }

    /// Puts bytes to be written; they are once there are enough of them, or with [`Self::flush`].
    pub(super) async fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written.extend_from_slice(bytes);
        if self.written.len() >= WRITE_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Puts a message as it came.
    pub(super) async fn pass(&mut self, frame: &Frame) -> io::Result<()> {
        let length = frame.body.len().saturating_add(4);
        self.written.reserve(length.saturating_add(1));
        self.written.put_u8(frame.tag);
        self.written.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        self.put(&frame.body).await
    }

    /// How many bytes wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.written.len()
    }

    /// Takes back what waits to be written beyond `length` bytes.
    pub(super) fn take_back(&mut self, length: usize) {
        self.written.truncate(length);
    }

    /// Writes what waits.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.written.is_empty() {
            return Ok(());
        }
        self.flushes += 1;
        while self.written.has_remaining() {
            self.io.write_buf(&mut self.written).await?;
        }
        self.written.clear();
        self.io.flush().await
    }

    /// Reads until there are `length` bytes; false if the connection ended before.
    async fn fill(&mut self, length: usize) -> io::Result<bool> {
        while self.read.len() < length {
            self.read.reserve(length.saturating_sub(self.read.len()).max(8192));
            if self.io.read_buf(&mut self.read).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Framed<Box<dyn Wire>> {
    /// The connection with what was read ahead of it.
    pub(super) fn into_rest(self) -> Box<dyn Wire> {
        let (read, write) = split(self.io);
        let ahead = Cursor::new(self.read.freeze());
        Box::new(join(AsyncReadExt::chain(ahead, read), write))
    }
}

fn length(bytes: Option<&[u8]>) -> Option<usize> {
    let bytes: [u8; 4] = bytes?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(bytes)).ok()
}

pub(super) fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}
