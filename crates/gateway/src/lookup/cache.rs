//! What providers said a short while ago, each answer with its age.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use holdpoint_core::{Effect, ResourceId};
use holdpoint_enforce::resolve::takes_away;
use holdpoint_wire::lookup::{Need, Whereabouts};

/// How old an answer may be for what observes, makes or changes.
const FRESH: Duration = Duration::from_secs(300);
/// How old it may be for what takes something away; and how long a provider that gave no answer,
/// or did not know, is not asked again.
const RECENT: Duration = Duration::from_secs(10);
/// Answers that are kept.
const ANSWERS_MAX: usize = 1024;

/// How old an answer may be for `effect`.
pub(super) fn age_max(effect: Effect) -> Duration {
    if takes_away(effect) { RECENT } else { FRESH }
}

/// What is known about one resource without asking.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cached {
    /// It lies there.
    There(Whereabouts),
    /// The provider did not know a moment ago, or did not answer.
    Unknown,
    /// It has to be asked.
    Ask,
}

/// What one question brought: nothing, if there was no answer.
type Answer = Option<Arc<HashMap<ResourceId, Whereabouts>>>;

/// Answers by what was asked.
#[derive(Debug, Default)]
pub(super) struct Cache(HashMap<Need, (Instant, Answer)>);

impl Cache {
    /// What is known about `resource`, which `need` was about, for an answer of at most
    /// `age_max`.
    pub(super) fn find(
        &self,
        need: &Need,
        resource: &ResourceId,
        age_max: Duration,
        now: Instant,
    ) -> Cached {
        let Some((at, answer)) = self.0.get(need) else { return Cached::Ask };
        let age = now.saturating_duration_since(*at);
        match answer.as_ref().and_then(|found| found.get(resource)) {
            Some(whereabouts) if age < age_max => Cached::There(whereabouts.clone()),
            None if age < RECENT => Cached::Unknown,
            _ => Cached::Ask,
        }
    }

    /// Keeps an answer, or that there was none.
    pub(super) fn keep(&mut self, need: Need, answer: Answer, now: Instant) {
        if self.0.len() >= ANSWERS_MAX {
            self.0.retain(|_, (at, _)| now.saturating_duration_since(*at) < RECENT);
        }
        if self.0.len() >= ANSWERS_MAX {
            self.0.clear();
        }
        self.0.insert(need, (now, answer));
    }
}

#[cfg(test)]
mod tests {
    use holdpoint_core::Environment;

    use super::*;

    #[test]
    fn answers_age_and_what_takes_away_wants_a_young_one() {
        let volume = ResourceId::new("railway:volume/v");
        let need = Need { provider: "railway", subject: None };
        let staging = (ResourceId::new("railway:environment/e"), Environment::Staging);
        let there = Whereabouts::new(vec![staging]).unwrap();
        let answer = Some(Arc::new(HashMap::from([(volume.clone(), there.clone())])));
        let other = ResourceId::new("railway:volume/other");
        let begin = Instant::now();
        let mut cache = Cache::default();
        let find = |cache: &Cache, resource: &ResourceId, effect, seconds| {
            let now = begin + Duration::from_secs(seconds);
            cache.find(&need, resource, age_max(effect), now)
        };
        assert_eq!(find(&cache, &volume, Effect::Observe, 0), Cached::Ask);
        cache.keep(need.clone(), answer, begin);
        for (resource, effect, seconds, expect) in [
            (&volume, Effect::Observe, 0, Cached::There(there.clone())),
            (&volume, Effect::Modify, 299, Cached::There(there.clone())),
            (&volume, Effect::Modify, 300, Cached::Ask),
            (&volume, Effect::Destroy, 9, Cached::There(there.clone())),
            (&volume, Effect::Destroy, 10, Cached::Ask),
            (&volume, Effect::WeakenRecovery, 10, Cached::Ask),
            // What was not in it may have been made since.
            (&other, Effect::Observe, 9, Cached::Unknown),
            (&other, Effect::Observe, 10, Cached::Ask),
        ] {
            assert_eq!(find(&cache, resource, effect, seconds), expect, "{effect} {seconds}");
        }
        cache.keep(need.clone(), None, begin);
        assert_eq!(find(&cache, &volume, Effect::Observe, 9), Cached::Unknown);
        assert_eq!(find(&cache, &volume, Effect::Observe, 10), Cached::Ask);
    }

    #[test]
    fn answers_are_bounded() {
        let mut cache = Cache::default();
        for number in 0..3 * ANSWERS_MAX {
            let subject = Some(ResourceId::of("railway", "deployment", &number.to_string()));
            cache.keep(Need { provider: "railway", subject }, None, Instant::now());
            assert!(cache.0.len() <= ANSWERS_MAX);
        }
    }
}
