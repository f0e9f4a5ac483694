//! Questions about names, as far as a resolver needs that knows its answers by itself (RFC 1035).

use std::net::Ipv4Addr;

/// Bytes of a header; bytes of a name, at most.
const HEADER: usize = 12;
const NAME_BYTES_MAX: usize = 253;
/// The type of an IPv4 address, and the class of the Internet.
const ADDRESS: u16 = 1;
const INTERNET: u16 = 1;
/// Seconds for which an answer holds: the gateway may be another one soon.
const HOLDS: u32 = 5;
/// The name of the question, at its place in the answer (RFC 1035 §4.1.4).
const SAME_NAME: [u8; 2] = [0xc0, 12];

/// A question about one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question<'a> {
    /// The header and the question, as they came.
    head: &'a [u8],
    /// Lower case, without a trailing dot.
    pub name: String,
    kind: u16,
}

/// What is said about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It has this address, and no other kind of record.
    Address(Ipv4Addr),
    /// There is no such name.
    NoName,
    /// Nobody can say now.
    Failed,
}

impl<'a> Question<'a> {
    /// Reads a query with exactly one question; none if it is something else.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let flags = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
        let questions = u16::from_be_bytes(*bytes.get(4..)?.first_chunk()?);
        // A standard query (RFC 1035 §4.1.1): no answer, no other operation.
        if flags & 0xf800 != 0 || questions != 1 {
            return None;
        }
        let mut rest = bytes.get(HEADER..)?;
        let mut name = String::new();
        loop {
            let (&length, after) = rest.split_first()?;
            let (label, after) = after.split_at_checked(usize::from(length))?;
            rest = after;
            if label.is_empty() {
                break;
            }
            // Longer is a pointer, which no question needs.
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if length > 63 || !label.iter().all(plain) {
                return None;
            }
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&std::str::from_utf8(label).ok()?.to_ascii_lowercase());
        }
        let kind = u16::from_be_bytes(*rest.first_chunk()?);
        let class = u16::from_be_bytes(*rest.get(2..)?.first_chunk()?);
        let head = bytes.get(..bytes.len() - rest.len() + 4)?;
        let fits = class == INTERNET && !name.is_empty() && name.len() <= NAME_BYTES_MAX;
        fits.then_some(Self { head, name, kind })
    }

    /// The bytes that answer it.
    pub fn answered(&self, answer: Answer) -> Vec<u8> {
        let address = match answer {
            Answer::Address(address) if self.kind == ADDRESS => Some(address),
            _ => None,
        };
        let code = match answer {
            Answer::Address(_) => 0,
            Answer::Failed => 2,
            Answer::NoName => 3,
        };
        let mut bytes = self.head.to_vec();
        // An answer, recursion available; what else the query asked for is kept.
        for (at, set, keep) in [(2, 0x80, 0x01), (3, 0x80 | code, 0)] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = *byte & keep | set;
            }
        }
        let counts = [0, u8::from(address.is_some()), 0, 0, 0, 0];
        bytes.iter_mut().skip(6).zip(counts).for_each(|(byte, count)| *byte = count);
        if let Some(address) = address {
            bytes.extend(SAME_NAME);
            bytes.extend([ADDRESS, INTERNET].map(u16::to_be_bytes).concat());
            bytes.extend(HOLDS.to_be_bytes());
            bytes.extend(4_u16.to_be_bytes());
            bytes.extend(address.octets());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{Answer, Question};

    fn query(labels: &[&str], kind: u16) -> Vec<u8> {
        let mut bytes = vec![0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in labels {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        bytes.extend([kind.to_be_bytes(), [0, 1]].concat());
        bytes
    }

    #[test]
    fn an_address_is_given_to_whoever_asks_for_one() {
        let asked = query(&["API", "example", "com"], 1);
        let question = Question::read(&asked).unwrap();
        assert_eq!(question.name, "api.example.com");
        let address = Answer::Address(Ipv4Addr::new(198, 18, 0, 9));
        let answered = question.answered(address);
        let (head, rest) = answered.split_at(asked.len());
        assert_eq!(head[..8], [0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 1]);
        assert_eq!(rest, [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 198, 18, 0, 9]);

        let six = query(&["api", "example", "com"], 28);
        let answered = Question::read(&six).unwrap().answered(address);
        assert_eq!((answered.len(), answered[3] & 15, answered[7]), (six.len(), 0, 0));
        let none = Question::read(&six).unwrap().answered(Answer::NoName);
        assert_eq!(none[3] & 15, 3);
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        let whole = query(&["a", "b"], 1);
        for length in 0..whole.len() {
            assert_eq!(Question::read(&whole[..length]), None, "{length}");
        }
        let mut answer = whole.clone();
        answer[2] |= 0x80;
        let mut two = whole.clone();
        two[5] = 2;
        let pointer = [&whole[..12], &[0xc0, 12, 0, 1, 0, 1]].concat();
        for bytes in [answer, two, pointer, query(&["a b"], 1), query(&[], 1)] {
            assert_eq!(Question::read(&bytes), None);
        }
    }
}
