//! Programs that make an enclosure of their own by mounting, which is refused inside: a clear word in
//! their place, as what they would say themselves tells nobody what to do.

use std::{fs, path::Path};

use crate::layout::Piece;

/// Where they are.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/usr/libexec"];
/// How they are called.
const NAMES: [&str; 5] = ["bwrap", "flatpak-bwrap", "firejail", "nsjail", "systemd-nspawn"];

/// The pieces that say it, where these programs are installed.
pub(crate) fn pieces() -> Vec<Piece> {
    let places = FOLDERS.iter().flat_map(|folder| NAMES.map(|name| Path::new(folder).join(name)));
    let there = places.filter_map(|path| Some((fs::canonicalize(&path).ok()?, path)));
    there
        .map(|(at, path)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Piece::Program { text: word(&name), at }
        })
        .collect()
}

fn word(name: &str) -> String {
    format!(
        "#!/bin/sh\n\
         echo 'holdpoint: {name} does not work in here: it mounts, and inside of a run nobody does. This \
         run is an enclosure already: run the command without {name}, or switch the sandbox of \
         the tool that called it off (Codex: -c sandbox_mode=danger-full-access).' >&2\n\
         exit 1\n"
    )
}
