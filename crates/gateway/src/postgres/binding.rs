//! What a login is bound to: the digest of the certificate that a server shows (RFC 5929 §4.1).

use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};
use x509_parser::parse_x509_certificate;

/// The digest of a certificate: made with the hash of its signature, or with SHA-256 where that
/// is a broken one. None where a signature has no hash that was agreed on (RSA-PSS, Ed25519).
pub(super) fn digest(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    let signed = parsed.signature_algorithm.algorithm.to_id_string();
    Some(match signed.as_str() {
        // MD5, SHA-1 and SHA-256 with RSA; SHA-1 and SHA-256 with ECDSA.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => Sha256::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Sha384::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Sha512::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" => Sha224::digest(certificate).to_vec(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{
        CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
        SignatureAlgorithm,
    };

    use rustls::pki_types::CertificateDer;

    use super::digest;

    #[test]
    fn the_hash_is_the_one_of_the_signature() {
        let length = |algorithm: &'static SignatureAlgorithm| {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let certificate = CertificateParams::default().self_signed(&key).unwrap();
            digest(certificate.der()).map(|digest| digest.len())
        };
        assert_eq!(length(&PKCS_ECDSA_P256_SHA256), Some(32));
        assert_eq!(length(&PKCS_ECDSA_P384_SHA384), Some(48));
        assert_eq!(length(&PKCS_ED25519), None);
        assert_eq!(digest(&CertificateDer::from(vec![1, 2, 3])), None);
    }
}
