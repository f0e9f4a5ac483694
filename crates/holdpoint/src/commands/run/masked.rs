//! Which secrets of a run are masked: those in the files of its workspace, of further places and of
//! what its agent keeps, and in its variables.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use holdpoint_catalog::credentials::{Finder, PACKAGE_LOGINS};
use holdpoint_gateway::owner::is_database;
use holdpoint_posture::search::{Cache, Searched, search};
use holdpoint_sandbox::{
    environment::Environment,
    layout::{Access, Ground, Piece},
    masks::Masks,
    view::{Mask as _, SEARCHED_MAX, Written},
};
use serde_json::json;

use super::{Here, ground};
use crate::status::{CommandError, Ended, Status};

/// Where copies of package managers' login files are, in the directory of a run.
pub(super) const PACKAGES: &str = "packages";
/// Bytes of a login file that is shown, at most.
const LOGIN_BYTES_MAX: u64 = 1024 * 1024;

/// The secrets of one run.
pub(super) struct Masked {
    pub(super) masks: Arc<Masks>,
    searched: Searched,
    /// Files with secrets.
    files: BTreeSet<PathBuf>,
    variables: usize,
}

impl Masked {
    /// Those of a run on `ground`.
    pub(super) fn of(here: &Here, ground: &Ground) -> Self {
        let others = ground::others(ground);
        let quiet = ground.home.transcripts();
        let is_other = |file: &Path| !ground.home.is_login(file);
        Self::find(here, &ground.workspace, &others, quiet, &ground.home.path, &is_other)
    }

    /// Those in the files of `workspace` and of `others`; what else is seen of `home` is masked as
    /// it is shown.
    fn find(
        here: &Here,
        workspace: &Path,
        others: &[PathBuf],
        quiet: Vec<PathBuf>,
        home: &Path,
        is_other: &dyn Fn(&Path) -> bool,
    ) -> Self {
        let secrets = here.state.secrets();
        let places = others.iter().cloned().chain([home.to_owned()]).collect();
        let masks = Masks::of(workspace.to_owned(), places, quiet, secrets.clone(), is_database);
        let masks = Arc::new(masks);
        let fingerprint = |value: &str| secrets.fingerprint(value);
        let mut searched = Searched::default();
        for place in [workspace].into_iter().chain(others.iter().map(PathBuf::as_path)) {
            let mut cache = Cache::open(&here.dir, place);
            searched = searched.and(search(place, Finder::shared(), &mut cache, &fingerprint));
            if let Err(error) = cache.save() {
                tracing::warn!(%error, "what was found is not remembered: the next search takes as long");
            }
        }
        // A login is seen as it is lent.
        searched.exposed.retain(|exposed| exposed.path.as_deref().is_none_or(is_other));
        let found: BTreeSet<PathBuf> =
            searched.exposed.iter().filter_map(|exposed| exposed.path.clone()).collect();
        let (mut files, rest): (BTreeSet<PathBuf>, BTreeSet<PathBuf>) =
            found.into_iter().partition(|file| is_masked(&masks, file));
        // A local password is none if a later file has the same one for elsewhere.
        files.extend(rest.into_iter().filter(|file| is_masked(&masks, file)));
        for exposed in searched.exposed.iter().filter(|exposed| exposed.packed) {
            let path = exposed.path.iter();
            path.clone().for_each(|path| masks.withhold(path));
            files.extend(path.cloned());
        }
        // What could not be searched counts as found; of a directory, all is searched when opened.
        for unsearched in &searched.unsearched {
            if unsearched.path.is_file() {
                masks.withhold(&unsearched.path);
            }
            files.insert(unsearched.path.clone());
        }
        Self { masks, searched, files, variables: 0 }
    }

    /// Whether a file is masked.
    pub(super) fn in_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Whether a file in `place` is.
    pub(super) fn in_place(&self, place: &Path) -> bool {
        self.files.iter().any(|file| file.starts_with(place))
    }

    /// What git keeps everything in, of every repository there is.
    pub(super) fn repositories(&self) -> BTreeSet<&Path> {
        self.searched.repositories.iter().map(PathBuf::as_path).collect()
    }

    /// Whether this file is masked.
    pub(super) fn has(&self, file: &Path) -> bool {
        self.files.contains(file)
    }

    /// Keyed fingerprints of what was found.
    pub(super) fn fingerprints(&self) -> BTreeSet<String> {
        self.searched.exposed.iter().filter_map(|it| it.fingerprint.clone()).collect()
    }

    /// Masks the variables that go in, and has those go in that stayed out for their secrets.
    pub(super) fn variables(&mut self, environment: &mut Environment) {
        for (name, value) in std::env::vars_os() {
            let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
            if name.starts_with("HOLDPOINT") {
                continue;
            }
            let Some(masked) = self.masks.variable(name, value) else { continue };
            let is_masked = masked != value;
            let mut taken = environment.variables.iter_mut();
            match taken.find(|(taken, _)| taken == name) {
                // Ours, or one that was granted, is another value.
                Some((_, own)) if own == value => *own = masked.into(),
                Some(_) => continue,
                None => {
                    environment.variables.push((name.into(), masked.into()));
                    environment.left_out = environment.left_out.saturating_sub(1);
                }
            }
            self.variables += usize::from(is_masked);
        }
    }

    /// The human's own login files of package managers in `home`, masked: copies to write into, which
    /// end with the run. They are made in `directory`.
    pub(super) fn logins(&self, home: &Path, directory: &Path) -> io::Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        for (number, name) in PACKAGE_LOGINS.iter().enumerate() {
            let at = home.join(name);
            let small = fs::metadata(&at)
                .is_ok_and(|found| found.is_file() && found.len() <= LOGIN_BYTES_MAX);
            let Some(bytes) = small.then(|| fs::read(&at).ok()).flatten() else { continue };
            let shown = self.masks.masked(&at, &bytes, false).unwrap_or(bytes);
            fs::create_dir_all(directory)?;
            let copy = directory.join(number.to_string());
            fs::write(&copy, shown)?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o600))?;
            pieces.push(Piece::Copied { at, from: fs::canonicalize(copy)? });
        }
        Ok(pieces)
    }

    /// Masked copies to read of what is not served. They are made in `directory`.
    pub(super) fn copies(
        &self,
        directory: &Path,
        is_served: &dyn Fn(&Path) -> bool,
    ) -> io::Result<Vec<Piece>> {
        fs::create_dir_all(directory)?;
        let mut pieces = Vec::new();
        let files = self.files.iter().filter(|file| file.is_file() && !is_served(file));
        for (number, file) in files.enumerate() {
            let masked =
                fs::read(file).ok().and_then(|bytes| self.masks.masked(file, &bytes, false));
            let copy = directory.join(number.to_string());
            fs::write(&copy, masked.unwrap_or_default())?;
            fs::set_permissions(&copy, fs::metadata(file)?.permissions())?;
            let (at, access) = (file.clone(), Access::ReadOnly);
            pieces.push(Piece::Outside { at, from: fs::canonicalize(copy)?, access });
        }
        Ok(pieces)
    }

    /// A line for the human.
    pub(super) fn line(&self, served: bool) -> Option<String> {
        let count = self.masks.count();
        let how = if served {
            ""
        } else {
            "; these files can only be read, as /dev/fuse is out of reach"
        };
        let (files, variables) = (self.files.len(), self.variables);
        (count > 0).then(|| {
            format!(
                "  secrets      {count} masked, in {files} files and {variables} variables{how}"
            )
        })
    }

    /// Tells of phantoms that were written where they stand for nothing.
    pub(super) fn tell_strays(&self, written: &Written) {
        for path in written.paths() {
            let small = fs::symlink_metadata(&path)
                .is_ok_and(|found| found.is_file() && found.len() <= SEARCHED_MAX);
            let bytes = small.then(|| fs::read(&path).ok()).flatten().unwrap_or_default();
            if self.masks.strays(&path, &bytes) > 0 {
                eprintln!(
                    "holdpoint: {} holds a phantom, which stands for nothing there",
                    path.display()
                );
            }
        }
    }
}

/// Whether something in a file is masked. From now on it is known where.
fn is_masked(masks: &Masks, file: &Path) -> bool {
    if fs::metadata(file).is_ok_and(|found| found.len() > SEARCHED_MAX) {
        masks.withhold(file);
        return true;
    }
    let Ok(bytes) = fs::read(file) else {
        masks.withhold(file);
        return true;
    };
    masks.masked(file, &bytes, false).is_some()
}

/// Runs `holdpoint run --show-masks`: what would be masked, by file and line, never the value.
pub(super) fn show(here: &Here, workspace: &Path) -> Ended {
    let mut masked = Masked::find(here, workspace, &[], Vec::new(), &ground::home()?, &|_| true);
    masked.variables(&mut Environment::of([]));
    let exposed =
        masked.searched.exposed.iter().filter(|exposed| {
            exposed.path.as_ref().is_some_and(|path| masked.files.contains(path))
        });
    let exposed: Vec<_> = exposed.collect();
    let lines = exposed.iter().map(|it| {
        let path = it.path.as_deref().unwrap_or(Path::new(""));
        let path = path.strip_prefix(workspace).unwrap_or(path);
        format!("{}:{} {} ({})\n", path.display(), it.line, it.name, it.kind.name)
    });
    let mut text: String = lines.collect();
    for unsearched in &masked.searched.unsearched {
        text += &format!("{}: not searched: {}\n", unsearched.path.display(), unsearched.why);
    }
    text += &format!("{} variables", masked.variables);
    let fact = json!({ "files": exposed, "unsearched": masked.searched.unsearched, "variables": masked.variables });
    here.print(&fact, &text).map_err(|error: CommandError| error)?;
    Ok(Status::Done)
}
