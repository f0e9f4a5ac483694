//! XML as AWS's services read it: elements and their texts. What could be read in two ways
//! (declarations of types, character data sections) is refused.

use crate::Unreadable;

/// How deep elements may be nested.
const DEPTH_MAX: usize = 64;
/// The most elements of one document.
const ELEMENTS_MAX: usize = 20_000;

/// An element: its path (`Rule.Expiration`) below the root, and the text in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) path: String,
    pub(super) text: String,
}

/// Every element below the root, in the order in which they end.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Element>, Unreadable> {
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?;
    let mut rest = text.trim_start_matches('\u{FEFF}');
    let mut open: Vec<(String, String)> = Vec::new();
    let mut found = Vec::new();
    while let Some((before, from)) = rest.split_once('<') {
        if let Some((_, text)) = open.last_mut() {
            text.push_str(&unescaped(before)?);
        }
        if let Some(comment) = from.strip_prefix("!--") {
            rest = comment.split_once("-->").ok_or_else(|| wrong("a comment does not end"))?.1;
            continue;
        }
        if from.starts_with('!') {
            return Err(wrong("it declares a type or has character data; send plain elements"));
        }
        let (tag, after) = from.split_once('>').ok_or_else(|| wrong("a tag does not end"))?;
        rest = after;
        if tag.starts_with('?') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            close(&mut open, &mut found, local(name.trim_end()))?;
            continue;
        }
        let empty = tag.ends_with('/');
        let name = tag.trim_end_matches('/').split_ascii_whitespace().next().unwrap_or_default();
        open.push((local(name).to_owned(), String::new()));
        if open.len() > DEPTH_MAX || found.len() > ELEMENTS_MAX {
            return Err(Unreadable::over_limit(
                "the XML is deeper than 64 or has too many elements",
            ));
        }
        if empty {
            close(&mut open, &mut found, local(name))?;
        }
    }
    if open.is_empty() && rest.trim().is_empty() {
        Ok(found)
    } else {
        Err(wrong("an element does not end"))
    }
}

fn close(
    open: &mut Vec<(String, String)>,
    found: &mut Vec<Element>,
    name: &str,
) -> Result<(), Unreadable> {
    let (own, text) = open.pop().ok_or_else(|| wrong("an element ends that never began"))?;
    if own != name {
        return Err(wrong("elements overlap"));
    }
    let outer = open.iter().skip(1).map(|(name, _)| name.as_str());
    let path: Vec<&str> = outer.chain([name]).collect();
    if !open.is_empty() {
        found.push(Element { path: path.join("."), text: text.trim().to_owned() });
    }
    Ok(())
}

/// A name without its namespace.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Text with its references resolved (XML 1.0 §4.6).
fn unescaped(text: &str) -> Result<String, Unreadable> {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once(';').ok_or_else(|| wrong("a `&` begins nothing"))?;
        let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix('x') {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => number.parse().ok(),
        });
        let letter = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => number.and_then(char::from_u32),
        };
        plain.push(letter.ok_or_else(|| wrong("it refers to something that it does not hold"))?);
        plain.push_str(after);
    }
    Ok(plain)
}

fn wrong(what: &str) -> Unreadable {
    Unreadable::new(format!("the XML cannot be read: {what}"))
}
