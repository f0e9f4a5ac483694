//! Programs that make an enclosure of their own by mounting, which is refused inside: a clear word in
//! their place, as what they would say themselves tells nobody what to do.

use std::{fs, path::Path};

use crate::{PROGRAMS, layout::Piece};

/// Where they are.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/usr/libexec"];
/// How they are called.
const NAMES: [&str; 8] =
    ["bwrap", "flatpak-bwrap", "firejail", "nsjail", "systemd-nspawn", "podman", "buildah", "runc"];

/// The one that Codex brings along where there is none, whose complaint nobody understands.
const BROUGHT_ALONG: &str = "bwrap";

/// The pieces that say it: where these programs are installed, and where they are looked for last.
pub(crate) fn pieces() -> Vec<Piece> {
    let places = FOLDERS.iter().flat_map(|folder| NAMES.map(|name| Path::new(folder).join(name)));
    let there = places.filter_map(|path| Some((fs::canonicalize(&path).ok()?, path)));
    let installed = there.map(|(at, path)| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Piece::Program { text: word(&name), at }
    });
    let at = Path::new(PROGRAMS).join(BROUGHT_ALONG);
    installed.chain([Piece::Program { text: word(BROUGHT_ALONG), at }]).collect()
}

/// Codex asks what it can do before it uses it, and uses its own if that is too little.
fn word(name: &str) -> String {
    format!(
        "#!/bin/sh\n\
         case \"$*\" in --help | --version)\n\
         echo '{name} (--as-pid-1 --perms --argv0 --ro-bind-fd): not to be had in a run'\n\
         exit 0\n\
         esac\n\
         echo 'holdpoint: {name} does not work in here: it mounts, and inside of a run nobody does. This \
         run is an enclosure already: run the command without {name}, or switch the sandbox of \
         the tool that called it off (Codex: -c sandbox_mode=danger-full-access).' >&2\n\
         exit 1\n"
    )
}
