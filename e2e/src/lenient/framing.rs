//! Where messages end, for readers that differ.

/// How one server reads what others read differently.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Transfer-Encoding counts, and before Content-Length.
    coding: bool,
    /// Of several lengths the last counts.
    last: bool,
    /// An underscore in a name is a hyphen.
    underscores: bool,
    /// A bare CR ends a line.
    returns: bool,
    /// A GET has no body.
    bodiless: bool,
}

/// A request, as one reader has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, as sent.
    pub method: String,
    /// The target, as sent.
    pub target: String,
    /// Names in lower case, values without space around them, trailers included.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The values of a header, with underscores in its name or without.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |own: &str| own.replace(['_', '.'], "-") == name;
        self.headers.iter().filter(move |(own, _)| same(own)).map(|(_, value)| value.as_str())
    }
}

impl Reading {
    /// All readers.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..32_u8).map(|bits| Self {
            coding: bits & 1 != 0,
            last: bits & 2 != 0,
            underscores: bits & 4 != 0,
            returns: bits & 8 != 0,
            bodiless: bits & 16 != 0,
        })
    }

    fn line<'a>(self, bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let ends = |byte: &u8| *byte == b'\n' || (self.returns && *byte == b'\r');
        let at = bytes.iter().position(ends)?;
        let (line, rest) = (&bytes[..at], &bytes[at + 1..]);
        let was_return = bytes[at] == b'\r';
        *bytes = if was_return { rest.strip_prefix(b"\n").unwrap_or(rest) } else { rest };
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// Headers up to an empty line; a line that begins with space goes on from the one before.
    fn headers(self, bytes: &mut &[u8]) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = Vec::new();
        while let Some(line) = self.line(bytes).filter(|line| !line.is_empty()) {
            let text = String::from_utf8_lossy(line);
            match (text.starts_with([' ', '\t']), headers.last_mut(), text.split_once(':')) {
                (true, Some((_, value)), _) => *value = format!("{value} {}", text.trim()),
                (_, _, Some((name, value))) => {
                    let name = name.trim().to_ascii_lowercase();
                    let name = if self.underscores { name.replace('_', "-") } else { name };
                    let value = value.trim_matches(|sign: char| sign.is_control() || sign == ' ');
                    headers.push((name, value.to_owned()));
                }
                _ => {}
            }
        }
        headers
    }

    fn body(self, headers: &mut Vec<(String, String)>, bytes: &mut &[u8]) -> Vec<u8> {
        let chunked = |(name, value): &(String, String)| {
            name == "transfer-encoding" && value.to_ascii_lowercase().contains("chunked")
        };
        if self.coding && headers.iter().any(chunked) {
            return self.chunks(headers, bytes);
        }
        let mut lengths = headers.iter().filter(|(name, _)| name == "content-length");
        let length = if self.last { lengths.next_back() } else { lengths.next() };
        let length = length.map_or(0, |(_, value)| {
            let mut parts = value.split(',');
            number(if self.last { parts.next_back() } else { parts.next() }.unwrap_or(""), 10)
        });
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len());
        let (body, rest) = bytes.split_at(length);
        *bytes = rest;
        body.to_vec()
    }

    fn chunks(self, headers: &mut Vec<(String, String)>, bytes: &mut &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        while let Some(line) = self.line(bytes) {
            let size = number(&String::from_utf8_lossy(line), 16);
            if size == 0 {
                headers.extend(self.headers(bytes));
                break;
            }
            let size = usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len());
            body.extend_from_slice(&bytes[..size]);
            // Two bytes end a chunk, whatever they are.
            *bytes = &bytes[(size + 2).min(bytes.len())..];
        }
        body
    }
}

/// A number as careless readers take it: as far as it goes, from whatever stands before it, and
/// around once it is too large.
fn number(text: &str, radix: u32) -> u64 {
    let text = text.trim().trim_start_matches('+');
    let (text, radix) = match text.strip_prefix("0x") {
        Some(rest) => (rest, 16),
        None => (text, radix),
    };
    let digits = text.chars().map_while(|digit| digit.to_digit(radix));
    digits
        .fold(0_u64, |sum, digit| sum.wrapping_mul(u64::from(radix)).wrapping_add(u64::from(digit)))
}

/// The requests in `bytes`.
pub fn requests(mut bytes: &[u8], reading: Reading) -> Vec<Request> {
    let mut requests = Vec::new();
    while let Some(line) = reading.line(&mut bytes) {
        let line = String::from_utf8_lossy(line).into_owned();
        let mut words = line.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else { continue };
        let is_word = method.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !is_word || !(target.starts_with('/') || target.contains("://")) {
            continue;
        }
        let (method, target) = (method.to_owned(), target.to_owned());
        let mut headers = reading.headers(&mut bytes);
        let body = match reading.bodiless && method == "GET" {
            true => Vec::new(),
            false => reading.body(&mut headers, &mut bytes),
        };
        requests.push(Request { method, target, headers, body });
    }
    requests
}
