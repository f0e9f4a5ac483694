//! What this kernel has for an enclosure, found out by trying, with the mend for what is missing.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, LandlockStatus, Ruleset,
    RulesetAttr as _,
};
use serde::{Deserialize, Serialize};

use crate::{PROBE, mounts, namespaces};

/// One thing that an enclosure is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// What it is.
    pub what: String,
    /// Whether it is there.
    pub there: bool,
    /// Whether there is no enclosure without it.
    pub needed: bool,
    /// What was found.
    pub found: String,
    /// What to do where it is missing; empty where it is not.
    pub mend: String,
}

/// Everything that an enclosure is made of, as this kernel has it for this user.
pub fn all() -> Vec<Offer> {
    let mut offers = probed();
    offers.push(system_call_filter());
    offers.push(cgroups());
    offers
}

/// What can only be found out by changing oneself: by a process that ends with it.
fn probed() -> Vec<Offer> {
    let answer = Command::new("/proc/self/exe").arg(PROBE).output();
    let offers = answer.ok().and_then(|answer| serde_json::from_slice(&answer.stdout).ok());
    offers.unwrap_or_else(|| {
        let found = Err(io::Error::other("this binary cannot be run again"));
        vec![offer("namespaces", true, found, "run it where /proc is mounted".to_owned())]
    })
}

/// Finds out, and leaves this process unfit for anything else.
pub fn probe() -> Vec<Offer> {
    let namespaces = namespaces::tried().map(|()| "of users, mounts, processes and networks");
    let namespaces = namespaces.map(str::to_owned).map_err(io::Error::other);
    let overlay = match &namespaces {
        Ok(_) => mounts::probe_overlay().map(|()| "can lie over a directory".to_owned()),
        Err(_) => Err(io::Error::other("cannot be tried without namespaces")),
    };
    let overlay_mend = "ring 3 and copy-on-write caches need it: Linux 5.11 or later, or \
                        `modprobe overlay` as root";
    vec![
        offer("namespaces", true, namespaces, namespaces_mend()),
        offer("overlayfs", false, overlay, overlay_mend.to_owned()),
        landlock(),
    ]
}

fn offer(what: &str, needed: bool, found: io::Result<String>, mend: String) -> Offer {
    let (there, found, mend) = match found {
        Ok(found) => (true, found, String::new()),
        Err(error) => (false, error.to_string(), mend),
    };
    Offer { what: what.to_owned(), there, needed, found, mend }
}

/// What to do for namespaces of users. Never the switch for all programs: an AppArmor profile for
/// ours alone.
pub(crate) fn namespaces_mend() -> String {
    let is_on = |name: &str, on: &str| {
        fs::read_to_string(format!("/proc/sys/{name}")).is_ok_and(|text| text.trim() == on)
    };
    if is_on("kernel/apparmor_restrict_unprivileged_userns", "1") {
        let binary =
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/bin/holdpoint"));
        return profile(&binary);
    }
    if is_on("kernel/unprivileged_userns_clone", "0") {
        return "as root: sysctl -w kernel.unprivileged_userns_clone=1".to_owned();
    }
    if is_on("user/max_user_namespaces", "0") {
        return "as root: sysctl -w user.max_user_namespaces=10000".to_owned();
    }
    "let the container make namespaces (Docker: --security-opt seccomp=unconfined \
     --security-opt systempaths=unconfined)"
        .to_owned()
}

/// Ubuntu 24.04 and later: what lets this binary, and no other, make namespaces.
const PROFILE: &str = include_str!("../../../packaging/apparmor/holdpoint");

fn profile(binary: &Path) -> String {
    let profile = PROFILE.replace("@BINARY@", &binary.display().to_string());
    format!(
        "as root, let this binary alone make namespaces:\n\
         cat > /etc/apparmor.d/holdpoint <<'END'\n{profile}END\n\
         apparmor_parser -r /etc/apparmor.d/holdpoint"
    )
}

fn landlock() -> Offer {
    let newest = ABI::V9;
    let restricted = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    let found = match restricted.map(|status| status.landlock) {
        Ok(LandlockStatus::Available { effective_abi, kernel_abi }) => {
            let version = kernel_abi.unwrap_or(effective_abi as i32);
            Ok(format!("version {version} of its interface"))
        }
        Ok(_) => Err(io::Error::other("this kernel does not have it, or not switched on")),
        Err(error) => Err(io::Error::other(error)),
    };
    let mend = "a second wall that is not there: Linux 5.13 or later with `landlock` among \
                `lsm=` on its command line";
    offer("Landlock", false, found, mend.to_owned())
}

fn system_call_filter() -> Offer {
    let found = fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail");
    let found = found.map(|actions| format!("can {}", actions.trim()));
    let mend = "a kernel with CONFIG_SECCOMP_FILTER".to_owned();
    offer("seccomp", true, found, mend)
}

fn cgroups() -> Offer {
    let found = place_of_groups().map(|place| format!("can be made below {}", place.display()));
    let mend = "nothing needs it: a run is killed by its namespace of processes";
    let found =
        found.map(|found| format!("{found}; a run is killed by its namespace of processes"));
    offer("cgroup", false, found, mend.to_owned())
}

/// Where this user may make groups: in the one that this process is in.
fn place_of_groups() -> io::Result<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup")?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let own = own.ok_or_else(|| io::Error::other("there are none of the second version"))?;
    let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].into_iter().map(Path::new);
    let mount = mounts.into_iter().find(|mount| mount.join("cgroup.procs").exists());
    let place = mount.ok_or_else(|| io::Error::other("they are not mounted"))?.join(own);
    let trial = place.join(format!("holdpoint-trial-{}", std::process::id()));
    fs::create_dir(&trial)?;
    // The kernel must know the word by which all of a group is killed (5.14).
    let knows = trial.join("cgroup.kill").exists();
    fs::remove_dir(&trial)?;
    match knows {
        true => Ok(place),
        false => Err(io::Error::other("they cannot be killed as one (Linux 5.14)")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_profile_is_for_one_binary() {
        let profile = super::profile("/opt/a b/holdpoint".as_ref());
        assert!(profile.contains("profile holdpoint \"/opt/a b/holdpoint\" flags"), "{profile}");
        assert!(profile.contains("\n  userns,\n}\n"), "{profile}");
        assert!(!profile.contains("sysctl"), "never the switch for all");
    }
}
