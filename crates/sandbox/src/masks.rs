//! Masks: what stands in files for the secrets in them, and where each may become real again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use holdpoint_catalog::credentials::{Finder, Found};
use memchr::memmem;
use secrecy::{ExposeSecret as _, SecretString};

use crate::view::Mask;

/// Secrets that are known of one run.
const SECRETS_MAX: usize = 10_000;
/// Bytes of a line before a secret that tell its place.
const PLACE_MAX: usize = 256;
/// A shorter value is only a secret where its name says so: it would be found in any text.
const ANYWHERE_MIN: usize = 12;

/// What gives a secret its phantom: one and the same for the same secret in the same workspace.
pub trait Phantoms: Send + Sync + std::fmt::Debug {
    /// The phantom of a secret; nothing if there can be none.
    fn phantom_of(&self, secret: &SecretString) -> Option<String>;
}

/// A secret that was found, for whoever wants to know; never its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What it is called there.
    pub name: String,
    /// What kind of secret it is.
    pub kind: &'static str,
}

/// The masks of one run.
#[derive(Debug)]
pub struct Masks<P> {
    workspace: PathBuf,
    phantoms: P,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By phantom.
    secrets: HashMap<String, SecretString>,
    /// By file, then by phantom: under which names, and behind what.
    places: BTreeMap<PathBuf, HashMap<String, BTreeSet<Key>>>,
}

/// Where in a file a secret is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// What it is called.
    Name(String),
    /// What stands before it on its line.
    Behind(Vec<u8>),
}

/// A replacement.
type Patch = (Range<usize>, Vec<u8>);

impl<P: Phantoms> Masks<P> {
    /// None yet, of a workspace.
    pub fn of(workspace: PathBuf, phantoms: P) -> Self {
        Self { workspace, phantoms, known: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.workspace).unwrap_or(path).to_string_lossy().into_owned()
    }

    /// The phantom of a secret that was found outside of files.
    pub fn of_value(&self, secret: &SecretString) -> Option<String> {
        self.lock().phantom(&self.phantoms, secret, true)
    }

    /// What is found in a file, listed.
    pub fn list(&self, path: &Path, bytes: &[u8]) -> Vec<Listed> {
        let found = Finder::shared().find_in(&self.relative(path), bytes);
        let listed = found.into_iter().map(|found| Listed {
            path: path.to_owned(),
            line: found.line,
            name: found.name,
            kind: found.kind.name,
        });
        listed.collect()
    }

    /// How many phantoms a file holds that nothing stands for there.
    pub fn strays(&self, path: &Path, bytes: &[u8]) -> usize {
        let known = self.lock();
        let all = known.secrets.keys().filter(|phantom| phantom.len() >= ANYWHERE_MIN);
        let places = known.places.get(path);
        let here = |phantom: &&String| places.is_none_or(|here| !here.contains_key(*phantom));
        all.filter(here).filter(|it| memmem::find(bytes, it.as_bytes()).is_some()).count()
    }
}

impl Known {
    fn phantom(
        &mut self,
        phantoms: &impl Phantoms,
        secret: &SecretString,
        new: bool,
    ) -> Option<String> {
        let value = secret.expose_secret();
        if self.secrets.contains_key(value) {
            return None;
        }
        let phantom = phantoms.phantom_of(secret)?;
        if !self.secrets.contains_key(&phantom) {
            if !new || self.secrets.len() >= SECRETS_MAX {
                return None;
            }
            self.secrets.insert(phantom.clone(), secret.clone());
        }
        Some(phantom)
    }

    fn place(&mut self, path: &Path, phantom: &str, keys: [Key; 2]) {
        let here = self.places.entry(path.to_owned()).or_default();
        here.entry(phantom.to_owned()).or_default().extend(keys);
    }

    fn is_place(&self, path: &Path, phantom: &str, keys: &[Key]) -> bool {
        let here = self.places.get(path).and_then(|here| here.get(phantom));
        here.is_some_and(|here| keys.iter().any(|key| here.contains(key)))
    }
}

impl<P: Phantoms> Mask for Masks<P> {
    fn masked(&self, path: &Path, bytes: &[u8], own: bool) -> Option<Vec<u8>> {
        let found = Finder::shared().find_in(&self.relative(path), bytes);
        let mut known = self.lock();
        let mut patches: Vec<Patch> = Vec::new();
        for found in found {
            let Some(value) = found.value(bytes) else { continue };
            let span = found.span.clone();
            if known.secrets.contains_key(value.expose_secret()) {
                continue;
            }
            let Some(phantom) = known.phantom(&self.phantoms, &value, !own) else {
                // There can be no phantom for it, so that nothing of it is seen.
                if !own {
                    patches.push((span.clone(), vec![b'x'; span.len()]));
                }
                continue;
            };
            let shown = found.replaced(bytes, &phantom);
            let shown = shown.unwrap_or_else(|| vec![b'x'; span.len()]);
            known.place(path, &phantom, keys(&found, bytes));
            patches.push((span, shown));
        }
        let everywhere: Vec<(String, SecretString)> =
            known.secrets.iter().map(|(phantom, secret)| (phantom.clone(), secret.clone())).collect();
        for (phantom, secret) in everywhere {
            let real = secret.expose_secret().as_bytes();
            if real.len() < ANYWHERE_MIN {
                continue;
            }
            for at in memmem::find_iter(bytes, real) {
                let span = at..at + real.len();
                if patches.iter().all(|(other, _)| other.end <= span.start || span.end <= other.start) {
                    let behind = Key::Behind(behind(bytes, at));
                    known.place(path, &phantom, [behind.clone(), behind]);
                    patches.push((span, phantom.clone().into_bytes()));
                }
            }
        }
        drop(known);
        (!patches.is_empty()).then(|| patched(bytes, patches))
    }

    fn unmasked(&self, path: &Path, bytes: &[u8]) -> Vec<u8> {
        let found = Finder::shared().find_in(&self.relative(path), bytes);
        let known = self.lock();
        let mut patches: Vec<Patch> = Vec::new();
        for found in found {
            let Some(value) = found.value(bytes) else { continue };
            let phantom = value.expose_secret();
            let Some(real) = known.secrets.get(phantom) else { continue };
            if known.is_place(path, phantom, &keys(&found, bytes))
                && let Some(real) = found.replaced(bytes, real.expose_secret())
            {
                patches.push((found.span, real));
            }
        }
        for phantom in known.places.get(path).into_iter().flat_map(HashMap::keys) {
            let Some(real) = known.secrets.get(phantom) else { continue };
            for at in memmem::find_iter(bytes, phantom.as_bytes()) {
                let span = at..at + phantom.len();
                let free = patches.iter().all(|(other, _)| other.end <= span.start || span.end <= other.start);
                if free && known.is_place(path, phantom, &[Key::Behind(behind(bytes, at))]) {
                    patches.push((span, real.expose_secret().as_bytes().to_vec()));
                }
            }
        }
        drop(known);
        patched(bytes, patches)
    }

    fn has_places(&self, path: &Path) -> bool {
        self.lock().places.contains_key(path)
    }
}

/// By what the place of a secret is known again: its name, or what stands before it.
fn keys(found: &Found, bytes: &[u8]) -> [Key; 2] {
    [Key::Name(found.name.clone()), Key::Behind(behind(bytes, found.span.start))]
}

/// What stands before `at` on its line, without blanks around it.
fn behind(bytes: &[u8], at: usize) -> Vec<u8> {
    let before = bytes.get(..at).unwrap_or_default();
    let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let line = before.get(start..).unwrap_or_default();
    let line = line.get(line.len().saturating_sub(PLACE_MAX)..).unwrap_or_default();
    line.trim_ascii().to_vec()
}

/// `bytes` with each span replaced; the spans do not overlap.
fn patched(bytes: &[u8], mut patches: Vec<Patch>) -> Vec<u8> {
    patches.sort_by_key(|(span, _)| span.start);
    let (mut text, mut at) = (Vec::with_capacity(bytes.len()), 0);
    for (span, with) in patches {
        text.extend(bytes.get(at..span.start).unwrap_or_default());
        text.extend(with);
        at = span.end;
    }
    text.extend(bytes.get(at..).unwrap_or_default());
    text
}
