//! Names that somebody else chose, in text that a human may paste: into a shell, into
//! `holdpoint.toml`, into a policy.

pub use holdpoint_core::plain::shell;

/// What a shell expands within double quotes: a line of TOML or Cedar may be pasted there by mistake.
fn expands(c: char) -> bool {
    matches!(c, '$' | '`' | '!')
}

/// `text` as a string of TOML.
pub fn toml(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || expands(c) => quoted += &format!("\\u{:04X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    format!("\"{quoted}\"")
}

/// `text` as a string of Cedar, whose escapes are those of Rust.
pub fn cedar(text: &str) -> String {
    let escaped = text.escape_debug().fold(String::new(), |escaped, c| match expands(c) {
        true => escaped + &c.escape_unicode().to_string(),
        false => escaped + c.encode_utf8(&mut [0; 4]),
    });
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What agents may choose as names.
    const NAMES: [&str; 14] = [
        "railway:volume/3d2c42fb",
        "rest:api.example.com/items/5",
        "a b",
        "$(touch owned)",
        "`touch owned`",
        "it's; touch owned #",
        "-rf",
        "~root",
        "=ls",
        "a\nb",
        "a*?[b]",
        "!!",
        "\"\\\u{7f}\u{1b}[2J",
        "",
    ];

    #[test]
    fn a_shell_reads_it_as_it_is_and_runs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for name in NAMES {
            let script = format!("printf %s {}", shell(name));
            let said =
                Command::new("sh").arg("-c").arg(&script).current_dir(&dir).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&said.stdout), name, "{script}");
        }
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    }

    #[test]
    fn what_is_for_another_place_runs_nothing_in_a_shell_either() {
        let dir = tempfile::tempdir().unwrap();
        for name in NAMES {
            for text in [toml(name), cedar(name)] {
                let script = format!("printf %s {text}");
                Command::new("bash").arg("-c").arg(&script).current_dir(&dir).output().unwrap();
                assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "{script}");
            }
        }
    }

    #[test]
    fn toml_reads_it_as_it_is() {
        for name in NAMES {
            let read: ::toml::Table = ::toml::from_str(&format!("{} = 1", toml(name))).unwrap();
            assert_eq!(read.keys().collect::<Vec<_>>(), [name]);
        }
    }
}
