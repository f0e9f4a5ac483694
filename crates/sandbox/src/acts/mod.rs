//! Forbidden acts: each is tried inside a real enclosure, and has to fail. That a wall was built
//! shows nothing; that nobody comes through it does.
//!
//! - `kernel`: namespaces, mounts, powers, what changes the machine
//! - `reach`: files, sockets, processes and hosts outside

mod kernel;
mod reach;

use std::{io, path::PathBuf};

use serde::{Deserialize, Serialize};

/// What there is outside that an act tries to reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// A port of the outside's 127.0.0.1 on which somebody accepts.
    pub tcp: u16,
    /// One on which somebody answers datagrams.
    pub udp: u16,
    /// A socket in the file system on which somebody accepts.
    pub socket: PathBuf,
    /// An abstract one.
    pub abstract_socket: String,
    /// A file that everybody may read and write.
    pub file: PathBuf,
    /// The guard's own state.
    pub state: PathBuf,
    /// A process of the same user.
    pub process: i32,
    /// Where acts may leave links.
    pub workspace: PathBuf,
}

/// One act: what is tried, and the trying, which succeeds if the wall does not hold.
struct Act {
    name: &'static str,
    tried: fn(&Targets) -> io::Result<()>,
}

const fn act(name: &'static str, tried: fn(&Targets) -> io::Result<()>) -> Act {
    Act { name, tried }
}

/// What became of one act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// What was tried.
    pub act: String,
    /// Whether it failed, as it has to.
    pub refused: bool,
    /// How.
    pub how: String,
}

/// Tries every act in turn.
pub fn try_all(targets: &Targets) -> Vec<Tried> {
    let tried = |act: &Act| {
        let (refused, how) = match (act.tried)(targets) {
            Ok(()) => (false, "it was done".to_owned()),
            Err(error) => (true, error.to_string()),
        };
        Tried { act: act.name.to_owned(), refused, how }
    };
    reach::ACTS.iter().chain(kernel::ACTS).map(tried).collect()
}

/// An act that is done if `done` holds.
fn done_if(done: bool, otherwise: &str) -> io::Result<()> {
    if done { Ok(()) } else { Err(io::Error::other(otherwise.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::{Targets, kernel, reach, try_all};

    #[test]
    fn there_are_many_and_each_has_a_name_of_its_own() {
        let acts = || reach::ACTS.iter().chain(kernel::ACTS);
        let names: std::collections::BTreeSet<_> = acts().map(|act| act.name).collect();
        assert!(names.len() >= 25 && names.len() == acts().count(), "{}", names.len());
    }

    #[test]
    fn an_act_that_is_open_is_found_open() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "outside").unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let targets = Targets {
            tcp: listener.local_addr().unwrap().port(),
            udp: 1,
            socket: dir.path().join("none"),
            abstract_socket: "nobody listens here".into(),
            file,
            state: dir.path().join("none"),
            process: std::process::id().try_into().unwrap(),
            workspace: dir.path().to_owned(),
        };
        let acts = reach::ACTS.iter().filter(|act| act.name.contains("outside"));
        let open: Vec<_> = acts.filter(|act| (act.tried)(&targets).is_ok()).collect();
        assert!(open.len() >= 5, "{:?}", open.iter().map(|act| act.name).collect::<Vec<_>>());
        let _: fn(&Targets) -> Vec<super::Tried> = try_all;
    }
}
