//! What a value looks like, and which values are nobody's secret.

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A UUID (RFC 9562): an identifier or a token, as its name says.
    Uuid,
    /// Drawn at random, by all that can be seen.
    Random,
    /// Somebody thought of it: letters with digits or signs.
    Chosen,
    /// Words, or a word.
    Words,
    /// Stands for a value.
    Placeholder,
}

/// The fewest characters of anything secret: below, a stand-in could be an ordinary word.
pub(super) const LEAST: usize = 8;
/// The fewest characters that tell chance from a word.
const RANDOM_LEAST: usize = 16;
/// The fewest hexadecimal digits that are no number.
const HEX_LEAST: usize = 24;

/// What `value` looks like.
pub(super) fn shape(value: &[u8]) -> Shape {
    if is_uuid(value) {
        let sample = distinct(value) < 6
            || value.starts_with(b"12345678-")
            || value.starts_with(b"deadbeef-");
        return if sample { Shape::Placeholder } else { Shape::Uuid };
    }
    if is_placeholder(value) {
        return Shape::Placeholder;
    }
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let plain = value.iter().filter(|byte| is_plain(**byte)).count();
    if value.iter().all(u8::is_ascii_hexdigit) && value.len() >= HEX_LEAST && distinct(value) >= 6 {
        return Shape::Random;
    }
    let mixed = value.len() >= RANDOM_LEAST && letters > 0 && plain == value.len();
    if mixed
        && entropy(value) >= 3.2
        && (digits >= 2 || turns(value) * 4 >= value.len())
        && !is_path(value)
    {
        return Shape::Random;
    }
    let signs = value.iter().any(|byte| {
        byte.is_ascii_punctuation() && !matches!(byte, b'-' | b'_' | b'.' | b'/' | b':')
    });
    let sentence = value.contains(&b' ') && digits == 0;
    match letters > 0 && (digits > 0 || signs) && !sentence {
        true => Shape::Chosen,
        false => Shape::Words,
    }
}

/// A key by its looks alone: as many hexadecimal digits as keys have and digests have not (but for MD5
/// and SHA-1), or base64 with both cases and digits. Nothing in it stands apart, as in a path.
pub(super) fn is_drawn_key(value: &[u8]) -> bool {
    let has = |of: fn(&u8) -> bool| value.iter().filter(|byte| of(byte)).count() >= 3;
    let letters =
        value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'='));
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let mixed =
        || has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let drawn = if hex { matches!(value.len(), 32 | 40 | 48) } else { letters && mixed() };
    drawn && (32..=128).contains(&value.len()) && shape(value) == Shape::Random
}

/// 8-4-4-4-12 hexadecimal digits.
pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'_'
                | b'.'
                | b'+'
                | b'/'
                | b'='
                | b'~'
                | b':'
                | b'|'
                | b'!'
                | b'@'
                | b'#'
                | b'%'
                | b'^'
                | b'&'
                | b'*'
                | b'?'
                | b','
                | b';'
                | b'$'
        )
}

/// Words between slashes or dots, with a digit here and there: a path, a package, a class.
fn is_path(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| matches!(byte, b'/' | b'.' | b'-' | b'_' | b':' | b','));
    parts.clone().count() >= 3 && parts.all(|part| part.len() < 16 && turns(part) <= 3)
}

/// How often the class of a character changes from one to the next, a capital before small
/// letters aside: words change rarely, chance often.
fn turns(value: &[u8]) -> usize {
    let class = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let turn = |pair: &[u8]| match pair {
        [before, after] => {
            class(*before) != class(*after) && (class(*before), class(*after)) != (2, 1)
        }
        _ => false,
    };
    value.windows(2).filter(|pair| turn(pair)).count()
}

/// Bits a character, as its own frequencies say (Shannon 1948).
pub(super) fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let all = value.len() as f64;
    let part = |count: u32| {
        let share = f64::from(count) / all;
        -share * share.log2()
    };
    counts.into_iter().filter(|count| *count > 0).map(part).sum()
}

fn distinct(value: &[u8]) -> usize {
    let mut seen = [false; 256];
    for byte in value {
        if let Some(slot) = seen.get_mut(usize::from(*byte)) {
            *slot = true;
        }
    }
    seen.into_iter().filter(|seen| *seen).count()
}

/// What values begin with that come from elsewhere.
const REFERENCES: &[&str] = &[
    "$",
    "%",
    "{{",
    "{env:",
    "{file:",
    "<",
    "[",
    "(",
    "@",
    "process.",
    "os.",
    "env.",
    "env(",
    "env:",
    "secrets.",
    "vars.",
    "var.",
    "local.",
    "data.",
    "op://",
    "vault:",
    "ref+",
    "arn:",
    "file:",
    "sm://",
    "ssm:",
    "keychain:",
    "!vault",
    "enc[",
    "{cipher}",
    "enc:",
    "config.",
    "import.",
    "self.",
    "this.",
    "settings.",
    "args.",
    "params.",
    "base64:{{",
    "projects/",
    "sha1-",
    "sha256",
    "sha384-",
    "sha512",
    "md5:",
    "$2a$",
    "$2b$",
    "$argon",
    "age1",
    "http://",
    "https://",
];
/// What stands in values that wait to be replaced.
const WAITING: &[&str] = &[
    "example",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "replace",
    "redacted",
    "your-",
    "your_",
    "yourtoken",
    "yourapi",
    "yourkey",
    "yoursecret",
    "dummy",
    "fake",
    "xxxx",
    "****",
    "....",
    "____",
    "todo",
    "fixme",
    "insert",
    "sample",
    "not-a-real",
    "notreal",
    "not_real",
    "-here",
    "_here",
    "<",
    "${",
    "{{",
    "$(",
    "foobar",
    "mytoken",
    "my-token",
    "my_token",
    "mysecret",
    "my-secret",
    "my_secret",
    "mypassword",
    "my-password",
    "my_password",
    "superset",
    "lorem",
    "for-test",
    "for_test",
    "test-only",
    "test_only",
    "testtoken",
    "test-token",
    "test_token",
    "test-secret",
    "test_secret",
    "test-key",
    "test_key",
    "testkey",
    "testsecret",
    "test-password",
    "testpassword",
    "test_password",
    "test-api",
    "test_api",
    "hunter2",
    "12345678",
    "abcdefgh",
    "abcd1234",
    "abc123",
    "deadbeef",
    "cafebabe",
    "0000000",
    "1111111",
    "aaaaaaa",
    "qwerty",
    "asdfgh",
    "loremipsum",
];
/// What people write where nothing is to be kept from anybody.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "p@ssw0rd",
    "password1",
    "password123",
    "passwd",
    "secret",
    "secrets",
    "secretkey",
    "secret_key",
    "supersecret",
    "super-secret",
    "super_secret",
    "supersecretkey",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "changeit",
    "letmein",
    "minioadmin",
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongo",
    "mongodb",
    "redis",
    "rabbitmq",
    "rootpassword",
    "rootroot",
    "root",
    "admin",
    "admin123",
    "administrator",
    "guest",
    "user",
    "username",
    "default",
    "undefined",
    "null",
    "none",
    "true",
    "false",
    "string",
    "required",
    "optional",
    "development",
    "production",
    "staging",
    "localhost",
    "testing",
    "test1234",
    "test123",
    "integration",
    "unset",
    "disabled",
    "enabled",
    "anonymous",
    "x-oauth-basic",
    "x-access-token",
    "oauth2",
    "bearer",
    "basic",
    "inherit",
    "hidden",
    "masked",
    "unknown",
    "pass1234",
    "insecure",
    "notasecret",
    "opensesame",
    "elastic",
    "grafana",
    "keycloak",
    "webpack",
    "dev-secret",
    "devsecret",
    "dev-password",
];

/// Words that say what they are: the name of a setting, of a key, of a field; or a reference.
pub(super) fn is_about_itself(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let lower = String::from_utf8_lossy(&lower);
    ["password", "secret", "token", "key", "."].iter().any(|word| lower.contains(word))
}

/// Whether `value` stands for another one, or is what everybody writes.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let lower = String::from_utf8_lossy(&lower);
    // Chance writes a word of four letters into a long value now and then.
    let long = value.len() >= 40;
    let counts =
        |it: &str| !long || it.len() >= 7 || !it.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let trimmed = lower.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    REFERENCES.iter().any(|it| lower.starts_with(it))
        || WAITING.iter().any(|it| counts(it) && lower.contains(it))
        || COMMON.contains(&trimmed)
        || trimmed.is_empty()
        || lower.starts_with("your")
        || distinct(value) < 4
        || value.iter().all(|byte| byte.is_ascii_digit())
        || value.contains(&b' ') && value.len() < 20
}

#[cfg(test)]
mod tests {
    use super::{Shape, shape};

    #[test]
    fn chance_words_and_placeholders_are_told_apart() {
        for (value, expect) in [
            ("3d2c42fb-9f1e-4b6a-8c0d-73aa51be90ab", Shape::Uuid),
            ("00000000-0000-0000-0000-000000000000", Shape::Placeholder),
            ("9f86d081884c7d659a2feaa0c55ad015", Shape::Random),
            ("kJ8sN2pQ7vXr4TzWm6Yb", Shape::Random),
            ("q/cdefGHI7k+mNo2qRs9uVwXyZ0a4B6c8D1eFgHi", Shape::Random),
            ("correct-horse-battery", Shape::Words),
            ("Tr0ub4dor&3", Shape::Chosen),
            ("changeme", Shape::Placeholder),
            ("your-api-key-goes-in-this-place", Shape::Placeholder),
            ("${RAILWAY_TOKEN}", Shape::Placeholder),
            ("{env:OPENAI_API_KEY}", Shape::Placeholder),
            ("{file:~/.secrets/openai-key}", Shape::Placeholder),
            ("xxxxxxxxxxxxxxxx", Shape::Placeholder),
            ("postgres", Shape::Placeholder),
            ("org.example.thing", Shape::Placeholder),
            ("com.acme.v2.tokens.Reader", Shape::Words),
        ] {
            let found = shape(value.as_bytes());
            let same = found == expect || (expect == Shape::Words && found == Shape::Chosen);
            assert!(same, "{value}: {found:?}");
        }
    }
}
