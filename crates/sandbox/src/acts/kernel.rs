//! Acts on the kernel: namespaces, mounts, powers, what changes the machine.

use std::{fs, fs::OpenOptions, io, path::Path};

use nix::{
    kmod,
    mount::{MsFlags, mount, umount},
    sched::{CloneFlags, setns, unshare},
    sys::{
        fanotify::{EventFFlags, Fanotify, InitFlags},
        prctl,
        socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket},
        stat::{Mode, SFlag, makedev, mknod},
        time::TimeSpec,
    },
    time::{ClockId, clock_settime},
    unistd::sethostname,
};
use rustix::{
    mount::{FsOpenFlags, OpenTreeFlags, fsopen, open_tree},
    process::pivot_root,
    thread::{CapabilitySet, capabilities, set_capabilities},
};

use super::{Act, act, done_if};

/// Each succeeds only if the wall does not hold. The last leaves this process changed.
pub(super) const ACTS: &[Act] = &[
    act("open a raw socket", |_| family(AddressFamily::Inet, SockType::Raw)),
    act("open a packet socket", |_| family(AddressFamily::Packet, SockType::Raw)),
    act("open a socket of virtual machines", |_| family(AddressFamily::Vsock, SockType::Stream)),
    act("open a socket of the kernel's ciphers", |_| {
        family(AddressFamily::Alg, SockType::SeqPacket)
    }),
    act("open a netlink socket of devices", |_| {
        let (family, flags) = (AddressFamily::Netlink, SockFlag::SOCK_CLOEXEC);
        Ok(socket(family, SockType::Raw, flags, SockProtocol::NetlinkKObjectUEvent).map(drop)?)
    }),
    act("mount a file system", |_| mount_tmpfs("/tmp")),
    act("mount a file system, by the newer calls", |_| {
        Ok(fsopen("tmpfs", FsOpenFlags::empty()).map(drop)?)
    }),
    act("take hold of a tree of mounts", |_| {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE;
        Ok(open_tree(rustix::fs::CWD, "/", flags).map(drop)?)
    }),
    act("unmount what protects /proc", |_| Ok(umount("/proc/sys")?)),
    act("change the root", |_| Ok(pivot_root("/tmp", "/tmp")?)),
    act("change the root of this process", |_| Ok(nix::unistd::chroot("/tmp")?)),
    act("enter another network namespace", |_| {
        let namespace = fs::File::open("/proc/1/ns/net")?;
        Ok(setns(namespace, CloneFlags::CLONE_NEWNET)?)
    }),
    act("make a device", |_| {
        let null = makedev(254, 0);
        Ok(mknod("/tmp/device", SFlag::S_IFBLK, Mode::S_IRWXU, null)?)
    }),
    act("open a disk or the memory", |_| {
        let devices = ["/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/mem", "/dev/kvm", "/dev/kmsg"];
        let there = devices.iter().find(|path| Path::new(path).exists());
        there.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }),
    act("gain a capability", |_| {
        let mut sets = capabilities(None)?;
        sets.permitted |= CapabilitySet::SYS_ADMIN;
        sets.effective |= CapabilitySet::SYS_ADMIN;
        Ok(set_capabilities(None, sets)?)
    }),
    act("hold a capability", |_| {
        let sets = capabilities(None)?;
        let held = sets.effective | sets.permitted | sets.inheritable;
        done_if(!held.is_empty(), "there is none")
    }),
    act("gain powers by a program", |_| {
        done_if(!prctl::get_no_new_privs()?, "there are no new ones")
    }),
    act("make system calls without a filter", |_| {
        let status = fs::read_to_string("/proc/self/status")?;
        done_if(!status.contains("\nSeccomp:\t2\n"), "there is one")
    }),
    act("set the clock", |_| Ok(clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::new(0, 0))?)),
    act("rename the host", |_| Ok(sethostname("holdpoint-was-here")?)),
    act("unload a module of the kernel", |_| {
        Ok(kmod::delete_module(c"holdpoint_was_here", kmod::DeleteModuleFlags::empty())?)
    }),
    act("watch every file", |_| {
        let (flags, events) = (InitFlags::FAN_CLASS_NOTIF, EventFFlags::O_RDONLY);
        Ok(Fanotify::init(flags, events).map(drop)?)
    }),
    act("say which program gets crashes", |_| to_write("/proc/sys/kernel/core_pattern")),
    act("press a magic key", |_| to_write("/proc/sysrq-trigger")),
    act("read the kernel's memory", |_| {
        let text = fs::File::open("/proc/kcore").map(|file| io::Read::take(file, 16));
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut text?, &mut bytes)?;
        done_if(!bytes.is_empty(), "it is empty")
    }),
    act("mount in a namespace of its own", |_| {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        mount_tmpfs("/tmp")
    }),
];

fn family(family: AddressFamily, kind: SockType) -> io::Result<()> {
    Ok(socket(family, kind, SockFlag::SOCK_CLOEXEC, None).map(drop)?)
}

fn mount_tmpfs(at: &str) -> io::Result<()> {
    let nothing: Option<&str> = None;
    Ok(mount(Some("none"), at, Some("tmpfs"), MsFlags::empty(), nothing)?)
}

fn to_write(path: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path).map(drop)
}
