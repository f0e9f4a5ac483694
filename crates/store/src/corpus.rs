//! What a human called wrong: episodes that can be judged again, one file each.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::{
    error::{Result, StoreError},
    seal::make_private_directory,
};

/// The directory in a state directory.
const CORPUS: &str = "wrong";
/// Episodes of one corpus, at most.
const EPISODES_MAX: usize = 1000;
/// Bytes of one episode, at most.
const EPISODE_BYTES_MAX: u64 = 256 << 10;

/// The corpus of one state directory.
#[derive(Debug, Clone)]
pub struct Corpus {
    dir: PathBuf,
}

impl Corpus {
    /// That of the state in `state`.
    pub fn of(state: &Path) -> Self {
        Self { dir: state.join(CORPUS) }
    }

    /// Keeps `episode`, which is one line, under its `name`, in the place of an older one of that
    /// name. Returns its file.
    pub fn keep(&self, name: &str, episode: &str) -> Result<PathBuf> {
        make_private_directory(&self.dir)?;
        let path = self.dir.join(format!("{name}.json"));
        let full = || io::Error::other("it is full; remove what is settled");
        let keep = || -> io::Result<()> {
            if !path.exists() && self.files()?.len() >= EPISODES_MAX {
                return Err(full());
            }
            let new = path.with_extension("new");
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            writeln!(file, "{episode}")?;
            fs::rename(&new, &path)
        };
        keep().map_err(StoreError::io("keep in", &self.dir))?;
        Ok(path)
    }

    /// Every episode, by name.
    pub fn read(&self) -> Result<Vec<String>> {
        let read = |path: &PathBuf| {
            let mut text = String::new();
            File::open(path)?.take(EPISODE_BYTES_MAX).read_to_string(&mut text).map(|_| text)
        };
        let files = self.files().map_err(StoreError::io("read", &self.dir))?;
        files.iter().map(|path| read(path).map_err(StoreError::io("read", path))).collect()
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .filter(|path| {
                path.as_ref().map_or(true, |it| it.extension().is_some_and(|it| it == "json"))
            })
            .collect::<io::Result<Vec<_>>>()?;
        files.sort();
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_kept_is_its_owner_s_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let corpus = Corpus::of(dir.path());
        assert_eq!(corpus.read().unwrap(), [""; 0]);
        let path = corpus.keep("h-2", "{\"id\":\"h-2\"}").unwrap();
        corpus.keep("h-1", "one").unwrap();
        corpus.keep("h-1", "another").unwrap();
        assert_eq!(corpus.read().unwrap(), ["another\n", "{\"id\":\"h-2\"}\n"]);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        for number in 3..=EPISODES_MAX {
            corpus.keep(&format!("h-{number}"), "{}").unwrap();
        }
        let full = corpus.keep("one-more", "{}").unwrap_err().to_string();
        assert!(full.contains("it is full"), "{full}");
        corpus.keep("h-1", "the same again").unwrap();
    }
}
