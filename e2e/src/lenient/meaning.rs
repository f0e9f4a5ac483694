//! Which requests delete `/volumes/prod-db`, for the most lenient of servers.

use percent_encoding::percent_decode;

use super::framing::Request;

/// The hash of a stored document that deletes.
pub const STORED: &str = "abababababababababababababababababababababababababababababababab";

/// Why `request` is a deletion, if it is one for somebody.
pub fn deletion(request: &Request) -> Option<String> {
    let pairs = pairs(request);
    let why = by_path(request, &pairs)
        .or_else(|| by_document(request, &pairs))
        .or_else(|| by_procedure(request, &pairs))?;
    Some(format!("{why}: {} {}", request.method, request.target))
}

/// By method and path, whatever overrides them.
fn by_path(request: &Request, pairs: &[(String, String)]) -> Option<&'static str> {
    let headers = ["x-http-method-override", "x-http-method", "x-method-override"];
    let overrides = headers.iter().flat_map(|name| request.header(name));
    let in_pairs = pairs.iter().filter(|(name, _)| name == "_method");
    let methods = std::iter::once(request.method.as_str())
        .chain(overrides)
        .chain(in_pairs.map(|(_, value)| value.as_str()));
    let deletes = methods
        .flat_map(|value| value.split(','))
        .any(|method| method.trim().eq_ignore_ascii_case("DELETE"));
    let action = pairs.iter().any(|(name, value)| {
        ["action", "op", "operation"].contains(&name.as_str()) && value.starts_with("delete")
            || name == "delete" && value.is_empty()
    });
    let others = ["x-original-url", "x-rewrite-url"];
    let targets = std::iter::once(request.target.as_str())
        .chain(others.iter().flat_map(|name| request.header(name)));
    for target in targets {
        let segments = segments(target);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments[..] {
            ["volumes", "prod-db", "delete"] => return Some("by a verb in the path"),
            ["volumes", "prod-db"] if deletes => return Some("by method and path"),
            ["volumes", "prod-db"] if action => return Some("by a parameter"),
            _ => {}
        }
    }
    None
}

/// The segments of a path as the laxest server has them.
fn segments(target: &str) -> Vec<String> {
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => target,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let once: Vec<u8> = percent_decode(path.as_bytes()).collect();
    let twice: Vec<u8> = percent_decode(&once).collect();
    // An overlong dot, as some decoders still take it.
    let text = twice.split(|byte| *byte == 0).next().unwrap_or_default();
    let text =
        text.iter().map(|byte| if *byte == 0xC0 { b' ' } else { *byte & 0x7F | *byte & 0x80 });
    let bytes: Vec<u8> = text.map(|byte| if byte == 0xAE { b'.' } else { byte }).collect();
    let text: String = String::from_utf8_lossy(&bytes).chars().map(narrow).collect();
    let mut segments: Vec<String> = Vec::new();
    for part in text.replace('\\', "/").split('/') {
        let part = part.split(';').next().unwrap_or_default().replace(' ', "").to_lowercase();
        match part.as_str() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.extend(part.split(':').map(str::to_owned)),
        }
    }
    if let Some(last) = segments.last_mut() {
        *last = last.trim_end_matches('.').trim_end_matches(".json").to_owned();
    }
    segments
}

/// A full-width letter as an ordinary one.
fn narrow(letter: char) -> char {
    match letter {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(letter) - 0xFEE0).unwrap_or(letter),
        _ => letter,
    }
}

/// By a GraphQL document, sent or stored.
fn by_document(request: &Request, pairs: &[(String, String)]) -> Option<&'static str> {
    let documents = pairs.iter().filter(|(name, _)| name == "query").map(|(_, value)| value);
    let alone = request.header("content-type").any(|media| media.contains("graphql"));
    let text = text(request);
    if documents.chain(alone.then_some(&text)).any(|document| deletes(document)) {
        return Some("by a document");
    }
    let stored = pairs.iter().any(|(name, value)| {
        ["sha256hash", "documentid"].contains(&name.as_str()) && value == STORED
    });
    stored.then_some("by a stored document")
}

/// Whether a document has a mutation and the field that deletes, outside of strings and comments.
fn deletes(document: &str) -> bool {
    let mut bare = String::new();
    let mut letters = document.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '#' => drop(letters.find(|letter| *letter == '\n')),
            '"' => drop(letters.find(|letter| *letter == '"')),
            _ => bare.push(letter),
        }
    }
    let is_sign = |letter: char| !letter.is_alphanumeric() && letter != '_';
    let words: Vec<&str> = bare.split(is_sign).collect();
    words.contains(&"mutation") && words.contains(&"volumeDelete")
}

/// By a procedure that is named in the body or in a header.
fn by_procedure(request: &Request, pairs: &[(String, String)]) -> Option<&'static str> {
    let named = pairs.iter().any(|(name, value)| {
        ["method", "name"].contains(&name.as_str()) && value.to_lowercase().contains("delete")
    });
    let mut headers = request.header("x-amz-target").chain(request.header("soapaction"));
    let text = text(request);
    if named || headers.any(|value| value.contains("Delete")) || text.contains("volumes.delete</") {
        return Some("by a procedure");
    }
    let sql = pairs.iter().any(|(name, value)| name == "sql" && value.starts_with("DELETE"));
    sql.then_some("by SQL")
}

/// The body as text, whatever its character set.
fn text(request: &Request) -> String {
    if request.header("content-type").any(|media| media.contains("utf-16")) {
        let units = request.body.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        return char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{FFFD}')).collect();
    }
    String::from_utf8_lossy(&request.body).into_owned()
}

/// Every name and value in the query and in the body, in whatever way somebody reads them: names
/// in lower case.
fn pairs(request: &Request) -> Vec<(String, String)> {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let text = text(request);
    let mut pairs = form(query);
    if !request.header("content-type").any(|media| media.contains("json")) {
        pairs.extend(form(text.trim_end()));
    }
    pairs.extend(fields(&text));
    pairs.extend(json(&text));
    pairs
}

fn form(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        String::from_utf8_lossy(&percent_decode(spaced.as_bytes()).collect::<Vec<_>>()).into_owned()
    };
    let split = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = decode(name).to_lowercase();
        (name.trim_end_matches("[]").to_owned(), decode(value))
    };
    text.split(['&', ';']).map(split).collect()
}

/// The fields of a multipart form.
fn fields(text: &str) -> Vec<(String, String)> {
    let field = |part: &str| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let head = head.to_lowercase().replace([' ', '\\'], "");
        let name = head.split("name").nth(1)?.split(['\r', ';']).next()?;
        let name = name.rsplit(['=', '\'']).next()?.trim_matches('"').replace("%5f", "_");
        Some((name, value.trim().to_owned()))
    };
    text.split("--b").filter_map(field).collect()
}

/// Every key with the word behind it, at any depth, however often it is there and whatever is
/// around it.
fn json(text: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut key: Option<String> = None;
    let mut rest = text;
    while let Some(at) = rest.find('"') {
        let between = rest[..at].trim();
        let (value, after) = string(&rest[at + 1..]);
        rest = after;
        match key.take() {
            Some(key) if between == ":" => pairs.push((key, value)),
            _ => key = Some(value.to_lowercase()),
        }
    }
    pairs
}

/// A string of JSON whose first quote is behind us, and what follows it.
fn string(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => match letters.next() {
                Some((at, 'u')) => {
                    let code = text.get(at + 1..at + 5);
                    let code = code.and_then(|code| u32::from_str_radix(code, 16).ok());
                    value.push(code.and_then(char::from_u32).unwrap_or('\u{FFFD}'));
                    letters.nth(3);
                }
                Some((_, 'n')) => value.push('\n'),
                Some((_, letter)) => value.push(letter),
                None => break,
            },
            _ => value.push(letter),
        }
    }
    (value, "")
}
