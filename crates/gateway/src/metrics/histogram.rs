//! A histogram with fixed bounds.

use std::{fmt::Write as _, time::Duration};

/// How often something took how long.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    /// Upper bounds in seconds, and how often it took no longer and longer than the bound before.
    buckets: Vec<(f64, u64)>,
    longer: u64,
    sum: Duration,
}

impl Histogram {
    /// One of nothing yet, with these upper bounds in seconds.
    pub(super) fn new(bounds: &[f64]) -> Self {
        let buckets = bounds.iter().map(|bound| (*bound, 0)).collect();
        Self { buckets, longer: 0, sum: Duration::ZERO }
    }

    pub(super) fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        match self.buckets.iter_mut().find(|(bound, _)| seconds <= *bound) {
            Some((_, count)) => *count += 1,
            None => self.longer += 1,
        }
        self.sum = self.sum.saturating_add(took);
    }

    /// Upper bounds in seconds; how often it took no longer than each, and longer than the one
    /// before; and longer than all.
    pub(super) fn buckets(&self) -> (Vec<f64>, Vec<u64>) {
        let (bounds, mut counts): (Vec<f64>, Vec<u64>) = self.buckets.iter().copied().unzip();
        counts.push(self.longer);
        (bounds, counts)
    }

    /// How long it took in all, in seconds.
    pub(super) fn sum(&self) -> f64 {
        self.sum.as_secs_f64()
    }

    /// In Prometheus' text format, in which a bucket counts those below it too.
    pub(super) fn text(&self, text: &mut String, name: &str) {
        let mut count = 0;
        for (bound, more) in &self.buckets {
            count += more;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}");
        }
        count += self.longer;
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(text, "{name}_sum {}", self.sum.as_secs_f64());
        let _ = writeln!(text, "{name}_count {count}");
    }
}
