//! How lenient servers understand bytes: every reading that some server has is tried, and each
//! that deletes `/volumes/prod-db` counts.
//!
//! - [`framing`]: where messages end, for the one reader and for the other
//! - [`meaning`]: which of them is a deletion, and why
//! - [`upstream`]: a server that keeps what arrived

pub mod framing;
pub mod meaning;
pub mod upstream;

use framing::Reading;

/// Why `bytes`, as they come on one connection, are a deletion to some server; empty if to none.
pub fn deletions(bytes: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = Reading::all()
        .flat_map(|reading| framing::requests(bytes, reading))
        .filter_map(|request| meaning::deletion(&request))
        .collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::deletions;

    #[test]
    fn what_deletes_is_seen_and_what_does_not_is_not() {
        let check = |text: &str, expect: bool| {
            assert_eq!(!deletions(text.as_bytes()).is_empty(), expect, "{text:?}");
        };
        check("GET /volumes/prod-db HTTP/1.1\r\n\r\n", false);
        check("DELETE /volumes/other HTTP/1.1\r\n\r\n", false);
        check("DELETE /volumes/prod-db HTTP/1.1\r\n\r\n", true);
        check("DELETE /a/%2e%2E/Volumes//prod-db;x HTTP/1.1\r\n\r\n", true);
        check("POST /volumes/prod-db HTTP/1.1\r\nContent-Length: 12\r\n\r\n_method=POST", false);
        check("POST /volumes/prod-db HTTP/1.1\r\nContent-Length: 14\r\n\r\n_method=DELETE", true);
        let smuggled = "0\r\n\r\nDELETE /volumes/prod-db HTTP/1.1\r\n\r\n";
        let head = "POST / HTTP/1.1\r\nContent-Length: 41\r\n";
        check(&format!("{head}\r\n{smuggled}"), false);
        check(&format!("{head}Transfer-Encoding: chunked\r\n\r\n{smuggled}"), true);
        let json = r#"{"query":"{ search(text: \"mutation { volumeDelete }\") }"}"#;
        let head = "POST /graphql HTTP/1.1\r\nContent-Length: 99\r\n\r\n";
        check(&format!("{head}{json}"), false);
        check(&format!("{head}{}", json.replace("\\\"", " ")), true);
    }
}
