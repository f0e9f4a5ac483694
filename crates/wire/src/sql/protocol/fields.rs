//! The fields of a message, in order.

use bytes::{Buf, Bytes};

use crate::Unreadable;

/// What is left of a message's body.
#[derive(Debug)]
pub(super) struct Fields(Bytes);

impl Fields {
    pub(super) fn new(body: Bytes) -> Self {
        Self(body)
    }

    /// Text up to its NUL.
    pub(super) fn text(&mut self) -> Result<String, Unreadable> {
        let end = memchr::memchr(0, &self.0).ok_or_else(truncated)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        let text = std::str::from_utf8(&text)
            .map_err(|_| Unreadable::new("text in the message is not UTF-8; connect with UTF-8"))?;
        Ok(text.to_owned())
    }

    pub(super) fn byte(&mut self) -> Result<u8, Unreadable> {
        self.0.try_get_u8().map_err(|_| truncated())
    }

    pub(super) fn short(&mut self) -> Result<i16, Unreadable> {
        self.0.try_get_i16().map_err(|_| truncated())
    }

    pub(super) fn long(&mut self) -> Result<u32, Unreadable> {
        self.0.try_get_u32().map_err(|_| truncated())
    }

    /// As many things as a count in front of them says.
    pub(super) fn counted<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, Unreadable> {
        let count = u16::try_from(self.short()?).map_err(|_| truncated())?;
        (0..count).map(|_| read(self)).collect()
    }

    /// A value with its length in front; none, if that is -1.
    pub(super) fn value(&mut self) -> Result<Option<Bytes>, Unreadable> {
        match self.long()? {
            u32::MAX => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| truncated())?;
                let fits = length <= self.0.len();
                fits.then(|| Some(self.0.split_to(length))).ok_or_else(truncated)
            }
        }
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.0)
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), Unreadable> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Unreadable::new("the message is longer than what it says")),
        }
    }
}

pub(super) fn truncated() -> Unreadable {
    Unreadable::new("the message ends before what it says")
}
