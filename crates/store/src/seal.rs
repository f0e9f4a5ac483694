//! The store's key: what is secret is sealed with it, and fingerprinted with it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use holdpoint_core::Digest;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    error::{Result, StoreError},
    id::{random, random_id},
};

const NONCE_BYTES: usize = 12;

/// Seals and fingerprints. Its two keys are derived from the one in `store.key`.
pub(crate) struct Seal {
    sealing: Zeroizing<[u8; 32]>,
    fingerprinting: Zeroizing<[u8; 32]>,
}

impl Seal {
    /// A seal whose key is on no disk.
    pub(crate) fn ephemeral() -> Result<Self> {
        Ok(Self::from_key(&Zeroizing::new(random()?)))
    }

    /// The seal whose key lies at `path`; makes one if there is none.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            make_key(path)?;
        }
        fs::set_permissions(path, Permissions::from_mode(0o600))
            .map_err(StoreError::io("protect", path))?;
        let bytes = Zeroizing::new(fs::read(path).map_err(StoreError::io("read", path))?);
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| StoreError::WrongKey)?;
        Ok(Self::from_key(&Zeroizing::new(key)))
    }

    fn from_key(key: &[u8; 32]) -> Self {
        Self {
            sealing: Zeroizing::new(mac(key, &[b"holdpoint seal 1"])),
            fingerprinting: Zeroizing::new(mac(key, &[b"holdpoint fingerprint 1"])),
        }
    }

    /// `plain`, sealed under the store's key for one `place`; it opens nowhere else.
    pub(crate) fn seal(&self, plain: &[u8], place: &[u8]) -> Result<Vec<u8>> {
        seal_with(&self.sealing, plain, place)
    }

    /// What was sealed for `place`.
    pub(crate) fn unseal(
        &self,
        sealed: &[u8],
        place: &[u8],
        what: &'static str,
    ) -> Result<Zeroizing<Vec<u8>>> {
        unseal_with(&self.sealing, sealed, place, what)
    }

    /// Numbers without end that are the same for the same fields, and that nobody can tell without
    /// the store's key.
    pub(crate) fn numbers(&self, fields: &[&[u8]]) -> impl Iterator<Item = u32> + use<> {
        let fields = Digest::of_fields(fields.iter().copied());
        let seed = Zeroizing::new(mac(&self.fingerprinting, &[b"numbers", &fields.0]));
        (0_u64..).flat_map(move |round| {
            let block = mac(&seed, &[&round.to_be_bytes()]);
            let (words, _) = block.as_chunks::<4>();
            words.iter().map(|word| u32::from_be_bytes(*word)).collect::<Vec<_>>()
        })
    }

    /// A keyed fingerprint: equal for equal values, and of no use without the store's key.
    pub(crate) fn fingerprint(&self, value: &[u8]) -> String {
        let whole = mac(&self.fingerprinting, &[value]);
        hex::encode(whole.first_chunk::<16>().unwrap_or(&[0; 16]))
    }
}

/// `plain`, sealed under `key` for one `place`, behind a random nonce.
pub(crate) fn seal_with(key: &[u8; 32], plain: &[u8], place: &[u8]) -> Result<Vec<u8>> {
    let nonce: [u8; NONCE_BYTES] = random()?;
    let payload = Payload { msg: plain, aad: place };
    let sealed = ChaCha20Poly1305::new(Key::from_slice(key))
        .encrypt(Nonce::from_slice(&nonce), payload)
        .map_err(|_| StoreError::Unsealed("value"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// What [`seal_with`] sealed under the same key for the same place.
pub(crate) fn unseal_with(
    key: &[u8; 32],
    sealed: &[u8],
    place: &[u8],
    what: &'static str,
) -> Result<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(StoreError::Unsealed(what))?;
    ChaCha20Poly1305::new(Key::from_slice(key))
        .decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: place })
        .map(Zeroizing::new)
        .map_err(|_| StoreError::Unsealed(what))
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC's own padding of a short key to the hash's block (RFC 2104), so that no key is of a
    // wrong length.
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Two processes may come here at once: the key appears whole under its name, and only once.
fn make_key(path: &Path) -> Result<()> {
    let draft = path.with_file_name(random_id::<10>(".store.key")?);
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(random()?);
    write_private(&draft, key.as_slice())?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).map_err(StoreError::io("remove", &draft))?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(StoreError::io("make", path)(error))
        }
        _ => sync_directory(path),
    }
}

/// Writes a new file that only its owner can read, and waits for the disk.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(StoreError::io("make", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(StoreError::io("write", path))?;
    sync_directory(path)
}

/// Makes a directory that only its owner can enter, unless it is there.
pub(crate) fn make_private_directory(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(StoreError::io("make", path))
}

/// A new name is only durable once its directory is.
fn sync_directory(file: &Path) -> Result<()> {
    let Some(directory) = file.parent() else { return Ok(()) };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(StoreError::io("sync", directory))
}
