//! The key that signs checkpoints, and the key that verifies them.

use std::{
    fmt, fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use ed25519_dalek::SigningKey as Ed25519Key;
use holdpoint_core::Digest;
use rand_core::OsRng;
use signed_note::{Signer, StandardSigner, StandardVerifier, Verifier as _};
use zeroize::Zeroizing;

use crate::ledger::{LedgerError, disk};

/// The name of the signing key's file in the state directory.
pub const SIGNING_KEY: &str = "ledger.key";
/// The name of the verifier key's file in the state directory.
pub const VERIFIER_KEY: &str = "ledger.vkey";

/// The key that verifies what a ledger has signed: `<origin>+<id>+<key>` (C2SP signed-note).
#[derive(Clone)]
pub struct VerifierKey {
    verifier: StandardVerifier,
    text: String,
}

impl VerifierKey {
    /// The key that is written as `text`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end().to_owned();
        Some(Self { verifier: StandardVerifier::new(&text).ok()?, text })
    }

    /// The key in the file `path`.
    pub fn read(path: &Path) -> Result<Self, LedgerError> {
        let text = fs::read_to_string(path).map_err(LedgerError::io(path))?;
        Self::parse(&text).ok_or_else(|| unusable(path, "it holds no verifier key"))
    }

    /// The name of the ledger that the key belongs to.
    pub fn origin(&self) -> &str {
        self.verifier.name()
    }

    pub(crate) fn verifier(&self) -> &StandardVerifier {
        &self.verifier
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The key that signs. It is never shown.
pub(crate) struct SigningKey {
    signer: StandardSigner,
    verifier: VerifierKey,
    text: Zeroizing<String>,
}

impl SigningKey {
    /// A new key. The origin of its ledger follows from it, so that no two ledgers share one.
    pub(crate) fn generate() -> Result<Self, LedgerError> {
        let key = Ed25519Key::generate(&mut OsRng);
        let gateway: String =
            Digest::of(key.verifying_key().as_bytes()).to_string().chars().take(16).collect();
        let origin = format!("holdpoint.local/{gateway}");
        let verifier = signed_note::new_ed25519_verifier_key(&origin, &key.verifying_key());
        let id = verifier.split('+').nth(1).unwrap_or_default();
        let secret = Zeroizing::new([&[1], key.to_bytes().as_slice()].concat());
        let secret = Zeroizing::new(base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            secret.as_slice(),
        ));
        let text = Zeroizing::new(format!("PRIVATE+KEY+{origin}+{id}+{}", *secret));
        Self::parse(text, &verifier).ok_or_else(|| unusable(Path::new(SIGNING_KEY), "unusable"))
    }

    fn parse(text: Zeroizing<String>, verifier: &str) -> Option<Self> {
        let signer = StandardSigner::new(text.trim_end()).ok()?;
        let verifier = VerifierKey::parse(verifier)?;
        let fits = signer.name() == verifier.origin()
            && signer.key_id() == verifier.verifier().key_id()
            && signer.sign(b"fits").is_ok_and(|made| verifier.verifier().verify(b"fits", &made));
        fits.then_some(Self { signer, verifier, text })
    }

    /// The key in the state directory; `None` if there is none yet.
    pub(crate) fn load(state: &Path) -> Result<Option<Self>, LedgerError> {
        let path = state.join(SIGNING_KEY);
        let text = match fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LedgerError::io(path)(error)),
        };
        let mode = fs::metadata(&path).map_err(LedgerError::io(&path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(unusable(&path, "others can read it; it should have mode 0600"));
        }
        let verifier = VerifierKey::read(&state.join(VERIFIER_KEY))?;
        let fault = "it does not fit `ledger.vkey`";
        Self::parse(text, &verifier.text).ok_or_else(|| unusable(&path, fault)).map(Some)
    }

    /// Writes both keys. The signing key comes last: where it is, the ledger has begun.
    pub(crate) fn store(&self, state: &Path) -> Result<(), LedgerError> {
        write(state.join(VERIFIER_KEY), &self.verifier.text, 0o644)?;
        write(state.join(SIGNING_KEY), &self.text, 0o600)?;
        disk::sync_dir(state)
    }

    /// The name of the ledger that the key belongs to.
    pub(crate) fn origin(&self) -> &str {
        self.verifier.origin()
    }

    pub(crate) fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(crate) fn signer(&self) -> &dyn Signer {
        &self.signer
    }
}

fn unusable(path: &Path, fault: &str) -> LedgerError {
    LedgerError::Key { path: path.to_owned(), fault: fault.to_owned() }
}

fn write(path: PathBuf, text: &str, mode: u32) -> Result<(), LedgerError> {
    let next = path.with_added_extension("next");
    let written = (|| {
        match fs::remove_file(&next) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&next)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&next, &path)
    })();
    written.map_err(LedgerError::io(path))
}
