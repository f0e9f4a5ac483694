//! SCRAM-SHA-256 (RFC 5802, RFC 7677) on both sides of a login, bound to the certificate of the
//! channel where there is one (RFC 5929 §4). Numbers used once are arguments: whoever calls draws
//! them.
//!
//! Passwords are printable ASCII here (secrets are), so that there is nothing to prepare.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::Unreadable;

/// The mechanism's name.
pub const MECHANISM: &str = "SCRAM-SHA-256";
/// The same, bound to the channel that it runs in.
pub const BOUND: &str = "SCRAM-SHA-256-PLUS";

/// How a login begins that is bound to the digest of the server's certificate.
const BINDS: &str = "p=tls-server-end-point";

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

/// What a server knows of the channel that a login runs in.
#[derive(Debug, Clone, Default)]
pub struct Channel {
    /// The digest of the certificate that it showed, where there is one to bind to.
    pub certificate: Option<Vec<u8>>,
    /// The client chose [`BOUND`].
    pub bound: bool,
}

impl Channel {
    /// What a login that begins with `flag` is bound to. One that says that nothing is offered,
    /// where something is, has been tampered with on its way.
    fn binding(&self, flag: &str) -> Result<&[u8], Unreadable> {
        match (flag, &self.certificate, self.bound) {
            (BINDS, Some(certificate), true) => Ok(certificate),
            ("n", _, false) | ("y", None, false) => Ok(&[]),
            ("y", Some(_), _) => Err(Unreadable::new(
                "the login says that no channel binding is offered, and it is: somebody stands \
                 in between; connect to the gateway itself",
            )),
            _ => Err(Unreadable::new(
                "the login asks for channel binding, which is not offered; connect with TLS, or \
                 with channel_binding=disable",
            )),
        }
    }
}

/// A server between the client's two messages.
#[derive(Debug)]
pub struct Challenge {
    verifier: Verifier,
    /// The header of the client's first message, and what it is bound to.
    binding: Vec<u8>,
    client_bare: String,
    server_first: String,
    nonce: String,
}

impl Challenge {
    /// Takes the client's first message, and gives what is to be answered.
    pub fn answer(
        verifier: Verifier,
        channel: &Channel,
        client_first: &[u8],
        drawn: &[u8],
    ) -> Result<(Self, String), Unreadable> {
        let text = text(client_first)?;
        // Flag, authzid, then what is signed.
        let mut parts = text.splitn(3, ',');
        let (flag, authzid) = (parts.next(), parts.next());
        let (Some(flag), Some(""), Some(bare)) = (flag, authzid, parts.next()) else {
            return Err(malformed());
        };
        let binding = [flag.as_bytes(), b",,", channel.binding(flag)?].concat();
        let own = field(bare, 'r').ok_or_else(malformed)?;
        let nonce = format!("{own}{}", STANDARD.encode(drawn));
        let salt = STANDARD.encode(&verifier.salt);
        let server_first = format!("r={nonce},s={salt},i={}", verifier.iterations);
        let challenge = Self {
            binding,
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
        if STANDARD.encode(&self.binding) != binding || nonce != self.nonce {
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

/// What a client can bind its login to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// Nothing: the channel has no certificate, or one whose digest nobody has defined.
    None,
    /// A certificate, which the server does not offer to bind to. It is told so, and if it did
    /// offer, somebody in between has taken that out.
    NotOffered,
    /// The certificate that the server showed, by its digest.
    Certificate(Vec<u8>),
}

impl Binding {
    /// What the client's first message begins with.
    fn header(&self) -> &'static str {
        match self {
            Self::None => "n,,",
            Self::NotOffered => "y,,",
            Self::Certificate(_) => "p=tls-server-end-point,,",
        }
    }

    /// The mechanism that is chosen with it.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::None | Self::NotOffered => MECHANISM,
            Self::Certificate(_) => BOUND,
        }
    }

    /// What is proven of the channel.
    fn encoded(&self) -> String {
        let certificate = match self {
            Self::None | Self::NotOffered => &[][..],
            Self::Certificate(digest) => digest,
        };
        STANDARD.encode([self.header().as_bytes(), certificate].concat())
    }
}

/// A client on its way through a login.
#[derive(Debug)]
pub struct Login {
    binding: Binding,
    bare: String,
    nonce: String,
    server_signature: Option<Hash>,
}

impl Login {
    /// A login, and its first message. The server knows the user's name already.
    pub fn start(drawn: &[u8], binding: Binding) -> (Self, String) {
        let nonce = STANDARD.encode(drawn);
        let bare = format!("n=,r={nonce}");
        let first = format!("{}{bare}", binding.header());
        (Self { binding, bare, nonce, server_signature: None }, first)
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
        let without_proof = format!("c={},r={nonce}", self.binding.encoded());
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
mod tests;
