//! The repository: one directory in restic's format, opened with a key that is never on disk in
//! the clear.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    fs::{DirBuilder, File, OpenOptions},
    os::unix::{
        fs::{DirBuilderExt as _, OpenOptionsExt as _},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use holdpoint_store::snapshots::Snapshots as Catalogue;
use rustic_core::{
    BackupOptions, BlobId, CheckOptions, ConfigOptions, Credentials, DataId, FileType, Id,
    IndexedFullStatus, KeyOptions, OpenStatus, ParentOptions, PruneOptions, Repository as Rustic,
    RepositoryBackends, RepositoryOptions, RusticError, SnapshotOptions, TreeId, WriteBackend,
    repofile::{BlobType, Chunker, IndexFile, MasterKey, SnapshotFile, Tree},
};
use zeroize::Zeroizing;

use crate::{
    elsewhere::{Backend, Elsewhere},
    error::{Result, SnapshotError},
    processor::OneProcessor,
    source::Source,
    storage::{Power, Storage},
};

/// The file by whose lock whoever prunes has the repository to itself.
pub(crate) const LOCK: &str = "lock";
/// Random bytes of an exported password.
const PASSWORD_BYTES: usize = 24;
/// Trees that are kept in memory while one snapshot is looked at.
const TREES_MAX: usize = 4096;
/// The host that snapshots name: wherever it is read, they are of this state.
const HOST: &str = "holdpoint";

/// The repository of one state.
pub(crate) struct Repository {
    /// Our own directory; the repository is in it, unless it is elsewhere.
    directory: PathBuf,
    elsewhere: Option<Arc<dyn Elsewhere>>,
    /// Whether whoever opened it is somebody who may remove.
    power: Power,
    key: MasterKey,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// A key that plain restic takes.
pub struct Exported {
    /// Where the repository is, as restic takes it.
    pub repository: String,
    /// Its password.
    pub password: Zeroizing<String>,
}

/// As long as this lives, others may read and add, and nobody removes; or nobody does anything.
#[derive(Debug)]
pub(crate) struct Share {
    _file: File,
    _behind_the_door: Option<UnixStream>,
}

/// The repository with its index, as it was when it was read.
pub(crate) struct Indexed {
    directory: PathBuf,
    rustic: Rustic<IndexedFullStatus>,
    /// Trees that were read: whoever looks for many paths comes by the same ones.
    trees: Mutex<HashMap<TreeId, Arc<Tree>>>,
}

impl fmt::Debug for Indexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indexed").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Repository {
    /// The repository in `directory`, or the one that somebody keeps elsewhere; it is made if it is
    /// not there. Its key is in the catalogue.
    pub(crate) fn open(
        directory: &Path,
        elsewhere: Option<Arc<dyn Elsewhere>>,
        power: Power,
        catalogue: &Catalogue,
    ) -> Result<Self> {
        let key = catalogue.key(|| {
            let key = serde_json::to_vec(&MasterKey::new());
            key.map(Zeroizing::new).map_err(|error| SnapshotError::Key(error.to_string()))
        })?;
        let key =
            serde_json::from_slice(&key).map_err(|error| SnapshotError::Key(error.to_string()))?;
        let this = Self { directory: directory.to_owned(), elsewhere, power, key };
        if !this.is_made()? {
            this.make()?;
        }
        Ok(this)
    }

    fn is_made(&self) -> Result<bool> {
        match &self.elsewhere {
            None => Ok(self.directory.join("config").exists()),
            // Our own directory has the lock.
            Some(there) => {
                let listed = there.list(FileType::Config).map_err(self.unreachable())?;
                Ok(!listed.is_empty() && self.directory.exists())
            }
        }
    }

    fn make(&self) -> Result<()> {
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&self.directory);
        made.map_err(SnapshotError::io("make", &self.directory))?;
        let _lock = self.own()?;
        // Somebody else may have made it meanwhile.
        if self.is_made()? {
            return Ok(());
        }
        // Files are cut at fixed places: to cut by content, rustic computes two tables anew for each
        // file, however small, and that took most of the time of a workspace.
        let options = ConfigOptions::default().set_chunker(Chunker::FixedSize);
        let key = Credentials::Masterkey(self.key.clone());
        let made = self.rustic(Power::Add)?.init(&key, &KeyOptions::default(), &options);
        made.map(drop).map_err(self.failed())
    }

    /// Whoever keeps it, if that is somebody else.
    pub(crate) fn elsewhere(&self) -> Option<&dyn Elsewhere> {
        self.elsewhere.as_deref()
    }

    /// Whoever keeps it did not answer as they should.
    pub(crate) fn unreachable(&self) -> impl FnOnce(std::io::Error) -> SnapshotError + use<> {
        let place = self.elsewhere.as_ref().map(|it| it.place()).unwrap_or_default();
        move |error| SnapshotError::Repository { place: place.into(), text: error.to_string() }
    }

    /// Where it is, or where our own end of it is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn failed(&self) -> impl Fn(Box<RusticError>) -> SnapshotError + use<> {
        SnapshotError::repository(&self.directory)
    }

    fn rustic(&self, power: Power) -> Result<Rustic<()>> {
        let storage: Arc<dyn WriteBackend> = match &self.elsewhere {
            Some(there) => Arc::new(Backend::new(Arc::clone(there), power)),
            None => Arc::new(Storage::new(&self.directory, power)),
        };
        let backends = RepositoryBackends::new(storage, None);
        // A cache of what is on this machine anyway would be a second copy, and nobody's secret.
        let options = RepositoryOptions::default().no_cache(true);
        Rustic::new(&options, &backends).map_err(self.failed())
    }

    fn opened(&self, power: Power) -> Result<Rustic<OpenStatus>> {
        let credentials = Credentials::Masterkey(self.key.clone());
        self.rustic(power)?.open(&credentials).map_err(self.failed())
    }

    /// Keeps whoever removes away.
    pub(crate) fn share(&self) -> Result<Share> {
        self.lock(File::lock_shared)
    }

    /// Keeps everybody away.
    pub(crate) fn own(&self) -> Result<Share> {
        self.lock(File::lock)
    }

    fn lock(&self, lock: fn(&File) -> std::io::Result<()>) -> Result<Share> {
        let path = self.directory.join(LOCK);
        let mut options = OpenOptions::new();
        let file =
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(SnapshotError::io("open", &path))?;
        lock(&file).map_err(SnapshotError::io("lock", &path))?;
        let shared = self.elsewhere.as_ref().map(|there| there.share()).transpose();
        let shared = shared.map_err(SnapshotError::io("share what is behind", &path))?;
        Ok(Share { _file: file, _behind_the_door: shared.flatten() })
    }

    /// The repository with its index as it is now.
    pub(crate) fn indexed(&self) -> Result<Indexed> {
        let rustic = self.opened(Power::Add)?.to_indexed().map_err(self.failed())?;
        Ok(Indexed { directory: self.directory.clone(), rustic, trees: Mutex::default() })
    }

    /// The names of all snapshots in it.
    pub(crate) fn stored(&self) -> Result<Vec<String>> {
        let all = self.opened(Power::Add)?.get_all_snapshots().map_err(self.failed())?;
        Ok(all.iter().map(|snapshot| snapshot.id.to_hex().to_string()).collect())
    }

    /// Reads everything back; what is wrong, in sentences.
    pub(crate) fn verify(&self) -> Result<Vec<String>> {
        let options = CheckOptions::default().read_data(true);
        let found = self.opened(Power::Add)?.check(options).map_err(self.failed())?;
        let said = found.0.iter().map(|(_, error)| error.to_string());
        Ok(match found.is_ok() {
            Ok(()) => Vec::new(),
            Err(_) => said.collect(),
        })
    }

    /// Removes every snapshot that is not `kept`, and what only they needed. Only for who has the
    /// repository to itself.
    pub(crate) fn prune(&self, kept: &[String]) -> Result<()> {
        if self.power == Power::Add {
            return Err(SnapshotError::NoPower);
        }
        // What is locked goes when its time is over, and what is needed is locked anew.
        if self.elsewhere.as_ref().is_some_and(|it| it.locks()) {
            return Ok(());
        }
        let kept: HashSet<&str> = kept.iter().map(String::as_str).collect();
        let rustic = self.opened(Power::Remove)?;
        let all = rustic.get_all_snapshots().map_err(self.failed())?;
        let over = all.iter().map(|it| it.id).filter(|id| !kept.contains(id.to_hex().as_str()));
        let over: Vec<_> = over.collect();
        rustic.delete_snapshots(&over).map_err(self.failed())?;
        // Nobody else reads or writes: what is unused may go at once.
        let options = PruneOptions::default().instant_delete(true);
        let plan = rustic.prune_plan(&options).map_err(self.failed())?;
        rustic.prune(&options, plan).map_err(self.failed())?;
        if self.elsewhere.is_some() {
            return Ok(());
        }
        let cleared = Storage::new(&self.directory, Power::Remove).clear_drafts();
        cleared.map_err(SnapshotError::io("clear up", &self.directory))
    }

    /// Adds a key that a new password opens.
    pub(crate) fn export_key(&self) -> Result<Exported> {
        let mut bytes = Zeroizing::new([0_u8; PASSWORD_BYTES]);
        getrandom::fill(&mut *bytes).map_err(|error| SnapshotError::Key(error.to_string()))?;
        let password = Zeroizing::new(hex::encode(*bytes));
        let options = KeyOptions::default().hostname(Some(HOST.to_owned()));
        let added = self.opened(Power::Add)?.add_key(&password, &options);
        added.map_err(self.failed())?;
        let repository = match &self.elsewhere {
            Some(there) => there.named().map_err(self.unreachable())?,
            None => self.directory.display().to_string(),
        };
        Ok(Exported { repository, password })
    }

    /// Has everything that `kept` needs locked for longer, where whoever keeps it locks for a time.
    pub(crate) fn renew(&self, kept: &[String]) -> Result<()> {
        let Some(there) = self.elsewhere.as_ref().filter(|it| it.locks()) else { return Ok(()) };
        let mut files = vec![(FileType::Config, Id::default())];
        for of in [FileType::Key, FileType::Index] {
            let listed = there.list(of).map_err(self.unreachable())?;
            files.extend(listed.into_iter().map(|(id, _)| (of, id)));
        }
        let indexes = self.opened(Power::Add)?;
        for index in indexes.stream_files::<IndexFile>().map_err(self.failed())? {
            let (_, index) = index.map_err(self.failed())?;
            files.extend(index.packs.into_iter().map(|pack| (FileType::Pack, *pack.id)));
        }
        let kept = kept.iter().filter_map(|name| name.parse::<Id>().ok());
        files.extend(kept.map(|id| (FileType::Snapshot, id)));
        there.renew(&files).map_err(self.unreachable())
    }
}

impl Indexed {
    fn failed(&self) -> impl Fn(Box<RusticError>) -> SnapshotError + use<> {
        SnapshotError::repository(&self.directory)
    }

    /// Saves `source` as what is at `root`; gives the name of the snapshot. What did not change
    /// since `parent` is not read, and if nothing did, that is its name.
    pub(crate) fn save(
        &self,
        root: &Path,
        source: &Source,
        parent: Option<&str>,
    ) -> Result<String> {
        let failed = self.failed();
        let parents: Vec<String> = parent.map(str::to_owned).into_iter().collect();
        let parent_options = ParentOptions::default()
            .force(parents.is_empty())
            .parents(parents)
            .skip_if_unchanged(true);
        let options = BackupOptions::default().no_scan(true).parent_opts(parent_options);
        let snapshot = SnapshotOptions::default().host(Some(HOST.to_owned())).to_snapshot();
        let snapshot = snapshot.map_err(&failed)?;
        // To read and compress a lot takes all processors; to find that little has changed, one.
        let one = (parent.is_some() || source.is_small()).then(OneProcessor::keep);
        let saved = self.rustic.archive(&options, source, snapshot, &[root.to_owned()]);
        drop(one);
        let saved = saved.map_err(&failed)?;
        // Nothing was written where nothing changed.
        let id = if saved.id.is_null() { saved.parent } else { Some(saved.id) };
        let id = id.ok_or_else(|| {
            failed(rustic_core::RusticError::new(
                rustic_core::ErrorKind::Internal,
                "a snapshot was saved without a name",
            ))
        })?;
        Ok(id.to_hex().to_string())
    }

    /// The snapshot of this name.
    pub(crate) fn snapshot(&self, stored: &str) -> Result<SnapshotFile> {
        self.rustic.get_snapshot_from_str(stored, |_| true).map_err(self.failed())
    }

    /// What lies in a directory.
    pub(crate) fn tree(&self, id: TreeId) -> Result<Arc<Tree>> {
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tree) = trees.get(&id) {
            return Ok(Arc::clone(tree));
        }
        let tree = Arc::new(self.rustic.get_tree(&id).map_err(self.failed())?);
        if trees.len() >= TREES_MAX {
            trees.clear();
        }
        trees.insert(id, Arc::clone(&tree));
        Ok(tree)
    }

    /// A piece of a file.
    pub(crate) fn piece(&self, id: DataId) -> Result<bytes::Bytes> {
        let id = BlobId::from(id.into_inner());
        self.rustic.get_blob_cached(&id, BlobType::Data).map_err(self.failed())
    }
}
