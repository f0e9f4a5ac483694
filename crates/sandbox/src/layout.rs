//! What is where inside. Whatever no piece names is not there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use holdpoint_core::identity::Ring;

use crate::{
    OURS, containers,
    home::Home,
    mark::{self, Mark},
    nested, spelled,
    view::Shown,
};

/// The inside, piece by piece; a later piece lies over an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The pieces.
    pub pieces: Vec<Piece>,
}

/// Whether what is outside can be changed from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// It can be read.
    ReadOnly,
    /// It can be read and changed.
    ReadWrite,
}

/// Who answers on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answers {
    /// Whoever signs for git ([`signer`](crate::signer)).
    Signer,
    /// Whoever says why there are no containers.
    Containers,
}

impl Answers {
    /// All of them, in the order in which their sockets are handed over.
    pub(crate) const ALL: [Self; 2] = [Self::Signer, Self::Containers];
}

/// One piece of the inside. Paths are absolute, and the same inside as outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// A file or directory of the outside, with all that is mounted in it.
    Outside {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
        /// Where it is outside, without links.
        #[serde(with = "spelled")]
        from: PathBuf,
        /// May it be changed?
        access: Access,
    },
    /// A device of the outside.
    Device {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
    },
    /// A symbolic link.
    Link {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
        /// What it says.
        #[serde(with = "spelled")]
        to: PathBuf,
    },
    /// An empty directory, in memory.
    Empty {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
        /// Options of tmpfs(5).
        options: String,
    },
    /// Terminals of its own.
    Terminals {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
    },
    /// A directory of the outside, of which changes stay inside and end with the run.
    CopyOnWrite {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
    },
    /// What programs are installed in, and update themselves in: changes stay inside and end with
    /// the run, and where the kernel cannot do that, there are none.
    Installed {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
        /// Where it is outside, without links.
        #[serde(with = "spelled")]
        from: PathBuf,
    },
    /// A copy of a file of the outside, which ends with the run.
    Copied {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
        /// Where it is outside.
        #[serde(with = "spelled")]
        from: PathBuf,
    },
    /// A directory of the outside, of which changes stay inside and are thrown away; without
    /// what that takes, nothing starts.
    ThrowAway {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
        /// Where it is outside, without links.
        #[serde(with = "spelled")]
        from: PathBuf,
    },
    /// What is served from outside ([`view`](crate::view)).
    View {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
        /// The number of the directory that is served, and what of it.
        from: PathBuf,
        /// May it be changed?
        access: Access,
        /// Are changes thrown away?
        thrown_away: bool,
    },
    /// A file that we wrote, read-only.
    File {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
        /// What is in it.
        text: String,
    },
    /// A program that we wrote, read-only.
    Program {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
        /// What is in it.
        text: String,
    },
    /// A socket on which somebody outside answers.
    Socket {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
        /// Who does.
        answers: Answers,
    },
    /// Nothing, where there is something outside.
    Hidden {
        /// Where.
        #[serde(with = "spelled")]
        at: PathBuf,
    },
}

impl Piece {
    /// What is at `path` outside, in the same place inside; nothing if there is nothing.
    pub fn outside(path: impl Into<PathBuf>, access: Access) -> Option<Self> {
        let at = path.into();
        let from = fs::canonicalize(&at).ok()?;
        Some(Self::Outside { at, from, access })
    }

    /// The same, as `ring` may have it: what the untrusted change of the outside is thrown away.
    fn in_ring(self, ring: Ring) -> Self {
        match self {
            Self::Outside { at, from, access: Access::ReadWrite } if ring >= Ring::Untrusted => {
                match from.is_dir() {
                    true => Self::ThrowAway { at, from },
                    false => Self::Outside { at, from, access: Access::ReadOnly },
                }
            }
            other => other,
        }
    }

    /// Where it is inside.
    pub fn at(&self) -> &Path {
        match self {
            Self::Outside { at, .. }
            | Self::Device { at }
            | Self::Link { at, .. }
            | Self::Empty { at, .. }
            | Self::Terminals { at }
            | Self::CopyOnWrite { at }
            | Self::Installed { at, .. }
            | Self::Copied { at, .. }
            | Self::ThrowAway { at, .. }
            | Self::View { at, .. }
            | Self::File { at, .. }
            | Self::Program { at, .. }
            | Self::Socket { at, .. }
            | Self::Hidden { at } => at,
        }
    }
}

/// What a run is made around.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Where it works: the only place of the outside that it changes.
    pub workspace: PathBuf,
    /// Its home.
    pub home: Home,
    /// Further places.
    pub also: Vec<(PathBuf, Access)>,
    /// What it must never see: our state.
    pub state: PathBuf,
    /// Our own binary.
    pub binary: PathBuf,
    /// The CA that it has to trust.
    pub ca: PathBuf,
    /// What it says of itself inside.
    pub mark: Mark,
}

/// Directories of programs and libraries.
const SYSTEM: [&str; 10] =
    ["bin", "etc", "lib", "lib32", "lib64", "libx32", "nix", "opt", "sbin", "usr"];

/// What there is of `/var`: what the package manager knows and what programs look up.
const VAR: [&str; 4] = ["lib/dpkg", "lib/apt", "cache/fontconfig", "cache/man"];

/// What of the system tells secrets to whoever runs as root.
const SECRET: [&str; 14] = [
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/security/opasswd",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssl/private",
    "/etc/letsencrypt",
    "/etc/kubernetes",
    "/etc/rancher",
    "/etc/docker",
    "/etc/sudoers.d",
];

/// Devices that every program may count on.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Where programs look for authorities that do not look at variables: Debian, Red Hat, Alpine.
const BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Names resolve to addresses that lead to the gateway, and to nothing if nobody listed them.
const RESOLVER: &str = "# the one way out is the gateway; see HTTPS_PROXY\nnameserver 127.0.0.1\n\
                        options timeout:1 attempts:1\n";

impl Layout {
    /// The inside around `ground`.
    pub fn around(ground: &Ground) -> io::Result<Self> {
        let mut pieces = system()?;
        pieces.extend(var());
        pieces.extend(devices());
        for (at, options) in [("/tmp", "mode=1777"), ("/run", "mode=0755,size=64m")] {
            pieces.push(Piece::Empty { at: at.into(), options: options.into() });
        }
        pieces.extend(network(&fs::read_to_string("/etc/hostname").unwrap_or_default()));
        let ca = fs::read_to_string(&ground.ca)?;
        let bundles = BUNDLES.iter().filter_map(|path| fs::canonicalize(path).ok());
        pieces.extend(bundles.map(|at| Piece::File { at, text: ca.clone() }));
        pieces.push(Piece::File { at: Path::new(OURS).join("ca.pem"), text: ca });
        let text = ground.mark.text()?;
        pieces.push(Piece::File { at: Path::new(OURS).join(mark::FILE), text });
        let binary = Path::new(OURS).join("holdpoint");
        let (from, access) = (fs::canonicalize(&ground.binary)?, Access::ReadOnly);
        pieces.push(Piece::Outside { at: binary, from, access });
        pieces.extend(nested::pieces());
        pieces.extend(containers::pieces());
        pieces.extend(SECRET.iter().map(|path| Piece::Hidden { at: path.into() }));
        pieces.extend(ground.home.pieces());
        let also = ground.also.iter().map(|(path, access)| (path, *access));
        let mut places: Vec<_> =
            [(&ground.workspace, Access::ReadWrite)].into_iter().chain(also).collect();
        // The inner of two lies over the outer.
        places.sort_by_key(|(path, _)| path.components().count());
        pieces.extend(places.into_iter().filter_map(|(path, access)| Piece::outside(path, access)));
        pieces.push(Piece::Hidden { at: ground.state.clone() });
        let ring = ground.mark.task.ring;
        Ok(Self { pieces: pieces.into_iter().map(|piece| piece.in_ring(ring)).collect() })
    }

    /// Has the directories `shown` served from outside, in the order of their numbers. What was to be
    /// thrown away still is.
    pub fn serve(&mut self, shown: &[Shown], ring: Ring) {
        for (number, Shown { at, access, .. }) in shown.iter().enumerate() {
            let untrusted = ring >= Ring::Untrusted && *access == Access::ReadWrite;
            let from = PathBuf::from(number.to_string());
            let own = self.pieces.iter_mut().rev().find(|piece| is_at(piece.at(), at));
            if matches!(own, Some(Piece::CopyOnWrite { .. })) {
                // Only what is kept of it is served: a layer over it would not bear changes.
                continue;
            }
            let copied = matches!(own, Some(Piece::ThrowAway { .. }));
            let place = own.as_deref().map_or(at.as_path(), |piece| piece.at()).to_owned();
            let thrown_away = untrusted || copied;
            let view = Piece::View { at: place, from, access: *access, thrown_away };
            match own {
                Some(piece) => *piece = view,
                None => self.pieces.push(view),
            }
        }
        self.serve_inner(shown);
    }

    /// Pieces of the outside that lie in what is served are served too.
    fn serve_inner(&mut self, shown: &[Shown]) {
        for piece in &mut self.pieces {
            let (at, from, access, thrown_away) = match piece {
                Piece::Outside { at, from, access } => (at, from, *access, false),
                Piece::ThrowAway { at, from } => (at, from, Access::ReadWrite, true),
                _ => continue,
            };
            let around = shown.iter().enumerate().filter(|(_, shown)| from.starts_with(&shown.at));
            let base = around.max_by_key(|(_, shown)| shown.at.components().count());
            // What has another place inside is ours.
            let Some((number, base)) = base.filter(|_| is_at(at, from)) else { continue };
            let below = from.strip_prefix(&base.at).unwrap_or(Path::new(""));
            let from = Path::new(&number.to_string()).join(below);
            *piece = Piece::View { at: at.clone(), from, access, thrown_away };
        }
    }

    /// Whether `answers` has a socket inside.
    pub(crate) fn has_socket(&self, wanted: Answers) -> bool {
        let is =
            |piece: &Piece| matches!(piece, Piece::Socket { answers, .. } if *answers == wanted);
        self.pieces.iter().any(is)
    }

    /// Below what anything can be written at all, for a wall that knows paths only.
    pub fn writable(ground: &Ground) -> Vec<PathBuf> {
        let private = ["/dev", "/proc", "/run", "/tmp", "/var/tmp"].map(PathBuf::from);
        let also = ground.also.iter().filter(|(_, access)| *access == Access::ReadWrite);
        let own = [ground.workspace.clone(), ground.home.path.clone()].into_iter();
        private.into_iter().chain(own).chain(also.map(|(path, _)| path.clone())).collect()
    }
}

/// Whether what is at `place` is really at `at`, which has no links in it.
fn is_at(place: &Path, at: &Path) -> bool {
    place == at || (place.is_symlink() && fs::canonicalize(place).is_ok_and(|it| it == at))
}

/// The system, read-only; links at the top are links inside too.
fn system() -> io::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    for entry in fs::read_dir("/")? {
        let entry = entry?;
        let (at, kind) = (entry.path(), entry.file_type()?);
        let named = SYSTEM.iter().any(|name| entry.file_name() == *name);
        if kind.is_symlink() {
            pieces.push(Piece::Link { to: fs::read_link(&at)?, at });
        } else if named {
            pieces.extend(Piece::outside(at, Access::ReadOnly));
        }
    }
    // The number of processors and their kinds; nothing of the network or of devices.
    pieces.extend(Piece::outside("/sys/devices/system", Access::ReadOnly));
    Ok(pieces)
}

fn var() -> Vec<Piece> {
    let empty = |at: &str, options: &str| Piece::Empty { at: at.into(), options: options.into() };
    let link = |at: &str, to: &str| Piece::Link { at: at.into(), to: to.into() };
    let known = VAR.iter().map(|path| Path::new("/var").join(path));
    let known = known.filter_map(|path| Piece::outside(path, Access::ReadOnly));
    let mut pieces = vec![empty("/var", "mode=0755,size=64m")];
    pieces.extend(known);
    pieces.push(link("/var/run", "/run"));
    pieces.push(link("/var/lock", "/run/lock"));
    pieces.push(empty("/var/tmp", "mode=1777"));
    pieces
}

fn devices() -> Vec<Piece> {
    let link = |at: &str, to: &str| Piece::Link { at: at.into(), to: to.into() };
    let mut pieces = vec![Piece::Empty { at: "/dev".into(), options: "mode=0755,size=64k".into() }];
    pieces.extend(DEVICES.iter().map(|name| Piece::Device { at: Path::new("/dev").join(name) }));
    pieces.push(Piece::Terminals { at: "/dev/pts".into() });
    pieces.push(Piece::Empty { at: "/dev/shm".into(), options: "mode=1777".into() });
    pieces.extend([
        link("/dev/ptmx", "pts/ptmx"),
        link("/dev/fd", "/proc/self/fd"),
        link("/dev/stdin", "/proc/self/fd/0"),
        link("/dev/stdout", "/proc/self/fd/1"),
        link("/dev/stderr", "/proc/self/fd/2"),
    ]);
    pieces
}

/// The names that there are inside.
fn network(host_name: &str) -> Vec<Piece> {
    let hosts = format!(
        "127.0.0.1 localhost {}\n::1 localhost ip6-localhost ip6-loopback\n",
        host_name.trim()
    );
    // Where it is a link into /run, it is one inside too, and /run is ours.
    let file = |path: &str, text: String| {
        let at = fs::canonicalize(path).unwrap_or_else(|_| path.into());
        let there = at.exists();
        there.then_some(Piece::File { at, text })
    };
    let pieces = [file("/etc/hosts", hosts), file("/etc/resolv.conf", RESOLVER.to_owned())];
    pieces.into_iter().flatten().collect()
}
