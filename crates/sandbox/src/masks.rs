//! Masks: what stands in files for the secrets in them, and where each may become real again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt, mem,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use holdpoint_catalog::credentials::{Finder, Found, relative};
use holdpoint_store::secrets::{Secrets, StandIn};
use memchr::memmem;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::{
    servers::{self, Servers},
    view::Mask,
};

/// Secrets that are known of one run.
const SECRETS_MAX: usize = 10_000;
/// Bytes of a line before a secret that tell its place.
const PLACE_MAX: usize = 256;
/// A shorter value is only a secret where its name says so: it would be found in any text.
const ANYWHERE_MIN: usize = 12;

/// The masks of one run.
#[derive(Debug)]
pub struct Masks {
    workspace: PathBuf,
    /// Below what a path says what a file is: the workspace, further places, the home.
    roots: Vec<PathBuf>,
    /// What agents keep of what they were told: what stands there is for nobody to use.
    quiet: Vec<PathBuf>,
    secrets: Secrets,
    servers: Servers,
    known: Mutex<Known>,
    drawn: Mutex<Drawn>,
}

/// A credential that was found, and the phantom that was drawn for it.
#[derive(Debug, Clone)]
pub struct Stood {
    /// What was found.
    pub found: Found,
    /// The real one.
    pub value: SecretString,
    /// What is seen.
    pub phantom: String,
    /// The file; none for a variable.
    pub path: Option<PathBuf>,
}

/// What is done with each phantom that is drawn.
pub type Taken = Box<dyn Fn(Vec<Stood>) + Send + Sync>;

/// Phantoms that stand for nothing at the gateway before somebody takes them.
#[derive(Default)]
struct Drawn {
    /// Those that nobody took yet.
    waiting: Vec<Stood>,
    /// Phantom and name of all, once each.
    seen: HashSet<(String, String)>,
    taken: Option<Taken>,
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drawn").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Known {
    /// By phantom.
    secrets: HashMap<String, SecretString>,
    /// By file, then by phantom: under which names, and behind what.
    places: BTreeMap<PathBuf, HashMap<String, BTreeSet<Key>>>,
    /// By file: what nothing can stand for, and behind what it is.
    blanks: BTreeMap<PathBuf, BTreeMap<Key, Zeroizing<Vec<u8>>>>,
    /// What nobody reads.
    withheld: BTreeSet<PathBuf>,
}

/// What is seen of one secret.
enum Seen {
    AsItIs,
    Phantom {
        phantom: String,
        /// It stands for nothing yet.
        drawn: bool,
    },
    Blank,
}

/// Where in a file a secret is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    mark: Mark,
    /// In a URL of this very machine. What was bound for elsewhere does not become real in one, as a
    /// later run would take it for a local password; nor the other way round.
    local: bool,
}

/// By what it is known again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    /// What it is called.
    Name(String),
    /// What stands before it on its line.
    Behind(Vec<u8>),
}

/// A replacement.
type Patch = (Range<usize>, Vec<u8>);

/// What stands where nothing can.
const BLANK: u8 = b'x';

impl Masks {
    /// None yet, of a workspace and what else is seen below `others`. What is found in `quiet` is
    /// masked, and nobody is told of it. A password for what `is_server` knows stays as it is, if it is
    /// known of nothing else.
    pub fn of(
        workspace: PathBuf,
        others: Vec<PathBuf>,
        quiet: Vec<PathBuf>,
        secrets: Secrets,
        is_server: servers::IsServer,
    ) -> Self {
        let mut roots: Vec<PathBuf> = [workspace.clone()].into_iter().chain(others).collect();
        // The innermost first.
        roots.sort_by_key(|root| std::cmp::Reverse(root.components().count()));
        let (known, drawn, servers) = (Mutex::default(), Mutex::default(), Servers::new(is_server));
        Self { workspace, roots, quiet, secrets, servers, known, drawn }
    }

    /// Has `taken` called with what was drawn until now, and with each that is drawn from now on.
    pub fn take(&self, taken: Taken) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        taken(mem::take(&mut drawn.waiting));
        drawn.taken = Some(taken);
    }

    /// Tells of a phantom that was drawn.
    fn tell(&self, found: &Found, value: &SecretString, phantom: &str, path: Option<&Path>) {
        if path.is_some_and(|path| self.quiet.iter().any(|quiet| path.starts_with(quiet))) {
            return;
        }
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let new = drawn.seen.len() < SECRETS_MAX
            && drawn.seen.insert((phantom.to_owned(), found.name.clone()));
        if !new {
            return;
        }
        let stood = Stood {
            found: found.clone(),
            value: value.clone(),
            phantom: phantom.to_owned(),
            path: path.map(Path::to_owned),
        };
        match &drawn.taken {
            Some(taken) => taken(vec![stood]),
            None => drawn.waiting.push(stood),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn relative(&self, path: &Path) -> String {
        let root = self.roots.iter().find(|root| path.starts_with(root));
        relative(root.map_or(path, PathBuf::as_path), path)
    }

    /// The value of a variable with its secret masked, unless a server of this machine wants it; nothing
    /// if there is none in it.
    pub fn variable(&self, name: &str, value: &str) -> Option<String> {
        let found = Finder::shared().find_variable(name, value)?;
        let secret = found.value(value.as_bytes())?;
        let span = found.span.clone();
        let mut known = self.lock();
        if self.is_local(&known, value.as_bytes(), &span, &secret) {
            return Some(value.to_owned());
        }
        let seen = self.seen(&mut known, &secret, false);
        drop(known);
        let shown = match seen {
            Seen::AsItIs => return None,
            Seen::Phantom { phantom, drawn } => {
                // What is only for this machine is nothing to be bound.
                if drawn && servers::port(value.as_bytes(), &span).is_none() {
                    self.tell(&found, &secret, &phantom, None);
                }
                found.replaced(value.as_bytes(), &phantom)
            }
            Seen::Blank => None,
        };
        let shown = shown.unwrap_or_else(|| vec![BLANK; span.len()]);
        String::from_utf8(patched(value.as_bytes(), vec![(span, shown)])).ok()
    }

    /// Whether this is the password of a server of this machine, and of nothing else that is known:
    /// anybody can write `localhost` before a password.
    fn is_local(
        &self,
        known: &Known,
        text: &[u8],
        span: &Range<usize>,
        secret: &SecretString,
    ) -> bool {
        self.servers.has(text, span)
            && !known.has(secret)
            && matches!(self.secrets.is_real(secret.expose_secret()), Ok(None))
    }

    /// What is seen of a secret. What was written inside is none, unless it is known.
    fn seen(&self, known: &mut Known, secret: &SecretString, own: bool) -> Seen {
        if known.secrets.contains_key(secret.expose_secret()) {
            return Seen::AsItIs;
        }
        let place = self.workspace.as_os_str().as_encoded_bytes();
        let (phantom, drawn) = match self.secrets.stand_in(place, secret) {
            Ok(StandIn::Itself) => return Seen::AsItIs,
            Ok(StandIn::Kept(phantom)) => (phantom, false),
            Ok(StandIn::Drawn(phantom)) => (phantom, true),
            // Without the store nothing can be said, and nothing real is seen.
            Ok(StandIn::Nothing) | Err(_) => return Seen::Blank,
        };
        if !known.secrets.contains_key(&phantom) {
            if own {
                return Seen::AsItIs;
            }
            if known.secrets.len() >= SECRETS_MAX {
                return Seen::Blank;
            }
            known.secrets.insert(phantom.clone(), secret.clone());
        }
        Seen::Phantom { phantom, drawn }
    }

    /// What was found, replaced.
    fn named(&self, known: &mut Known, path: &Path, bytes: &[u8], own: bool) -> Vec<Patch> {
        let mut patches = Vec::new();
        for found in Finder::shared().find_in(&self.relative(path), bytes) {
            let span = found.span.clone();
            let value = found.value(bytes);
            if value.as_ref().is_some_and(|it| self.is_local(known, bytes, &span, it)) {
                continue;
            }
            let seen = match &value {
                Some(secret) => self.seen(known, secret, own),
                None => Seen::Blank,
            };
            let shown = match seen {
                Seen::AsItIs => continue,
                Seen::Blank if own => continue,
                Seen::Blank => None,
                Seen::Phantom { phantom, drawn } => {
                    let bound = servers::port(bytes, &span).is_none();
                    if let Some(value) = value.filter(|_| drawn && bound && !own) {
                        self.tell(&found, &value, &phantom, Some(path));
                    }
                    known.place(path, &phantom, keys(&found, bytes));
                    found.replaced(bytes, &phantom)
                }
            };
            let shown = shown.unwrap_or_else(|| known.blank(path, bytes, span.clone()));
            patches.push((span, shown));
        }
        patches
    }

    /// Keeps a file from being read at all: it is too long to be masked, or packed.
    pub fn withhold(&self, path: &Path) {
        let mut known = self.lock();
        known.blanks.entry(path.to_owned()).or_default();
        known.withheld.insert(path.to_owned());
    }

    /// How many secrets are known.
    pub fn count(&self) -> usize {
        let known = self.lock();
        known.secrets.len() + known.blanks.values().map(BTreeMap::len).sum::<usize>()
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
    fn has(&self, secret: &SecretString) -> bool {
        let secret = secret.expose_secret();
        self.secrets.values().any(|known| known.expose_secret() == secret)
            || self.blanks.values().flat_map(BTreeMap::values).any(|it| **it == secret.as_bytes())
    }

    fn blank(&mut self, path: &Path, bytes: &[u8], span: Range<usize>) -> Vec<u8> {
        let here = self.blanks.entry(path.to_owned()).or_default();
        let real = bytes.get(span.clone()).unwrap_or_default().to_vec();
        here.insert(Key::behind(bytes, &span), Zeroizing::new(real));
        vec![BLANK; span.len()]
    }

    /// The secrets that are known to be real, wherever they stand.
    fn anywhere(&mut self, path: &Path, bytes: &[u8], patches: &mut Vec<Patch>) {
        let mut places = Vec::new();
        for (phantom, secret) in &self.secrets {
            let real = secret.expose_secret().as_bytes();
            if real.len() < ANYWHERE_MIN {
                continue;
            }
            for at in memmem::find_iter(bytes, real) {
                let span = at..at + real.len();
                if is_free(patches, &span) {
                    places.push((phantom.clone(), Key::behind(bytes, &span)));
                    patches.push((span, phantom.clone().into_bytes()));
                }
            }
        }
        for (phantom, key) in places {
            self.place(path, &phantom, [key.clone(), key]);
        }
    }

    /// Where phantoms, and what nothing stands for, are in their places though nothing names them.
    fn unnamed(&self, path: &Path, bytes: &[u8], patches: &mut Vec<Patch>) {
        for phantom in self.places.get(path).into_iter().flat_map(HashMap::keys) {
            let Some(real) = self.secrets.get(phantom) else { continue };
            for at in memmem::find_iter(bytes, phantom.as_bytes()) {
                let span = at..at + phantom.len();
                let key = Key::behind(bytes, &span);
                if is_free(patches, &span) && self.is_place(path, phantom, &[key]) {
                    patches.push((span, real.expose_secret().as_bytes().to_vec()));
                }
            }
        }
        for (before, real) in self.blanks.get(path).into_iter().flatten() {
            let blank = vec![BLANK; real.len()];
            for at in memmem::find_iter(bytes, &blank) {
                let span = at..at + blank.len();
                if is_free(patches, &span) && Key::behind(bytes, &span) == *before {
                    patches.push((span, real.to_vec()));
                }
            }
        }
    }

    /// What becomes real in its place is masked there, whatever else the file says.
    fn again(&self, path: &Path, bytes: &[u8], patches: &mut Vec<Patch>) {
        for phantom in self.places.get(path).into_iter().flat_map(HashMap::keys) {
            let Some(secret) = self.secrets.get(phantom) else { continue };
            let real = secret.expose_secret().as_bytes();
            for at in memmem::find_iter(bytes, real) {
                let span = at..at + real.len();
                let key = Key::behind(bytes, &span);
                if is_free(patches, &span) && self.is_place(path, phantom, &[key]) {
                    patches.push((span, phantom.clone().into_bytes()));
                }
            }
        }
        let blanks = self.blanks.get(path).into_iter().flatten();
        for (before, real) in blanks.filter(|(_, real)| !real.is_empty()) {
            for at in memmem::find_iter(bytes, real) {
                let span = at..at + real.len();
                if is_free(patches, &span) && Key::behind(bytes, &span) == *before {
                    patches.push((span, vec![BLANK; real.len()]));
                }
            }
        }
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

fn is_free(patches: &[Patch], span: &Range<usize>) -> bool {
    patches.iter().all(|(other, _)| other.end <= span.start || span.end <= other.start)
}

impl Mask for Masks {
    fn masked(&self, path: &Path, bytes: &[u8], own: bool) -> Option<Vec<u8>> {
        let mut known = self.lock();
        let mut patches = self.named(&mut known, path, bytes, own);
        known.anywhere(path, bytes, &mut patches);
        known.again(path, bytes, &mut patches);
        drop(known);
        (!patches.is_empty()).then(|| patched(bytes, patches))
    }

    fn unmasked(&self, path: &Path, bytes: &[u8]) -> Vec<u8> {
        let known = self.lock();
        let mut patches: Vec<Patch> = Vec::new();
        for found in Finder::shared().find_in(&self.relative(path), bytes) {
            let Some(value) = found.value(bytes) else { continue };
            let phantom = value.expose_secret();
            let Some(real) = known.secrets.get(phantom) else { continue };
            if known.is_place(path, phantom, &keys(&found, bytes))
                && let Some(real) = found.replaced(bytes, real.expose_secret())
            {
                patches.push((found.span, real));
            }
        }
        known.unnamed(path, bytes, &mut patches);
        drop(known);
        patched(bytes, patches)
    }

    fn is_withheld(&self, path: &Path) -> bool {
        self.lock().withheld.contains(path)
    }

    fn has_places(&self, path: &Path) -> bool {
        let known = self.lock();
        known.places.contains_key(path) || known.blanks.contains_key(path)
    }

    fn has_places_below(&self, path: &Path) -> bool {
        let known = self.lock();
        known.places.keys().chain(known.blanks.keys()).any(|file| file.starts_with(path))
    }
}

/// By what the place of a secret is known again: its name, or what stands before it.
fn keys(found: &Found, bytes: &[u8]) -> [Key; 2] {
    let behind = Key::behind(bytes, &found.span);
    [Key { mark: Mark::Name(found.name.clone()), ..behind }, behind]
}

impl Key {
    /// Of what stands at `span`, by what is before it.
    fn behind(bytes: &[u8], span: &Range<usize>) -> Self {
        let local = servers::port(bytes, span).is_some();
        Self { mark: Mark::Behind(behind(bytes, span.start)), local }
    }
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

#[cfg(test)]
mod tests;
