//! Text that somebody else chose, as a human or an agent is shown it.

/// `text` on one line, with everything that could mislead a reader written out: nothing in it
/// begins a line, moves a cursor, turns the reading direction or hides.
pub fn plain(text: &str) -> String {
    let misleads = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if misleads(c) { plain.extend(c.escape_unicode()) } else { plain.push(c) }
    }
    plain
}

/// Whether a name is one name wherever it is pasted: shown as it is, and with nothing in it that makes
/// of it a pattern, two names or the end of a quotation.
pub fn is_literal(name: &str) -> bool {
    let reads = |c: char| c.is_whitespace() || "*?'\"`\\".contains(c);
    !name.is_empty() && !name.contains(reads) && plain(name) == name
}

/// `word` as one word of a POSIX shell: whatever it holds, it is data there, and nothing runs.
pub fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    // What the shell itself would read otherwise: `~`, an empty word, zsh's `=command`.
    let begins = word.starts_with(|c: char| c.is_ascii_alphanumeric() || "/._".contains(c));
    match begins && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_literal, plain, shell};

    #[test]
    fn a_literal_means_itself() {
        for name in ["rest:DELETE", "railway:volume/3d2c-42", "rest:api.example.com:443/a%20b"] {
            assert!(is_literal(name), "{name}");
        }
        for name in
            ["", "rest:*", "rest:a b", "a\tb", "a\u{a0}b", "it's", "\"a", "a\u{200b}b", "`a`"]
        {
            assert!(!is_literal(name), "{name:?}");
        }
    }

    #[test]
    fn a_word_of_a_shell() {
        for (word, expect) in [
            ("/srv/app-2", "/srv/app-2"),
            ("a b", "'a b'"),
            ("$(touch owned)", "'$(touch owned)'"),
            ("it's", "'it'\\''s'"),
            ("~root", "'~root'"),
            ("-rf", "'-rf'"),
            ("", "''"),
        ] {
            assert_eq!(shell(word), expect);
        }
    }

    #[test]
    fn nothing_misleads() {
        for (text, expect) in [
            ("drop table users", "drop table users"),
            ("Größe", "Größe"),
            ("a\nhold  h-1", "a\\u{a}hold  h-1"),
            ("\u{1b}[2Jnothing", "\\u{1b}[2Jnothing"),
            ("\u{9b}2Jnothing", "\\u{9b}2Jnothing"),
            ("abc\u{202e}fed", "abc\\u{202e}fed"),
            ("\u{2067}abc\u{2069}", "\\u{2067}abc\\u{2069}"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("a\u{2028}b", "a\\u{2028}b"),
        ] {
            assert_eq!(plain(text), expect, "{text:?}");
        }
    }
}
