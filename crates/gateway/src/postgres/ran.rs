//! What was run in the open transaction: all of it while it is short, so that it can be run again;
//! else each text once, as all of them explain what was changed.

use std::{collections::HashSet, sync::Arc};

use super::{
    reading::Reading,
    script::{Bound, Values},
};

/// Bytes of statements, values and copied rows that are held to be run again.
const BYTES_MAX: usize = 16 << 20;
/// Different texts of one transaction that is too long to be run again, and their bytes.
const TEXTS_MAX: usize = 10_000;
const TEXT_BYTES_MAX: usize = 16 << 20;

/// The statements of the open transaction.
#[derive(Debug, Default)]
pub(super) struct Ran {
    bounds: Vec<Bound>,
    bytes: usize,
    /// Set once they are too many: the texts that are known.
    texts: Option<HashSet<String>>,
}

impl Ran {
    /// Adds what was run.
    pub(super) fn extend(&mut self, bounds: Vec<Bound>) {
        for bound in bounds {
            self.push(bound);
        }
    }

    fn push(&mut self, bound: Bound) {
        if let Some(texts) = &mut self.texts {
            let text = &bound.reading.text;
            if texts.insert(text.clone()) {
                self.bytes = self.bytes.saturating_add(text.len());
                self.bounds.push(text_of(&bound.reading));
            }
            return;
        }
        let Values { bind, copied, .. } = &bound.values;
        let copied = copied.as_ref().map_or(0, bytes::Bytes::len);
        let size = bound.reading.text.len().saturating_add(bind.len()).saturating_add(copied);
        self.bytes = self.bytes.saturating_add(size);
        self.bounds.push(bound);
        if self.bytes > BYTES_MAX || self.bounds.len() > TEXTS_MAX {
            self.shorten();
        }
    }

    /// From now on each text is kept once, and nothing can be run again.
    fn shorten(&mut self) {
        self.texts = Some(HashSet::new());
        self.bytes = 0;
        for bound in std::mem::take(&mut self.bounds) {
            self.push(bound);
        }
    }

    /// Whether no more different texts can be kept.
    pub(super) fn is_full(&self) -> bool {
        self.texts.is_some() && (self.bounds.len() >= TEXTS_MAX || self.bytes > TEXT_BYTES_MAX)
    }

    /// Forgets what was only prepared.
    pub(super) fn retain(&mut self, keep: impl Fn(&Bound) -> bool) {
        if self.texts.is_none() {
            self.bounds.retain(keep);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What was run, for who judges it; nothing is left.
    pub(super) fn take(&mut self) -> Vec<Bound> {
        std::mem::take(self).bounds
    }
}

/// A statement of which only the text is kept.
fn text_of(reading: &Arc<Reading>) -> Bound {
    let values = Values { partial: true, ..Values::default() };
    Bound { reading: Arc::clone(reading), values }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use holdpoint_wire::sql::statements::Kind;

    use super::{BYTES_MAX, Ran, TEXTS_MAX};
    use crate::postgres::{
        reading::Reading,
        script::{Bound, Values},
    };

    fn bound(text: &str, bind: usize) -> Bound {
        let reading =
            Reading { text: text.to_owned(), kind: Kind::Plain, operations: Arc::default() };
        let values = Values { bind: Bytes::from(vec![0; bind]), ..Values::default() };
        Bound { reading: Arc::new(reading), values }
    }

    #[test]
    fn what_is_short_is_kept_as_it_was_run() {
        let mut ran = Ran::default();
        ran.extend(vec![bound("a", 10), bound("a", 20), bound("b", 0)]);
        let kept: Vec<usize> = ran.take().iter().map(|it| it.values.bind.len()).collect();
        assert_eq!(kept, [10, 20, 0]);
        assert!(ran.take().is_empty());
    }

    #[test]
    fn of_what_is_long_each_text_is_kept_and_no_value() {
        let mut ran = Ran::default();
        for _ in 0..40 {
            ran.extend(vec![bound("a", BYTES_MAX / 20), bound("b", 1)]);
        }
        ran.extend(vec![bound("c", 5)]);
        assert!(!ran.is_full());
        let kept = ran.take();
        let texts: Vec<&str> = kept.iter().map(|it| it.reading.text.as_str()).collect();
        assert_eq!(texts, ["a", "b", "c"]);
        assert!(kept.iter().all(|it| it.values.partial && it.values.bind.is_empty()));
    }

    #[test]
    fn there_are_never_more_texts_than_the_greatest_number() {
        let mut ran = Ran::default();
        let mut number = 0;
        while !ran.is_full() {
            ran.extend(vec![bound(&format!("text {number}"), 0)]);
            number += 1;
            assert!(number <= TEXTS_MAX + 2);
        }
        assert_eq!(ran.take().len(), TEXTS_MAX + 1);
    }
}
