//! The kernel asks, and is answered.

use std::{
    ffi::OsStr,
    io,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::{FallocateFlags, fallocate, fstatvfs};

use super::{FRESH, View, act::Opened, change::Wanted, lock, locks, open::Entry};

/// How long whoever closes a file waits at most.
const FLUSH_MAX: Duration = Duration::from_secs(2);
/// Bytes of one write.
const WRITE_MAX: u32 = 1024 * 1024;
/// Numbers are not given twice to different files at a time.
const FIRST: Generation = Generation(0);

fn wrong(error: io::Error) -> Errno {
    match (error.raw_os_error(), error.kind()) {
        (Some(number), _) => Errno::from_i32(number),
        (None, io::ErrorKind::NotFound) => Errno::ENOENT,
        (None, io::ErrorKind::FileTooLarge) => Errno::EFBIG,
        (None, _) => Errno::EIO,
    }
}

fn entry(reply: ReplyEntry, found: io::Result<FileAttr>) {
    match found {
        Ok(found) => reply.entry(&FRESH, &found, FIRST),
        Err(error) => reply.error(wrong(error)),
    }
}

fn attributes(reply: ReplyAttr, found: io::Result<FileAttr>) {
    match found {
        Ok(found) => reply.attr(&FRESH, &found),
        Err(error) => reply.error(wrong(error)),
    }
}

/// Whether nobody wants to hear when it is closed.
fn quiet(quiet: bool) -> FopenFlags {
    if quiet { FopenFlags::FOPEN_NOFLUSH } else { FopenFlags::empty() }
}

fn done(reply: ReplyEmpty, done: io::Result<()>) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(wrong(error)),
    }
}

/// Answers with an attribute, or with how long it is.
fn value(reply: ReplyXattr, size: u32, found: io::Result<Vec<u8>>) {
    match found {
        Err(error) => reply.error(wrong(error)),
        Ok(value) => match u32::try_from(value.len()) {
            Ok(length) if size == 0 => reply.size(length),
            Ok(length) if length <= size => reply.data(&value),
            _ => reply.error(Errno::ERANGE),
        },
    }
}

/// The entries from an offset on, each with the offset behind it.
fn after(entries: &[Entry], offset: u64) -> impl Iterator<Item = (u64, &Entry)> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    entries.iter().enumerate().skip(start).map(|(at, entry)| (at as u64 + 1, entry))
}

impl View {
    /// What a directory handle lists from `offset` on; from its beginning, it is read anew.
    fn listing(&self, node: u64, handle: u64, offset: u64) -> io::Result<Arc<Vec<Entry>>> {
        match offset {
            0 => {
                let entries = self.entries(node)?;
                Ok(lock(&self.handles).fill(handle, entries))
            }
            _ => lock(&self.handles).directory(handle),
        }
    }
}

impl Filesystem for View {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted = [
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_AUTO_INVAL_DATA,
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_READDIRPLUS_AUTO,
            InitFlags::FUSE_CACHE_SYMLINKS,
            InitFlags::FUSE_FLOCK_LOCKS,
            // Or else the kernel would ask for attributes before each write.
            InitFlags::FUSE_HANDLE_KILLPRIV_V2,
        ];
        for capability in wanted {
            // An older kernel has to ask more often.
            let _ = config.add_capabilities(capability);
        }
        // So has one that writes less at a time.
        let _ = config.set_max_write(WRITE_MAX);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(reply, self.find(parent.0, name));
    }

    fn forget(&self, _: &Request, node: INodeNo, count: u64) {
        lock(&self.nodes).forget(node.0, count);
    }

    fn getattr(&self, _: &Request, node: INodeNo, handle: Option<FileHandle>, reply: ReplyAttr) {
        attributes(reply, self.look(node.0, handle.map(|it| it.0)));
    }

    fn setattr(
        &self,
        _: &Request,
        node: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        accessed: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        handle: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let handle = handle.map(|it| it.0);
        let wanted = Wanted { mode, uid, gid, size, accessed, modified, handle };
        attributes(reply, self.set(node.0, &wanted));
    }

    fn readlink(&self, _: &Request, node: INodeNo, reply: ReplyData) {
        match self.link_of(node.0) {
            Ok(link) => reply.data(link.as_os_str().as_encoded_bytes()),
            Err(error) => reply.error(wrong(error)),
        }
    }

    fn mknod(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        entry(reply, self.make(parent.0, name, mode));
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        entry(reply, self.make(parent.0, name, mode & 0o7777 | libc::S_IFDIR));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, self.remove(parent.0, name, false));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, self.remove(parent.0, name, true));
    }

    fn symlink(&self, _: &Request, parent: INodeNo, name: &OsStr, to: &Path, reply: ReplyEntry) {
        entry(reply, self.make_link(parent.0, name, to));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let (from, to) = ((parent.0, name), (new_parent.0, new_name));
        done(reply, View::rename(self, from, to, flags));
    }

    fn link(&self, _: &Request, node: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(reply, View::link(self, node.0, parent.0, name));
    }

    fn open(&self, request: &Request, node: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let writes = flags.acc_mode() != OpenAccMode::O_RDONLY;
        match self.open_node(node.0, writes, request.pid()) {
            Ok(Opened { handle, alone }) => {
                let heard = writes && self.is_heard(node.0);
                let alone = if alone { FopenFlags::FOPEN_DIRECT_IO } else { FopenFlags::empty() };
                reply.opened(FileHandle(handle), quiet(!heard) | alone);
            }
            Err(error) => reply.error(wrong(error)),
        }
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        match View::create(self, parent.0, name, mode, flags) {
            Ok((found, handle)) => {
                let flags = quiet(!self.is_heard(found.ino.0));
                reply.created(&FRESH, &found, FIRST, FileHandle(handle), flags);
            }
            Err(error) => reply.error(wrong(error)),
        }
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let open = lock(&self.handles).file(handle.0);
        match open.and_then(|open| open.read(offset, size as usize)) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(wrong(error)),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        flags: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let open = lock(&self.handles).file(handle.0);
        let written = open.and_then(|open| {
            open.write(offset, data)?;
            if flags.contains(WriteFlags::FUSE_WRITE_KILL_SUIDGID) {
                open.drop_rights()?;
            }
            Ok(())
        });
        match written {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(error) => reply.error(wrong(error)),
        }
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        lock(&self.handles).close(handle.0);
        reply.ok();
    }

    fn flush(
        &self,
        request: &Request,
        node: INodeNo,
        handle: FileHandle,
        _: LockOwner,
        reply: ReplyEmpty,
    ) {
        let file = lock(&self.handles).file(handle.0);
        let process = request.pid();
        let wait = file.and_then(|open| self.written_names(node.0, open.file(), process));
        match wait {
            // Others are answered meanwhile.
            Ok(wait) if !wait.is_zero() => drop(thread::Builder::new().spawn(move || {
                thread::sleep(wait.min(FLUSH_MAX));
                reply.ok();
            })),
            other => done(reply, other.map(drop)),
        }
    }

    fn fsync(&self, _: &Request, _: INodeNo, handle: FileHandle, data: bool, reply: ReplyEmpty) {
        let synced = lock(&self.handles).file(handle.0).and_then(|open| match data {
            true => open.file().sync_data(),
            false => open.file().sync_all(),
        });
        done(reply, synced);
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match lock(&self.handles).add_directory() {
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::empty()),
            Err(error) => reply.error(wrong(error)),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        node: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let entries = match self.listing(node.0, handle.0, offset) {
            Ok(entries) => entries,
            Err(error) => return reply.error(wrong(error)),
        };
        for (next, entry) in after(&entries, offset) {
            if reply.add(INodeNo(entry.number), next, entry.kind, &entry.name) {
                break;
            }
        }
        reply.ok();
    }

    fn readdirplus(
        &self,
        _: &Request,
        node: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let entries = match self.listing(node.0, handle.0, offset) {
            Ok(entries) => entries,
            Err(error) => return reply.error(wrong(error)),
        };
        for (next, entry) in after(&entries, offset) {
            // What has gone meanwhile is not there.
            let Ok(found) = self.find(node.0, &entry.name) else { continue };
            if reply.add(found.ino, next, &entry.name, &FRESH, &found, FIRST) {
                // The kernel has not heard of it.
                lock(&self.nodes).forget(found.ino.0, 1);
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        lock(&self.handles).close_directory(handle.0);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let found = self.bases.first().map(|base| fstatvfs(&base.directory));
        match found {
            Some(Ok(it)) => reply.statfs(
                it.f_blocks,
                it.f_bfree,
                it.f_bavail,
                it.f_files,
                it.f_ffree,
                u32::try_from(it.f_bsize).unwrap_or(4096),
                u32::try_from(it.f_namemax).unwrap_or(255),
                u32::try_from(it.f_frsize).unwrap_or(4096),
            ),
            Some(Err(error)) => reply.error(wrong(error.into())),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn setlk(
        &self,
        request: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: LockOwner,
        _: u64,
        _: u64,
        kind: i32,
        _: u32,
        sleep: bool,
        reply: ReplyEmpty,
    ) {
        let open = lock(&self.handles).file(handle.0);
        let file = open.and_then(|open| open.file().try_clone());
        let locks = file.and_then(|file| locks::take(file, kind, sleep.then(|| request.pid())));
        match locks {
            Ok(Some(waits)) => waits.then(move |taken| done(reply, taken)),
            Ok(None) => reply.ok(),
            Err(error) => reply.error(wrong(error)),
        }
    }

    fn getxattr(&self, _: &Request, node: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        value(reply, size, self.attribute(node.0, name));
    }

    fn listxattr(&self, _: &Request, node: INodeNo, size: u32, reply: ReplyXattr) {
        value(reply, size, self.attribute_names(node.0));
    }

    fn setxattr(
        &self,
        _: &Request,
        node: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _: u32,
        reply: ReplyEmpty,
    ) {
        done(reply, self.set_attribute(node.0, name, value, flags));
    }

    fn removexattr(&self, _: &Request, node: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, self.remove_attribute(node.0, name));
    }

    fn fallocate(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let mode = FallocateFlags::from_bits_retain(mode.unsigned_abs());
        let open = lock(&self.handles).file(handle.0);
        let allocated = open.and_then(|open| match open {
            super::open::Open::Plain(file) => Ok(fallocate(&*file, mode, offset, length)?),
            _ => Err(rustix::io::Errno::OPNOTSUPP.into()),
        });
        done(reply, allocated);
    }
}
