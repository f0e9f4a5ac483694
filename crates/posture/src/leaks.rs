//! What an agent has seen in clear: what stands in its own transcripts. Whoever runs the model has
//! it too, so that it counts as known to others.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use holdpoint_catalog::credentials::{Finder, TRANSCRIPTS};
use serde::Serialize;

use crate::{
    exposed::Exposed,
    search::{Cache, Searched, search},
};

/// Places that are told of one credential.
const PLACES_MAX: usize = 20;

/// A credential that an agent has seen in clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// The credential, where it was seen first.
    #[serde(flatten)]
    pub exposed: Exposed,
    /// What it is kept as, if it is.
    pub secret: Option<String>,
    /// Where it was seen, at most twenty of them.
    pub places: Vec<PathBuf>,
    /// In how many places.
    pub times: usize,
}

/// The transcripts of agents in `home`, and in the workspaces that agents write theirs into.
pub fn transcripts<'a>(roots: impl IntoIterator<Item = &'a Path>) -> Vec<PathBuf> {
    let below = |root: &'a Path| TRANSCRIPTS.iter().map(move |name| root.join(name));
    roots.into_iter().flat_map(below).filter(|path| path.exists()).collect()
}

/// What stands in `transcripts` in clear. `caches` gives the cache for each, `kept` the name of the
/// secret of a fingerprint, and `is_phantom` whether it is that of a stand-in, which nobody minds.
pub fn leaks(
    transcripts: &[PathBuf],
    finder: &Finder,
    fingerprint: &(dyn Fn(&str) -> String + Sync),
    cache: impl Fn(&Path) -> Cache,
) -> (Vec<Exposed>, Vec<Searched>) {
    let mut all = Vec::new();
    let mut searched = Vec::new();
    for transcript in transcripts {
        let mut cache = cache(transcript);
        let mut found = search(transcript, finder, &mut cache, fingerprint);
        // A transcript that is read again costs time and nothing else.
        let _ = cache.save();
        all.append(&mut found.exposed);
        searched.push(found);
    }
    (all, searched)
}

/// One entry for each credential, by its fingerprint.
pub fn grouped(exposed: Vec<Exposed>, kept: impl Fn(&str) -> Option<String>) -> Vec<Leak> {
    let mut order: Vec<Leak> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for exposed in exposed {
        let Some(fingerprint) = exposed.fingerprint.clone() else { continue };
        let at = *known.entry(fingerprint).or_insert_with(|| {
            let secret = exposed.fingerprint.as_deref().and_then(&kept);
            order.push(Leak { exposed: exposed.clone(), secret, places: Vec::new(), times: 0 });
            order.len() - 1
        });
        if let Some(leak) = order.get_mut(at) {
            leak.times += 1;
            if let Some(path) = exposed
                .path
                .filter(|path| !leak.places.contains(path) && leak.places.len() < PLACES_MAX)
            {
                leak.places.push(path);
            }
        }
    }
    order
}
