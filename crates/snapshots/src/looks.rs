//! What a file looks like from outside: kind, rights, owner, times, identity.

use std::{
    ffi::{OsStr, OsString},
    fs::Metadata,
    io,
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::Path,
};

use rustix::{
    fs::{XattrFlags, lgetxattr, llistxattr, lremovexattr, lsetxattr},
    io::Errno,
};

/// The bits of a mode that can be set.
const RIGHTS: u32 = 0o7777;
/// Bytes of the names and of one value of extended attributes (Linux: XATTR_LIST_MAX, XATTR_SIZE_MAX).
const XATTR_BYTES_MAX: usize = 64 * 1024;

/// What kind of thing something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Link,
    /// A socket, a FIFO or a device: it has no content that could be kept.
    Special,
}

/// A moment of a file system: seconds since the Unix epoch and nanoseconds.
pub(crate) type Moment = (i64, u32);

/// What something looked like when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Looks {
    pub(crate) kind: Kind,
    pub(crate) rights: u32,
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) size: u64,
    pub(crate) modified: Moment,
    /// When the kernel last saw it change; nobody can set it.
    pub(crate) changed: Moment,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) links: u64,
}

impl Looks {
    /// What is at `path`, without following a link.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        path.symlink_metadata().map(|metadata| Self::of(&metadata))
    }

    pub(crate) fn of(metadata: &Metadata) -> Self {
        let file_type = metadata.file_type();
        let kind = match () {
            () if file_type.is_file() => Kind::File,
            () if file_type.is_dir() => Kind::Directory,
            () if file_type.is_symlink() => Kind::Link,
            () => {
                debug_assert!(
                    file_type.is_fifo()
                        || file_type.is_socket()
                        || file_type.is_block_device()
                        || file_type.is_char_device()
                );
                Kind::Special
            }
        };
        let moment = |seconds, nanoseconds: i64| (seconds, u32::try_from(nanoseconds).unwrap_or(0));
        Self {
            kind,
            rights: metadata.mode() & RIGHTS,
            user: metadata.uid(),
            group: metadata.gid(),
            size: if kind == Kind::File { metadata.size() } else { 0 },
            modified: moment(metadata.mtime(), metadata.mtime_nsec()),
            changed: moment(metadata.ctime(), metadata.ctime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
            links: metadata.nlink(),
        }
    }
}

/// One extended attribute.
pub(crate) type Attribute = (OsString, Vec<u8>);

/// The extended attributes of what is at `path`, by name. A file system without them has none.
pub(crate) fn attributes(path: &Path) -> io::Result<Vec<Attribute>> {
    let mut few = [0_u8; 1024];
    let mut many = Vec::new();
    let names = match llistxattr(path, &mut few[..]) {
        Ok(length) => few.get(..length).unwrap_or_default(),
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        Err(Errno::RANGE) => {
            many.resize(XATTR_BYTES_MAX, 0);
            let length = llistxattr(path, many.as_mut_slice())?;
            many.get(..length).unwrap_or_default()
        }
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; XATTR_BYTES_MAX];
        match lgetxattr(path, OsStr::from_bytes(name), value.as_mut_slice()) {
            Ok(length) => {
                value.truncate(length);
                found.push((OsString::from_vec(name.to_vec()), value));
            }
            // It went away meanwhile, or is not for us to see.
            Err(Errno::NODATA | Errno::PERM | Errno::ACCESS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    found.sort();
    Ok(found)
}

/// Gives what is at `path` these extended attributes, and no others that we may take away.
pub(crate) fn set_attributes(path: &Path, wanted: &[Attribute]) -> io::Result<()> {
    let present = attributes(path)?;
    if present == wanted {
        return Ok(());
    }
    for (name, _) in present.iter().filter(|(name, _)| !wanted.iter().any(|(it, _)| it == name)) {
        match lremovexattr(path, name.as_os_str()) {
            Ok(()) | Err(Errno::NODATA | Errno::PERM | Errno::NOTSUP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for (name, value) in wanted.iter().filter(|it| !present.contains(it)) {
        lsetxattr(path, name.as_os_str(), value, XattrFlags::empty())?;
    }
    Ok(())
}
