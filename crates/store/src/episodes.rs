//! What the sessions of agents that only have hooks have done so far, as far as later calls depend
//! on it: files that they made, aims that they were refused.
//!
//! One small file for each session, replaced as a whole. It is not synced: after a power cut an
//! older one only makes the next answers stricter, or forgets what was refused a moment before.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use holdpoint_core::{Digest, Effect, Resource, Timestamp, identity::RefusedAim};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Result, StoreError},
    seal::make_private_directory,
};

/// The directory of the files.
const EPISODES: &str = "episodes";
/// Sessions that are remembered, at most; the longest unused are forgotten.
const EPISODES_MAX: usize = 500;
/// Files of one session that are known, at most; others are as if somebody else had made them.
const FILES_MAX: usize = 2_000;
/// Refused aims of one session, at most; beyond them every change is as if refused before.
const REFUSED_MAX: usize = 200;
/// Questions that were put to a human and whose answer is not known, at most.
const ASKED_MAX: usize = 50;
/// The longest file that is read.
const BYTES_MAX: u64 = 4 << 20;

/// One session so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Episode {
    /// Where it began, which is what it works on wherever it goes later.
    pub workspace: Option<String>,
    /// Files that it made.
    pub made: BTreeSet<String>,
    /// Files that it changed when git had them as they were.
    pub changed: BTreeSet<String>,
    /// What it was refused.
    pub refused: Vec<RefusedAim>,
    /// What its human was asked, by the call's name.
    pub asked: BTreeMap<String, Asked>,
}

/// What a human was asked in the agent's own dialog: if it is done after all, they said yes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The aims that a yes makes good.
    pub aims: Vec<RefusedAim>,
    /// The files that it would make.
    pub made: Vec<String>,
    /// The files that it would change.
    pub changed: Vec<String>,
}

impl Episode {
    /// Whether the same aim was refused in the last `minutes`.
    pub fn refused_before(
        &self,
        run: &str,
        resource: &Resource,
        effect: Effect,
        since: Timestamp,
    ) -> bool {
        let mut fresh = self.refused.iter().filter(|aim| aim.at > since);
        effect.changes()
            && (self.refused.len() >= REFUSED_MAX
                || fresh.any(|aim| aim.recurs_in(run, resource, effect)))
    }

    /// Remembers a refused aim; one that is older than `since` makes room.
    pub fn refuse(&mut self, aim: RefusedAim, since: Timestamp) {
        self.refused.retain(|known| {
            known.at > since && (known.resource.id != aim.resource.id || known.effect != aim.effect)
        });
        if aim.counts() && self.refused.len() < REFUSED_MAX {
            self.refused.push(aim);
        }
    }

    /// Remembers files that it made, and files that it changed.
    pub fn wrote(&mut self, made: Vec<String>, changed: Vec<String>) {
        for (known, new) in [(&mut self.made, made), (&mut self.changed, changed)] {
            let room = FILES_MAX.saturating_sub(known.len());
            known.extend(new.into_iter().take(room));
        }
    }

    /// Remembers a question that was put to its human.
    pub fn ask(&mut self, call: String, asked: Asked) {
        while self.asked.len() >= ASKED_MAX {
            self.asked.pop_first();
        }
        self.asked.insert(call, asked);
    }

    /// A call was carried out: what its human was asked about it was answered with yes.
    pub fn carried_out(&mut self, call: &str) {
        let Some(asked) = self.asked.remove(call) else { return };
        let good = |aim: &RefusedAim| {
            asked.aims.iter().any(|it| it.resource.id == aim.resource.id && it.effect == aim.effect)
        };
        self.refused.retain(|aim| !good(aim));
        self.wrote(asked.made, asked.changed);
    }
}

/// The sessions of one state directory.
#[derive(Debug, Clone)]
pub struct Episodes {
    dir: PathBuf,
}

impl Episodes {
    /// Those of the state in `state`.
    pub fn of(state: &Path) -> Self {
        Self { dir: state.join(EPISODES) }
    }

    /// A session as far as it is known; one that begins, if nothing is.
    pub fn read(&self, session: &str) -> Result<Episode> {
        let path = self.file(session);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Episode::default()),
            file => file.map_err(StoreError::io("open", &path))?,
        };
        let mut text = Vec::new();
        file.take(BYTES_MAX).read_to_end(&mut text).map_err(StoreError::io("read", &path))?;
        serde_json::from_slice(&text).map_err(|_| StoreError::Corrupt("episode"))
    }

    /// Changes what is known of a session; others that do so at the same time wait.
    pub fn change(&self, session: &str, change: impl FnOnce(&mut Episode)) -> Result<()> {
        make_private_directory(&self.dir)?;
        let lock = self.dir.join("lock");
        let held = open_private(&lock, false).map_err(StoreError::io("open", &lock))?;
        held.lock().map_err(StoreError::io("lock", &lock))?;
        let before = self.read(session)?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(());
        }
        let (path, new) = (self.file(session), self.dir.join("new"));
        let known = path.exists();
        let text = serde_json::to_vec(&after).map_err(|_| StoreError::Corrupt("episode"))?;
        open_private(&new, true)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| fs::rename(&new, &path))
            .map_err(StoreError::io("write", &path))?;
        if !known {
            self.forget_oldest();
        }
        Ok(())
    }

    fn file(&self, session: &str) -> PathBuf {
        self.dir.join(format!("{}.json", Digest::of(session.as_bytes())))
    }

    /// Makes room for new sessions. What cannot be removed is looked at again next time.
    fn forget_oldest(&self) {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let json = |path: &PathBuf| path.extension().is_some_and(|it| it == "json");
        let aged = |path: PathBuf| Some((fs::metadata(&path).ok()?.modified().ok()?, path));
        let mut all: Vec<_> =
            entries.map(|entry| entry.path()).filter(json).filter_map(aged).collect();
        all.sort();
        let surplus = all.len().saturating_sub(EPISODES_MAX);
        for (_, path) in all.into_iter().take(surplus) {
            let _removed = fs::remove_file(path);
        }
    }
}

fn open_private(path: &Path, truncate: bool) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(truncate).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{Code, ResourceId};

    use super::*;

    fn aim(path: &str, at: u64) -> RefusedAim {
        let resource = ResourceId::new(format!("file:{path}")).into();
        let (effect, code) = (Effect::Destroy, Code::NeedsApproval);
        RefusedAim { run: "r".into(), resource, effect, code, at: Timestamp(at) }
    }

    #[test]
    fn a_session_is_known_again_and_no_other_is() {
        let dir = tempfile::tempdir().unwrap();
        let episodes = Episodes::of(dir.path());
        assert_eq!(episodes.read("one").unwrap(), Episode::default());
        episodes.change("one", |it| it.refuse(aim("/a", 10), Timestamp(0))).unwrap();
        let known = Episodes::of(dir.path()).read("one").unwrap();
        let again = |since| {
            let resource = ResourceId::new("file:/a").into();
            known.refused_before("r", &resource, Effect::Destroy, Timestamp(since))
        };
        assert!(again(5) && !again(10), "until it is too long ago");
        assert_eq!(episodes.read("other").unwrap(), Episode::default());
    }

    #[test]
    fn what_is_carried_out_was_no_refusal() {
        let mut episode = Episode::default();
        episode.refuse(aim("/a", 1), Timestamp(0));
        episode.refuse(aim("/b", 1), Timestamp(0));
        let asked = Asked { aims: vec![aim("/a", 1)], made: vec!["/n".into()], ..Asked::default() };
        episode.ask("call".into(), asked);
        episode.carried_out("another");
        assert_eq!(episode.refused.len(), 2);
        episode.carried_out("call");
        assert_eq!(episode.refused, [aim("/b", 1)]);
        assert!(episode.made.contains("/n") && episode.asked.is_empty());
    }

    #[test]
    fn nothing_grows_without_end_and_what_is_lost_makes_stricter() {
        let mut episode = Episode::default();
        for number in 0..3000 {
            episode.refuse(aim(&format!("/{number}"), 1), Timestamp(0));
            episode.ask(format!("{number}"), Asked::default());
            episode.wrote(vec![format!("/{number}")], Vec::new());
        }
        assert_eq!(episode.made.len(), FILES_MAX);
        assert_eq!((episode.refused.len(), episode.asked.len()), (REFUSED_MAX, ASKED_MAX));
        let other = ResourceId::new("file:/never").into();
        assert!(episode.refused_before("r", &other, Effect::Modify, Timestamp(0)));
    }

    #[test]
    fn a_damaged_file_is_no_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let episodes = Episodes::of(dir.path());
        episodes.change("one", |it| it.workspace = Some("/w".into())).unwrap();
        fs::write(episodes.file("one"), "{").unwrap();
        assert!(episodes.read("one").is_err());
    }
}
