//! Everything in its place: a new root, put together from pieces of the old one.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{CString, OsString},
    fs::{self, Permissions},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::{
            ffi::{OsStrExt as _, OsStringExt as _},
            fs::{PermissionsExt as _, symlink},
            net::UnixListener,
        },
    },
    path::{Path, PathBuf},
};

use rustix::{
    mount::{
        MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive,
        mount_change, mount_remount, unmount,
    },
    process::{chdir, getegid, geteuid, pivot_root},
};

use crate::{
    error::{During as _, Result, SandboxError},
    layout::{Access, Answers, Layout, Piece},
};

/// Where the root is put together: any directory that every system has. It is covered in our
/// namespace only.
const BASE: &str = "/tmp";
/// The outside, while the inside is put together.
const OLD: &str = "/old";
/// The inside, while it is put together.
const NEW: &str = "/new";
/// Files that we wrote; not in the tree.
const FILES: &str = "/files";
/// Where somebody outside listens, before it has its place; not in the tree either.
const SOCKETS: &str = "/files/sockets";
/// What is served from outside, by its numbers; not in the tree either.
const VIEWS: &str = "/views";
/// The outside's `/proc`, inside, until the first process has mounted its own: the kernel wants
/// to see one that hides nothing.
pub(crate) const OLD_PROC: &str = "/.proc";

/// What to do where changes cannot be thrown away.
const NO_OVERLAY: &str = "ring 3 needs overlayfs in user namespaces (Linux 5.11 and later) over a \
                          file system that it can lie on: use ring 2, or work on a copy elsewhere";

/// By what a file system is served (fuse(4)).
const FUSE: &str = "/dev/fuse";
/// What to do where there is the device, and it is of no use.
const NO_FUSE: &str = "the kernel refuses to mount FUSE in user namespaces here: allow it, or take \
                       /dev/fuse away from this user, and less is guarded";

/// What no piece of the inside may be: a device, or a program that changes who runs it.
const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Makes room for a new root. What in it somebody outside answers is the answer: the sockets, and
/// behind them the device by which files are served, if there are such.
pub(crate) fn prepare(layout: &Layout) -> Result<Vec<OwnedFd>> {
    stand_beside().during("cannot make room for a new root")?;
    let has = |wanted: fn(&Piece) -> bool| layout.pieces.iter().any(wanted);
    let sockets = sockets(layout).during("cannot listen for what is answered outside")?;
    let served = has(|piece| matches!(piece, Piece::View { .. }));
    let device = served.then(views).transpose().map_err(|error| {
        SandboxError::new("cannot mount what is served from outside", error).mend(NO_FUSE)
    })?;
    Ok(sockets.into_iter().chain(device).collect())
}

/// The sockets that are answered outside, in their order.
fn sockets(layout: &Layout) -> std::io::Result<Vec<OwnedFd>> {
    fs::create_dir(SOCKETS)?;
    let wanted = Answers::ALL.into_iter().filter(|answers| layout.has_socket(*answers));
    wanted.map(|answers| Ok(UnixListener::bind(socket(answers))?.into())).collect()
}

/// Where a socket is before it has its places.
fn socket(answers: Answers) -> PathBuf {
    Path::new(SOCKETS).join(format!("{answers:?}"))
}

/// Mounts a file system that somebody else will serve (fuse(4)).
fn views() -> std::io::Result<OwnedFd> {
    let path = format!("{OLD}{FUSE}");
    let device = fs::OpenOptions::new().read(true).write(true).open(path)?;
    let device = OwnedFd::from(device);
    fs::create_dir(VIEWS)?;
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let options = format!(
        "fd={},rootmode=40000,user_id={user},group_id={group},allow_other,default_permissions",
        device.as_raw_fd()
    );
    mount("holdpoint", VIEWS, "fuse", PLAIN, CString::new(options)?.as_c_str())?;
    Ok(device)
}

/// Whether a file system can be served to a run: whether this user may open the device for it.
pub fn can_serve() -> bool {
    fs::OpenOptions::new().read(true).write(true).open(FUSE).is_ok()
}

/// Replaces this namespace's root by `layout`.
pub(crate) fn build(layout: &Layout) -> Result<()> {
    empty(Path::new(NEW), "mode=0755,size=16m").during("cannot make a new root")?;
    let mut builder = Builder::default();
    for piece in &layout.pieces {
        builder.place(piece)?;
    }
    let proc = inside(Path::new(OLD_PROC));
    fs::create_dir(&proc)
        .and_then(|()| fs::create_dir(inside(Path::new("/proc"))))
        .and_then(|()| Ok(mount_bind_recursive(format!("{OLD}/proc"), &proc)?))
        .during("cannot keep /proc")?;
    builder.protect()?;
    step_in().during("cannot step into the new root")
}

/// Makes a small root of our own, with the old one in it.
fn stand_beside() -> std::io::Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private)?;
    empty(Path::new(BASE), "mode=0755")?;
    for directory in [OLD, NEW, FILES] {
        fs::create_dir(format!("{BASE}{directory}"))?;
    }
    pivot_root(BASE, format!("{BASE}{OLD}"))?;
    Ok(chdir("/")?)
}

/// Makes the new root the root, and lets go of everything else.
fn step_in() -> std::io::Result<()> {
    chdir(NEW)?;
    // pivot_root(2): the old root is mounted over the new one, and taken off it.
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    Ok(chdir("/")?)
}

fn empty(at: &Path, options: &str) -> std::io::Result<()> {
    let options = CString::new(options)?;
    Ok(mount("holdpoint", at, "tmpfs", PLAIN, options.as_c_str())?)
}

fn inside(path: &Path) -> PathBuf {
    below(NEW, path)
}

fn below(root: &str, path: &Path) -> PathBuf {
    Path::new(root).join(path.strip_prefix("/").unwrap_or(path))
}

/// The rights of a file that we wrote, and of a program.
const READ: u32 = 0o444;
const RUN: u32 = 0o555;

/// The pieces placed so far.
#[derive(Debug, Default)]
struct Builder {
    files: usize,
    read_only: BTreeSet<PathBuf>,
    writable: BTreeSet<PathBuf>,
    /// What is mounted where: whether it is the outside itself.
    outside: BTreeMap<PathBuf, bool>,
}

impl Builder {
    fn place(&mut self, piece: &Piece) -> Result<()> {
        let failed = |error: std::io::Error| {
            SandboxError::new(format!("cannot place {}", piece.at().display()), error)
        };
        let at = inside(piece.at());
        match piece {
            Piece::Outside { from, access, .. } => {
                self.outside(from, *access, at).map_err(failed)?;
            }
            Piece::Device { at: path } => {
                make_room(&at, false).map_err(failed)?;
                mount_bind(below(OLD, path), &at).map_err(|error| failed(error.into()))?;
            }
            Piece::Link { to, .. } => {
                make_parent(&at).and_then(|()| symlink(to, &at)).map_err(failed)?;
            }
            Piece::Empty { options, .. } => {
                make_room(&at, true).and_then(|()| empty(&at, options)).map_err(failed)?;
                self.outside.insert(at, false);
            }
            Piece::Terminals { .. } => {
                make_room(&at, true).and_then(|()| terminals(&at)).map_err(failed)?;
            }
            Piece::CopyOnWrite { .. } => {
                // Where the kernel or the file system cannot do that, it begins empty.
                copy_on_write(&below(OLD, piece.at()), piece.at(), &at)
                    .or_else(|_| empty(&at, "mode=0700"))
                    .map_err(failed)?;
                self.outside.insert(at.clone(), false);
                self.writable.insert(at);
            }
            Piece::Installed { from, .. } => self.installed(from, at).map_err(failed)?,
            Piece::ThrowAway { from, .. } => {
                copy_on_write(&below(OLD, from), from, &at)
                    .map_err(|error| failed(error).mend(NO_OVERLAY))?;
                self.outside.insert(at.clone(), false);
                self.writable.insert(at);
            }
            Piece::View { from, access, thrown_away, .. } => {
                let from = Path::new(VIEWS).join(from);
                make_room(&at, from.is_dir()).map_err(failed)?;
                match thrown_away {
                    true => copy_on_write(&from, piece.at(), &at)
                        .map_err(|error| failed(error).mend(NO_OVERLAY))?,
                    false => mount_bind(&from, &at).map_err(|error| failed(error.into()))?,
                }
                self.outside.insert(at.clone(), !thrown_away);
                match access {
                    Access::ReadOnly => self.read_only.insert(at),
                    Access::ReadWrite => self.writable.insert(at),
                };
            }
            // There it would be written into the very file of the outside.
            Piece::Copied { .. } if self.is_outside(&at) => {}
            Piece::Copied { from, .. } => {
                let copied = make_parent(&at).and_then(|()| fs::copy(below(OLD, from), &at));
                copied.map_err(failed)?;
            }
            Piece::File { text, .. } => self.file(text, READ, &at).map_err(failed)?,
            Piece::Program { text, .. } => self.file(text, RUN, &at).map_err(failed)?,
            Piece::Socket { answers, .. } => {
                make_room(&at, false)
                    .and_then(|()| Ok(mount_bind(socket(*answers), &at)?))
                    .map_err(failed)?;
            }
            Piece::Hidden { .. } => self.hide(&at).map_err(failed)?,
        }
        Ok(())
    }

    /// What there is outside.
    fn outside(&mut self, from: &Path, access: Access, at: PathBuf) -> std::io::Result<()> {
        let from = below(OLD, from);
        make_room(&at, from.is_dir())?;
        mount_bind_recursive(&from, &at)?;
        self.outside.insert(at.clone(), true);
        match access {
            Access::ReadOnly => self.read_only.insert(at),
            Access::ReadWrite => self.writable.insert(at),
        };
        Ok(())
    }

    /// Programs that can be changed inside; only read, where the kernel cannot do that.
    fn installed(&mut self, from: &Path, at: PathBuf) -> std::io::Result<()> {
        let copied = copy_on_write(&below(OLD, from), from, &at).is_ok();
        self.outside.insert(at.clone(), !copied);
        if copied {
            self.writable.insert(at);
            return Ok(());
        }
        mount_bind_recursive(below(OLD, from), &at)?;
        self.read_only.insert(at);
        Ok(())
    }

    /// A file of our own over whatever is there.
    fn file(&mut self, text: &str, mode: u32, at: &Path) -> std::io::Result<()> {
        let file = PathBuf::from(format!("{FILES}/{}", self.files));
        self.files += 1;
        fs::write(&file, text)?;
        fs::set_permissions(&file, Permissions::from_mode(mode))?;
        make_room(at, false)?;
        mount_bind(&file, at)?;
        self.read_only.insert(at.to_owned());
        Ok(())
    }

    /// Nothing over whatever is there, if something is.
    fn hide(&mut self, at: &Path) -> std::io::Result<()> {
        match fs::symlink_metadata(at) {
            Ok(found) if found.is_dir() => {
                empty(at, "mode=0555,size=4k")?;
                self.read_only.insert(at.to_owned());
                Ok(())
            }
            Ok(found) if found.is_file() => self.file("", READ, at),
            _ => Ok(()),
        }
    }

    /// Whether what is written at `at` could be written outside: the copy of a file belongs into what
    /// is only inside, and there alone.
    fn is_outside(&self, at: &Path) -> bool {
        at.ancestors().find_map(|around| self.outside.get(around)).copied().unwrap_or_default()
    }

    /// Takes the right to write from what is read-only, and from all that is mounted in it.
    fn protect(&self) -> Result<()> {
        let table = fs::read(format!("{OLD}/proc/self/mountinfo"))
            .during("cannot read the table of mounts")?;
        for line in table.split(|&byte| byte == b'\n') {
            let Some(found) = Mounted::read(line) else { continue };
            let Some(read_only) = self.is_read_only(&found.at) else { continue };
            let more = if read_only { MountFlags::RDONLY } else { MountFlags::empty() };
            let flags = MountFlags::BIND | PLAIN | found.flags | more;
            // One that was mounted over cannot be reached, and so not be written to either.
            if let Err(error) = mount_remount(&found.at, flags, c"")
                && error != rustix::io::Errno::INVAL
            {
                let step = format!("cannot protect {}", found.at.display());
                return Err(SandboxError::new(step, error));
            }
        }
        Ok(())
    }

    /// Whether the innermost piece around `path` is read-only; nothing if it is none of these.
    fn is_read_only(&self, path: &Path) -> Option<bool> {
        path.ancestors().find_map(|around| match () {
            () if self.writable.contains(around) => Some(false),
            () if self.read_only.contains(around) => Some(true),
            () => None,
        })
    }
}

/// Makes what a piece is mounted on, if it is not there.
fn make_room(at: &Path, directory: bool) -> std::io::Result<()> {
    if directory {
        return fs::create_dir_all(at);
    }
    make_parent(at)?;
    match fs::symlink_metadata(at) {
        Ok(_) => Ok(()),
        Err(_) => fs::File::create_new(at).map(drop),
    }
}

fn make_parent(at: &Path) -> std::io::Result<()> {
    at.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Terminals of our own (devpts(5)).
fn terminals(at: &Path) -> std::io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    Ok(mount("devpts", at, "devpts", flags, c"newinstance,ptmxmode=0666,mode=0620")?)
}

/// What is at `lower` can be read, what is written stays inside, in a layer of this `name`.
fn copy_on_write(lower: &Path, name: &Path, at: &Path) -> std::io::Result<()> {
    let layer = below(FILES, name);
    let (upper, work) = (layer.join("upper"), layer.join("work"));
    for directory in [at, &upper, &work] {
        fs::create_dir_all(directory)?;
    }
    let mut options = b"userxattr,lowerdir=".to_vec();
    options.extend(escaped(lower));
    options.extend(b",upperdir=");
    options.extend(escaped(&upper));
    options.extend(b",workdir=");
    options.extend(escaped(&work));
    let options = CString::new(options)?;
    Ok(mount("overlay", at, "overlay", PLAIN, options.as_c_str())?)
}

/// Whether overlayfs can be mounted, in namespaces of this process's own.
pub(crate) fn probe_overlay() -> std::io::Result<()> {
    stand_beside()?;
    let at = inside(Path::new("/probe"));
    fs::create_dir(&at)?;
    copy_on_write(Path::new("/old/usr"), Path::new("/usr"), &at)
}

/// A path as an option of overlayfs.
fn escaped(path: &Path) -> Vec<u8> {
    let special = |byte: &u8| matches!(byte, b',' | b':' | b'\\');
    let bytes = path.as_os_str().as_bytes().iter();
    bytes.flat_map(|&byte| special(&byte).then_some(b'\\').into_iter().chain([byte])).collect()
}

/// A line of `mountinfo` (proc_pid_mountinfo(5)).
#[derive(Debug, PartialEq, Eq)]
struct Mounted {
    at: PathBuf,
    /// What may not be taken back.
    flags: MountFlags,
}

impl Mounted {
    fn read(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ').skip(4);
        let at = PathBuf::from(OsString::from_vec(unescaped(fields.next()?)));
        let flags = fields.next()?.split(|&byte| byte == b',').map(|option| match option {
            b"ro" => MountFlags::RDONLY,
            b"nosuid" => MountFlags::NOSUID,
            b"nodev" => MountFlags::NODEV,
            b"noexec" => MountFlags::NOEXEC,
            b"noatime" => MountFlags::NOATIME,
            b"nodiratime" => MountFlags::NODIRATIME,
            b"relatime" => MountFlags::RELATIME,
            b"nosymfollow" => MountFlags::NOSYMFOLLOW,
            _ => MountFlags::empty(),
        });
        Some(Self { at, flags: flags.fold(MountFlags::empty(), MountFlags::union) })
    }
}

/// The bytes of a path in which `\040` and the like stand for special ones.
fn unescaped(mut field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    while let Some((&byte, rest)) = field.split_first() {
        let octal = (byte == b'\\').then(|| rest.split_at_checked(3)).flatten();
        let value = octal.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 8).ok()?, after))
        });
        let (byte, rest) = value.unwrap_or((byte, rest));
        bytes.push(byte);
        field = rest;
    }
    bytes
}

/// What of `/proc` tells about, or changes, the whole machine: read-only, or not there.
const KERNEL_WIDE: [&str; 5] =
    ["/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/sysrq-trigger"];
const KERNEL_SECRETS: [&str; 6] = [
    "/proc/kcore",
    "/proc/kmsg",
    "/proc/keys",
    "/proc/timer_list",
    "/proc/config.gz",
    "/proc/latency_stats",
];

/// A `/proc` of the new processes, by the first of them; then the root is closed.
pub(crate) fn finish() -> Result<()> {
    let flags = PLAIN | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None).map_err(|error| {
        SandboxError::new("cannot mount /proc", error).mend(
            "a container hides parts of its own /proc: run outside of it, or let it see all \
             (Docker: --security-opt systempaths=unconfined)",
        )
    })?;
    for path in KERNEL_WIDE.into_iter().filter(|path| Path::new(path).exists()) {
        let flags = MountFlags::BIND | MountFlags::RDONLY | flags;
        mount_bind_recursive(path, path)
            .and_then(|()| mount_remount(path, flags, c""))
            .during("cannot protect /proc")?;
    }
    for path in KERNEL_SECRETS.into_iter().filter(|path| Path::new(path).exists()) {
        mount_bind("/dev/null", path).during("cannot hide a part of /proc")?;
    }
    unmount(OLD_PROC, UnmountFlags::DETACH).during("cannot let go of the old /proc")?;
    fs::remove_dir(OLD_PROC).during("cannot remove what held the old /proc")?;
    let flags = MountFlags::BIND | MountFlags::RDONLY | PLAIN;
    mount_remount("/", flags, c"").during("cannot close the root")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use rustix::mount::MountFlags;

    use super::{Mounted, escaped};

    #[test]
    fn lines_of_the_table_of_mounts() {
        for (line, at, flags) in [
            ("36 35 98:0 / /mnt/a rw,noatime - ext3 /dev/x rw", "/mnt/a", MountFlags::NOATIME),
            (
                "1 2 0:1 / /a\\040b\\134c ro,nosuid,relatime shared:1 - tmpfs t rw",
                "/a b\\c",
                MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::RELATIME,
            ),
        ] {
            let read = Mounted::read(line.as_bytes());
            assert_eq!(read, Some(Mounted { at: PathBuf::from(at), flags }));
        }
        assert_eq!(Mounted::read(b"1 2 3"), None);
    }

    #[test]
    fn paths_in_options() {
        assert_eq!(escaped("/a,b:c\\d".as_ref()), b"/a\\,b\\:c\\\\d");
    }
}
