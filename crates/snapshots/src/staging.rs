//! Where what comes back is written whole before anything is touched.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink},
    path::{Path, PathBuf},
};

use crate::{
    entry::{Content, Entry},
    error::{Result, SnapshotError},
    repository::Indexed,
    walk::STAGING,
};

/// Zeros of at least this length become a hole.
const HOLE_BYTES: usize = 4096;

/// A directory in the workspace, on its file system, in which files are ready to be renamed to
/// where they belong. It goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Staging {
    directory: PathBuf,
    staged: BTreeMap<PathBuf, PathBuf>,
    next: u64,
}

impl Staging {
    /// In the workspace `root`; what an undo that was cut short left there is removed.
    pub(crate) fn in_workspace(root: &Path) -> Result<Self> {
        for entry in fs::read_dir(root).map_err(SnapshotError::io("list", root))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(STAGING) {
                // What stays of it is never saved, and named again.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let directory = root.join(format!("{STAGING}{}", std::process::id()));
        Ok(Self { directory, staged: BTreeMap::new(), next: 0 })
    }

    /// A new name. The directory is made with the first: it changes the time of the workspace's.
    fn fresh(&mut self) -> Result<PathBuf> {
        if self.next == 0 {
            let made = DirBuilder::new().mode(0o700).create(&self.directory);
            made.map_err(SnapshotError::io("make", &self.directory))?;
        }
        self.next += 1;
        Ok(self.directory.join(self.next.to_string()))
    }

    /// Writes what `entry` holds, so that it only has to be renamed to `path`.
    pub(crate) fn stage(&mut self, repository: &Indexed, path: &Path, entry: &Entry) -> Result<()> {
        if entry.is_directory() {
            return Ok(());
        }
        let at = self.fresh()?;
        match &entry.content {
            Content::Directory { .. } => {}
            Content::Link { to } => symlink(to, &at).map_err(SnapshotError::io("make", &at))?,
            Content::File { pieces, size } => {
                let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&at);
                let mut file = file.map_err(SnapshotError::io("make", &at))?;
                for piece in pieces {
                    let bytes = repository.piece(*piece)?;
                    sparse(&mut file, &bytes).map_err(SnapshotError::io("write", &at))?;
                }
                file.set_len(*size).map_err(SnapshotError::io("write", &at))?;
            }
        }
        self.staged.insert(path.to_owned(), at);
        Ok(())
    }

    /// What was staged for `path`.
    pub(crate) fn staged(&self, path: &Path) -> Option<&Path> {
        self.staged.get(path).map(PathBuf::as_path)
    }

    /// Another name of `file`, to be renamed to where it belongs.
    pub(crate) fn link(&mut self, file: &Path) -> Result<PathBuf> {
        let at = self.fresh()?;
        fs::hard_link(file, &at).map_err(SnapshotError::io("link", file))?;
        Ok(at)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.next > 0 {
            // The next one removes what stays.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// Writes bytes, and holes where they are zero.
fn sparse(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    for block in bytes.chunks(HOLE_BYTES) {
        let hole = block.len() == HOLE_BYTES && block.iter().all(|byte| *byte == 0);
        match hole {
            true => file
                .seek(SeekFrom::Current(block.len().try_into().map_err(io::Error::other)?))
                .map(drop)?,
            false => file.write_all(block)?,
        }
    }
    Ok(())
}
