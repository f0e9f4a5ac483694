//! Where git repositories lie, and who is asked for a password there.

/// Name, and the user that goes with a token in place of a password. From each host's
/// documentation.
pub const GIT_HOSTS: [(&str, &str); 6] = [
    ("github.com", "x-access-token"),
    ("gist.github.com", "x-access-token"),
    ("gitlab.com", "oauth2"),
    ("bitbucket.org", "x-token-auth"),
    ("codeberg.org", "git"),
    ("git.sr.ht", "git"),
];

/// Who is asked at a host that a human listed.
pub const ANY_USER: &str = "git";
