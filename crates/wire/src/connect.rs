//! A raw stream: a connection whose protocol nobody here reads. The message is the CONNECT
//! (RFC 9110 §9.3.6) that asks for it, and the only thing that is known is where it leads.

use bytes::Bytes;
use holdpoint_core::{Effect, Operation, ResourceId};

use crate::http::{Body, Message, Scheme};

/// Opening a raw stream.
pub const OPEN: &str = "tcp:open";
/// Ports at which clients speak first: HTTP, with and without TLS.
const CLIENTS_BEGIN: [u16; 4] = [80, 443, 8080, 8443];
/// The longest method that is taken for one.
const METHOD_BYTES_MAX: usize = 20;

/// The message that asks for a raw stream to `host`.
pub fn message(host: &str, port: u16) -> Message {
    Message {
        method: "CONNECT".to_owned(),
        scheme: Scheme::Http,
        host: host.to_owned(),
        port,
        // No request has an empty target.
        target: String::new(),
        headers: Vec::new(),
        body: Body::Whole(Bytes::new()),
        coded: None,
    }
}

/// Whether a message asks for a raw stream.
pub fn asks(message: &Message) -> bool {
    message.method == "CONNECT" && message.target.is_empty()
}

/// What a message that [`asks`] for a raw stream would do: nobody can say, so anything.
pub fn interpret(message: &Message) -> Operation {
    let Message { host, port, .. } = message;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    Operation::guessed(OPEN, Effect::Execute, ResourceId::new(format!("tcp:{host}:{port}")))
}

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// TLS: a handshake record (RFC 8446 §5.1).
    Tls,
    /// A request of HTTP/1.1, or what may become one.
    Http,
    /// Anything else.
    Other,
}

impl Beginning {
    /// What the first `bytes` say.
    pub fn of(bytes: &[u8]) -> Self {
        match bytes.first() {
            // No method begins with this byte.
            Some(0x16) => Self::Tls,
            _ if may_be_http(bytes) => Self::Http,
            _ => Self::Other,
        }
    }

    /// Whether at `port` it is the client that begins, as far as is known: if it is silent, it only
    /// takes its time.
    pub fn is_the_clients(port: u16) -> bool {
        CLIENTS_BEGIN.contains(&port)
    }
}

/// Servers pass over empty lines before a request (RFC 9112 §2.2).
fn may_be_http(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    let is_method = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'-';
    let method = bytes.iter().take_while(|byte| is_method(byte)).count();
    if method > METHOD_BYTES_MAX {
        return false;
    }
    match bytes.get(method..) {
        Some([]) => true,
        Some([b' ']) => method > 0,
        Some([b' ', b'/' | b'*' | b'h' | b'H', ..]) => method > 0,
        Some([b' ', ..]) => bytes.starts_with(b"CONNECT "),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Beginning, asks, interpret, message};

    #[test]
    fn what_a_connection_begins_with() {
        for (bytes, expect) in [
            (&b"\x16\x03\x01"[..], Beginning::Tls),
            (b"GET / HTTP/1.1\r\n", Beginning::Http),
            (b"G", Beginning::Http),
            (b"DELETE ", Beginning::Http),
            (b"\r\nget /x HTTP/1.1", Beginning::Http),
            (b"GET http://a/", Beginning::Http),
            (b"OPTIONS * HTTP/1.1", Beginning::Http),
            (b"CONNECT a:443 HTTP/1.1", Beginning::Http),
            (b"PRI * HTTP/2.0\r\n", Beginning::Http),
            (b"\0\0\0\x08\x04\xd2\x16\x2f", Beginning::Other),
            (b"*1\r\n$4\r\nPING\r\n", Beginning::Other),
            (b"SET key value\r\n", Beginning::Other),
            (b"SSH-2.0-OpenSSH\r\n", Beginning::Other),
            (b"EHLO x\r\n", Beginning::Other),
        ] {
            assert_eq!(Beginning::of(bytes), expect, "{:?}", bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn only_its_own_message_asks_for_a_raw_stream() {
        let message = message("db.example.com", 5432);
        assert!(asks(&message));
        assert_eq!(interpret(&message).resource.id.as_str(), "tcp:db.example.com:5432");
        for target in ["/", "*", "db.example.com:5432"] {
            let other = crate::http::Message { target: target.to_owned(), ..message.clone() };
            assert!(!asks(&other), "{target}");
        }
    }
}
