//! Git's ways to code hosts: what would go by SSH goes by HTTPS, with phantoms for passwords, and
//! nothing is signed. Other SSH hears a clear word.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use crate::{OURS, layout::Piece};

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

/// What is set over everything that a human or a repository set: no key for signing is in here.
const UNSIGNED: [(&str, &str); 4] = [
    ("commit.gpgSign", "false"),
    ("tag.gpgSign", "false"),
    ("tag.forceSignAnnotated", "false"),
    ("push.gpgSign", "false"),
];

/// What the system tells git; the human's own configuration comes after it and is left alone.
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

/// The pieces that tell git, and SSH, how to go.
pub fn pieces(hosts: &[CodeHost]) -> Vec<Piece> {
    let mut pieces = vec![Piece::File { at: own("gitconfig"), text: configuration(hosts) }];
    for host in hosts {
        let Some(phantom) = &host.phantom else { continue };
        let text = format!("username={}\npassword={phantom}\n", host.user);
        pieces.push(Piece::File { at: passwords().join(&host.name), text });
    }
    let ssh = fs::canonicalize(SSH_CONFIG).ok();
    pieces.extend(ssh.map(|at| Piece::File { at, text: SSH.to_owned() }));
    pieces
}

/// The variables that lead git to it.
pub fn variables() -> Vec<(OsString, OsString)> {
    let mut variables = vec![
        ("GIT_CONFIG_SYSTEM".into(), own("gitconfig").into()),
        ("GIT_CONFIG_COUNT".into(), UNSIGNED.len().to_string().into()),
    ];
    for (number, (key, value)) in UNSIGNED.into_iter().enumerate() {
        variables.push((format!("GIT_CONFIG_KEY_{number}").into(), key.into()));
        variables.push((format!("GIT_CONFIG_VALUE_{number}").into(), value.into()));
    }
    variables
}

fn own(name: &str) -> PathBuf {
    Path::new(OURS).join(name)
}

fn passwords() -> PathBuf {
    own("git")
}

/// Ours comes first: of two rewrites of equal length git takes the first, so that one which leads
/// from HTTPS to SSH, as many people have, leads nowhere.
fn configuration(hosts: &[CodeHost]) -> String {
    let mut text = String::new();
    for host in hosts {
        let CodeHost { name, phantom, .. } = host;
        let https = format!("https://{name}/");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[url \"{https}\"]");
        let _ = writeln!(text, "\tinsteadOf = {https}\n\tpushInsteadOf = {https}");
        for other in OTHER_NAMES {
            let _ = writeln!(text, "\tinsteadOf = {}", other.replace("{}", name));
        }
        let helper = match phantom {
            // Git adds a word, which the mark of a comment takes away.
            Some(_) => format!("cat {}/{name} #", passwords().display()),
            None => format!(
                "echo holdpoint: no secret is kept for {name}: ask the human for holdpoint \
                 secrets add NAME --host {name} --purpose 'git:*' >&2 #"
            ),
        };
        let _ = writeln!(text, "[credential \"https://{name}\"]\n\thelper = \"!{helper}\"");
    }
    let _ = writeln!(text, "[include]\n\tpath = {SYSTEM}");
    text
}

#[cfg(test)]
mod tests {
    use super::{CodeHost, configuration};

    #[test]
    fn what_git_is_told() {
        let host = |name: &str, phantom: Option<&str>| CodeHost {
            name: name.into(),
            user: "git".into(),
            phantom: phantom.map(Into::into),
        };
        let told = configuration(&[host("a.test", Some("x")), host("b.test", None)]);
        for line in [
            "[url \"https://a.test/\"]",
            "\tinsteadOf = git@b.test:",
            "\thelper = \"!cat /run/holdpoint/git/a.test #\"",
        ] {
            assert!(told.lines().any(|it| it == line), "{line}: {told}");
        }
        assert!(!told.contains("password"), "{told}");
        assert!(told.ends_with("path = /etc/gitconfig\n"));
    }
}
