//! A command of an ordinary user who may serve files: `/dev/fuse` is everybody's on many machines, and
//! root's on others.

use std::process::Command;

/// In a namespace of mounts of its own, the device is everybody's.
const OPEN: &str = "mount -t tmpfs none /media && mknod -m 666 /media/fuse c 10 229 && \
                    mount --bind /media/fuse /dev/fuse && exec \"$@\"";

/// `command` where it may serve files, if this process can have that done.
pub fn serving(command: &Command) -> Command {
    if !nix::unistd::geteuid().is_root() {
        let mut same = Command::new(command.get_program());
        same.args(command.get_args());
        return with_surroundings(same, command);
    }
    let mut serving = Command::new("unshare");
    serving.args(["--mount", "sh", "-c", OPEN, "sh"]).arg(command.get_program());
    serving.args(command.get_args());
    with_surroundings(serving, command)
}

fn with_surroundings(mut new: Command, old: &Command) -> Command {
    new.env_clear();
    new.envs(old.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = old.get_current_dir() {
        new.current_dir(directory);
    }
    new.stdin(std::process::Stdio::null());
    new
}

/// In a namespace of mounts of its own, nobody opens the device, not even root.
const CLOSED: &str = "mount -t tmpfs -o nodev none /media && mknod -m 666 /media/fuse c 10 229 && \
                      mount --bind /media/fuse /dev/fuse && exec \"$@\"";

/// `command` where nobody may serve files; as it is if this process can have that not done, as then its
/// user may not have the device anyway.
pub fn unserved(command: &Command) -> Command {
    let mut unserved = match nix::unistd::geteuid().is_root() {
        true => {
            let mut closed = Command::new("unshare");
            closed.args(["--mount", "sh", "-c", CLOSED, "sh"]).arg(command.get_program());
            closed
        }
        false => Command::new(command.get_program()),
    };
    unserved.args(command.get_args());
    with_surroundings(unserved, command)
}
