//! What lies in a directory, byte by byte.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every file below `dir`, in a fixed order.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match fs::symlink_metadata(&path).unwrap() {
                kind if kind.is_dir() => folders.push(path),
                kind if kind.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Whether `bytes` hold `text`.
pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Panics if one of `texts` is in a file below `dir`.
pub fn assert_in_no_file(dir: &Path, texts: &[&str]) {
    for file in files(dir) {
        // What a gateway has replaced meanwhile is there by another name.
        let bytes = match fs::read(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            bytes => bytes.unwrap(),
        };
        for text in texts {
            assert!(!holds(&bytes, text), "{text} is in {}", file.display());
        }
    }
}

/// Every file below `dir` with what is in it.
pub fn bytes_below(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let read = |path: PathBuf| (path.clone(), fs::read(path).unwrap());
    files(dir).into_iter().map(read).collect()
}
