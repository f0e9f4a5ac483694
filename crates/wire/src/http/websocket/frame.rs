//! Frames (RFC 6455 §5), read as their bytes come, without extensions.

use thiserror::Error;

/// The longest head: two bytes, a length of eight, a mask of four.
const HEAD_BYTES_MAX: usize = 14;
/// The longest payload of a control frame (RFC 6455 §5.5).
pub const CONTROL_BYTES_MAX: u64 = 125;
/// A payload up to this has its length in the head's second byte.
const SHORT_MAX: u64 = 125;

/// Who sends: a client masks its frames, a server never does (RFC 6455 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who asked for the connection.
    Client,
    /// Who was asked.
    Server,
}

/// What a frame is (RFC 6455 §11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message before.
    Continuation,
    /// A message of text.
    Text,
    /// A message of bytes.
    Binary,
    /// The last frame of a side.
    Close,
    /// To be answered by a pong.
    Ping,
    /// The answer to a ping.
    Pong,
}

impl Opcode {
    const ALL: [(u8, Self); 6] = [
        (0, Self::Continuation),
        (1, Self::Text),
        (2, Self::Binary),
        (8, Self::Close),
        (9, Self::Ping),
        (10, Self::Pong),
    ];

    /// Whether it is about the connection, and may come between the fragments of a message.
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn read(bits: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|(own, _)| *own == bits).map(|(_, opcode)| opcode)
    }

    fn bits(self) -> u8 {
        Self::ALL.into_iter().find(|(_, own)| *own == self).map_or(0, |(bits, _)| bits)
    }
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// It ends its message.
    pub fin: bool,
    /// What it is.
    pub opcode: Opcode,
    /// What its payload is masked with.
    pub mask: Option<[u8; 4]>,
    /// Bytes of its payload.
    pub length: u64,
}

/// Frames that nobody may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Violation {
    /// Reserved bits or an opcode mean something only with an extension.
    #[error("a frame uses an extension that was not agreed on")]
    Extension,
    /// A length has one spelling.
    #[error("a frame's length is not written as shortly as it can be, or is too great")]
    Length,
    /// A side has to mask, or must not.
    #[error("a client masks its frames, and a server does not")]
    Mask,
    /// A control frame is short and whole.
    #[error("a control frame is too long or in pieces")]
    Control,
    /// A message goes on that has not begun, or begins within another.
    #[error("the fragments of a message are out of order")]
    Order,
}

impl Head {
    /// The head that `bytes` begin with, and its length; `None` if more must come first.
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let opcode = Opcode::read(first & 0x0f).filter(|_| first & 0x70 == 0);
        let opcode = opcode.ok_or(Violation::Extension)?;
        let (length, after) = match second & 0x7f {
            126 => match rest.split_first_chunk::<2>() {
                Some((length, after)) => (u64::from(u16::from_be_bytes(*length)), after),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((length, after)) => (u64::from_be_bytes(*length), after),
                None => return Ok(None),
            },
            short => (u64::from(short), rest),
        };
        let shortest = size_of_length(length) == rest.len() - after.len();
        if !shortest || length > i64::MAX.unsigned_abs() {
            return Err(Violation::Length);
        }
        let (mask, after) = match (second & 0x80 != 0, after.split_first_chunk::<4>()) {
            (false, _) => (None, after),
            (true, Some((mask, after))) => (Some(*mask), after),
            (true, None) => return Ok(None),
        };
        let head = Self { fin: first & 0x80 != 0, opcode, mask, length };
        if opcode.is_control() && (!head.fin || length > CONTROL_BYTES_MAX) {
            return Err(Violation::Control);
        }
        Ok(Some((head, bytes.len() - after.len())))
    }

    /// Appends the head as it is sent.
    pub fn write(&self, out: &mut Vec<u8>) {
        let fin = if self.fin { 0x80 } else { 0 };
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        out.push(fin | self.opcode.bits());
        let long = self.length.to_be_bytes();
        match size_of_length(self.length) {
            0 => out.push(masked | long.last().copied().unwrap_or_default()),
            2 => {
                out.push(masked | 126);
                out.extend(long.iter().skip(6));
            }
            _ => {
                out.push(masked | 127);
                out.extend(long);
            }
        }
        out.extend(self.mask.into_iter().flatten());
    }
}

/// Bytes that a length needs beside the head's second byte.
fn size_of_length(length: u64) -> usize {
    match length {
        0..=SHORT_MAX => 0,
        _ if length <= u64::from(u16::MAX) => 2,
        _ => 8,
    }
}

/// Masks a payload, or takes the mask off; `from` is how much of the payload came before.
pub fn mask(bytes: &mut [u8], mask: [u8; 4], from: u64) {
    let skip = usize::try_from(from % 4).unwrap_or_default();
    for (byte, key) in bytes.iter_mut().zip(mask.iter().cycle().skip(skip)) {
        *byte ^= key;
    }
}

/// A piece of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A frame begins.
    Head(Head),
    /// Some of its payload, as it is on the wire; there is one such piece at least.
    Payload {
        /// The bytes; may be none.
        bytes: &'a [u8],
        /// How much of the payload came before.
        from: u64,
        /// The frame ends with them.
        last: bool,
    },
}

/// Cuts what one side sends into frames, and refuses what no such side may send.
#[derive(Debug, Clone)]
pub struct Frames {
    side: Side,
    /// A head of which not all is here.
    head: Vec<u8>,
    /// The frame whose payload comes, and how much of it has come.
    current: Option<(Head, u64)>,
    /// A message has begun and not ended.
    fragmented: bool,
}

impl Frames {
    /// What `side` sends, from the beginning.
    pub fn of(side: Side) -> Self {
        Self { side, head: Vec::with_capacity(HEAD_BYTES_MAX), current: None, fragmented: false }
    }

    /// Whether everything that came belongs to whole frames.
    pub fn are_whole(&self) -> bool {
        self.head.is_empty() && self.current.is_none()
    }

    /// Takes the next piece off `input`; `None` if more must come first, and all was taken.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Piece<'a>>, Violation> {
        if let Some((head, from)) = self.current {
            let left = usize::try_from(head.length - from).unwrap_or(usize::MAX);
            let (bytes, after) = input.split_at(left.min(input.len()));
            if bytes.is_empty() && left > 0 {
                return Ok(None);
            }
            *input = after;
            let last = bytes.len() == left;
            let until = from + u64::try_from(bytes.len()).unwrap_or_default();
            self.current = (!last).then_some((head, until));
            return Ok(Some(Piece::Payload { bytes, from, last }));
        }
        while let Some((first, after)) = input.split_first() {
            self.head.push(*first);
            *input = after;
            if let Some((head, _)) = Head::read(&self.head)? {
                self.check(&head)?;
                self.head.clear();
                self.current = Some((head, 0));
                return Ok(Some(Piece::Head(head)));
            }
        }
        Ok(None)
    }

    fn check(&mut self, head: &Head) -> Result<(), Violation> {
        if head.mask.is_some() != (self.side == Side::Client) {
            return Err(Violation::Mask);
        }
        if head.opcode.is_control() {
            return Ok(());
        }
        if (head.opcode == Opcode::Continuation) != self.fragmented {
            return Err(Violation::Order);
        }
        self.fragmented = !head.fin;
        Ok(())
    }
}
