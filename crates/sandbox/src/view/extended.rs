//! Extended attributes (xattr(7)): those of users are passed through, others are not there. Nor are
//! those that say where a file was loaded from: such an address has a password in it at times.

use std::{ffi::OsStr, io, os::unix::ffi::OsStrExt as _};

use rustix::{
    fs::{Mode, OFlags, XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr},
    io::Errno,
};

use super::{View, lock};

/// What the names of those of users begin with.
const USER: &[u8] = b"user.";
/// What programs that load files write there (freedesktop.org, Common Extended Attributes).
const ORIGIN: &[u8] = b"user.xdg.";
/// Bytes of a value, and of a list of names, that the kernel passes on at most.
const BYTES_MAX: usize = 64 * 1024;

impl View {
    /// The value of an attribute.
    pub(super) fn attribute(&self, node: u64, name: &OsStr) -> io::Result<Vec<u8>> {
        // The kernel asks for others before each write.
        if !is_shown(name.as_bytes()) {
            return Err(Errno::NODATA.into());
        }
        let mut value = vec![0; BYTES_MAX];
        let length = fgetxattr(self.attributed(node, false)?, name, &mut value)?;
        value.truncate(length);
        Ok(value)
    }

    /// The names of all, each with a zero behind it.
    pub(super) fn attribute_names(&self, node: u64) -> io::Result<Vec<u8>> {
        let mut names = vec![0; BYTES_MAX];
        let length = flistxattr(self.attributed(node, false)?, &mut names)?;
        names.truncate(length);
        let own = names.split_inclusive(|byte| *byte == 0).filter(|name| is_shown(name));
        Ok(own.flatten().copied().collect())
    }

    pub(super) fn set_attribute(
        &self,
        node: u64,
        name: &OsStr,
        value: &[u8],
        flags: i32,
    ) -> io::Result<()> {
        if !is_shown(name.as_bytes()) {
            return Err(Errno::OPNOTSUPP.into());
        }
        let flags = XattrFlags::from_bits_retain(flags.unsigned_abs());
        Ok(fsetxattr(self.attributed(node, true)?, name, value, flags)?)
    }

    pub(super) fn remove_attribute(&self, node: u64, name: &OsStr) -> io::Result<()> {
        if !is_shown(name.as_bytes()) {
            return Err(Errno::NODATA.into());
        }
        Ok(fremovexattr(self.attributed(node, true)?, name)?)
    }

    /// The file of a node, open; links have no such attributes, and pipes would wait.
    fn attributed(&self, node: u64, change: bool) -> io::Result<std::fs::File> {
        let open = lock(&self.handles).of_node(node);
        if let Some(open) = open.filter(|_| !change) {
            return open.file().try_clone();
        }
        self.place(&self.at(node)?, change)?.open(OFlags::RDONLY, Mode::empty())
    }
}

fn is_shown(name: &[u8]) -> bool {
    name.starts_with(USER) && !name.starts_with(ORIGIN)
}
