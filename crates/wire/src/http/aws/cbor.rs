//! CBOR (RFC 8949) as JSON: what AWS's RPC v2 protocol carries.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    Unreadable,
    http::json::{DEPTH_MAX, Json},
};

/// The length that says "until a break".
const INDEFINITE: u8 = 31;
/// A break.
const BREAK: u8 = 0xFF;

/// Reads `bytes` as one value: no key is there twice, nothing follows. Bytes become base64.
pub(super) fn read(bytes: &[u8]) -> Result<Json, Unreadable> {
    let mut reader = Reader { bytes };
    let value = reader.value(0)?;
    if reader.bytes.is_empty() { Ok(value) } else { Err(wrong("something follows the value")) }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Json, Unreadable> {
        if depth > DEPTH_MAX {
            return Err(Unreadable::over_limit(
                "the CBOR is nested deeper than 64; send it flatter",
            ));
        }
        let head = self.byte()?;
        let (major, short) = (head >> 5, head & 0x1F);
        match major {
            0 => Ok(Json::Number(self.length(short)?.to_string())),
            1 => Ok(Json::Number(format!("-{}", u128::from(self.length(short)?) + 1))),
            2 => self.string(short, 2).map(|bytes| Json::String(STANDARD.encode(bytes))),
            3 => self.text(short).map(Json::String),
            4 => self.array(short, depth),
            5 => self.map(short, depth),
            // A tag says how to take what follows, such as a time; it stays what it is.
            6 => {
                self.length(short)?;
                self.value(depth + 1)
            }
            _ => self.simple(short),
        }
    }

    fn simple(&mut self, short: u8) -> Result<Json, Unreadable> {
        Ok(match short {
            20 => Json::Bool(false),
            21 => Json::Bool(true),
            22 | 23 => Json::Null,
            25 => {
                self.take(2)?;
                Json::Number("0.5".to_owned())
            }
            26 => Json::Number(f32::from_be_bytes(self.array_of()?).to_string()),
            27 => Json::Number(f64::from_be_bytes(self.array_of()?).to_string()),
            _ => return Err(wrong("a value of a kind that is not used")),
        })
    }

    fn array(&mut self, short: u8, depth: usize) -> Result<Json, Unreadable> {
        let mut values = Vec::new();
        let mut left = self.count(short)?;
        while self.goes_on(&mut left)? {
            values.push(self.value(depth + 1)?);
        }
        Ok(Json::Array(values))
    }

    fn map(&mut self, short: u8, depth: usize) -> Result<Json, Unreadable> {
        let mut fields: Vec<(String, Json)> = Vec::new();
        let mut left = self.count(short)?;
        while self.goes_on(&mut left)? {
            let head = self.byte()?;
            if head >> 5 != 3 {
                return Err(wrong("a key is no text"));
            }
            let key = self.text(head & 0x1F)?;
            fields.push((key, self.value(depth + 1)?));
        }
        let mut keys: Vec<&str> = fields.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        match keys.array_windows().any(|[one, other]| one == other) {
            true => Err(wrong("a key is there twice; send it once")),
            false => Ok(Json::Object(fields)),
        }
    }

    /// How many come; `None` until a break. Each takes a byte at least.
    fn count(&mut self, short: u8) -> Result<Option<u64>, Unreadable> {
        if short == INDEFINITE {
            return Ok(None);
        }
        let count = self.length(short)?;
        let fits = usize::try_from(count).is_ok_and(|count| count <= self.bytes.len());
        if fits { Ok(Some(count)) } else { Err(wrong("it ends too early")) }
    }

    fn goes_on(&mut self, left: &mut Option<u64>) -> Result<bool, Unreadable> {
        match left {
            Some(0) => Ok(false),
            Some(count) => {
                *count -= 1;
                Ok(true)
            }
            None if self.bytes.first() == Some(&BREAK) => {
                self.byte()?;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn text(&mut self, short: u8) -> Result<String, Unreadable> {
        String::from_utf8(self.string(short, 3)?).map_err(|_| wrong("a text is not UTF-8"))
    }

    /// A string of bytes or text: whole, or in pieces of its own kind.
    fn string(&mut self, short: u8, major: u8) -> Result<Vec<u8>, Unreadable> {
        if short != INDEFINITE {
            let length = usize::try_from(self.length(short)?).unwrap_or(usize::MAX);
            return self.take(length).map(<[u8]>::to_vec);
        }
        let mut whole = Vec::new();
        loop {
            let head = self.byte()?;
            if head == BREAK {
                return Ok(whole);
            }
            if head >> 5 != major || head & 0x1F == INDEFINITE {
                return Err(wrong("a string is made of something else"));
            }
            let length = usize::try_from(self.length(head & 0x1F)?).unwrap_or(usize::MAX);
            whole.extend_from_slice(self.take(length)?);
        }
    }

    /// The number behind a head (RFC 8949 §3).
    fn length(&mut self, short: u8) -> Result<u64, Unreadable> {
        match short {
            0..=23 => Ok(u64::from(short)),
            24 => self.byte().map(u64::from),
            25 => self.array_of().map(|bytes| u64::from(u16::from_be_bytes(bytes))),
            26 => self.array_of().map(|bytes| u64::from(u32::from_be_bytes(bytes))),
            27 => self.array_of().map(u64::from_be_bytes),
            _ => Err(wrong("a length of a kind that is not used")),
        }
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        self.array_of().map(|[byte]: [u8; 1]| byte)
    }

    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or_else(early)?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(early)?;
        self.bytes = rest;
        Ok(taken)
    }
}

fn early() -> Unreadable {
    wrong("it ends too early")
}

fn wrong(what: &str) -> Unreadable {
    Unreadable::new(format!("the CBOR cannot be read: {what}"))
}
