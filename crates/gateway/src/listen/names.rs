//! Names inside an enclosure: each has an address that only we understand.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    net::Ipv4Addr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use holdpoint_wire::dns::{Answer, Question};
use tokio::{net::UdpSocket, time::sleep};

/// Names of one run that have an address, at most.
const NAMES_MAX: usize = 4096;
/// The first of their addresses, and how many there are: 198.18.0.0/15 but for its beginning.
const FIRST: u32 = u32::from_be_bytes([198, 18, 1, 0]);
const ADDRESSES: u64 = 0x2_0000 - 0x200;
/// A question is longer only if it asks for nothing that we know (RFC 1035 §4.2.1).
const QUESTION_BYTES_MAX: usize = 512;
/// How long to wait after a failed receive.
const PAUSE: Duration = Duration::from_millis(50);

/// The names of one run and their addresses.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<HashMap<Ipv4Addr, String>>);

impl Names {
    /// The address of `name`: the same whichever gateway says it, unless two names want one. None if
    /// there are too many names.
    fn address(&self, name: &str) -> Option<Ipv4Addr> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let start = hasher.finish() % ADDRESSES;
        for step in 0..ADDRESSES {
            let offset = u32::try_from((start + step) % ADDRESSES).ok()?;
            let address = Ipv4Addr::from(FIRST + offset);
            match names.get(&address) {
                Some(taken) if taken == name => return Some(address),
                Some(_) => {}
                None if names.len() < NAMES_MAX => {
                    names.insert(address, name.to_owned());
                    return Some(address);
                }
                None => return None,
            }
        }
        None
    }

    /// The name whose address this is.
    pub(super) fn name(&self, address: Ipv4Addr) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&address).cloned()
    }

    /// Answers questions at `socket` for ever; `is_known` says which names there are.
    pub(super) async fn answer(&self, socket: UdpSocket, is_known: impl Fn(&str) -> bool) {
        let mut bytes = [0; QUESTION_BYTES_MAX];
        loop {
            let Ok((length, from)) = socket.recv_from(&mut bytes).await else {
                sleep(PAUSE).await;
                continue;
            };
            let Some(question) = bytes.get(..length).and_then(Question::read) else { continue };
            let answer = match is_known(&question.name) {
                true => self.address(&question.name).map_or(Answer::Failed, Answer::Address),
                false => Answer::NoName,
            };
            // Whoever asked may have gone.
            let _ = socket.send_to(&question.answered(answer), from).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMES_MAX, Names};

    #[test]
    fn each_name_has_one_address() {
        let names = Names::default();
        for number in 0..NAMES_MAX {
            let name = format!("host-{number}.example.com");
            let address = names.address(&name).unwrap();
            assert!(matches!(address.octets(), [198, 18..=19, ..]));
            assert_eq!(names.name(address), Some(name.clone()));
            assert_eq!(names.address(&name), Some(address));
        }
        assert_eq!(names.address("one-more.example.com"), None);
        assert_eq!(
            Names::default().address("host-7.example.com"),
            Names::default().address("host-7.example.com")
        );
    }
}
