//! Bounds on the text of policies, checked before anything recursive reads it: Cedar's parser
//! and syntax trees walk as deep as the text is nested, and an overflown stack ends the process.

/// At most so many bytes of one policy stand outside strings and comments.
pub(super) const MAX_CODE_BYTES: usize = 8192;
/// At most so many brackets are open at once.
pub(super) const MAX_BRACKETS: usize = 32;

/// Where a text goes out of bounds, and what it is that goes too far.
pub(super) fn breach(text: &str) -> Option<(usize, String)> {
    let (mut start, mut code, mut brackets) = (0, 0, 0_usize);
    let mut state = State::Code;
    for (offset, byte) in text.bytes().enumerate() {
        state = state.after(byte);
        if !matches!(state, State::Code | State::Slash) {
            continue;
        }
        if !byte.is_ascii_whitespace() {
            code += 1;
        }
        match byte {
            b';' => (start, code, brackets) = (offset + 1, 0, 0),
            b'(' | b'[' | b'{' => brackets += 1,
            b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        if code > MAX_CODE_BYTES {
            let problem = format!("a policy of more than {MAX_CODE_BYTES} bytes");
            return Some((start, problem));
        }
        if brackets > MAX_BRACKETS {
            return Some((offset, format!("more than {MAX_BRACKETS} brackets are open")));
        }
    }
    None
}

/// Where in the text a byte stands.
#[derive(Debug, Clone, Copy)]
enum State {
    Code,
    /// After what may begin a comment.
    Slash,
    Comment,
    Text,
    Escape,
}

impl State {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Code | Self::Slash, b'"') => Self::Text,
            (Self::Slash, b'/') => Self::Comment,
            (Self::Code, b'/') => Self::Slash,
            (Self::Comment, b'\n') => Self::Code,
            (Self::Comment, _) => Self::Comment,
            (Self::Text, b'\\') => Self::Escape,
            (Self::Text, b'"') => Self::Code,
            (Self::Text | Self::Escape, _) => Self::Text,
            (Self::Code | Self::Slash, _) => Self::Code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<usize>) {
        assert_eq!(breach(text).map(|(offset, _)| offset), expect, "{text}");
    }

    #[test]
    fn counts_code_and_not_strings_or_comments() {
        let long = "x".repeat(MAX_CODE_BYTES);
        check(&long, None);
        check(&format!("{long}x"), Some(0));
        check(&format!("{long};{long};"), None);
        check(&format!("a;\n{long}x"), Some(2));
        check(&format!("a; // {long}\n@text(\"{long}\") b"), None);
        check(&format!("\"\\\"{long};\" // {long}"), None);
        // What looks like the end of a policy inside of a string or a comment is none.
        check(&format!("x \";\" {long}"), Some(0));
        check(&format!("x // ;\n{long}"), Some(0));
    }

    #[test]
    fn counts_open_brackets() {
        check(&"([{".repeat(10), None);
        check(&"(".repeat(MAX_BRACKETS + 1), Some(MAX_BRACKETS));
        check(&"()".repeat(1000), None);
        check(&format!("\"{}\"", "(".repeat(1000)), None);
    }
}
