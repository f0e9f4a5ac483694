//! Logins that the wrapped agent and its tools renew: inside they are phantoms in a file of the run's
//! own, the real ones stay outside, and what is renewed inside is renewed outside.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use holdpoint_catalog::{
    credentials::{Finder, Found},
    issuers::Issuer,
    logins::{LOGINS, Login},
};
use holdpoint_core::{Timestamp, glob::host_matches, identity::Ring};
use holdpoint_sandbox::{
    layout::{Access, Layout, Piece},
    masks::Masks,
    view::Mask as _,
};
use holdpoint_store::issued::{Captured, Issued, Kind, NewCaptured, Reach};
use memchr::memmem;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    super::{Here, now},
    Ground,
    begun::Begun,
};
use crate::status::CommandError;

/// Bytes of a login file.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Files of one directory.
const FILES_MAX: usize = 50;
/// How long a login is lent, in milliseconds: longer than a run.
const LENT: u64 = 90 * 24 * 3600 * 1000;

/// The logins of one run.
pub(super) struct Logins {
    files: Vec<LoginFile>,
    begun: Begun,
}

/// One file with a login in it.
struct LoginFile {
    at: PathBuf,
    issuer: &'static Issuer,
    /// What the run sees, and writes.
    copy: PathBuf,
    /// What it was outside, and what was shown of it.
    began: Vec<u8>,
    shown: Vec<u8>,
}

impl Logins {
    /// Those that there are in `home`; `layout` shows their copies, which are made in `directory`.
    pub(super) fn plan(
        here: &Here,
        ground: &Ground,
        layout: &mut Layout,
        directory: &Path,
    ) -> Result<Self, CommandError> {
        let (issued, home) = (here.state.issued(), ground.home.path.as_path());
        // Of what the untrusted write nothing stays.
        let stays = ground.mark.task.ring < Ring::Untrusted;
        let (mut files, mut begun) = (Vec::new(), Begun::default());
        for login in LOGINS {
            let Some(issuer) = login.issuer() else { continue };
            for at in places(home, login) {
                let around = |piece: &Piece| piece.at() != home && piece.at().starts_with(home);
                let mut seen = layout.pieces.iter().filter(|piece| around(piece));
                let own = seen.any(|piece| at.starts_with(piece.at()));
                if login.of_agent && !own {
                    continue;
                }
                // A run that was cut short may have left what is renewed by now.
                mend(&issued, &at).map_err(CommandError::unable)?;
                let Some(began) = read(&at).map_err(CommandError::unable)? else {
                    if stays && ground.home.keeps(&at) && fs::symlink_metadata(&at).is_err() {
                        begun.add(at, issuer, directory);
                    }
                    continue;
                };
                let copy = directory.join(files.len().to_string());
                files.push(LoginFile { at, issuer, copy, began, shown: Vec::new() });
            }
        }
        if !files.is_empty() {
            fs::create_dir_all(directory).map_err(CommandError::unable)?;
        }
        for file in &files {
            layout.pieces.retain(|piece| piece.at() != file.at);
            private(&file.copy, b"").map_err(CommandError::unable)?;
            let from = fs::canonicalize(&file.copy).map_err(CommandError::unable)?;
            let at = file.at.clone();
            layout.pieces.push(Piece::Outside { at, from, access: Access::ReadWrite });
        }
        begun.show(directory, layout).map_err(CommandError::unable)?;
        Ok(Self { files, begun })
    }

    /// Lends them to `run`: what it sees of them are phantoms.
    pub(super) fn lend(
        &mut self,
        here: &Here,
        run: &str,
        masks: &Masks,
    ) -> Result<(), CommandError> {
        for file in &mut self.files {
            let shown = shown(&here.state.issued(), run, file).map_err(CommandError::unable)?;
            // What is no token of its issuer is a credential like any other.
            file.shown = masks.masked(&file.at, &shown, false).unwrap_or(shown);
            private(&file.copy, &file.shown).map_err(CommandError::unable)?;
        }
        Ok(())
    }

    /// What was renewed or written inside comes to its place outside.
    pub(super) fn end(&self, here: &Here, run: &str, masks: &Masks) {
        self.begun.end(&here.state.issued(), run);
        for file in &self.files {
            if let Err(error) = file.end(&here.state.issued(), run, masks) {
                let at = file.at.display();
                eprintln!(
                    "holdpoint: {at} cannot be renewed: {error}; log in again if it is asked for"
                );
            }
        }
    }
}

impl LoginFile {
    fn end(&self, issued: &Issued, run: &str, masks: &Masks) -> io::Result<()> {
        let written = fs::read(&self.copy)?;
        fs::remove_file(&self.copy)?;
        let same = read(&self.at)?.is_some_and(|now| now == self.began);
        if written != self.shown && same && !written.is_empty() {
            let held = issued.captured_of(run).map_err(io::Error::other)?;
            let real = real(self.issuer, &held, masks.unmasked(&self.at, &written));
            replace(&self.at, &real)?;
        }
        mend(issued, &self.at)
    }
}

/// `text` with the tokens that `issuer` gave out in the places of their phantoms.
pub(super) fn real(issuer: &Issuer, held: &[Captured], text: Vec<u8>) -> Vec<u8> {
    let ends: Vec<String> = issuer.hosts().map(end).collect();
    let has = |captured: &&Captured| {
        let mut own = captured.reach.hosts.iter();
        own.any(|host| ends.iter().any(|end| host == end || host_matches(end, host)))
    };
    held.iter().filter(has).fold(text, |text, it| made_real(&text, it))
}

/// A token that was captured, in the place of its phantom.
fn made_real(text: &[u8], captured: &Captured) -> Vec<u8> {
    put(text, captured.phantom.as_bytes(), captured.value.expose_secret().as_bytes())
}

fn put(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let (mut made, mut at) = (Vec::with_capacity(text.len()), 0);
    for found in memmem::find_iter(text, old) {
        made.extend(text.get(at..found).unwrap_or_default());
        made.extend(new);
        at = found + old.len();
    }
    made.extend(text.get(at..).unwrap_or_default());
    made
}

/// What `run` sees of a file: each token of its issuer is a phantom.
fn shown(issued: &Issued, run: &str, file: &LoginFile) -> io::Result<Vec<u8>> {
    let name = file.at.file_name().unwrap_or_default().to_string_lossy();
    let found = Finder::shared().find_in(&name, &file.began);
    let tokens: Vec<(Found, SecretString)> = found
        .into_iter()
        .filter_map(|found| found.value(&file.began).map(|value| (found, value)))
        .collect();
    let new: Vec<NewCaptured> =
        tokens.iter().map(|(found, value)| captured(file.issuer, found, value)).collect();
    let phantoms = issued.lend_login(run, &new, now()).map_err(io::Error::other)?;
    let mut text = file.began.clone();
    for ((found, _), phantom) in tokens.iter().zip(phantoms).rev() {
        let shown = found.replaced(&file.began, &phantom);
        let shown = shown.unwrap_or_else(|| vec![b'x'; found.span.len()]);
        text.splice(found.span.clone(), shown);
    }
    Ok(text)
}

fn captured(issuer: &Issuer, found: &Found, value: &SecretString) -> NewCaptured {
    let name = plain(&found.name);
    // Microsoft's cache calls every token `secret`; those for access are signed.
    let renews =
        name.contains("refresh") || (name == "secret" && !value.expose_secret().starts_with("eyJ"));
    let ends: Vec<String> = issuer.hosts().map(end).collect();
    let (kind, hosts) = match renews {
        true => (Kind::Refresh, ends),
        // What the program itself is known by, to its issuer alone.
        false if name == "clientsecret" => (Kind::Access, ends),
        false => {
            let resources = issuer.resources.iter().map(|&host| host.to_owned());
            (Kind::Access, ends.into_iter().chain(resources).collect())
        }
    };
    let reach = Reach { hosts, tls: true, ..Reach::default() };
    let expires_at = Timestamp(now().0.saturating_add(LENT));
    NewCaptured { kind, name: found.name.clone(), value: value.clone(), reach, expires_at }
}

/// Where an issuer is that has a host for each region: it is below what these have in common.
fn end(host: &str) -> String {
    host.rsplit_once("*.").map_or_else(|| host.to_owned(), |(_, below)| format!("*.{below}"))
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// Puts the latest in the place of every refresh token in a file that was renewed since.
fn mend(issued: &Issued, at: &Path) -> io::Result<()> {
    let Some(text) = read(at)? else { return Ok(()) };
    let name = at.file_name().unwrap_or_default().to_string_lossy();
    let mut mended = text.clone();
    for found in Finder::shared().find_in(&name, &text) {
        let Some(value) = found.value(&text) else { continue };
        let value = value.expose_secret();
        if let Some(latest) = issued.renewed(value).map_err(io::Error::other)? {
            mended = put(&mended, value.as_bytes(), latest.expose_secret().as_bytes());
        }
    }
    if mended == text { Ok(()) } else { replace(at, &mended) }
}

/// The files that a login is in.
fn places(home: &Path, login: &Login) -> Vec<PathBuf> {
    let Some(directory) = login.file.strip_suffix("/*.json") else {
        return vec![home.join(login.file)];
    };
    let Ok(entries) = fs::read_dir(home.join(directory)) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    files.sort();
    files.truncate(FILES_MAX);
    files
}

/// A file that is there, and small.
fn read(at: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(at) {
        Ok(found) if found.is_file() && found.len() <= BYTES_MAX => fs::read(at).map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file that its owner alone can read.
fn private(at: &Path, text: &[u8]) -> io::Result<()> {
    // In its place: what is mounted is the file, not its name.
    fs::write(at, text)?;
    fs::set_permissions(at, Permissions::from_mode(0o600))
}

/// Writes a file anew, whole or not at all, with the rights that it has.
fn replace(at: &Path, text: &[u8]) -> io::Result<()> {
    let at = fs::canonicalize(at)?;
    let mode = fs::metadata(&at)?.mode() & 0o777;
    let mut name = at.file_name().unwrap_or_default().to_owned();
    name.push(".holdpoint");
    let beside = at.with_file_name(name);
    let mut new = OpenOptions::new();
    let mut file = new.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(beside, at)
}
