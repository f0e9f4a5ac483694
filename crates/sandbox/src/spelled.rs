//! Paths of any bytes in JSON, which has text only: as text where they are some, else by their bytes.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Spelled {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&Path> for Spelled {
    fn from(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes(path.as_os_str().as_bytes().to_vec()),
        }
    }
}

impl From<Spelled> for PathBuf {
    fn from(spelled: Spelled) -> Self {
        match spelled {
            Spelled::Text(text) => text.into(),
            Spelled::Bytes(bytes) => OsString::from_vec(bytes).into(),
        }
    }
}

pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    Spelled::from(path).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    Spelled::deserialize(deserializer).map(Into::into)
}

/// The same for many.
pub(crate) mod all {
    use super::{Deserialize as _, Deserializer, PathBuf, Serialize as _, Serializer, Spelled};

    pub(crate) fn serialize<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
        paths.iter().map(|path| Spelled::from(path.as_path())).collect::<Vec<_>>().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        let spelled = Vec::<Spelled>::deserialize(from)?;
        Ok(spelled.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::PathBuf};

    use crate::layout::Piece;

    #[test]
    fn every_path_is_read_as_it_was_written() {
        for (bytes, written) in [
            (&b"/a/b c"[..], r#"{"Hidden":{"at":"/a/b c"}}"#),
            (b"/\xff\n", r#"{"Hidden":{"at":[47,255,10]}}"#),
        ] {
            let piece = Piece::Hidden { at: PathBuf::from(OsStr::from_bytes(bytes)) };
            let text = serde_json::to_string(&piece).unwrap();
            assert_eq!(text, written);
            assert_eq!(serde_json::from_str::<Piece>(&text).unwrap(), piece);
        }
    }
}
