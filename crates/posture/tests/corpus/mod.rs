//! The labelled files: `fixtures/` with every `«marker»` replaced by a value of that format, drawn
//! from the place where it stands. A line with a marker holds a credential, any other line none;
//! `«marker!»` is one that its provider keeps for tests, `«marker?»` one that is public by design,
//! `«marker~»` one that is known to be missed.
//!
//! What ends in `.fixture` is called as it is without: it is no source and no page of this repository.
//! Values are drawn and not written down, so that no file of this repository looks like a leak to
//! whoever searches it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// What stands on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// A credential.
    Secret,
    /// A credential that its provider marks as one for tests.
    Test,
    /// A credential that is not told yet.
    Missed,
}

/// A labelled line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    pub path: PathBuf,
    pub line: usize,
    pub label: Label,
    pub marker: String,
}

/// Writes the files below `root`, and tells what is in them.
pub fn render(root: &Path) -> Vec<Labelled> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut labels = Vec::new();
    for file in files(&fixtures) {
        let below = file
            .strip_prefix(&fixtures)
            .unwrap()
            .to_string_lossy()
            .replace("dot-git", ".git")
            .trim_end_matches(".fixture")
            .to_owned();
        let template = fs::read_to_string(&file).unwrap();
        let (text, own) = rendered(&below, &template);
        let path = root.join(&below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, encoded(&text)).unwrap();
        labels.extend(own.into_iter().map(|(line, label, marker)| Labelled {
            path: below.clone().into(),
            line,
            label,
            marker,
        }));
    }
    labels
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.append(&mut files(&path)),
            false => all.push(path),
        }
    }
    all.sort();
    all
}

fn rendered(path: &str, template: &str) -> (String, Vec<(usize, Label, String)>) {
    let mut text = String::new();
    let mut labels = Vec::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('«') {
        let (marker, after) = behind.split_once('»').unwrap();
        text += before;
        let line = text.matches('\n').count() + 1;
        let name = marker.trim_end_matches(['!', '?', '~']);
        match marker.chars().last() {
            Some('?') => {}
            Some('!') => labels.push((line, Label::Test, name.to_owned())),
            Some('~') => labels.push((line, Label::Missed, name.to_owned())),
            _ => labels.push((line, Label::Secret, name.to_owned())),
        }
        let mut draw = Draw::of(&format!("{path} {line} {}", text.len()));
        text += &value(name, &mut draw);
        rest = after;
    }
    (text + rest, labels)
}

fn encoded(text: &str) -> Vec<u8> {
    if let Some(text) = text.strip_prefix("utf16:") {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        return units.flat_map(u16::to_le_bytes).collect();
    }
    if let Some(text) = text.strip_prefix("utf16be:") {
        return text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    }
    match text.strip_prefix("binary:") {
        Some(text) => {
            [b"SQLite format 3\0\x10\0\x01\x01\0@  ", text.as_bytes(), &[0, 3, 9, 0]].concat()
        }
        None => text.as_bytes().to_vec(),
    }
}

/// Numbers that look drawn, and are the same every time.
struct Draw(u64);

impl Draw {
    fn of(place: &str) -> Self {
        let hash = place.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
        Self(hash | 1)
    }

    fn next(&mut self) -> usize {
        // xorshift64* (Marsaglia 2003, Vigna 2014).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize
    }

    fn from(&mut self, letters: &str, length: usize) -> String {
        let letters: Vec<char> = letters.chars().collect();
        (0..length).map(|_| letters[self.next() % letters.len()]).collect()
    }

    fn word(&mut self, length: usize) -> String {
        self.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", length)
    }

    fn hex(&mut self, length: usize) -> String {
        self.from("0123456789abcdef", length)
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.next() % 256) as u8).collect()
    }
}

/// A value of the format that `marker` names.
fn value(marker: &str, draw: &mut Draw) -> String {
    let (name, length) =
        match marker.rsplit_once('_').map(|(name, length)| (name, length.parse::<usize>())) {
            Some((name, Ok(length))) => (name, length),
            _ => (marker, 0),
        };
    match name {
        "uuid" => format!(
            "{}-{}-4{}-a{}-{}",
            draw.hex(8),
            draw.hex(4),
            draw.hex(3),
            draw.hex(3),
            draw.hex(12)
        ),
        "word" => draw.word(length),
        "hex" => draw.hex(length),
        "base64" => STANDARD.encode(draw.bytes(length * 3 / 4)),
        "password" => format!(
            "{}#{}!{}",
            draw.word(3),
            draw.from("0123456789", 2),
            draw.word(length.max(12) - 7)
        ),
        "basic" => STANDARD.encode(format!("ada:{}", draw.word(22))),
        "pem" | "pem_short" => {
            lines(&STANDARD.encode(draw.bytes(if name == "pem" { 300 } else { 120 })), "\n")
        }
        "pem_escaped" => lines(&STANDARD.encode(draw.bytes(1_200)), "\\n"),
        "jwt" => {
            token(draw, r#"{"iss":"https://auth.openai.com","sub":"user-7","exp":1900000000}"#)
        }
        "jwt_service" => token(
            draw,
            r#"{"iss":"supabase","ref":"abcdwxyz","role":"service_role","iat":1,"exp":1900000000}"#,
        ),
        "jwt_anon" => token(
            draw,
            r#"{"iss":"supabase","ref":"abcdwxyz","role":"anon","iat":1,"exp":1900000000}"#,
        ),
        other => prefixed(other, draw),
    }
}

fn lines(text: &str, end: &str) -> String {
    text.as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line))
        .collect::<Vec<_>>()
        .join(end)
}

fn token(draw: &mut Draw, claims: &str) -> String {
    let parts = [br#"{"alg":"HS256","typ":"JWT"}"#.as_slice(), claims.as_bytes(), &draw.bytes(32)];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

/// What has a prefix: how a provider's own look.
fn prefixed(name: &str, draw: &mut Draw) -> String {
    let capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    match name {
        "github" => checked("ghp_", draw),
        "github_oauth" => checked("gho_", draw),
        "github_fine" => format!("github_pat_{}_{}", draw.word(22), draw.word(59)),
        "npm" => checked("npm_", draw),
        "gitlab" => format!("glpat-{}", draw.word(20)),
        "stripe_live" => format!("sk_live_51{}", draw.word(97)),
        "stripe_restricted" => format!("rk_live_51{}", draw.word(97)),
        "stripe_test" => format!("sk_test_51{}", draw.word(97)),
        "sendgrid" => format!("SG.{}.{}", draw.word(22), draw.word(43)),
        "slack" => format!(
            "xoxb-{}-{}-{}",
            draw.from("123456789", 12),
            draw.from("123456789", 12),
            draw.word(24)
        ),
        "slack_webhook" => {
            format!("T0{}/B0{}/{}", draw.from(capitals, 9), draw.from(capitals, 9), draw.word(24))
        }
        "openai" => format!("sk-proj-{}", draw.word(156)),
        "anthropic" => format!("sk-ant-api03-{}AA", draw.word(93)),
        "anthropic_oauth" => format!("sk-ant-oat01-{}AA", draw.word(93)),
        "aws_id" => format!("AKIA{}", draw.from(capitals, 16)),
        "aws_secret" => STANDARD.encode(draw.bytes(30)),
        "huggingface" => format!("hf_{}", draw.word(34)),
        "digitalocean" => format!("dop_v1_{}", draw.hex(64)),
        "linear" => format!("lin_api_{}", draw.word(40)),
        "mailgun" => format!("{}-{}-{}", draw.hex(32), draw.hex(8), draw.hex(8)),
        "fly" => format!("fm2_{}", STANDARD.encode(draw.bytes(150))),
        "render" => format!("rnd_{}", draw.word(28)),
        "pypi" => format!("pypi-AgEIcHlwaS5vcmc{}", draw.word(150)),
        "google" => format!("ya29.a0{}", draw.word(160)),
        "google_client" => format!("GOCSPX-{}", draw.word(28)),
        "google_refresh" => format!("1//0g{}-L9Ir{}", draw.word(20), draw.word(60)),
        "crates" => format!("cio{}", draw.word(32)),
        "age" => format!("AGE-SECRET-KEY-1{}", draw.from("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
        "vault" => format!("hvs.CAESI{}", draw.word(90)),
        "supabase" => format!("sbp_{}", draw.hex(40)),
        "terraform" => format!("{}.atlasv1.{}", draw.word(14), draw.word(67)),
        other => panic!("no format for the marker {other}"),
    }
}

/// A token that ends with its own checksum, as GitHub and npm make them.
fn checked(prefix: &str, draw: &mut Draw) -> String {
    let digits: Vec<char> =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".chars().collect();
    let body = draw.word(30);
    let step = |sum: u32, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
    let mut sum =
        !body.bytes().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(byte), step));
    let mut checksum = Vec::new();
    for _ in 0..6 {
        checksum.push(digits[sum as usize % 62]);
        sum /= 62;
    }
    format!("{prefix}{body}{}", checksum.into_iter().rev().collect::<String>())
}
