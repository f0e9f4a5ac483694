//! Browsers' trust: Chromium and its kin believe neither the system's certificates nor a variable, but
//! what the machine's own policy says (`CACertificates`, chromeenterprise.google/policies).

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::{java::certificates, layout::Piece};

/// Where Chromium, Chrome and Edge look for policies. One that is not installed has no such place.
const PLACES: [&str; 4] =
    ["/etc/chromium", "/etc/opt/chrome", "/etc/opt/chrome_for_testing", "/etc/opt/edge"];
/// Where in it.
const POLICY: &str = "policies/managed/holdpoint.json";

/// Pieces by which every browser in reach trusts the certificates in `pem`.
pub fn pieces(pem: &str) -> Vec<Piece> {
    let there = PLACES.map(PathBuf::from).into_iter().filter(|place| place.is_dir());
    policy(pem).map_or_else(Vec::new, |text| there.flat_map(|at| placed(&at, &text)).collect())
}

/// The place as it is, with a policy of ours in it.
fn placed(at: &Path, text: &str) -> [Piece; 2] {
    let policy = Piece::File { at: at.join(POLICY), text: text.to_owned() };
    [Piece::CopyOnWrite { at: at.to_owned() }, policy]
}

fn policy(pem: &str) -> Option<String> {
    let all = certificates(pem)?;
    let all: Vec<String> =
        all.iter().map(|it| format!("\"{}\"", BASE64_STANDARD.encode(it))).collect();
    Some(format!("{{\"CACertificates\":[{}]}}\n", all.join(",")))
}

#[cfg(test)]
mod tests {
    use super::policy;

    #[test]
    fn a_policy() {
        let pem = "-----BEGIN CERTIFICATE-----\nAAEC\nAwQ=\n-----END CERTIFICATE-----\n";
        assert_eq!(policy(pem).unwrap(), "{\"CACertificates\":[\"AAECAwQ=\"]}\n");
        assert_eq!(policy(""), None);
    }
}
