//! What credentials are, and the formats by which some can be told without any name.
//!
//! Sources: the providers' documents of their own formats (GitHub, GitLab, Stripe, AWS, Slack,
//! npm, PyPI and others); lengths are the least that were seen in use, so that a longer one of
//! tomorrow is found too.

/// What a credential is.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// What to call it (`github_token`).
    pub name: &'static str,
    /// Who gives it out.
    pub provider: Option<&'static str>,
    /// What its provider says that it is for.
    pub mark: Mark,
    /// How it is told without a name.
    pub(super) format: Option<Format>,
}

/// What a provider's own format says about a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    None,
    /// It acts on what is real.
    Live,
    /// It acts on what its provider keeps for tests.
    Test,
}

/// A format: a prefix and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) prefix: &'static str,
    /// The fewest and the most characters after the prefix.
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) letters: Letters,
    /// It ends with a checksum of itself.
    pub(super) checked: bool,
}

/// What a format is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// Letters and digits.
    Word,
    /// Letters, digits, `-` and `_`.
    Name,
    /// Letters, digits, `-`, `_` and `.`.
    Dotted,
    /// Hexadecimal digits.
    Hex,
    /// Capitals and digits.
    Capitals,
    /// Base64 with `+`, `/` and `=`.
    Base64,
}

impl Letters {
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Word => byte.is_ascii_alphanumeric(),
            Self::Name => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Base64 => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
            }
        }
    }
}

impl Kind {
    /// Whether it is no secret in a program that is handed out: Google says so of the client
    /// secrets of installed applications (<https://developers.google.com/identity/protocols/oauth2>).
    pub(super) fn is_public_in_programs(&self) -> bool {
        self.name == "google_client_secret"
    }
}

/// Whether its provider marks `value` as a key to what it keeps for tests.
pub fn is_test(value: &str) -> bool {
    let marked = FORMATS.iter().filter(|kind| kind.mark == Mark::Test);
    marked.filter_map(|kind| kind.format).any(|format| value.starts_with(format.prefix))
}

/// The kind of this name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    PLAIN.into_iter().chain(FORMATS).find(|kind| kind.name == name)
}

const fn plain(name: &'static str) -> Kind {
    Kind { name, provider: None, mark: Mark::None, format: None }
}

/// What is told by its name, its place or its armour.
static PLAIN: [&Kind; 8] =
    [&TOKEN, &PASSWORD, &KEY, &URL_PASSWORD, &PAIR_PASSWORD, &WEB_TOKEN, &PRIVATE_KEY, &PROVIDER];
/// A value whose name says that it is one.
pub(super) static TOKEN: Kind = plain("token");
/// A value whose name says that it is one.
pub(super) static PASSWORD: Kind = plain("password");
/// What signs or encrypts on this machine, by its name.
pub(super) static KEY: Kind = plain("local_key");
/// The password in a URL.
pub(super) static URL_PASSWORD: Kind = plain("url_password");
/// The password of a `Basic` pair (RFC 7617).
pub(super) static PAIR_PASSWORD: Kind = plain("basic_password");
/// A signed JSON Web Token (RFC 7519).
pub(super) static WEB_TOKEN: Kind = plain("json_web_token");
/// A private key (RFC 7468, OpenSSH, PuTTY, age).
pub(super) static PRIVATE_KEY: Kind = plain("private_key");
/// A value in a variable that a provider's own tools read.
pub(super) static PROVIDER: Kind = plain("provider_token");

const fn of(
    name: &'static str,
    provider: &'static str,
    prefix: &'static str,
    letters: Letters,
    (least, most): (usize, usize),
) -> Kind {
    let format = Format { prefix, least, most, letters, checked: false };
    Kind { name, provider: Some(provider), mark: Mark::None, format: Some(format) }
}

const fn checked(kind: Kind) -> Kind {
    match kind.format {
        Some(format) => Kind { format: Some(Format { checked: true, ..format }), ..kind },
        None => kind,
    }
}

const fn marked(kind: Kind, mark: Mark) -> Kind {
    Kind { mark, ..kind }
}

use self::Letters::{Base64, Capitals, Dotted, Hex, Name, Word};
use Mark::{Live, Test};

/// What is told by its format; of two prefixes that fit, the longer one counts.
pub(super) static FORMATS: &[Kind] = &[
    Kind { provider: None, ..of("age_key", "age", "AGE-SECRET-KEY-1", Capitals, (58, 58)) },
    checked(of("github_token", "github", "ghp_", Word, (36, 36))),
    checked(of("github_token", "github", "gho_", Word, (36, 36))),
    checked(of("github_token", "github", "ghu_", Word, (36, 36))),
    of("github_token", "github", "ghs_", Dotted, (36, 520)),
    of("github_token", "github", "ghr_", Word, (36, 76)),
    of("github_token", "github", "github_pat_", Name, (36, 255)),
    of("gitlab_token", "gitlab", "glpat-", Dotted, (20, 300)),
    of("gitlab_token", "gitlab", "gldt-", Name, (20, 64)),
    of("gitlab_token", "gitlab", "glrt-", Dotted, (20, 300)),
    of("gitlab_token", "gitlab", "glcbt-", Name, (20, 64)),
    of("gitlab_token", "gitlab", "glptt-", Name, (20, 64)),
    of("gitlab_token", "gitlab", "glft-", Name, (20, 64)),
    of("gitlab_token", "gitlab", "glagent-", Name, (20, 64)),
    of("gitlab_token", "gitlab", "gloas-", Name, (20, 80)),
    of("gitlab_token", "gitlab", "glsoat-", Name, (20, 64)),
    of("gitlab_token", "gitlab", "glimt-", Name, (20, 64)),
    marked(of("stripe_key", "stripe", "sk_live_", Word, (16, 255)), Live),
    marked(of("stripe_test_key", "stripe", "sk_test_", Word, (16, 255)), Test),
    marked(of("stripe_key", "stripe", "rk_live_", Word, (16, 255)), Live),
    marked(of("stripe_test_key", "stripe", "rk_test_", Word, (16, 255)), Test),
    of("webhook_secret", "stripe", "whsec_", Base64, (24, 100)),
    of("aws_access_key", "aws", "AKIA", Capitals, (16, 16)),
    of("aws_access_key", "aws", "ASIA", Capitals, (16, 16)),
    of("slack_token", "slack", "xoxb-", Name, (20, 200)),
    of("slack_token", "slack", "xoxp-", Name, (20, 200)),
    of("slack_token", "slack", "xoxa-", Name, (20, 200)),
    of("slack_token", "slack", "xoxe-", Name, (20, 300)),
    of("slack_token", "slack", "xoxe.", Dotted, (20, 300)),
    of("slack_token", "slack", "xoxr-", Name, (20, 200)),
    of("slack_token", "slack", "xoxs-", Name, (20, 200)),
    of("slack_token", "slack", "xoxc-", Name, (20, 200)),
    of("slack_token", "slack", "xoxd-", Base64, (20, 400)),
    of("slack_token", "slack", "xapp-", Name, (20, 200)),
    checked(of("npm_token", "npm", "npm_", Word, (36, 36))),
    of("pypi_token", "pypi", "pypi-", Name, (50, 400)),
    of("rubygems_key", "rubygems", "rubygems_", Hex, (48, 48)),
    of("crates_token", "crates", "cio", Word, (32, 32)),
    of("nuget_key", "nuget", "oy2", Word, (43, 43)),
    of("docker_token", "docker", "dckr_pat_", Name, (20, 64)),
    of("docker_token", "docker", "dckr_oat_", Name, (20, 64)),
    of("digitalocean_token", "digitalocean", "dop_v1_", Hex, (64, 64)),
    of("digitalocean_token", "digitalocean", "doo_v1_", Hex, (64, 64)),
    of("digitalocean_token", "digitalocean", "dor_v1_", Hex, (64, 64)),
    of("huggingface_token", "huggingface", "hf_", Word, (30, 64)),
    of("huggingface_token", "huggingface", "api_org_", Word, (30, 64)),
    of("anthropic_key", "anthropic", "sk-ant-", Name, (40, 200)),
    of("openai_key", "openai", "sk-proj-", Name, (40, 255)),
    of("openai_key", "openai", "sk-svcacct-", Name, (40, 255)),
    of("openai_key", "openai", "sk-admin-", Name, (40, 255)),
    of("openai_key", "openai", "sk-", Word, (40, 64)),
    of("openrouter_key", "openrouter", "sk-or-v1-", Hex, (64, 64)),
    of("groq_key", "groq", "gsk_", Word, (40, 64)),
    of("xai_key", "xai", "xai-", Word, (60, 100)),
    of("perplexity_key", "perplexity", "pplx-", Word, (40, 64)),
    of("replicate_token", "replicate", "r8_", Word, (37, 37)),
    of("fireworks_key", "fireworks", "fw_", Word, (22, 64)),
    of("tavily_key", "tavily", "tvly-", Name, (20, 64)),
    of("langsmith_key", "langsmith", "lsv2_", Name, (40, 80)),
    of("pinecone_key", "pinecone", "pcsk_", Name, (40, 100)),
    of("google_api_key", "google", "AIza", Name, (35, 35)),
    of("google_token", "google", "ya29.", Dotted, (20, 2048)),
    of("google_client_secret", "google", "GOCSPX-", Name, (24, 48)),
    of("google_refresh_token", "google", "1//0", Name, (40, 200)),
    of("sendgrid_key", "sendgrid", "SG.", Dotted, (60, 72)),
    of("mailgun_key", "mailgun", "key-", Hex, (32, 32)),
    of("resend_key", "resend", "re_", Name, (24, 64)),
    of("supabase_token", "supabase", "sbp_", Hex, (40, 40)),
    of("supabase_token", "supabase", "sb_secret_", Name, (20, 80)),
    of("shopify_token", "shopify", "shpat_", Hex, (32, 32)),
    of("shopify_token", "shopify", "shpss_", Hex, (32, 32)),
    of("shopify_token", "shopify", "shpca_", Hex, (32, 32)),
    of("shopify_token", "shopify", "shppa_", Hex, (32, 32)),
    of("linear_key", "linear", "lin_api_", Word, (32, 64)),
    of("linear_key", "linear", "lin_oauth_", Word, (32, 80)),
    of("notion_token", "notion", "ntn_", Word, (40, 64)),
    of("notion_token", "notion", "secret_", Word, (43, 43)),
    of("vault_server_token", "vault_server", "hvs.", Dotted, (24, 200)),
    of("vault_server_token", "vault_server", "hvb.", Dotted, (24, 300)),
    of("figma_token", "figma", "figd_", Name, (30, 80)),
    of("postman_key", "postman", "PMAK-", Name, (50, 64)),
    of("atlassian_token", "atlassian", "ATATT3", Base64, (60, 300)),
    of("bitbucket_password", "bitbucket", "ATBB", Word, (28, 48)),
    of("airtable_token", "airtable", "pat", Dotted, (79, 79)),
    of("vercel_token", "vercel", "vcp_", Word, (24, 80)),
    of("fly_token", "fly", "fo1_", Name, (30, 80)),
    of("fly_token", "fly", "fm2_", Base64, (40, 2000)),
    of("fly_token", "fly", "fm1r_", Base64, (40, 2000)),
    of("neon_key", "neon", "napi_", Word, (40, 100)),
    of("planetscale_token", "planetscale", "pscale_tkn_", Name, (30, 80)),
    of("planetscale_password", "planetscale", "pscale_pw_", Name, (30, 80)),
    of("planetscale_token", "planetscale", "pscale_oauth_", Name, (30, 80)),
    of("databricks_token", "databricks", "dapi", Hex, (32, 34)),
    of("grafana_token", "grafana", "glsa_", Name, (40, 60)),
    of("grafana_token", "grafana", "glc_", Base64, (40, 400)),
    of("render_key", "render", "rnd_", Word, (24, 64)),
    of("netlify_token", "netlify", "nfp_", Word, (30, 64)),
    of("pulumi_token", "pulumi", "pul-", Hex, (40, 40)),
    of("doppler_token", "doppler", "dp.pt.", Word, (40, 48)),
    of("doppler_token", "doppler", "dp.st.", Dotted, (40, 80)),
    of("heroku_key", "heroku", "HRKU-", Name, (36, 80)),
    of("sentry_token", "sentry", "sntrys_", Base64, (60, 400)),
    of("sentry_token", "sentry", "sntryu_", Hex, (64, 64)),
    of("newrelic_key", "newrelic", "NRAK-", Word, (27, 27)),
    of("buildkite_token", "buildkite", "bkua_", Word, (40, 40)),
    of("circleci_token", "circleci", "CCIPAT_", Name, (40, 90)),
    of("square_token", "square", "EAAA", Name, (60, 60)),
    of("square_token", "square", "sq0csp-", Name, (43, 43)),
    of("dropbox_token", "dropbox", "sl.", Name, (100, 2000)),
    of("mapbox_token", "mapbox", "sk.eyJ", Dotted, (60, 300)),
    of("tailscale_key", "tailscale", "tskey-", Name, (20, 80)),
    of("slack_webhook", "slack", "hooks.slack.com/services/", Base64, (40, 80)),
    of("discord_webhook", "discord", "discord.com/api/webhooks/", Base64, (70, 120)),
    of("discord_token", "discord", "mfa.", Name, (80, 90)),
    of("sonar_token", "sonar", "sqp_", Hex, (40, 40)),
    of("sonar_token", "sonar", "squ_", Hex, (40, 40)),
    of("paypal_token", "paypal", "access_token$production$", Name, (40, 80)),
];
