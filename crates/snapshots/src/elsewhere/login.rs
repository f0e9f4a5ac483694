//! Who we are to a store of another machine.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use holdpoint_wire::http::aws::sign::Keys;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::error::{Result, SnapshotError};

/// Bytes of a login.
const BYTES_MAX: usize = 4096;

/// A user and a password, or the id of a key and the key. Printed nowhere.
#[derive(Clone)]
pub struct Login {
    user: String,
    password: Zeroizing<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Login {
    /// Reads `USER:PASSWORD`.
    pub fn read(text: &str) -> Result<Self> {
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let (user, password) = text.split_once(':').unwrap_or_default();
        match plain(user) && plain(password) && text.len() <= BYTES_MAX {
            true => {
                Ok(Self { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) })
            }
            false => Err(SnapshotError::Login),
        }
    }

    /// As it is kept.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}:{}", self.user, *self.password))
    }

    /// What HTTP's Basic says (RFC 7617).
    pub(super) fn basic(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Basic {}", BASE64.encode(self.text().as_bytes())))
    }

    /// As keys of S3.
    pub(super) fn keys(&self) -> Keys {
        let secret = SecretString::from(self.password.as_str());
        Keys { id: self.user.clone(), secret, session: None }
    }
}

#[cfg(test)]
mod tests {
    use super::Login;

    #[test]
    fn a_login_is_two_parts_and_printed_nowhere() {
        let login = Login::read("writer:pass:word").unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("writer", "pass:word"));
        assert!(!format!("{login:?}").contains("pass"));
        for text in ["", ":", "writer", "writer:", ":word", "a b:c", "a:b\nc"] {
            assert!(Login::read(text).is_err(), "{text}");
        }
    }
}
