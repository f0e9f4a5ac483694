//! Patterns over names: `*` stands for any run of characters, everything else for itself.

/// Whether `name` matches `pattern`. Takes time in proportion to the product of the lengths, so
/// both are bounded where they are read.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (mut pattern_rest, mut name_rest) = (pattern.chars(), name.chars());
    let mut retry = None;
    loop {
        let here = (pattern_rest.clone(), name_rest.clone());
        match (pattern_rest.next(), name_rest.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                name_rest = here.1;
                retry = Some((pattern_rest.clone(), name_rest.clone()));
            }
            (Some(expected), Some(found)) if expected == found => {}
            _ => {
                let Some((after_star, tried)) = &mut retry else { return false };
                if tried.next().is_none() {
                    return false;
                }
                pattern_rest = after_star.clone();
                name_rest = tried.clone();
            }
        }
    }
}

/// Whether a host (lower case, no trailing dot) matches a pattern: the host itself, or
/// `*.example.com` for everything below `example.com`.
pub fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => {
            host.strip_suffix(domain).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        }
        None => pattern.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every way to read a star, tried out.
    fn slowly(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=name.len()).any(|from| slowly(rest, &name[from..])),
            ([p, pattern @ ..], [n, name @ ..]) => p == n && slowly(pattern, name),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_is_what_trying_everything_finds(
            pattern in "[ab]{0,2}[ab*]{0,6}", name in "[ab]{0,8}",
        ) {
            let expect = slowly(pattern.as_bytes(), name.as_bytes());
            prop_assert_eq!(matches(&pattern, &name), expect);
        }
    }

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, name, expected) in [
            ("railway:customDomain*", "railway:customDomainDelete", true),
            ("railway:customDomain*", "railway:customDomain", true),
            ("railway:customDomain*", "railway:volumeDelete", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-", false),
            ("*Delete", "railway:volumeDelete", true),
            ("*Delete", "railway:volumeDeleted", false),
            ("**", "x", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_wildcard_host_is_what_lies_below_it() {
        for (pattern, host, expected) in [
            ("api.example.com", "api.example.com", true),
            ("*.example.com", "api.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "badexample.com", false),
            ("*.example.com", ".example.com", false),
        ] {
            assert_eq!(host_matches(pattern, host), expected, "{pattern} {host}");
        }
    }
}
