//! Approvers: the humans who may release, each with a key behind a passphrase.
//!
//! The key pair is Ed25519 (RFC 8032). The secret half lies in an age file that only the
//! passphrase opens (scrypt, age-encryption.org/v1); the public half is registered in the store.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use age::scrypt;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use holdpoint_core::Timestamp;
use rusqlite::{Row, params};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    agents::taken,
    database::{count, first, millis, rows, timestamp},
    error::{Result, StoreError},
    id::{check_name, random},
    seal::{make_private_directory, write_private},
    state::State,
};

/// The shortest passphrase, in characters.
pub const PASSPHRASE_MIN: usize = 8;
/// More than this is no key file.
const KEY_FILE_BYTES_MAX: u64 = 16_384;

/// How much work it is to try one passphrase: 2^n rounds of scrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkFactor(u8);

impl WorkFactor {
    /// About a second on a present machine.
    pub const DEFAULT: Self = Self(18);
    /// No protection to speak of; for tests, and for keys that a test machine makes.
    pub const TRIVIAL: Self = Self(2);
    /// More than this is refused when a key file is opened: it would keep a machine busy.
    const MAX: u8 = 22;
}

/// Why an approver could not be enrolled or unlocked.
#[derive(Debug, Error)]
pub enum ApproverError {
    /// The passphrase is too easy to try.
    #[error("the passphrase has fewer than {PASSPHRASE_MIN} characters; take a longer one")]
    WeakPassphrase,
    /// The key file does not open.
    #[error("this passphrase does not open {path}", path = .0.display())]
    WrongPassphrase(PathBuf),
    /// The key file holds another key than the one that is registered.
    #[error("{path} does not hold the key that is registered; enrol again", path = .0.display())]
    OtherKey(PathBuf),
    /// The key could not be sealed.
    #[error("the key could not be sealed: {0}")]
    Seal(String),
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whatever can sign for an approver: a key behind a passphrase, later a passkey.
pub trait Sign {
    /// The approver's name.
    fn approver(&self) -> &str;

    /// The Ed25519 signature of `message`.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// An approver's secret key, unlocked; wiped when dropped.
pub struct ApproverKey {
    name: String,
    key: SigningKey,
}

impl ApproverKey {
    /// A new random key.
    pub fn generate(name: &str) -> Result<Self> {
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(random()?);
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(&secret) })
    }

    /// The public half.
    pub fn public_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    fn seal(&self, passphrase: &SecretString, work: WorkFactor) -> Result<Vec<u8>, ApproverError> {
        if passphrase.expose_secret().chars().count() < PASSPHRASE_MIN {
            return Err(ApproverError::WeakPassphrase);
        }
        let mut recipient = scrypt::Recipient::new(passphrase.clone());
        recipient.set_work_factor(work.0);
        let secret = Zeroizing::new(self.key.to_bytes());
        age::encrypt(&recipient, secret.as_slice())
            .map_err(|error| ApproverError::Seal(error.to_string()))
    }

    fn unseal(name: &str, sealed: &[u8], passphrase: &SecretString) -> Option<Self> {
        let mut identity = scrypt::Identity::new(passphrase.clone());
        identity.set_max_work_factor(WorkFactor::MAX);
        let secret = Zeroizing::new(age::decrypt(&identity, sealed).ok()?);
        let key = SigningKey::from_bytes(secret.as_slice().try_into().ok()?);
        Some(Self { name: name.to_owned(), key })
    }
}

impl Sign for ApproverKey {
    fn approver(&self) -> &str {
        &self.name
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for ApproverKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApproverKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A human who may release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// What the human is called; in no case the name of an agent.
    pub name: String,
    /// What their answers are verified with.
    pub public_key: VerifyingKey,
    /// Since when.
    pub enrolled_at: Timestamp,
}

/// Who may release.
#[derive(Debug, Clone)]
pub struct Approvers(pub(crate) State);

impl Approvers {
    /// Makes a key for a human, seals it with the passphrase, and registers its public half.
    pub fn enrol(
        &self,
        name: &str,
        passphrase: &SecretString,
        work: WorkFactor,
        now: Timestamp,
    ) -> Result<Approver, ApproverError> {
        check_name("approver name", name)?;
        let path = self.key_file(name)?;
        let key = ApproverKey::generate(name)?;
        let sealed = key.seal(passphrase, work)?;
        // First registered, then written: a file without a registered key would be taken for one.
        let approver = self.register(name, key.public_key(), now)?;
        let directory = path.parent().unwrap_or(&path);
        let written = make_private_directory(directory)
            .and_then(|()| remove_left_over(&path))
            .and_then(|()| write_private(&path, &sealed));
        if let Err(error) = written {
            self.remove(name)?;
            return Err(error.into());
        }
        Ok(approver)
    }

    /// Registers a public key whose secret half lies elsewhere.
    pub fn register(
        &self,
        name: &str,
        public_key: VerifyingKey,
        now: Timestamp,
    ) -> Result<Approver> {
        check_name("approver name", name)?;
        self.0.0.database.write(|transaction| {
            let max = self.0.0.limits.approvers;
            if count(transaction, "SELECT count(*) FROM approvers", [])? >= max {
                return Err(StoreError::Full { what: "approvers", max });
            }
            if taken(transaction, name)? {
                return Err(StoreError::Exists { what: "an agent or approver", name: name.into() });
            }
            transaction.execute(
                "INSERT INTO approvers (name, public_key, enrolled_at) VALUES (?1, ?2, ?3)",
                params![name, hex::encode(public_key.as_bytes()), millis(now)],
            )?;
            Ok(())
        })?;
        Ok(Approver { name: name.to_owned(), public_key, enrolled_at: now })
    }

    /// The key of an approver, for as long as it is kept in memory.
    pub fn unlock(
        &self,
        name: &str,
        passphrase: &SecretString,
    ) -> Result<ApproverKey, ApproverError> {
        let Some(approver) = self.find(name)? else {
            return Err(StoreError::Missing { what: "approver", name: name.to_owned() }.into());
        };
        let path = self.key_file(&approver.name)?;
        let sealed = read_key_file(&path)?;
        let key = ApproverKey::unseal(&approver.name, &sealed, passphrase)
            .ok_or_else(|| ApproverError::WrongPassphrase(path.clone()))?;
        if key.public_key() != approver.public_key {
            return Err(ApproverError::OtherKey(path));
        }
        Ok(key)
    }

    /// Takes an approver away; what they released and was not executed yet is void.
    pub fn remove(&self, name: &str) -> Result<()> {
        let removed = self.0.0.database.write(|transaction| -> Result<usize> {
            Ok(transaction.execute("DELETE FROM approvers WHERE name = ?1", [name])?)
        })?;
        if removed == 0 {
            return Err(StoreError::Missing { what: "approver", name: name.to_owned() });
        }
        match self.0.dir() {
            Some(_) => remove_left_over(&self.key_file(name)?),
            None => Ok(()),
        }
    }

    /// The approver of this name.
    pub fn find(&self, name: &str) -> Result<Option<Approver>> {
        let sql = "SELECT * FROM approvers WHERE name = ?1";
        self.0.0.database.read(|connection| first(connection, sql, [name], approver))
    }

    /// Every approver, by name.
    pub fn list(&self) -> Result<Vec<Approver>> {
        let sql = "SELECT * FROM approvers ORDER BY name";
        self.0.0.database.read(|connection| rows(connection, sql, [], approver))
    }

    fn key_file(&self, name: &str) -> Result<PathBuf> {
        let missing = StoreError::Missing { what: "state directory", name: "in memory".to_owned() };
        let dir = self.0.dir().ok_or(missing)?;
        Ok(dir.join("approvers").join(format!("{}.age", name.to_ascii_lowercase())))
    }
}

pub(crate) fn approver(row: &Row<'_>) -> Result<Approver> {
    let text: String = row.get("public_key")?;
    let mut bytes = [0; 32];
    let corrupt = || StoreError::Corrupt("an approver's key");
    hex::decode_to_slice(text, &mut bytes).map_err(|_| corrupt())?;
    let public_key = VerifyingKey::from_bytes(&bytes).map_err(|_| corrupt())?;
    let enrolled_at = timestamp(row, "enrolled_at")?;
    Ok(Approver { name: row.get("name")?, public_key, enrolled_at })
}

fn read_key_file(path: &Path) -> Result<Vec<u8>> {
    let size = fs::metadata(path).map_err(StoreError::io("read", path))?.len();
    if size > KEY_FILE_BYTES_MAX {
        return Err(StoreError::io("read", path)(ErrorKind::FileTooLarge.into()));
    }
    fs::read(path).map_err(StoreError::io("read", path))
}

fn remove_left_over(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use holdpoint_core::{Timestamp, identity::Task};
    use secrecy::SecretString;

    use super::{ApproverError, ApproverKey, Sign as _, WorkFactor};
    use crate::{error::StoreError, state::State};

    const NOW: Timestamp = Timestamp(7);

    fn passphrase(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn only_the_passphrase_unlocks_the_registered_key() {
        let dir = tempfile::tempdir().unwrap();
        let approvers = State::open(dir.path()).unwrap().approvers();
        let right = passphrase("correct horse");
        let ada = approvers.enrol("Ada", &right, WorkFactor::TRIVIAL, NOW).unwrap();
        let key = approvers.unlock("ada", &right).unwrap();
        assert_eq!((key.approver(), key.public_key()), ("Ada", ada.public_key));
        let file = dir.path().join("approvers/ada.age");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let wrong = approvers.unlock("Ada", &passphrase("correct hors"));
        assert!(matches!(wrong, Err(ApproverError::WrongPassphrase(_))));
        let other = ApproverKey::generate("Ada").unwrap();
        std::fs::write(&file, other.seal(&right, WorkFactor::TRIVIAL).unwrap()).unwrap();
        assert!(matches!(approvers.unlock("Ada", &right), Err(ApproverError::OtherKey(_))));
        approvers.remove("Ada").unwrap();
        assert!(!file.exists());
        assert!(approvers.unlock("Ada", &right).is_err());
    }

    #[test]
    fn the_default_work_factor_opens_again() {
        let key = ApproverKey::generate("Ada").unwrap();
        let sealed = key.seal(&passphrase("correct horse"), WorkFactor::DEFAULT).unwrap();
        let opened = ApproverKey::unseal("Ada", &sealed, &passphrase("correct horse")).unwrap();
        assert_eq!(opened.public_key(), key.public_key());
    }

    #[test]
    fn an_agent_is_never_an_approver() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        state.agents().add("fixer", &Task::default(), NOW).unwrap();
        let words = passphrase("correct horse");
        let enrol = |name: &str| state.approvers().enrol(name, &words, WorkFactor::TRIVIAL, NOW);
        for name in ["fixer", "FIXER"] {
            let refused = enrol(name);
            assert!(matches!(refused, Err(ApproverError::Store(StoreError::Exists { .. }))));
        }
        enrol("ada").unwrap();
        assert!(enrol("ADA").is_err());
        assert!(dir.path().join("approvers/ada.age").exists());
        let as_agent = state.agents().add("Ada", &Task::default(), NOW);
        assert!(matches!(as_agent, Err(StoreError::Exists { .. })));
    }

    #[test]
    fn a_weak_passphrase_and_a_strange_name_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let approvers = State::open(dir.path()).unwrap().approvers();
        let enrol = |name: &str, words: &str| {
            approvers.enrol(name, &passphrase(words), WorkFactor::TRIVIAL, NOW)
        };
        for (name, words) in
            [("ada", ""), ("ada", "1234567"), ("../ada", "12345678"), ("", "12345678")]
        {
            assert!(enrol(name, words).is_err(), "{name} {words}");
        }
        assert_eq!(approvers.list().unwrap(), []);
        enrol("ada", "12345678").unwrap();
    }
}
