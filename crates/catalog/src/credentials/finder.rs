//! One search of the bytes for all that could begin a credential, then a closer look at each place.

use std::{ops::Range, sync::OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::{
    Confidence, Found, Sink,
    assignments::{self, Assignment},
    documents, headers,
    kinds::{self, FORMATS, Kind},
    names::{self, Named, Says},
    providers,
    role::{Role, Writes},
    sinks,
    text::{Lines, Text},
    tokens, urls,
    value::{self, LEAST, Shape},
    writing::{Code, Writing},
};

/// The most that is told of one input: beyond it, a file is a heap of secrets and nothing else.
pub const FINDS_MAX: usize = 10_000;
/// The longest value of a name.
pub const VALUE_BYTES_MAX: usize = 8_192;
/// Closer looks at one word, or at so many bytes of one that is longer.
const LOOKS_MAX: usize = 256;

/// A longer value is a credential only as base64; anything else is text with names in it, whose
/// values are looked at one by one, and reading the whole text for each would never end.
const PLAIN_BYTES_MAX: usize = 512;

/// Parts of names that say a credential.
const NAME_PARTS: &[&str] = &[
    "token",
    "secret",
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "_pass",
    ".pass",
    "apikey",
    "key",
    "credential",
    "_auth",
    "\"auth\"",
    "jwt",
    "_pat",
    "pass=",
    "pass:",
    "sharedaccess",
    "pepper",
    "_salt",
    "dsn",
];

/// What begins at a hit.
#[derive(Debug, Clone, Copy)]
enum Needle {
    Name,
    Namesake,
    Format(usize),
    Armour,
    Authority,
    WebToken,
    Bearer,
    Basic,
    User,
    Flag,
}

/// Finds credentials. Made once, it can be used by any number of threads.
#[derive(Debug)]
pub struct Finder {
    /// Some, unless the table above grew past what an automaton can count (a test sees to it).
    search: Option<AhoCorasick>,
    needles: Vec<Needle>,
}

/// What a closer look came to.
struct Candidate {
    span: Range<usize>,
    code: Code,
    kind: &'static Kind,
    confidence: Confidence,
    name: Option<String>,
    provider: Option<&'static providers::Provider>,
    local: bool,
    host: Option<String>,
}

impl Candidate {
    fn new(span: Range<usize>, code: Code, kind: &'static Kind, confidence: Confidence) -> Self {
        Self { span, code, kind, confidence, name: None, provider: None, local: false, host: None }
    }

    /// Which of two that overlap tells more.
    fn rank(&self) -> (bool, Confidence, bool, usize) {
        let whole = self.kind == &kinds::PRIVATE_KEY;
        (whole, self.confidence, self.kind.provider.is_some(), self.span.len())
    }
}

/// What is being searched.
struct Search<'a> {
    bytes: &'a [u8],
    role: Role,
    /// Where the last name ended that was looked at: its parts are no names of their own.
    named_to: usize,
    /// The same for what could be a JSON Web Token, lest one long word is read at each of its parts.
    web_token_to: usize,
    /// Where the word ends that is looked at, and how often it was.
    word_to: usize,
    looks: usize,
    candidates: Vec<Candidate>,
}

impl Default for Finder {
    fn default() -> Self {
        Self::new()
    }
}

impl Finder {
    /// A finder of everything that is known. It takes a part of a millisecond: make it once.
    pub fn new() -> Self {
        let (words, needles): (Vec<&str>, Vec<Needle>) = needles().unzip();
        // A DFA would search in two thirds of the time, and take a millisecond to make: each run
        // waits for that, and few have so much to search.
        let kind = Some(AhoCorasickKind::ContiguousNFA);
        let search = AhoCorasick::builder().ascii_case_insensitive(true).kind(kind).build(words);
        Self { search: search.ok(), needles }
    }

    /// The finder of this process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Finder> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    /// The credentials in the file at `path`, whose bytes are `bytes`; by where they are, none
    /// over another, at most [`FINDS_MAX`].
    ///
    /// Of `path` only the text counts, relative to what is searched.
    pub fn find_in(&self, path: &str, bytes: &[u8]) -> Vec<Found> {
        let text = Text::of(bytes);
        let role = Role::of(path);
        let found = self.candidates(role, &text);
        let mut lines = Lines::of(&text.bytes);
        found.into_iter().map(|it| it.found(&text, role, &mut lines)).collect()
    }

    /// The credential in the variable `name`; its span is within `value`.
    pub fn find_variable(&self, name: &str, value: &str) -> Option<Found> {
        // Where a shell is, and no password.
        if matches!(name, "PWD" | "OLDPWD" | "INIT_CWD") {
            return None;
        }
        let line = format!("{name}={value}\n");
        let found = self.find_in(".env", line.as_bytes());
        let before = name.len() + 1;
        let mut found = found.into_iter().max_by_key(|found| found.span.len())?;
        found.span = found.span.start.checked_sub(before)?..found.span.end.checked_sub(before)?;
        Some(found)
    }

    fn candidates(&self, role: Role, text: &Text<'_>) -> Vec<Candidate> {
        let bytes: &[u8] = &text.bytes;
        let mut search = Search {
            bytes,
            role,
            named_to: 0,
            web_token_to: 0,
            word_to: 0,
            looks: 0,
            candidates: Vec::new(),
        };
        search.documents();
        for hit in self.search.iter().flat_map(|it| it.find_overlapping_iter(bytes)) {
            let needle = self.needles.get(hit.pattern().as_usize());
            if let Some(needle) = needle
                && !search.has_looked_enough(hit.start())
            {
                search.look(*needle, hit.range(), text.binary);
            }
            if search.candidates.len() >= FINDS_MAX {
                break;
            }
        }
        search.settled()
    }
}

/// All that is searched for, and what begins there.
fn needles() -> impl Iterator<Item = (&'static str, Needle)> {
    let names = NAME_PARTS.iter().map(|part| (*part, Needle::Name));
    let formats = FORMATS.iter().enumerate();
    let formats = formats.filter_map(|(at, kind)| Some((kind.format?.prefix, Needle::Format(at))));
    let others = [
        ("-----BEGIN ", Needle::Armour),
        ("://", Needle::Authority),
        ("eyJ", Needle::WebToken),
        ("bearer ", Needle::Bearer),
        ("basic ", Needle::Basic),
        (" -u ", Needle::User),
        (" --user ", Needle::User),
        (" -p", Needle::Flag),
    ];
    let namesakes = providers::namesakes().map(|provider| (provider.name, Needle::Namesake));
    names.chain(namesakes).chain(formats).chain(others)
}

impl Search<'_> {
    /// Whether the word around `at` has had all the looks that one gets: a text that is made of
    /// beginnings only would be read to its end at each of them.
    fn has_looked_enough(&mut self, at: usize) -> bool {
        if at >= self.word_to {
            let rest = self.bytes.get(at..).unwrap_or_default().iter().take(VALUE_BYTES_MAX);
            self.word_to = at + rest.take_while(|byte| !byte.is_ascii_whitespace()).count() + 1;
            self.looks = 0;
        }
        self.looks += 1;
        self.looks > LOOKS_MAX
    }

    /// A closer look at one hit.
    fn look(&mut self, needle: Needle, hit: Range<usize>, binary: bool) {
        match needle {
            Needle::Format(index) => {
                let shaped = tokens::prefixed(self.bytes, hit.start, index);
                self.shaped(shaped);
            }
            Needle::Armour => self.shaped(tokens::private_key(self.bytes, hit.start)),
            Needle::WebToken if hit.start >= self.web_token_to => {
                self.web_token_to = tokens::web_token_end(self.bytes, hit.start);
                self.shaped(tokens::web_token(self.bytes, hit.start));
            }
            Needle::Authority => self.password(hit.start),
            Needle::Name if !binary => self.named(&hit),
            Needle::Namesake if !binary => self.namesake(&hit),
            Needle::Bearer => self.carried(headers::bearer(self.bytes, hit.end), "Authorization"),
            Needle::Basic => self.carried(headers::basic(self.bytes, hit.end), "Authorization"),
            Needle::User if !binary => self.carried(headers::user(self.bytes, hit.end), "user"),
            Needle::Flag if !binary => self.carried(headers::flag(self.bytes, hit.end), "password"),
            Needle::Name | Needle::Namesake => {}
            Needle::User | Needle::Flag | Needle::WebToken => {}
        }
    }

    fn shaped(&mut self, shaped: Option<tokens::Shaped>) {
        let made = |it: tokens::Shaped| {
            let local = it.kind == &kinds::PRIVATE_KEY;
            Candidate { local, ..Candidate::new(it.span, it.code, it.kind, it.confidence) }
        };
        self.candidates.extend(shaped.map(made));
    }

    fn carried(&mut self, carried: Option<headers::Carried>, name: &str) {
        let made = |it: headers::Carried| Candidate {
            name: Some(name.to_owned()),
            ..Candidate::new(it.span, it.code, it.kind, Confidence::Likely)
        };
        self.candidates.extend(carried.map(made));
    }

    fn password(&mut self, at: usize) {
        let made = |it: urls::Password| {
            let sure =
                if urls::is_local(&it.host) { Confidence::Possible } else { Confidence::Likely };
            let host = (!urls::is_local(&it.host)).then_some(it.host);
            let name = Some(format!("{} password", it.scheme));
            Candidate { host, name, ..Candidate::new(it.span, it.code, &kinds::URL_PASSWORD, sure) }
        };
        self.candidates.extend(urls::password(self.bytes, at).map(made));
    }

    /// Files that name nothing.
    fn documents(&mut self) {
        let made = |it: documents::Entry| Candidate {
            host: it.host,
            ..Candidate::new(it.span, Code::Plain, &kinds::PASSWORD, Confidence::Certain)
        };
        match self.role.writes {
            Writes::Pgpass => {
                self.candidates.extend(documents::pgpass(self.bytes).take(FINDS_MAX).map(made))
            }
            Writes::Bare => self.candidates.extend(documents::bare(self.bytes).map(made)),
            _ => {}
        }
    }

    /// A name that says a credential, with its value.
    fn named(&mut self, hit: &Range<usize>) {
        if hit.start < self.named_to {
            return;
        }
        let quoted = self.bytes.get(hit.start) == Some(&b'"');
        let hit = hit.start + usize::from(quoted)..hit.end - usize::from(quoted);
        let name = assignments::name_at(self.bytes, &hit);
        self.named_to = name.end;
        // The user of a URL, whose password is looked at where it stands.
        if self.bytes.get(..name.start).is_some_and(|before| before.ends_with(b"://")) {
            return;
        }
        let Some(text) = self.bytes.get(name.clone()).and_then(|it| std::str::from_utf8(it).ok())
        else {
            return;
        };
        let Some(found) = assignments::value_of(self.bytes, name, self.role.writes) else { return };
        let Some(named) = names::read(text) else { return };
        let candidate = self.base64_pair(text, &found).or_else(|| self.judged(named, &found));
        let made = |it| Candidate {
            name: Some(text.to_owned()),
            provider: named.provider,
            local: named.local,
            ..it
        };
        self.candidates.extend(candidate.map(made));
    }

    /// A name that is a provider's and says no more (`datadog = "…"`): its value is a key if it is as
    /// long as one and drawn.
    fn namesake(&mut self, hit: &Range<usize>) {
        let name = assignments::name_at(self.bytes, hit);
        let text =
            self.bytes.get(name.clone()).filter(|_| name == *hit && hit.start >= self.named_to);
        let Some(text) = text.and_then(|it| std::str::from_utf8(it).ok()) else { return };
        let writes = self.role.writes;
        let Some(found) = assignments::value_of(self.bytes, name, writes) else { return };
        let written = found.quoted || matches!(writes, Writes::Settings | Writes::Commands);
        let raw = self.bytes.get(found.value.clone()).filter(|_| written);
        if raw.is_some_and(value::is_drawn_key) {
            self.candidates.push(Candidate {
                name: Some(text.to_owned()),
                provider: providers::provider(&text.to_ascii_lowercase()),
                ..Candidate::new(found.value, found.code, &kinds::PROVIDER, Confidence::Possible)
            });
        }
    }

    /// Docker's `"auth": "base64 of user:password"` and npm's `_auth`.
    fn base64_pair(&self, name: &str, found: &Assignment) -> Option<Candidate> {
        let of_pair = matches!(name, "auth" | "_auth" | "Authorization" | "authorization");
        let carried = headers::pair(self.bytes, found.value.clone()).filter(|_| of_pair)?;
        Some(Candidate::new(carried.span, carried.code, carried.kind, Confidence::Certain))
    }

    /// Whether the value of a name is a credential.
    fn judged(&self, named: Named, found: &Assignment) -> Option<Candidate> {
        let raw = self.bytes.get(found.value.clone())?;
        if raw.len() > PLAIN_BYTES_MAX && !is_base64(raw) {
            return None;
        }
        let value = found.code.read(raw)?;
        let netrc = self.role.writes == Writes::Netrc;
        // A URL is looked at where its password stands.
        if tokens::contains(&value, b"://") || value.len() < if netrc { 4 } else { LEAST } {
            return None;
        }
        let shape = value::shape(&value);
        let (kind, confidence) = judge(named, shape, &value, self.role.writes, found.quoted)?;
        Some(Candidate::new(found.value.clone(), found.code, kind, confidence))
    }

    /// None over another, by where they are; only what is certain in quiet files.
    fn settled(self) -> Vec<Candidate> {
        let quiet = self.role.quiet;
        let mut all: Vec<Candidate> = self.candidates;
        if quiet {
            all.retain(|it| {
                it.confidence == Confidence::Certain
                    && it.kind.provider.is_some()
                    && it.kind.mark != kinds::Mark::Test
                    && !it.kind.is_public_in_programs()
            });
        }
        all.sort_by_key(|it| (it.span.start, std::cmp::Reverse(it.span.end)));
        let mut settled: Vec<Candidate> = Vec::with_capacity(all.len());
        for next in all {
            match settled.last_mut() {
                Some(last) if last.span.end > next.span.start => join(last, next),
                _ => settled.push(next),
            }
        }
        settled
    }
}

/// Of two that overlap the better, with what only the other knows.
fn join(last: &mut Candidate, next: Candidate) {
    let other = match next.rank() > last.rank() {
        true => std::mem::replace(last, next),
        false => next,
    };
    fill(last, other);
}

fn fill(kept: &mut Candidate, other: Candidate) {
    kept.local |= other.local && kept.kind.provider.is_none();
    kept.provider = kept.provider.or(other.provider);
    kept.host = kept.host.take().or(other.host);
    kept.name = kept.name.take().or(other.name);
}

/// What a value is, given what its name says and how it looks.
fn judge(
    named: Named,
    shape: Shape,
    value: &[u8],
    writes: Writes,
    quoted: bool,
) -> Option<(&'static Kind, Confidence)> {
    use Confidence::{Certain, Likely, Possible};
    let plain = match (named.local, named.provider) {
        (true, _) => &kinds::KEY,
        (_, Some(_)) => &kinds::PROVIDER,
        _ => &kinds::TOKEN,
    };
    let written = matches!(writes, Writes::Settings | Writes::Commands | Writes::Netrc);
    match (named.says, shape) {
        (_, Shape::Placeholder) => None,
        // Without quotes it is code, unless it stands in a comment or a dump.
        (says, shape) if writes == Writes::Code && !quoted => {
            let drawn = shape == Shape::Uuid || shape == Shape::Random && has_digits(value);
            (says == Says::Known && drawn).then_some((plain, Possible))
        }
        (_, Shape::Words) if value::is_about_itself(value) && writes != Writes::Netrc => None,
        (Says::Password, _) if writes == Writes::Netrc => Some((&kinds::PASSWORD, Certain)),
        (Says::Known, Shape::Random | Shape::Uuid) => Some((plain, Likely)),
        (Says::Known, Shape::Chosen) if written => Some((plain, Possible)),
        (Says::Secret, Shape::Random) => Some((plain, Likely)),
        (Says::Secret, Shape::Uuid) => Some((plain, if written { Likely } else { Possible })),
        (Says::Secret, Shape::Chosen) if written && value.len() >= 12 => Some((plain, Possible)),
        (Says::Secret, Shape::Words) if written && named.local && value.len() >= 16 => {
            Some((plain, Possible))
        }
        (Says::Password, Shape::Random) => Some((&kinds::PASSWORD, Likely)),
        (Says::Password, Shape::Chosen) if written => Some((&kinds::PASSWORD, Likely)),
        (Says::Password, Shape::Chosen) if quoted || writes == Writes::Prose => {
            Some((&kinds::PASSWORD, Possible))
        }
        (Says::Password, Shape::Words)
            if writes == Writes::Settings && value.len() >= 12 && !quoted =>
        {
            Some((&kinds::PASSWORD, Possible))
        }
        (Says::Perhaps, Shape::Random) if written && value.len() >= 20 => Some((plain, Possible)),
        _ => None,
    }
}

/// Base64 (RFC 4648), with its padding at the end.
fn is_base64(raw: &[u8]) -> bool {
    let length = raw.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let is = |byte: &u8| kinds::Letters::Dotted.has(*byte) || matches!(byte, b'+' | b'/');
    raw.get(..length).is_some_and(|text| text.iter().all(is))
}

/// Three digits and no dot: more than the name of anything has.
fn has_digits(value: &[u8]) -> bool {
    value.iter().filter(|byte| byte.is_ascii_digit()).count() >= 3 && !value.contains(&b'.')
}

impl Candidate {
    fn found(self, text: &Text<'_>, role: Role, lines: &mut Lines<'_>) -> Found {
        let provider = self.kind.provider.or(self.provider.map(|it| it.name));
        let sink = match (self.local, &self.host, provider.and_then(providers::provider)) {
            (true, ..) => Sink::Here,
            (_, Some(host), _) => Sink::Hosts(vec![host.clone()]),
            (_, None, Some(provider)) if !provider.hosts().is_empty() => {
                Sink::Hosts(provider.hosts().into_iter().map(str::to_owned).collect())
            }
            _ => sinks::beside(&text.bytes, &self.span, role.writes)
                .map_or(Sink::Unknown, |host| Sink::Hosts(vec![host])),
        };
        let line = lines.line_of(self.span.start);
        Found {
            line,
            name: self.name.unwrap_or_else(|| self.kind.name.to_owned()),
            kind: self.kind,
            provider,
            sink,
            confidence: self.confidence,
            writing: Writing { unit: text.unit, code: self.code },
            span: text.outer(self.span.start)..text.outer(self.span.end),
        }
    }
}
