//! Something put into a JSON file as text, so that every other byte of it stays what it was.

use thiserror::Error;

/// Nesting that is followed.
const DEPTH_MAX: usize = 64;

/// A file that nothing can be put into.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("it is no plain JSON at byte {0}; put the hook in by hand")]
pub struct NoJsonError(usize);

/// A value where it stands in the text.
#[derive(Debug)]
struct Value {
    start: usize,
    end: usize,
    members: Vec<(String, Value)>,
}

/// Puts `element` at the end of the array at `path`, making what is not there. Gives the new text
/// and what was put in, which is in it once at the least.
pub fn into_array(
    text: &str,
    path: &[&str],
    element: &str,
) -> Result<(String, String), NoJsonError> {
    let root = read(text)?;
    let mut at = &root;
    for (depth, key) in path.iter().enumerate() {
        if text.get(at.start..at.start + 1) != Some("{") {
            return Err(NoJsonError(at.start));
        }
        let Some((_, next)) = at.members.iter().find(|(own, _)| own == key) else {
            let rest = path.get(depth + 1..).unwrap_or_default();
            let made = rest
                .iter()
                .rev()
                .fold(format!("[{element}]"), |made, key| format!("{{ {key:?}: {made} }}"));
            return Ok(put(text, at, &format!("{key:?}: {made}"), depth + 1));
        };
        at = next;
    }
    match text.get(at.start..at.start + 1) {
        Some("[") => Ok(put(text, at, element, path.len() + 1)),
        _ => Err(NoJsonError(at.start)),
    }
}

/// Puts an item behind the last of an object or an array.
fn put(text: &str, container: &Value, item: &str, depth: usize) -> (String, String) {
    let closing = container.end - 1;
    let (before, after) = text.split_at_checked(closing).unwrap_or((text, ""));
    let kept = before.trim_end();
    let empty = kept.len() == container.start + 1;
    let indent = "  ".repeat(depth);
    let outer = "  ".repeat(depth - 1);
    let space = before.strip_prefix(kept).unwrap_or_default();
    let (comma, behind) = match (empty, space.contains('\n')) {
        (true, false) => ("", format!("\n{outer}")),
        (true, true) => ("", String::new()),
        (false, _) => (",", String::new()),
    };
    let added = format!("{comma}\n{indent}{item}{behind}");
    (format!("{kept}{added}{space}{after}"), added)
}

/// The text without what was put in, if that is there exactly once.
pub fn without(text: &str, added: &str) -> Option<String> {
    let mut places = text.match_indices(added);
    let (at, _) = places.next()?;
    if places.next().is_some() {
        return None;
    }
    Some(format!("{}{}", text.get(..at)?, text.get(at + added.len()..)?))
}

fn read(text: &str) -> Result<Value, NoJsonError> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    let value = reader.value(0)?;
    reader.space();
    let is_object = reader.bytes.get(value.start) == Some(&b'{');
    if reader.at < reader.bytes.len() || !is_object {
        return Err(NoJsonError(reader.at));
    }
    Ok(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn space(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn wrong<T>(&self) -> Result<T, NoJsonError> {
        Err(NoJsonError(self.at))
    }

    fn value(&mut self, depth: usize) -> Result<Value, NoJsonError> {
        self.space();
        let start = self.at;
        let mut members = Vec::new();
        match self.bytes.get(self.at) {
            _ if depth > DEPTH_MAX => return self.wrong(),
            Some(b'{') => {
                self.items(b'}', |reader| {
                    let key = reader.string()?;
                    reader.space();
                    reader.expect(b':')?;
                    members.push((key, reader.value(depth + 1)?));
                    Ok(())
                })?;
            }
            Some(b'[') => self.items(b']', |reader| reader.value(depth + 1).map(drop))?,
            Some(b'"') => drop(self.string()?),
            Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'-' => {
                let scalar = |it: &u8| it.is_ascii_alphanumeric() || b"+-.".contains(it);
                while self.bytes.get(self.at).is_some_and(scalar) {
                    self.at += 1;
                }
            }
            _ => return self.wrong(),
        }
        Ok(Value { start, end: self.at, members })
    }

    fn items(
        &mut self,
        end: u8,
        mut item: impl FnMut(&mut Self) -> Result<(), NoJsonError>,
    ) -> Result<(), NoJsonError> {
        self.at += 1;
        self.space();
        if self.bytes.get(self.at) == Some(&end) {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            item(self)?;
            self.space();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(byte) if *byte == end => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.wrong(),
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), NoJsonError> {
        if self.bytes.get(self.at) != Some(&byte) {
            return self.wrong();
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<String, NoJsonError> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            match self.bytes.get(self.at) {
                Some(b'\\') => self.at += 2,
                Some(b'"') => {
                    self.at += 1;
                    let text = self.bytes.get(start..self.at).unwrap_or_default();
                    return serde_json::from_slice(text).or_else(|_| self.wrong());
                }
                Some(_) => self.at += 1,
                None => return self.wrong(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_there_and_everything_else_stays() {
        for text in [
            "{}",
            "{\n}\n",
            "{ \"a\": 1 }",
            "{\n  \"a\": [1, 2],\n  \"hooks\": {}\n}\n",
            "{\n\t\"hooks\": {\n\t\t\"Pre\": []\n\t}\n}",
            "{\"hooks\":{\"Pre\":[{\"x\":\"}]\\\"\"}],\"b\":null},\"c\":-1.5e3}",
            "  {\"hooks\": {\"Pre\": [\n    {\"own\": true}\n  ]}}  \n",
        ] {
            let (put, added) = into_array(text, &["hooks", "Pre"], "{\"ours\": 1}").unwrap();
            let before: serde_json::Value = serde_json::from_str(text).unwrap();
            let mut after: serde_json::Value = serde_json::from_str(&put).unwrap();
            let last = after["hooks"]["Pre"].as_array_mut().unwrap().pop().unwrap();
            assert_eq!(last, serde_json::json!({"ours": 1}), "{put}");
            for (key, value) in before.as_object().unwrap() {
                if key != "hooks" {
                    assert_eq!(&after[key], value, "{put}");
                }
            }
            assert_eq!(without(&put, &added).as_deref(), Some(text), "{put}");
        }
    }

    #[test]
    fn what_is_no_plain_json_is_left_alone() {
        for text in ["", "[]", "{", "{// a comment\n}", "{\"hooks\": 1}", "{\"a\": 1,}", "{} x"] {
            assert!(into_array(text, &["hooks", "Pre"], "1").is_err(), "{text}");
        }
    }
}
