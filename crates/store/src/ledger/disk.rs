//! Writing so that it is still there after the power was cut.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::ledger::LedgerError;

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), LedgerError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(LedgerError::io(dir))
}

/// New files in one directory tree, durable together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    files: Vec<(PathBuf, File)>,
    dirs: BTreeSet<PathBuf>,
}

impl Batch {
    /// Writes a file below `root`; it is durable after [`Batch::sync`].
    pub(crate) fn write(
        &mut self,
        root: &Path,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), LedgerError> {
        let path = root.join(name);
        let created = match File::create(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.make_dirs(root, &path)?;
                File::create(&path)
            }
            created => created,
        };
        let mut file = created.map_err(LedgerError::io(&path))?;
        file.write_all(bytes).map_err(LedgerError::io(&path))?;
        self.dirs.extend(path.parent().map(Path::to_owned));
        self.files.push((path, file));
        Ok(())
    }

    /// Makes the directories of `path`; the name of each has to become durable in its parent.
    fn make_dirs(&mut self, root: &Path, path: &Path) -> Result<(), LedgerError> {
        let Some(parent) = path.parent() else { return Ok(()) };
        fs::create_dir_all(parent).map_err(LedgerError::io(parent))?;
        let above = parent.ancestors().skip(1).take_while(|dir| dir.starts_with(root));
        self.dirs.extend(above.map(Path::to_owned));
        Ok(())
    }

    /// Returns once all of it is on disk.
    pub(crate) fn sync(self) -> Result<(), LedgerError> {
        for (path, file) in self.files {
            file.sync_data().map_err(LedgerError::io(path))?;
        }
        self.dirs.iter().try_for_each(|dir| sync_dir(dir))
    }
}

/// Replaces `name` in `dir` by way of `next`: a reader sees the old or the new, never a part.
pub(crate) fn replace(dir: &Path, name: &str, next: &str, bytes: &[u8]) -> Result<(), LedgerError> {
    let (name, next) = (dir.join(name), dir.join(next));
    let written = File::create(&next).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&next, &name)
    });
    written.map_err(LedgerError::io(name))?;
    sync_dir(dir)
}
