//! The obligations that could release an operation, in one written order of burden.
//!
//! First nothing, a snapshot, a delay, one approval, a snapshot and an approval, a delay and an
//! approval. Sets with more approvals, with both nets or with a longer delay follow, and only as
//! far as a loaded policy names them.

use std::collections::BTreeSet;

use crate::obligation::Obligations;

/// At most so many approvals can be asked for.
pub const MAX_APPROVALS: u8 = 3;
/// At most so many different delays can be asked for.
pub const MAX_DELAYS: usize = 4;
/// The delays that a policy may ask for unless somebody says otherwise: two days.
pub const DEFAULT_DELAYS: &[u64] = &[172_800];

/// The obligations that one policy looks at. What it does not look at cannot change its mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Touches {
    pub(super) approvals: bool,
    pub(super) snapshot: bool,
    pub(super) delay: bool,
}

impl Touches {
    /// Whether it looks at none.
    pub(super) fn nothing(self) -> bool {
        self == Self::default()
    }

    /// Whether `obligations` make a difference to it.
    pub(super) fn meets(self, obligations: Obligations) -> bool {
        (self.approvals && obligations.approvals > 0)
            || (self.snapshot && obligations.snapshot)
            || (self.delay && obligations.delay_seconds > 0)
    }

    /// What either looks at.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            approvals: self.approvals || other.approvals,
            snapshot: self.snapshot || other.snapshot,
            delay: self.delay || other.delay,
        }
    }
}

/// What one policy asks for: each entry alone would satisfy it, as far as obligations go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ways(pub(super) BTreeSet<Way>);

/// One conjunction of obligations: approvals, snapshot, delay in seconds.
pub(super) type Way = (u8, bool, u64);

impl Ways {
    /// What the policy looks at.
    pub(super) fn touches(&self) -> Touches {
        self.0.iter().fold(Touches::default(), |touches, &(approvals, snapshot, delay)| {
            touches.or(Touches { approvals: approvals > 0, snapshot, delay: delay > 0 })
        })
    }

    /// Whether no way but those with a snapshot is up to somebody.
    fn need_snapshot(&self) -> bool {
        self.touches().snapshot && self.asked().all(|&(_, snapshot, _)| snapshot)
    }

    /// Whether no way but those with a delay is up to somebody.
    fn need_delay(&self) -> bool {
        self.touches().delay && self.asked().all(|&(_, _, delay)| delay > 0)
    }

    fn asked(&self) -> impl Iterator<Item = &Way> {
        self.0.iter().filter(|way| **way != (0, false, 0))
    }
}

/// The candidates, least burden first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lattice(Vec<Obligations>);

impl Lattice {
    /// The candidates for policies that ask for `ways`.
    pub(super) fn of<'a>(ways: impl Iterator<Item = &'a Ways> + Clone) -> Self {
        let named = || ways.clone().flat_map(|ways| &ways.0);
        let most = named().map(|&(approvals, _, _)| approvals).max().unwrap_or_default();
        let delays: BTreeSet<u64> =
            named().map(|&(_, _, delay)| delay).filter(|delay| *delay > 0).collect();
        let both_nets = named().any(|&(_, snapshot, delay)| snapshot && delay > 0)
            || (ways.clone().any(Ways::need_snapshot) && ways.clone().any(Ways::need_delay));

        let first = delays.first().copied();
        let longer = || delays.iter().copied().skip(1);
        let mut candidates = Vec::new();
        for approvals in [0, 1] {
            candidates.push((approvals, false, 0));
            candidates.push((approvals, true, 0));
            candidates.extend(first.map(|delay| (approvals, false, delay)));
        }
        for approvals in [0, 1] {
            candidates.extend(longer().map(|delay| (approvals, false, delay)));
        }
        for approvals in 2..=most.min(MAX_APPROVALS) {
            candidates.push((approvals, false, 0));
            candidates.push((approvals, true, 0));
            candidates.extend(delays.iter().map(|&delay| (approvals, false, delay)));
        }
        if both_nets {
            for approvals in 0..=most.clamp(1, MAX_APPROVALS) {
                candidates.extend(delays.iter().map(|&delay| (approvals, true, delay)));
            }
        }
        let as_obligations = |(approvals, snapshot, delay_seconds)| Obligations {
            approvals,
            snapshot,
            delay_seconds,
        };
        Self(candidates.into_iter().map(as_obligations).collect())
    }

    /// Every candidate, "nothing" first.
    pub(super) fn candidates(&self) -> &[Obligations] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn check(policies: &[&[Way]], expect: &[&str]) {
        let ways: Vec<Ways> =
            policies.iter().map(|ways| Ways(ways.iter().copied().collect())).collect();
        let lattice = Lattice::of(ways.iter());
        let written: Vec<String> = lattice
            .candidates()
            .iter()
            .map(|candidate| {
                candidate.iter().map(|one| one.to_string()).collect::<Vec<_>>().join("+")
            })
            .collect();
        assert_eq!(written, expect, "{policies:?}");
    }

    #[test]
    fn six_candidates_in_the_written_order() {
        let starter: &[&[Way]] = &[
            &[(1, false, 0)],
            &[(0, true, 0), (1, false, 0)],
            &[(1, true, 0), (1, false, 172_800)],
        ];
        let six = [
            "",
            "snapshot",
            "delay:172800",
            "approval:1",
            "snapshot+approval:1",
            "approval:1+delay:172800",
        ];
        check(starter, &six);
    }

    #[test]
    fn without_a_named_delay_there_is_none() {
        check(&[&[(1, false, 0)]], &["", "snapshot", "approval:1", "snapshot+approval:1"]);
    }

    #[test]
    fn what_a_policy_names_follows() {
        let four = ["", "snapshot", "approval:1", "snapshot+approval:1"];
        let two = ["approval:2", "snapshot+approval:2"];
        check(&[&[(2, false, 0)]], &[&four[..], &two].concat());
        let both = ["snapshot+delay:86400", "snapshot+approval:1+delay:86400"];
        let six = [
            "",
            "snapshot",
            "delay:86400",
            "approval:1",
            "snapshot+approval:1",
            "approval:1+delay:86400",
        ];
        check(&[&[(0, true, DAY)]], &[&six[..], &both].concat());
        check(&[&[(0, true, 0)], &[(0, false, DAY)]], &[&six[..], &both].concat());
        let longer = ["delay:172800", "approval:1+delay:172800"];
        check(&[&[(0, false, DAY), (0, false, 2 * DAY)]], &[&six[..], &longer].concat());
    }

    #[test]
    fn stays_bounded_whatever_policies_name() {
        let delays: Vec<Way> = (1..=MAX_DELAYS as u64).map(|days| (9, true, days * DAY)).collect();
        let ways = Ways(delays.into_iter().collect());
        assert_eq!(Lattice::of([ways].iter()).candidates().len(), 40);
    }
}
