//! The password in a secret: the secret itself, or the one in a URL.

use holdpoint_store::secrets::Secret;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};

use crate::known::KnownSecret;

/// The real password, which only the server is shown.
pub(super) fn real(known: &KnownSecret) -> SecretString {
    of_secret(&known.secret)
}

/// The real password in a secret.
pub(super) fn of_secret(secret: &Secret) -> SecretString {
    of_text(secret.value.expose_secret()).into()
}

/// The password that agents hold in its place.
pub(super) fn phantom(secret: &Secret) -> SecretString {
    of_text(&secret.phantom).into()
}

/// A password, or the one in `postgres://user:password@host/database`.
fn of_text(text: &str) -> String {
    let of_url = || {
        let (scheme, rest) = text.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (user, _) = authority.rsplit_once('@')?;
        let (_, password) = user.split_once(':')?;
        let password = percent_decode_str(password).decode_utf8().ok()?;
        scheme.starts_with("postgres").then(|| password.into_owned())
    };
    of_url().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::of_text;

    #[test]
    fn a_secret_is_a_password_or_a_url_with_one() {
        for (text, expect) in [
            ("s3cret-word", "s3cret-word"),
            ("postgres://app:s3cret@db.example.com/shop", "s3cret"),
            ("postgresql://app:a%40b@db.example.com:5433/shop?x=y", "a@b"),
            ("https://app:s3cret@db.example.com/", "https://app:s3cret@db.example.com/"),
            ("postgres://db.example.com/shop", "postgres://db.example.com/shop"),
        ] {
            assert_eq!(of_text(text), expect);
        }
    }
}
