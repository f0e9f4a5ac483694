//! The shape of a statement: what is left of its text where one plain number is as good as another.
//! Two statements of one shape mean the same, but for the rows that they are about.

/// Statements whose meaning can be told by their shape, by their first words. Numbers in others may
/// be settings.
const PLAIN: [&str; 4] = ["select", "insert", "update", "delete"];
/// Digits of a number that is an integer to every reader.
const DIGITS_MAX: usize = 9;

/// The shape of `text`; none if its numbers cannot be told from the rest without a parser.
pub fn shape(text: &str) -> Option<String> {
    let first = text.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next()?;
    PLAIN.iter().find(|word| first.eq_ignore_ascii_case(word))?;
    // An escape may hide the end of what is quoted.
    if text.contains('\\') {
        return None;
    }
    let bytes = text.as_bytes();
    let mut shape = String::with_capacity(text.len());
    let (mut at, mut before) = (0, b' ');
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        let end = match byte {
            // Comments, quotes of another kind, other alphabets: for the parser.
            b'#' | 128.. => return None,
            b'-' if next == Some(b'-') => return None,
            b'/' if next == Some(b'*') => return None,
            b'$' if !next.is_some_and(|it| it.is_ascii_digit()) => return None,
            b'\'' | b'"' => {
                let rest = bytes.get(at + 1..)?;
                at + 2 + rest.iter().position(|it| *it == byte)?
            }
            b'0'..=b'9' => {
                let rest = bytes.get(at..)?;
                at + rest.iter().position(|it| !it.is_ascii_digit()).unwrap_or(rest.len())
            }
            _ => at + 1,
        };
        let token = text.get(at..end)?;
        let after = bytes.get(end).copied().unwrap_or(b' ');
        let alone = !is_part(before) && !is_part(after) && token.len() <= DIGITS_MAX;
        match byte {
            // Whether a key is above a number this small tells whether anything is left out.
            b'0'..=b'9' if alone && token.parse::<u32>().is_ok_and(|it| it <= 1) => shape.push('1'),
            b'0'..=b'9' if alone => shape.push('2'),
            _ => shape.push_str(token),
        }
        before = token.as_bytes().last().copied().unwrap_or(b' ');
        at = end;
    }
    Some(shape)
}

/// Whether a byte beside digits makes something else of them than a plain number.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.')
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn numbers_are_as_good_as_others_and_nothing_else_is() {
        for (text, expect) in [
            ("SELECT a FROM t WHERE id = 4711", Some("SELECT a FROM t WHERE id = 2")),
            ("select a from t1 where id=1", Some("select a from t1 where id=1")),
            (
                "UPDATE t SET a = a + -300 WHERE id IN (1,2,33)",
                Some("UPDATE t SET a = a + -2 WHERE id IN (1,2,2)"),
            ),
            (
                "INSERT INTO t VALUES (5, '5 o''clock', \"5\")",
                Some("INSERT INTO t VALUES (2, '5 o''clock', \"5\")"),
            ),
            (
                "SELECT 1.5, 2e9, .5, 0x10, 12345678901",
                Some("SELECT 1.5, 2e9, .5, 0x10, 12345678901"),
            ),
            ("SELECT $1, $12", Some("SELECT $1, $12")),
            ("DELETE FROM t WHERE id > 0", Some("DELETE FROM t WHERE id > 1")),
            ("SET x = 5", None),
            ("EXPLAIN (ANALYZE 1) SELECT 1", None),
            ("SELECT 5 -- five", None),
            ("SELECT /* 5 */ 5", None),
            ("SELECT E'\\'5'", None),
            ("SELECT $$5$$", None),
            ("SELECT 'ä', 5", Some("SELECT 'ä', 2")),
            ("SELECT ä, 5", None),
            ("SELECT E'\\'' || 5 || E'\\'', 5", None),
            ("SELECT '5", None),
            ("", None),
        ] {
            assert_eq!(shape(text).as_deref(), expect, "{text}");
        }
    }
}
