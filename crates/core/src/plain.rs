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

#[cfg(test)]
mod tests {
    use super::plain;

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
