//! Strict JSON for judgement: what two readers could read in two ways is refused.

use std::ops::Range;

use crate::Unreadable;

/// How deep arrays and objects may be nested.
pub const DEPTH_MAX: usize = 64;

/// A JSON value. Numbers are kept as they were written, objects in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A string, without its escapes.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object. No key is there twice.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads `bytes` as one JSON text (RFC 8259): UTF-8, nothing before or after it, no
    /// duplicate key at any depth, no lone surrogate, at most [`DEPTH_MAX`] deep.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
            return Err(Unreadable::new("the JSON begins with a byte order mark; send it without"));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to();
            Unreadable::new(format!("the JSON is not UTF-8 at byte {at}; send it as UTF-8"))
        })?;
        let mut reader = Reader { text, at: 0 };
        let json = reader.value(0)?;
        reader.skip_whitespace();
        match reader.peek() {
            None => Ok(json),
            Some(_) => Err(reader.wrong("something follows the JSON value; send one value, or lines as application/x-ndjson")),
        }
    }

    /// The value of `key`, if this is an object that has it. Case matters.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => {
                fields.iter().find_map(|(name, value)| (name == key).then_some(value))
            }
            _ => None,
        }
    }

    /// The value of a `key` that decides what is done. A key that only some readers take for
    /// it (`Query`; `variableſ`, whose long s folds to s) is refused.
    pub fn field(&self, key: &str) -> Result<Option<&Self>, Unreadable> {
        match self.folded(key).find(|(name, _)| *name != key) {
            Some((name, _)) => Err(Unreadable::new(format!(
                "some servers read the key `{name}` as `{key}`, others do not; write `{key}`"
            ))),
            None => Ok(self.get(key)),
        }
    }

    /// Every field that some reader takes for `key`.
    pub fn folded<'a>(&'a self, key: &'a str) -> impl Iterator<Item = (&'a str, &'a Self)> {
        self.fields()
            .iter()
            .filter(move |(name, _)| same_folded(name, key))
            .map(|(name, value)| (name.as_str(), value))
    }

    /// The fields, if this is an object.
    pub fn fields(&self) -> &[(String, Self)] {
        match self {
            Self::Object(fields) => fields,
            _ => &[],
        }
    }

    /// The values, if this is an array.
    pub fn values(&self) -> &[Self] {
        match self {
            Self::Array(values) => values,
            _ => &[],
        }
    }

    /// A value that is one word: text as it is, numbers and truth values as they were written.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Number(text) => Some(text),
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            Self::Null | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }
}

/// Whether two keys are the same to a reader that ignores case, as Go's does: the long s and
/// the Kelvin sign fold to ASCII letters.
pub fn same_folded(one: &str, other: &str) -> bool {
    let fold = |character: char| match character {
        'ſ' => 's',
        '\u{212A}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    one.chars().map(fold).eq(other.chars().map(fold))
}

/// A string that is the value of a top-level field, and the bytes where it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrittenString {
    /// The field's name.
    pub(super) name: String,
    /// The string, without its escapes.
    pub(super) value: String,
    /// Where it is written, with its quotes.
    pub(super) range: Range<usize>,
}

/// The strings among the top-level fields of the object in `text`, as far as it can be read. To
/// find them must not depend on whether the rest is strict: a name that is there twice is twice
/// here, and other values are passed over however they are.
pub(super) fn written_strings(text: &str) -> Vec<WrittenString> {
    let mut reader = Reader { text, at: 0 };
    let mut found = Vec::new();
    reader.skip_whitespace();
    let mut next = reader.take(b'{');
    while next.is_ok() {
        reader.skip_whitespace();
        let Ok(name) = reader.string() else { break };
        reader.skip_whitespace();
        if reader.take(b':').is_err() {
            break;
        }
        reader.skip_whitespace();
        let start = reader.at;
        if reader.peek() == Some(b'"') {
            let Ok(value) = reader.string() else { break };
            found.push(WrittenString { name, value, range: start..reader.at });
        } else {
            reader.pass_over();
        }
        reader.skip_whitespace();
        next = reader.take(b',');
    }
    found
}

/// Reads one text from front to back.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Json, Unreadable> {
        if depth > DEPTH_MAX {
            return Err(Unreadable::over_limit(format!(
                "the JSON is nested deeper than {DEPTH_MAX}; send it flatter"
            )));
        }
        self.skip_whitespace();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, Unreadable> {
        self.at += 1;
        let mut fields = Vec::new();
        if self.ends(b'}') {
            return Ok(Json::Object(fields));
        }
        loop {
            self.skip_whitespace();
            let key = self.string()?;
            self.skip_whitespace();
            self.take(b':')?;
            let value = self.value(depth + 1)?;
            fields.push((key, value));
            if self.ends(b'}') {
                return match twice(&fields) {
                    Some(key) => {
                        Err(self.wrong(&format!("the key `{key}` is there twice; send it once")))
                    }
                    None => Ok(Json::Object(fields)),
                };
            }
            self.take(b',')?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, Unreadable> {
        self.at += 1;
        let mut values = Vec::new();
        if self.ends(b']') {
            return Ok(Json::Array(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            if self.ends(b']') {
                return Ok(Json::Array(values));
            }
            self.take(b',')?;
        }
    }

    fn string(&mut self) -> Result<String, Unreadable> {
        self.take(b'"')?;
        let mut value = String::new();
        loop {
            let rest = self.rest();
            let plain = rest
                .bytes()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F))
                .unwrap_or(rest.len());
            value.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(b'\\') => value.push(self.escape()?),
                Some(_) => return Err(self.wrong("a string holds a bare control character")),
                None => return Err(self.wrong("a string does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Unreadable> {
        self.at += 1;
        let letter = self.peek();
        self.at += usize::from(letter.is_some());
        match letter {
            Some(b'"') => Ok('"'),
            Some(b'\\') => Ok('\\'),
            Some(b'/') => Ok('/'),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{C}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.unicode_escape(),
            _ => Err(self.wrong("a string holds an unknown escape")),
        }
    }

    /// What follows `\u`: one unit, or a pair of surrogates (RFC 8259 §7).
    fn unicode_escape(&mut self) -> Result<char, Unreadable> {
        let first = self.hexadecimal()?;
        let code = match first {
            0xD800..=0xDBFF if self.rest().starts_with("\\u") => {
                self.at += 2;
                match self.hexadecimal()? {
                    second @ 0xDC00..=0xDFFF => {
                        0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
                    }
                    _ => first,
                }
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| {
            self.wrong("a string holds half a surrogate pair, which is no character")
        })
    }

    fn hexadecimal(&mut self) -> Result<u32, Unreadable> {
        let digits =
            self.rest().get(..4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|text| u32::from_str_radix(text, 16).ok());
        self.at += if code.is_some() { 4 } else { 0 };
        code.ok_or_else(|| self.wrong("`\\u` needs four hexadecimal digits"))
    }

    fn number(&mut self) -> Result<Json, Unreadable> {
        let rest = self.rest();
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = rest.bytes().take_while(|byte| is_part(byte)).count();
        let written = rest.get(..length).unwrap_or_default();
        if !is_number(written) {
            return Err(self.wrong("this is no JSON number"));
        }
        self.at += length;
        Ok(Json::Number(written.to_owned()))
    }

    fn word(&mut self) -> Result<Json, Unreadable> {
        for (word, value) in
            [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
        {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.wrong("expected a JSON value (NaN, Infinity and comments are none)"))
    }

    /// Passes over a value that is no string, to what follows it at the same level.
    fn pass_over(&mut self) {
        let mut open = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    if self.string().is_err() {
                        self.at = self.text.len();
                    }
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' | b',' if open == 0 => return,
                b'}' | b']' => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Whether the next token is `end`; takes it if so.
    fn ends(&mut self, end: u8) -> bool {
        self.skip_whitespace();
        let ends = self.peek() == Some(end);
        self.at += usize::from(ends);
        ends
    }

    fn take(&mut self, byte: u8) -> Result<(), Unreadable> {
        if self.peek() != Some(byte) {
            return Err(self.wrong(&format!("expected `{}`", char::from(byte))));
        }
        self.at += 1;
        Ok(())
    }

    fn skip_whitespace(&mut self) {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().bytes().take_while(|byte| is_space(byte)).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn wrong(&self, what: &str) -> Unreadable {
        Unreadable::new(format!("the JSON cannot be read at byte {}: {what}", self.at))
    }
}

/// A key that is there twice.
fn twice(fields: &[(String, Json)]) -> Option<&str> {
    const FEW: usize = 12;
    if fields.len() <= FEW {
        let is_again = |at: usize, key: &str| fields.iter().take(at).any(|(own, _)| own == key);
        let mut keys = fields.iter().map(|(key, _)| key.as_str()).enumerate();
        return keys.find(|(at, key)| is_again(*at, key)).map(|(_, key)| key);
    }
    let mut keys: Vec<&str> = fields.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(*one),
        _ => None,
    })
}

/// Whether `written` is a number by the grammar of RFC 8259 §6: no leading zero, no bare point.
fn is_number(written: &str) -> bool {
    let unsigned = written.strip_prefix('-').unwrap_or(written);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

#[cfg(test)]
mod tests;
