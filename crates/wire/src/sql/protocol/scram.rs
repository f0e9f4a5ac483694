//! SCRAM-SHA-256 (RFC 5802, RFC 7677) on both sides of a login, without channel binding. Numbers
//! used once are arguments: whoever calls draws them.
//!
//! Passwords are printable ASCII here (secrets are), so that there is nothing to prepare.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::Unreadable;

/// The mechanism's name.
pub const MECHANISM: &str = "SCRAM-SHA-256";

/// How often a password is hashed, and the most that another server may ask for.
pub const ITERATIONS: u32 = 4096;
const ITERATIONS_MAX: u32 = 1_000_000;

/// Bytes of one message of the exchange.
const MESSAGE_BYTES_MAX: usize = 4096;

type Hash = [u8; 32];

/// What a server has to know of a password.
#[derive(Debug, Clone)]
pub struct Verifier {
    salt: Vec<u8>,
    iterations: u32,
    stored: Zeroizing<Hash>,
    server: Zeroizing<Hash>,
}

impl Verifier {
    /// The verifier of a password with this salt.
    pub fn of(password: &str, salt: &[u8]) -> Self {
        let salted = salted(password, salt, ITERATIONS);
        let client = Zeroizing::new(hmac(&*salted, b"Client Key"));
        Self {
            salt: salt.to_owned(),
            iterations: ITERATIONS,
            stored: Zeroizing::new(Sha256::digest(*client).into()),
            server: Zeroizing::new(hmac(&*salted, b"Server Key")),
        }
    }
}

/// A server between the client's two messages.
#[derive(Debug)]
pub struct Challenge {
    verifier: Verifier,
    header: String,
    client_bare: String,
    server_first: String,
    nonce: String,
}

impl Challenge {
    /// Takes the client's first message, and gives what is to be answered.
    pub fn answer(
        verifier: Verifier,
        client_first: &[u8],
        drawn: &[u8],
    ) -> Result<(Self, String), Unreadable> {
        let text = text(client_first)?;
        // Flag, authzid, then what is signed. `y` and `n` both mean: no channel binding.
        let mut parts = text.splitn(3, ',');
        let (flag, authzid) = (parts.next(), parts.next());
        let (Some(flag @ ("n" | "y")), Some(authzid @ ""), Some(bare)) =
            (flag, authzid, parts.next())
        else {
            return Err(Unreadable::new(
                "the login asks for channel binding, which is not offered; connect with \
                 channel_binding=disable",
            ));
        };
        let own = field(bare, 'r').ok_or_else(malformed)?;
        let nonce = format!("{own}{}", STANDARD.encode(drawn));
        let salt = STANDARD.encode(&verifier.salt);
        let server_first = format!("r={nonce},s={salt},i={}", verifier.iterations);
        let challenge = Self {
            header: format!("{flag},{authzid},"),
            client_bare: bare.to_owned(),
            server_first: server_first.clone(),
            verifier,
            nonce,
        };
        Ok((challenge, server_first))
    }

    /// Takes the client's last message; what is to be answered if the password is right, nothing if
    /// it is wrong.
    pub fn verify(&self, client_final: &[u8]) -> Result<Option<String>, Unreadable> {
        let text = text(client_final)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or_else(malformed)?;
        let binding = field(without_proof, 'c').ok_or_else(malformed)?;
        let nonce = field(without_proof, 'r').ok_or_else(malformed)?;
        if STANDARD.encode(&self.header) != binding || nonce != self.nonce {
            return Err(malformed());
        }
        let proof = STANDARD.decode(proof).map_err(|_| malformed())?;
        let proof: Hash = proof.try_into().map_err(|_| malformed())?;
        let signed = format!("{},{},{without_proof}", self.client_bare, self.server_first);
        let signature = hmac(&*self.verifier.stored, signed.as_bytes());
        let client = Zeroizing::new(xor(&proof, &signature));
        let stored: Hash = Sha256::digest(*client).into();
        // Compared through a keyed hash, so that the time it takes tells nothing.
        let same = hmac(&signature, &stored) == hmac(&signature, &*self.verifier.stored);
        let server = hmac(&*self.verifier.server, signed.as_bytes());
        Ok(same.then(|| format!("v={}", STANDARD.encode(server))))
    }
}

/// What was computed of a password for one salt.
#[derive(Debug, Clone)]
pub struct Keys {
    salt: Vec<u8>,
    iterations: u32,
    password: Zeroizing<Hash>,
    salted: Zeroizing<Hash>,
}

/// A client on its way through a login.
#[derive(Debug)]
pub struct Login {
    bare: String,
    nonce: String,
    server_signature: Option<Hash>,
}

impl Login {
    /// A login, and its first message. The server knows the user's name already.
    pub fn start(drawn: &[u8]) -> (Self, String) {
        let nonce = STANDARD.encode(drawn);
        let bare = format!("n=,r={nonce}");
        let first = format!("n,,{bare}");
        (Self { bare, nonce, server_signature: None }, first)
    }

    /// Takes the server's first message, and gives the proof. What was computed for a password
    /// before is taken from `keys`, if it is for the same salt, and left there.
    pub fn prove(
        &mut self,
        server_first: &[u8],
        password: &str,
        keys: &mut Option<Keys>,
    ) -> Result<String, Unreadable> {
        let first = text(server_first)?;
        let nonce = field(first, 'r').filter(|it| it.len() > self.nonce.len());
        let nonce = nonce.filter(|it| it.starts_with(&self.nonce)).ok_or_else(malformed)?;
        let salt = field(first, 's').and_then(|it| STANDARD.decode(it).ok());
        let salt = salt.ok_or_else(malformed)?;
        let iterations: Option<u32> = field(first, 'i').and_then(|it| it.parse().ok());
        let iterations = iterations.filter(|it| (1..=ITERATIONS_MAX).contains(it));
        let iterations = iterations.ok_or_else(malformed)?;
        let password_hash: Hash = Sha256::digest(password).into();
        let known = keys.take().filter(|it| {
            (&it.salt, it.iterations, *it.password) == (&salt, iterations, password_hash)
        });
        let known = keys.insert(known.unwrap_or_else(|| Keys {
            salted: salted(password, &salt, iterations),
            password: Zeroizing::new(password_hash),
            salt,
            iterations,
        }));
        let salted = &known.salted;
        let client = Zeroizing::new(hmac(&**salted, b"Client Key"));
        let stored: Hash = Sha256::digest(*client).into();
        let without_proof = format!("c={},r={nonce}", STANDARD.encode("n,,"));
        let signed = format!("{},{first},{without_proof}", self.bare);
        let proof = xor(&client, &hmac(&stored, signed.as_bytes()));
        let server = Zeroizing::new(hmac(&**salted, b"Server Key"));
        self.server_signature = Some(hmac(&*server, signed.as_bytes()));
        Ok(format!("{without_proof},p={}", STANDARD.encode(proof)))
    }

    /// Takes the server's last message: whether it knows the password too.
    pub fn is_server(&self, server_final: &[u8]) -> bool {
        let said = text(server_final).ok().and_then(|text| field(text, 'v').map(str::to_owned));
        let said = said.and_then(|it| STANDARD.decode(it).ok());
        self.server_signature.is_some_and(|own| said.is_some_and(|it| it == own))
    }
}

/// `Hi` of RFC 5802: PBKDF2 with one block.
fn salted(password: &str, salt: &[u8], iterations: u32) -> Zeroizing<Hash> {
    let mut round = hmac(password.as_bytes(), &[salt, &[0, 0, 0, 1]].concat());
    let mut result = Zeroizing::new(round);
    // The key is set up once: what it costs is paid thousands of times.
    let Ok(keyed) = Hmac::<Sha256>::new_from_slice(password.as_bytes()) else { return result };
    for _ in 1..iterations {
        let mut mac = keyed.clone();
        mac.update(&round);
        round = mac.finalize().into_bytes().into();
        *result = xor(&result, &round);
    }
    result
}

fn hmac(key: &[u8], text: &[u8]) -> Hash {
    // Keys of any length are taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn xor(left: &Hash, right: &Hash) -> Hash {
    let mut both = *left;
    both.iter_mut().zip(right).for_each(|(own, other)| *own ^= other);
    both
}

fn text(message: &[u8]) -> Result<&str, Unreadable> {
    let fits = message.len() <= MESSAGE_BYTES_MAX;
    std::str::from_utf8(message).ok().filter(|_| fits).ok_or_else(malformed)
}

/// The value of an attribute.
fn field(text: &str, name: char) -> Option<&str> {
    text.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

fn malformed() -> Unreadable {
    Unreadable::new("the login is not one of SCRAM-SHA-256")
}

#[cfg(test)]
mod tests {
    use super::{Challenge, Login, Verifier};

    /// The exchange that RFC 7677 §3 prints.
    #[test]
    fn the_proof_is_the_one_of_the_rfc() {
        let mut login = Login {
            bare: "n=user,r=rOprNGfwEbeRWgbNEkqO".into(),
            nonce: "rOprNGfwEbeRWgbNEkqO".into(),
            server_signature: None,
        };
        let first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                      s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let proof = login.prove(first, "pencil", &mut None).unwrap();
        assert!(proof.ends_with(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), "{proof}");
        assert!(login.is_server(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!login.is_server(b"v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    #[test]
    fn only_who_knows_the_password_gets_in() {
        for (knows, says, expect) in
            [("right", "right", true), ("right", "wrong", false), ("", "", true)]
        {
            let verifier = Verifier::of(knows, b"0123456789abcdef");
            let (mut login, first) = Login::start(b"abc");
            let (challenge, answer) =
                Challenge::answer(verifier, first.as_bytes(), b"def").unwrap();
            let proof = login.prove(answer.as_bytes(), says, &mut None).unwrap();
            let last = challenge.verify(proof.as_bytes()).unwrap();
            assert_eq!(last.is_some(), expect, "{knows} {says}");
            if let Some(last) = last {
                assert!(login.is_server(last.as_bytes()));
            }
        }
    }

    #[test]
    fn what_is_no_login_is_refused() {
        let verifier = || Verifier::of("right", b"salt");
        for first in ["p=tls-server-end-point,,n=,r=a", "n,a=x,n=,r=a", "n,,n=", "", "n"] {
            assert!(Challenge::answer(verifier(), first.as_bytes(), b"x").is_err(), "{first}");
        }
        let (challenge, _) = Challenge::answer(verifier(), b"n,,n=,r=a", b"x").unwrap();
        for last in ["", "c=biws,r=other,p=AAAA", "c=biws,p=AAAA", "c=eSws,r=aeA==,p=AAAA"] {
            assert!(challenge.verify(last.as_bytes()).is_err(), "{last}");
        }
        let (mut login, _) = Login::start(b"abc");
        for first in ["r=YWJj,s=AAAA,i=4096", "r=other,s=AAAA,i=1", "r=YWJjx,s=AAAA,i=0", "e=x"] {
            assert!(login.prove(first.as_bytes(), "right", &mut None).is_err(), "{first}");
        }
    }
}
