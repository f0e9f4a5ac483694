//! `Set-Cookie` (RFC 6265 §5), and whose cookies a host may set.

use holdpoint_core::Timestamp;

/// Bytes of one `Set-Cookie`, at most: those of name, value and attributes together.
const COOKIE_BYTES_MAX: usize = 16 * 1024;

/// A cookie that an upstream sets.
#[derive(Clone, PartialEq, Eq)]
pub struct SetCookie {
    /// Its name.
    pub name: String,
    /// Its value, which may be a credential.
    pub value: String,
    /// The domain below which it may be sent; without it, only to the host that set it.
    pub domain: Option<String>,
    /// The path below which it may be sent.
    pub path: String,
    /// It may be sent over TLS only.
    pub secure: bool,
    /// How long it lives.
    pub lifetime: Lifetime,
}

impl std::fmt::Debug for SetCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetCookie").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How long a cookie lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// It is over: the upstream takes it back.
    Ended,
    /// So many seconds.
    Seconds(u64),
    /// Until the client ends.
    Run,
}

/// The cookie that `host` sets with this header in answer to a message to `request_path`; none
/// if it cannot be read, or if `host` may not set it: for another host, or for a public suffix.
pub fn set_cookie(
    host: &str,
    request_path: &str,
    header: &[u8],
    now: Timestamp,
) -> Option<SetCookie> {
    let text = std::str::from_utf8(header).ok().filter(|text| text.len() <= COOKIE_BYTES_MAX)?;
    let mut parts = text.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() && value.is_empty() {
        return None;
    }
    let mut cookie = SetCookie {
        name: name.to_owned(),
        value: value.to_owned(),
        domain: None,
        path: default_path(request_path).to_owned(),
        secure: false,
        lifetime: Lifetime::Run,
    };
    let mut max_age = None;
    let mut domain = String::new();
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match attribute.trim().to_ascii_lowercase().as_str() {
            "domain" => value.trim_start_matches('.').clone_into(&mut domain),
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "path" => default_path(request_path).clone_into(&mut cookie.path),
            "secure" => cookie.secure = true,
            "max-age" => max_age = lasting(value).or(max_age),
            "expires" => {
                if let Some(at) = moment(value) {
                    cookie.lifetime = until(at, now);
                }
            }
            _ => {}
        }
    }
    // Max-Age wins over Expires (RFC 6265 §5.3).
    cookie.lifetime = max_age.unwrap_or(cookie.lifetime);
    cookie.domain = match domain.to_ascii_lowercase() {
        domain if domain.is_empty() || domain == host => None,
        domain => Some(may_set(host, &domain).then_some(domain)?),
    };
    Some(cookie)
}

/// Whether `host` may set cookies for `domain`: it lies below it, and so does nobody else's.
fn may_set(host: &str, domain: &str) -> bool {
    let below = host.strip_suffix(domain).is_some_and(|label| label.ends_with('.'));
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    let own = psl::domain_str(domain).is_some_and(|registrable| {
        domain == registrable || domain.ends_with(&format!(".{registrable}"))
    });
    below && !is_address && own
}

/// Whether two hosts belong to one registrable domain, or are the same.
pub fn is_same_site(one: &str, other: &str) -> bool {
    let names = [one, other].iter().all(|host| host.parse::<std::net::IpAddr>().is_err());
    let domain = psl::domain_str(one);
    one == other || (names && domain.is_some() && domain == psl::domain_str(other))
}

/// The directory of a path (RFC 6265 §5.1.4).
fn default_path(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((directory, _)) if directory.starts_with('/') => directory,
        _ => "/",
    }
}

/// Whether a cookie for `cookie_path` goes with a message to `path` (RFC 6265 §5.1.4).
pub fn path_matches(cookie_path: &str, path: &str) -> bool {
    path.strip_prefix(cookie_path)
        .is_some_and(|rest| rest.is_empty() || cookie_path.ends_with('/') || rest.starts_with('/'))
}

fn lasting(value: &str) -> Option<Lifetime> {
    if value.starts_with('-') || value == "0" {
        return Some(Lifetime::Ended);
    }
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Lifetime::Seconds(value.parse().unwrap_or(u64::MAX)))
}

fn until(at: u64, now: Timestamp) -> Lifetime {
    match at.saturating_sub(now.0 / 1000) {
        0 => Lifetime::Ended,
        seconds => Lifetime::Seconds(seconds),
    }
}

/// Seconds since 1970 of a date as cookies write it: day, month, year and time in any order
/// (RFC 6265 §5.1.1).
fn moment(text: &str) -> Option<u64> {
    let (mut day, mut month, mut year, mut time) = (None, None, None, None);
    for word in text.split([' ', ',', '-', '\t']).filter(|word| !word.is_empty()) {
        let number = || word.parse::<u64>().ok();
        if word.contains(':') {
            time = time.or_else(|| clock(word));
        } else if let Some(found) = month_of(word) {
            month = month.or(Some(found));
        } else if word.len() <= 2 && day.is_none() {
            day = number();
        } else if year.is_none() {
            year = number();
        }
    }
    let year = match year? {
        two @ 0..=69 => two + 2000,
        two @ 70..=99 => two + 1900,
        four @ 1601..=9999 => four,
        _ => return None,
    };
    let days = days_since_1970(year, month?, day.filter(|day| (1..=31).contains(day))?)?;
    Some(days * 86_400 + time?)
}

fn clock(word: &str) -> Option<u64> {
    let mut parts = word.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    (hours < 24 && minutes < 60 && seconds < 61).then_some(hours * 3600 + minutes * 60 + seconds)
}

fn month_of(word: &str) -> Option<u64> {
    let months =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let begin = word.get(..3)?.to_ascii_lowercase();
    let at = months.iter().position(|month| *month == begin)?;
    u64::try_from(at + 1).ok()
}

/// Days from the civil calendar, in which a year begins in March; 0 before 1970.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    Some(days.saturating_sub(719_468))
}
