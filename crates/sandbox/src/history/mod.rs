//! History: git's objects, of which those with secrets are seen masked, under their own names.

pub(crate) mod index;
mod packs;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ffi::{OsStr, OsString},
    fs::{self, File, Permissions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use rustix::fs::Stat;
use sha1::{Digest as _, Sha1};

use self::index::{Becomes, Entry};
use self::packs::Index;
pub(crate) use self::packs::{Cut, Name};
use crate::view::{Mask, SEARCHED_MAX};

/// Objects of one repository that are searched.
const OBJECTS_MAX: usize = 5_000_000;
/// Bytes before the content of one.
const HEADER_MAX: u64 = 32;

/// The objects of one repository, as they are seen.
#[derive(Debug)]
pub struct History {
    /// Where they are.
    pub(crate) objects: PathBuf,
    /// Where those are that are seen otherwise.
    pub(crate) private: PathBuf,
    /// Packs of which some objects are not seen, by their names without an ending.
    pub(crate) cut: HashMap<OsString, Arc<Cut>>,
    own: Mutex<Own>,
}

/// What is seen otherwise.
#[derive(Debug, Default)]
struct Own {
    /// By its path below the objects.
    paths: BTreeSet<PathBuf>,
    /// What of it is masked, by name.
    hidden: BTreeSet<Name>,
}

/// What a search of a history came to.
#[derive(Debug, Default)]
pub struct Found {
    /// Files with secrets, as they are to be seen.
    masked: BTreeMap<Name, Vec<u8>>,
    /// How many others have some: messages of commits and tags, and what is too long. They cannot
    /// be masked.
    pub open: usize,
}

impl Found {
    /// How many files are masked.
    pub fn count(&self) -> usize {
        self.masked.len()
    }
}

/// Searches all objects of the repository at `git`, but for those that `known` says are clean; it
/// hears of the others that are.
pub fn search(git: &Path, mask: &dyn Mask, known: &mut BTreeSet<Name>) -> io::Result<Found> {
    let workspace = git.parent().filter(|_| git.ends_with(".git")).unwrap_or(git);
    let listed = call(git, &["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"])?;
    let listed = text(listed)?;
    if listed.lines().next().is_some_and(|first| name(first).is_none()) {
        return Err(io::Error::other("its objects have names that we do not read"));
    }
    let all = listed.lines().filter_map(name);
    let new: Vec<Name> = all.take(OBJECTS_MAX).filter(|name| !known.contains(name)).collect();
    if new.is_empty() {
        return Ok(Found::default());
    }
    let named =
        text(call(git, &["rev-list", "--objects", "--all", "--reflog"])?).unwrap_or_default();
    let paths: HashMap<Name, PathBuf> = named
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(it, path)| Some((name(it)?, workspace.join(path))))
        .collect();
    let mut child =
        git_in(git).args(["cat-file", "--batch", "--buffer"]).stdin(Stdio::piped()).spawn()?;
    let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let asked = new.clone();
    // Both ends of a pipe would wait for each other.
    let ask = thread::Builder::new().spawn(move || ask(input, &asked))?;
    let found = read_all(&mut child, mask, &paths, known);
    // It has ended, or is of no more use.
    let _ = child.kill();
    let _ = child.wait();
    let _ = ask.join();
    found
}

fn ask(mut input: impl io::Write, names: &[Name]) -> io::Result<()> {
    let mut input = io::BufWriter::new(&mut input);
    for name in names {
        writeln!(input, "{}", hexadecimal(name))?;
    }
    input.flush()
}

fn read_all(
    child: &mut Child,
    mask: &dyn Mask,
    paths: &HashMap<Name, PathBuf>,
    known: &mut BTreeSet<Name>,
) -> io::Result<Found> {
    let mut output = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
    let (mut found, mut line) = (Found::default(), String::new());
    loop {
        line.clear();
        if output.read_line(&mut line)? == 0 {
            return Ok(found);
        }
        let mut words = line.split_whitespace();
        let (object, kind, size) = (words.next(), words.next(), words.next());
        let (Some(object), Some(kind), Some(size)) = (object.and_then(name), kind, size) else {
            // What is missing (a partial clone) cannot be read inside either.
            continue;
        };
        let size: u64 = size.parse().map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        (&mut output).take(size.min(SEARCHED_MAX)).read_to_end(&mut bytes)?;
        io::copy(&mut (&mut output).take(size.saturating_sub(SEARCHED_MAX) + 1), &mut io::sink())?;
        if kind == "tree" {
            known.insert(object);
            continue;
        }
        let path = paths.get(&object).map_or(Path::new("history"), PathBuf::as_path);
        match mask.masked(path, &bytes, false) {
            None => drop(known.insert(object)),
            Some(masked) if kind == "blob" && size <= SEARCHED_MAX => {
                found.masked.insert(object, masked);
            }
            Some(_) => found.open += 1,
        }
    }
}

impl History {
    /// Makes ready in `private` what is to be seen of the repository at `git` instead of what was
    /// found.
    pub fn masking(git: &Path, private: PathBuf, found: &Found) -> io::Result<Self> {
        let objects = fs::canonicalize(git.join("objects"))?;
        let hidden: BTreeSet<Name> = found.masked.keys().copied().collect();
        let mut this = Self { objects, private, cut: HashMap::new(), own: Mutex::default() };
        fs::create_dir_all(&this.private)?;
        for (name, masked) in &found.masked {
            this.write(name, "blob", masked)?;
        }
        let mut along = BTreeSet::new();
        for entry in fs::read_dir(this.objects.join("pack")).into_iter().flatten() {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "idx") {
                along.extend(this.cut(&path, &hidden)?);
            }
        }
        let along: Vec<Name> = along.into_iter().filter(|it| !hidden.contains(it)).collect();
        this.unpack(git, &along)?;
        this.lock().hidden = hidden;
        Ok(this)
    }

    /// Cuts what is hidden out of one pack, and says what went along.
    fn cut(&mut self, path: &Path, hidden: &BTreeSet<Name>) -> io::Result<Vec<Name>> {
        if hidden.is_empty() {
            return Ok(Vec::new());
        }
        let index = Index::read(path)?;
        if !index.has_any(hidden) {
            return Ok(Vec::new());
        }
        let pack = File::open(path.with_extension("pack"))?;
        let (index, cut, along) = index.without(hidden, &pack)?;
        let Some(name) = path.file_name() else { return Ok(Vec::new()) };
        fs::create_dir_all(self.private.join("pack"))?;
        fs::write(self.private.join("pack").join(name), index)?;
        self.lock().paths.insert(Path::new("pack").join(name));
        if let Some(stem) = path.file_stem() {
            self.cut.insert(stem.to_owned(), Arc::new(cut));
        }
        Ok(along)
    }

    /// Writes what went along out of a pack.
    fn unpack(&self, git: &Path, names: &[Name]) -> io::Result<()> {
        for name in names {
            let word = hexadecimal(name);
            let kind = text(call(git, &["cat-file", "-t", &word])?)?;
            let bytes = call(git, &["cat-file", kind.trim(), &word])?;
            self.write(name, kind.trim(), &bytes)?;
        }
        Ok(())
    }

    /// Writes an object as git does one that is in no pack.
    fn write(&self, name: &Name, kind: &str, bytes: &[u8]) -> io::Result<()> {
        let path = loose(name)?;
        let first = path.parent().ok_or(io::ErrorKind::InvalidData)?;
        // What git makes beside it inside is real.
        fs::create_dir_all(self.objects.join(first))?;
        fs::create_dir_all(self.private.join(first))?;
        fs::write(self.private.join(&path), packed(kind, bytes)?)?;
        self.lock().paths.insert(path);
        Ok(())
    }

    /// Keeps the `real` content of a file that was written inside as `seen`, under its own name,
    /// and says that.
    pub(crate) fn keep(&self, seen: &[u8], real: &[u8]) -> io::Result<Name> {
        let name = name_of(real);
        self.write(&name, "blob", seen)?;
        self.lock().hidden.insert(name);
        let to = self.objects.join(loose(&name)?);
        if !to.exists() {
            let draft = PathBuf::from(format!("tmp_obj_{}", hexadecimal(&name)));
            // Nobody inside sees it, or touches it.
            self.lock().paths.insert(draft.clone());
            let draft = self.objects.join(draft);
            let placed = fs::write(&draft, packed("blob", real)?)
                .and_then(|()| fs::set_permissions(&draft, Permissions::from_mode(0o444)))
                .and_then(|()| fs::rename(&draft, to));
            if placed.is_err() {
                // Nothing real stays behind; the failure itself is told.
                let _ = fs::remove_file(&draft);
            }
            placed?;
        }
        Ok(name)
    }

    /// The content of a file that is an object of its own; nothing if it is none, or too long.
    pub(crate) fn loose(&self, name: &Name) -> Option<Vec<u8>> {
        let path = loose(name).ok().filter(|path| !self.lock().paths.contains(path))?;
        let file = File::open(self.objects.join(path)).ok()?;
        let mut bytes = Vec::new();
        ZlibDecoder::new(file).take(SEARCHED_MAX + HEADER_MAX).read_to_end(&mut bytes).ok()?;
        let rest = bytes.strip_prefix(b"blob ")?;
        let end = memchr::memchr(0, rest)?;
        let length: usize = std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()?;
        rest.get(end + 1..).filter(|content| content.len() == length).map(<[u8]>::to_vec)
    }

    /// Whether a pack has masked objects in it for real ones.
    pub(crate) fn is_in(&self, index: &Path) -> io::Result<bool> {
        let hidden = self.lock().hidden.clone();
        Ok(!hidden.is_empty() && Index::read(index)?.has_any(&hidden))
    }

    /// What is seen otherwise in a directory of objects.
    pub(crate) fn directly_in(&self, directory: &Path) -> Vec<OsString> {
        let own = self.lock();
        let here = own.paths.iter().filter(|path| path.parent() == Some(directory));
        here.filter_map(|path| path.file_name().map(OsStr::to_owned)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where something below the objects really is.
    pub(crate) fn of(&self, path: &Path) -> Seen {
        if self.lock().paths.contains(path) {
            return Seen::Private;
        }
        if !path.starts_with("pack") {
            return Seen::Real;
        }
        let ending = path.extension().and_then(|it| it.to_str());
        match path.file_stem().and_then(|stem| self.cut.get(stem)) {
            Some(cut) if ending == Some("pack") => Seen::Cut(Arc::clone(cut)),
            // What else belongs to it speaks of what is not there.
            Some(_) => Seen::Nothing,
            None if self.cut.is_empty() => Seen::Real,
            None if path.ends_with("multi-pack-index") => Seen::Nothing,
            None => Seen::Real,
        }
    }
}

/// How something is seen.
#[derive(Debug)]
pub(crate) enum Seen {
    Real,
    Private,
    Cut(Arc<Cut>),
    Nothing,
}

/// The name of a file's content.
pub(crate) fn name_of(bytes: &[u8]) -> Name {
    let mut digest = Sha1::new();
    digest.update(format!("blob {}\0", bytes.len()));
    digest.update(bytes);
    digest.finalize().into()
}

/// Before a run: git takes a file that was written in the same second as its index for one that may
/// have changed, and looks at it. Inside it would see another one; so it is told what it would find.
pub fn settle(workspace: &Path, is_masked: &dyn Fn(&Path) -> bool) -> io::Result<()> {
    let file = workspace.join(".git/index");
    let Ok(found) = fs::metadata(&file) else { return Ok(()) };
    let mut bytes = fs::read(&file)?;
    let masked = |path: &Path, entry: &Entry| {
        let path = Some(workspace.join(path)).filter(|path| is_masked(path))?;
        Some(Becomes::Clean(entry.name, now(&path, &entry.name)?))
    };
    let written = u32::try_from(found.mtime()).unwrap_or(u32::MAX);
    let Some(later) = steady(&mut bytes, written, masked)? else { return Ok(()) };
    // Whoever else works on it does not wait for us.
    let draft = workspace.join(".git/index.lock");
    let Ok(mut locked) = File::create_new(&draft) else { return Ok(()) };
    locked.write_all(&bytes)?;
    locked.set_modified(later)?;
    fs::set_permissions(&draft, found.permissions())?;
    fs::rename(draft, file)
}

/// Replaces what is said of `masked` files in an index that is `written` at this second. If it was
/// at the same as one of them, it is to be as old as the answer says, so that git does not look at
/// that one again; it looks at all others of that second.
pub(crate) fn steady(
    bytes: &mut [u8],
    written: u32,
    mut masked: impl FnMut(&Path, &Entry) -> Option<Becomes>,
) -> io::Result<Option<SystemTime>> {
    let (mut own, mut same) = (BTreeSet::new(), false);
    index::replace(bytes, |path, entry| {
        let becomes = masked(path, entry)?;
        let modified = match &becomes {
            Becomes::Clean(_, stat) => u32::try_from(stat.st_mtime).unwrap_or(u32::MAX),
            _ => entry.modified,
        };
        same |= modified >= written;
        own.insert(path.to_owned());
        Some(becomes)
    })?;
    if !same {
        return Ok(None);
    }
    index::replace(bytes, |path, entry| {
        (entry.modified >= written && !own.contains(path)).then_some(Becomes::Unknown)
    })?;
    Ok(Some(UNIX_EPOCH + Duration::from_secs(u64::from(written) + 1)))
}

/// What a file is now, if its content is the object `name`.
pub(crate) fn now(path: &Path, name: &Name) -> Option<Box<Stat>> {
    let stat = rustix::fs::lstat(path).ok()?;
    let small = u64::try_from(stat.st_size).is_ok_and(|size| size <= SEARCHED_MAX);
    let plain =
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile;
    let bytes = (small && plain).then(|| fs::read(path).ok()).flatten()?;
    (name_of(&bytes) == *name).then(|| Box::new(stat))
}

/// Where an object is that is in no pack.
fn loose(name: &Name) -> io::Result<PathBuf> {
    let word = hexadecimal(name);
    let (first, rest) = word.split_at_checked(2).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Path::new(first).join(rest))
}

/// An object as git writes one that is in no pack.
fn packed(kind: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    write!(encoder, "{kind} {}\0", bytes.len())?;
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn hexadecimal(name: &Name) -> String {
    name.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name that a word is; nothing if it has another length, as where names are SHA-256.
fn name(word: &str) -> Option<Name> {
    let bytes: Vec<u8> = word
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect::<Option<_>>()?;
    bytes.try_into().ok()
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn call(git: &Path, words: &[&str]) -> io::Result<Vec<u8>> {
    let output = git_in(git).args(words).output()?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// Git that reads one repository as it is: no replacements, nothing fetched, no configuration but
/// that repository's.
fn git_in(git: &Path) -> Command {
    let mut command = crate::kept::git_alone();
    command.arg("--git-dir").arg(git).args(["-c", "core.fsmonitor=false"]);
    command.env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_NO_LAZY_FETCH", "1");
    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory");
    command.env("GIT_CONFIG_VALUE_0", "*").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
