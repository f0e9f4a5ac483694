//! The fields of a multipart body (RFC 7578), as far as credentials are told by their names.
//!
//! The boundary is not asked: servers differ in which one they take when there are several. Every
//! line that begins as a `Content-Disposition` begins a field here, and every line that begins
//! with two hyphens ends one, as all boundaries do. That finds too much rather than too little.

use std::ops::Range;

/// What leads to a name in a `Content-Disposition`.
const DISPOSITION: &[u8] = b"content-disposition";

/// One field of a multipart body.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Field {
    /// Every name that a server might read in its headers; several where they are written twice.
    pub names: Vec<String>,
    /// Whether it is a file.
    pub is_file: bool,
    /// The bytes of its value.
    pub range: Range<usize>,
}

/// Where in a multipart body a line is.
enum At {
    /// Between fields.
    Outside,
    /// In the headers of a field; the lines of its disposition so far.
    Head { disposition: String, continues: bool },
    /// In the value of a field that begins at `start`.
    Value { disposition: String, start: usize },
}

/// The fields in `bytes`, in one pass over its lines.
pub(in crate::http) fn fields(bytes: &[u8]) -> Vec<Field> {
    let mut found = Vec::new();
    let mut at = At::Outside;
    let mut end = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let begin = end;
        end += line.len();
        at = match at {
            At::Value { disposition, start } if line.starts_with(b"--") => {
                found.push(Field::new(&disposition, start..without_break(bytes, start, begin)));
                At::Outside
            }
            At::Value { .. } => at,
            At::Head { .. } if line.starts_with(b"--") => At::Outside,
            At::Head { disposition, .. } if line.trim_ascii().is_empty() => {
                At::Value { disposition, start: end }
            }
            At::Head { mut disposition, continues } => {
                let folded = continues && matches!(line.first(), Some(b' ' | b'\t'));
                let continues = folded || is_disposition(line);
                if continues {
                    disposition.push_str(&String::from_utf8_lossy(line));
                }
                At::Head { disposition, continues }
            }
            At::Outside if is_disposition(line) => At::Head {
                disposition: String::from_utf8_lossy(line).into_owned(),
                continues: true,
            },
            At::Outside => At::Outside,
        };
    }
    if let At::Value { disposition, start } = at {
        found.push(Field::new(&disposition, start..end));
    }
    found
}

fn is_disposition(line: &[u8]) -> bool {
    let begin = line.trim_ascii_start().get(..DISPOSITION.len());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(DISPOSITION))
}

/// `end`, before the line break that belongs to the boundary.
fn without_break(bytes: &[u8], start: usize, end: usize) -> usize {
    let value = bytes.get(start..end).unwrap_or_default();
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    start + value.strip_suffix(b"\r").unwrap_or(value).len()
}

impl Field {
    fn new(disposition: &str, range: Range<usize>) -> Self {
        let mut names = Vec::new();
        let mut is_file = false;
        let lower = disposition.to_ascii_lowercase();
        for (at, _) in lower.match_indices("name") {
            let before = disposition.get(..at).unwrap_or_default();
            let after = disposition.get(at + "name".len()..).unwrap_or_default();
            let Some(value) = assigned(after) else { continue };
            match before.chars().next_back().is_some_and(char::is_alphanumeric) {
                true => is_file |= before.to_ascii_lowercase().ends_with("file"),
                false => names.push(value),
            }
        }
        Self { names, is_file, range }
    }
}

/// The value of a parameter whose name has just ended: `="a b"`, `=a`, `*=utf-8''a`.
fn assigned(after: &str) -> Option<String> {
    let after = after.trim_start_matches(['*', '0', ' ', '\t']).strip_prefix('=')?.trim_start();
    let quote = after.chars().next().filter(|first| matches!(first, '"' | '\''));
    let Some(quote) = quote else {
        let value = after.split([';', ' ', '\t', '\r', '\n']).next().unwrap_or_default();
        return Some(value.rsplit('\'').next().unwrap_or_default().to_owned());
    };
    let mut value = String::new();
    let mut letters = after.chars().skip(1);
    while let Some(letter) = letters.next().filter(|letter| *letter != quote) {
        value.push(if letter == '\\' { letters.next().unwrap_or(letter) } else { letter });
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn names_and_values() {
        let check = |body: &str, expect: &[(&[&str], bool, &str)]| {
            let found = fields(body.as_bytes());
            let found: Vec<(Vec<&str>, bool, &str)> = found
                .iter()
                .map(|it| {
                    let names = it.names.iter().map(String::as_str).collect();
                    (names, it.is_file, body.get(it.range.clone()).unwrap())
                })
                .collect();
            let expect: Vec<(Vec<&str>, bool, &str)> =
                expect.iter().map(|(names, file, value)| (names.to_vec(), *file, *value)).collect();
            assert_eq!(found, expect, "{body}");
        };
        let part = |head: &str, value: &str| format!("--b\r\n{head}\r\n\r\n{value}\r\n--b--\r\n");
        let named =
            |parameters: &str| part(&format!("Content-Disposition: form-data; {parameters}"), "v");
        check("", &[]);
        check(&named("name=\"token\""), &[(&["token"], false, "v")]);
        check(&named("name=token"), &[(&["token"], false, "v")]);
        check(&named("NAME = 'token'"), &[(&["token"], false, "v")]);
        check(&named("name=\"a\\\"b\""), &[(&["a\"b"], false, "v")]);
        check(&named("name*=utf-8''token"), &[(&["token"], false, "v")]);
        check(&named("name=a; name=\"token\""), &[(&["a", "token"], false, "v")]);
        check(&named("\r\n name=token"), &[(&["token"], false, "v")]);
        check(&named("name=a; filename=\"b.txt\""), &[(&["a"], true, "v")]);
        check(
            &part("content-disposition : form-data;name=a\r\nContent-Type: text/plain", "1\r\n2"),
            &[(&["a"], false, "1\r\n2")],
        );
        check(
            &part("Content-Type: text/plain\r\nContent-Disposition: form-data; name=a", ""),
            &[(&["a"], false, "")],
        );
        check(
            "content-disposition: form-data; name=a\n\nv\n--b\ncontent-disposition: x; name=b\n\nw",
            &[(&["a"], false, "v"), (&["b"], false, "w")],
        );
        check("content-disposition: form-data; name=a\r\n--b\r\nx", &[]);
    }
}
