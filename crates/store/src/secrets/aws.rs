//! AWS credentials: the ways in which people have them, and the one in which they are kept.

use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

/// The three parts, as profiles, environments and the answers of STS call them.
const NAMES: [[&str; 2]; 3] = [
    ["accesskeyid", "awsaccesskeyid"],
    ["secretaccesskey", "awssecretaccesskey"],
    ["sessiontoken", "awssessiontoken"],
];

/// The variables by which AWS's tools find the three parts, in the order in which they are kept.
pub const AWS_VARIABLES: [&str; 3] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// Why something is no AWS credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "this is no AWS credential; give AKIA…:secret, AKIA…:secret:session, the lines of a profile, \
     or what `aws sts` printed"
)]
pub struct AwsCredentialError;

/// `AKIA…:secret`, or `ASIA…:secret:session`, from any of the ways in which it may be written.
pub fn aws_credential(text: &SecretString) -> Result<SecretString, AwsCredentialError> {
    let text = text.expose_secret().trim();
    let whole = match text.contains(['=', '{', '\n']) && !begins_with_key_id(text) {
        true => from_lines(text).ok_or(AwsCredentialError)?,
        false => Zeroizing::new(text.to_owned()),
    };
    let parts: Vec<&str> = whole.splitn(3, ':').collect();
    let graphic = |part: &&str| part.len() >= 16 && part.bytes().all(|b| b.is_ascii_graphic());
    let good = begins_with_key_id(&whole) && parts.len() >= 2 && parts.iter().all(graphic);
    if good { Ok(SecretString::from(whole.as_str())) } else { Err(AwsCredentialError) }
}

/// `AKIA` are keys of users, `ASIA` temporary ones.
fn begins_with_key_id(text: &str) -> bool {
    let key_id = text.split(':').next().unwrap_or_default();
    let letters = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let begins = key_id.starts_with("AKIA") || key_id.starts_with("ASIA");
    begins && (16..=128).contains(&key_id.len()) && key_id.bytes().all(letters)
}

/// The parts among lines of `name = value`, `export NAME=value` or `"Name": "value",`.
fn from_lines(text: &str) -> Option<Zeroizing<String>> {
    let mut found: [Option<&str>; 3] = [None; 3];
    for line in text.split(['\n', ',', '{', '}', ';']) {
        let line = line.trim().trim_start_matches("export ");
        let Some((name, value)) = line.split_once(['=', ':']) else { continue };
        let letters = |letter: &char| letter.is_ascii_alphanumeric();
        let name: String = name.chars().filter(letters).collect::<String>().to_ascii_lowercase();
        let value = value.trim().trim_matches(['"', '\'']);
        for (names, part) in NAMES.iter().zip(&mut found) {
            if names.contains(&name.as_str()) && !value.is_empty() {
                *part = Some(value);
            }
        }
    }
    let [id, secret, session] = found;
    let session = session.map_or_else(String::new, |session| format!(":{session}"));
    Some(Zeroizing::new(format!("{}:{}{session}", id?, secret?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_it_is_the_same() {
        let (id, secret) = ("AKIA1234567890ABCDEF", "q/cdefghijk+mnopqrstuvwxyz0123456789ABCD");
        let plain = format!("{id}:{secret}");
        let session = "FwoGZXIvYXdzEBYaDexample+/token=";
        let check = |text: &str, expect: Option<&str>| {
            let read = aws_credential(&SecretString::from(text)).ok();
            assert_eq!(read.as_ref().map(|it| it.expose_secret()), expect, "{text}");
        };
        check(&plain, Some(&plain));
        check(&format!("{plain}\n"), Some(&plain));
        let profile =
            format!("[default]\naws_access_key_id = {id}\naws_secret_access_key={secret}");
        check(&profile, Some(&plain));
        let exported =
            format!("export AWS_ACCESS_KEY_ID={id}\nexport AWS_SECRET_ACCESS_KEY='{secret}'");
        check(&exported, Some(&plain));
        let temporary = format!("{plain}:{session}");
        check(&temporary, Some(&temporary));
        let answer = format!(
            "{{\"Credentials\": {{\"AccessKeyId\": \"{id}\", \"SecretAccessKey\": \"{secret}\",\n\
             \"SessionToken\": \"{session}\"}}}}"
        );
        check(&answer, Some(&temporary));
        for text in ["", "AKIA1234567890ABCDEF", secret, "aws_access_key_id=AKIA1234567890ABCDEF"] {
            check(text, None);
        }
    }
}
