//! Git's ways to code hosts: what would go by SSH goes by HTTPS, with phantoms for passwords; and
//! who signs, if anybody does. Other SSH hears a clear word.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::{
    OURS, SIGNER,
    layout::{Answers, Layout, Piece},
};

/// A host of repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeHost {
    /// Its name.
    pub name: String,
    /// Who is asked for a password there.
    pub user: String,
    /// The phantom of the password, if there is one.
    pub phantom: Option<String>,
}

/// How the same repository is named where git would not go by HTTPS. The host stands for `{}`.
const OTHER_NAMES: [&str; 7] = [
    "git@{}:",
    "ssh://git@{}/",
    "ssh://git@{}:22/",
    "ssh://{}/",
    "git+ssh://git@{}/",
    "ssh+git://git@{}/",
    "git://{}/",
];

/// No key for signing is in here.
const UNSIGNED: &str = "\
[commit]
\tgpgSign = false
[tag]
\tgpgSign = false
\tforceSignAnnotated = false
[push]
\tgpgSign = false
";

/// Nobody inside packs what is seen as if it were what is there.
const KEPT: &str = "\
[gc]
\tauto = 0
[maintenance]
\tauto = false
";

/// Whatever comes is kept as single objects: what is real in commits that were made of what is seen is
/// found again only there.
const LOOSE: &str = "\
[transfer]
\tunpackLimit = 2147483647
[fetch]
\tunpackLimit = 2147483647
[receive]
\tunpackLimit = 2147483647
[fastimport]
\tunpackLimit = 2147483647
";

/// Git signs with this SSH key, which the socket has; whether it signs is the human's word.
fn signed(key: &str) -> String {
    format!(
        "[gpg]\n\tformat = ssh\n[gpg \"ssh\"]\n\tprogram = ssh-keygen\n\
         [user]\n\tsigningKey = \"key::{key}\"\n[push]\n\tgpgSign = false\n"
    )
}

/// What git reads before everything else; the human's own configuration comes after it and is left
/// alone.
const FIRST: &str = "gitconfig.first";
/// What git reads after everything else.
const LAST: &str = "gitconfig.last";
/// What the system tells git.
const SYSTEM: &str = "/etc/gitconfig";

/// What the system tells SSH.
const SSH_CONFIG: &str = "/etc/ssh/ssh_config";

/// Everything but this machine hears why it is not reached.
const SSH: &str = "\
Host * !localhost !127.0.0.1 !::1
    ProxyCommand sh -c 'echo \"holdpoint: SSH does not lead out of here. Repositories of listed \
code hosts are reached by HTTPS: git does that by itself. For anything else ask the human.\" >&2; \
exit 1'
    BatchMode yes
";

/// The pieces that tell git, and SSH, how to go, and which `key` signs.
pub fn pieces(hosts: &[CodeHost], key: Option<&str>) -> Vec<Piece> {
    let ssh = fs::canonicalize(SSH_CONFIG).ok();
    let ssh = ssh.map(|at| Piece::File { at, text: SSH.to_owned() });
    let own = [(FIRST, first(hosts)), (LAST, last(hosts, key))];
    let socket = key.map(|_| Piece::Socket { at: SIGNER.into(), answers: Answers::Signer });
    own.map(|(name, text)| Piece::File { at: own_path(name), text })
        .into_iter()
        .chain(ssh)
        .chain(socket)
        .collect()
}

/// Has git keep whatever comes as single objects, where a history is masked.
pub fn unpack(layout: &mut Layout) {
    let last = own_path(LAST);
    for piece in &mut layout.pieces {
        if let Piece::File { at, text } = piece
            && *at == last
        {
            text.push_str(LOOSE);
        }
    }
}

/// The variables that lead git to it.
pub fn variables(key: Option<&str>) -> Vec<(OsString, OsString)> {
    let socket = key.map(|_| ("SSH_AUTH_SOCK".into(), SIGNER.into()));
    let own = [
        ("GIT_CONFIG_SYSTEM".into(), own_path(FIRST).into()),
        ("GIT_CONFIG_COUNT".into(), "1".into()),
        ("GIT_CONFIG_KEY_0".into(), "include.path".into()),
        ("GIT_CONFIG_VALUE_0".into(), own_path(LAST).into()),
    ];
    own.into_iter().chain(socket).collect()
}

fn own_path(name: &str) -> PathBuf {
    Path::new(OURS).join(name)
}

/// Of two rewrites of equal length git takes the first: one that leads from HTTPS to SSH, as many
/// people have, leads nowhere.
fn first(hosts: &[CodeHost]) -> String {
    let stays = |host: &CodeHost| {
        let https = format!("https://{}/", host.name);
        format!("[url \"{https}\"]\n\tinsteadOf = {https}\n\tpushInsteadOf = {https}\n")
    };
    let stays: String = hosts.iter().map(stays).collect();
    format!("{stays}[include]\n\tpath = {SYSTEM}\n")
}

/// Agents that hide the human's configuration from git (Gemini's shell does) add to this one, and
/// clear every helper that is asked for passwords: so the phantom goes as a header.
fn last(hosts: &[CodeHost], key: Option<&str>) -> String {
    let mut text = key.map_or_else(|| UNSIGNED.to_owned(), signed);
    text.push_str(KEPT);
    for CodeHost { name, user, phantom } in hosts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[url \"https://{name}/\"]");
        for other in OTHER_NAMES {
            let _ = writeln!(text, "\tinsteadOf = {}", other.replace("{}", name));
        }
        let _ = match phantom {
            // An empty one clears what was there before.
            Some(phantom) => writeln!(
                text,
                "[http \"https://{name}/\"]\n\textraHeader =\n\textraHeader = Authorization: Basic {}",
                BASE64_STANDARD.encode(format!("{user}:{phantom}"))
            ),
            // Git adds a word, which the mark of a comment takes away.
            None => writeln!(
                text,
                "[credential \"https://{name}\"]\n\thelper = \"!echo 'holdpoint: there is no password for \
                 {name} in here; ask the human to keep one (holdpoint secrets add NAME --host \
                 {name} --purpose git:*), or to say which (holdpoint run --grant NAME)' >&2 #\""
            ),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{CodeHost, first, last};

    #[test]
    fn what_git_is_told() {
        let host = |name: &str, phantom: Option<&str>| CodeHost {
            name: name.into(),
            user: "git".into(),
            phantom: phantom.map(Into::into),
        };
        let hosts = [host("a.test", Some("x")), host("b.test", None)];
        let (first, last) = (first(&hosts), last(&hosts, None));
        for (told, line) in [
            (&first, "\tpushInsteadOf = https://a.test/"),
            (&last, "[url \"https://a.test/\"]"),
            (&last, "\tinsteadOf = git@b.test:"),
            (&last, "\textraHeader = Authorization: Basic Z2l0Ong="),
            (&last, "[credential \"https://b.test\"]"),
        ] {
            assert!(told.lines().any(|it| it == line), "{line}: {told}");
        }
        assert!(!last.contains("[credential \"https://a.test\"]"), "{last}");
        assert!(first.ends_with("path = /etc/gitconfig\n"), "{first}");
        let signed = super::last(&[], Some("ssh-ed25519 AAAA"));
        assert!(signed.contains("\tsigningKey = \"key::ssh-ed25519 AAAA\"\n"), "{signed}");
        assert!(last.contains("[commit]\n\tgpgSign = false\n") && !signed.contains("[commit]"));
    }
}
