//! Credentials that can be told by their shape, wherever they are.

/// Prefix, the fewest characters that follow it. A UUID has no shape of its own: it counts only
/// in a place that is named for credentials.
/// Sources: GitHub's changelog of 2021-03-31 (authentication token formats), Stripe's API
/// reference (authentication), public lists of GitLab's token prefixes; the others, and all
/// lengths, from common use.
const PREFIXES: &[(&str, usize)] = &[
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("glagent-", 16),
    ("glcbt-", 16),
    ("gldt-", 16),
    ("glft-", 16),
    ("glffct-", 16),
    ("glimt-", 16),
    ("gloas-", 16),
    ("glptt-", 16),
    ("glrt-", 16),
    ("glsoat-", 16),
    ("glwt-", 16),
    ("ntn_", 20),
    ("sk-", 20),
    ("sk_live_", 10),
    ("sk_test_", 10),
    ("rk_live_", 10),
    ("rk_test_", 10),
    ("whsec_", 16),
    ("xoxa-", 10),
    ("xoxb-", 10),
    ("xoxe-", 10),
    ("xoxp-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    ("npm_", 20),
    ("pypi-", 20),
    ("rubygems_", 20),
    ("dckr_pat_", 16),
    ("rnd_", 16),
    ("dop_v1_", 20),
    ("doo_v1_", 20),
    ("hf_", 20),
    ("AIza", 30),
    ("ya29.", 16),
    ("SG.", 20),
    ("sbp_", 20),
    ("sb_secret_", 10),
    ("shpat_", 16),
    ("shpss_", 16),
    ("lin_api_", 16),
    ("hvs.", 16),
    ("figd_", 16),
    ("PMAK-", 16),
    ("ATATT3", 16),
    ("vcp_", 16),
    ("fo1_", 16),
    ("FlyV1", 8),
    ("napi_", 16),
    ("pscale_tkn_", 16),
    ("pscale_pw_", 16),
    ("dapi", 30),
    ("glsa_", 16),
    ("re_", 20),
];

/// AWS access key ids: a prefix of four letters and sixteen capitals or digits.
const AWS: &[&str] = &["AKIA", "ASIA"];

/// Whether `word` has the shape of a known credential.
pub(super) fn is_credential(word: &str) -> bool {
    let known = PREFIXES.iter().any(|(prefix, least)| {
        word.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() >= *least && has_digit_or_hump(rest))
    });
    known || is_aws(word) || is_jwt(word)
}

/// Whether a value in a place that is only perhaps a credential's looks like one.
pub(super) fn looks_secret(value: &str) -> bool {
    let digits = value.bytes().any(|byte| byte.is_ascii_digit());
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let plain = value.bytes().all(|byte| byte.is_ascii_graphic());
    value.len() >= 16 && digits && letters && plain
}

/// Random text has digits or capitals among small letters; a word after a prefix has not.
fn has_digit_or_hump(rest: &str) -> bool {
    rest.bytes().any(|byte| byte.is_ascii_digit())
        || rest.bytes().skip(1).any(|byte| byte.is_ascii_uppercase())
}

fn is_aws(word: &str) -> bool {
    AWS.iter().any(|prefix| {
        word.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() == 16
                && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
    })
}

/// A signed JSON Web Token (RFC 7519): three parts, the first of which begins with `{"`.
fn is_jwt(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let base64url = |part: &&str| {
        part.len() >= 4
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte))
    };
    word.starts_with("eyJ") && parts.len() == 3 && parts.iter().all(base64url)
}

/// The words of a text that could be credentials, with the bytes where they are.
pub(super) fn words(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, &str)> {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || "_-.~+".contains(letter);
    let start = text.as_ptr() as usize;
    text.split(move |letter: char| !inside(letter)).filter(|word| !word.is_empty()).map(
        move |word| {
            let at = (word.as_ptr() as usize).saturating_sub(start);
            (at..at + word.len(), word)
        },
    )
}
