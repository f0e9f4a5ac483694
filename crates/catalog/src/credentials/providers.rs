//! Who gives credentials out: the hosts that they are for, the variables in which they are looked
//! for, and where they are made anew.
//!
//! From the providers' public documents and from common use; not compared with the providers.

use crate::{hosts, issuers};

/// Who gives credentials out.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name, as operations have it (`railway`); a word of it in a variable's name is a hint.
    pub name: &'static str,
    /// Where its credentials are for, where neither an issuer nor a host of the catalogue says.
    hosts: &'static [&'static str],
    /// Variables that hold its credentials, those that its own tools read first.
    variables: &'static [&'static str],
    /// How many of them are given the phantom of a secret that is bound to it.
    lent: usize,
    /// How a credential of it is made anew.
    pub rotation: Rotation,
}

/// How a credential is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The credential itself may ask for its successor: method, path at the first host, and the
    /// field of the answer in which it stands. The old one ends with that.
    Api {
        /// `POST` or `PUT`.
        method: &'static str,
        /// Path and query.
        path: &'static str,
        /// The header that carries the credential.
        header: &'static str,
        /// The field of the JSON answer.
        field: &'static str,
    },
    /// A human makes a new one there.
    Page(&'static str),
    /// Nothing is known.
    Unknown,
}

impl Provider {
    /// Variables in which its tools look for a credential.
    pub fn variables(&self) -> &'static [&'static str] {
        self.variables.get(..self.lent).unwrap_or(self.variables)
    }

    const fn lent(self, lent: usize) -> Self {
        Self { lent, ..self }
    }

    /// Where its credentials may be sent.
    pub fn hosts(&self) -> Vec<&'static str> {
        if !self.hosts.is_empty() {
            return self.hosts.to_vec();
        }
        match issuers::named(self.name) {
            Some(issuer) => issuer.resources.to_vec(),
            None => hosts::names(self.name),
        }
    }
}

/// The provider of this name.
pub fn provider(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// Every provider.
pub fn providers() -> impl Iterator<Item = &'static Provider> {
    PROVIDERS.iter()
}

/// The provider in whose variable `name` a credential is looked for, whatever stands before it
/// (`PROD_RAILWAY_TOKEN`).
pub(super) fn of_variable(name: &str) -> Option<&'static Provider> {
    let known = |variable: &&str| {
        let (name, variable) = (name.as_bytes(), variable.as_bytes());
        let rest = name.len().checked_sub(variable.len());
        rest.and_then(|at| name.split_at_checked(at)).is_some_and(|(before, own)| {
            own.eq_ignore_ascii_case(variable) && before.last().is_none_or(|byte| *byte == b'_')
        })
    };
    PROVIDERS.iter().find(|provider| provider.variables.iter().any(known))
}

/// The provider that a word of a name says.
pub(super) fn of_words(words: &[String]) -> Option<&'static Provider> {
    let said = |provider: &&Provider| {
        let parts: Vec<&str> = provider.name.split('_').collect();
        words.windows(parts.len()).any(|window| window.iter().eq(parts.iter()))
    };
    PROVIDERS.iter().find(said)
}

const fn page(
    name: &'static str,
    hosts: &'static [&'static str],
    variables: &'static [&'static str],
    page: &'static str,
) -> Provider {
    Provider { name, hosts, variables, lent: 0, rotation: Rotation::Page(page) }
}

/// The order says whose a name is that several claim.
const PROVIDERS: &[Provider] = &[
    page(
        "anthropic",
        &[],
        &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
        "https://console.anthropic.com/settings/keys",
    )
    .lent(1),
    page(
        "openai",
        &[],
        &["OPENAI_API_KEY", "CODEX_API_KEY"],
        "https://platform.openai.com/api-keys",
    )
    .lent(2),
    page(
        "google_ai",
        &[],
        &["GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"],
        "https://aistudio.google.com/apikey",
    )
    .lent(2),
    page("openrouter", &[], &["OPENROUTER_API_KEY"], "https://openrouter.ai/settings/keys").lent(1),
    page("mistral", &[], &["MISTRAL_API_KEY"], "https://console.mistral.ai/api-keys").lent(1),
    page("groq", &[], &["GROQ_API_KEY"], "https://console.groq.com/keys").lent(1),
    page("deepseek", &[], &["DEEPSEEK_API_KEY"], "https://platform.deepseek.com/api_keys").lent(1),
    page("xai", &[], &["XAI_API_KEY"], "https://console.x.ai").lent(1),
    page("together", &[], &["TOGETHER_API_KEY"], "https://api.together.ai/settings/api-keys")
        .lent(1),
    page("fireworks", &[], &["FIREWORKS_API_KEY"], "https://fireworks.ai/account/api-keys").lent(1),
    page("cohere", &[], &["CO_API_KEY", "COHERE_API_KEY"], "https://dashboard.cohere.com/api-keys")
        .lent(2),
    page(
        "huggingface",
        &["huggingface.co", "api-inference.huggingface.co", "router.huggingface.co"],
        &["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN"],
        "https://huggingface.co/settings/tokens",
    ),
    page(
        "replicate",
        &["api.replicate.com"],
        &["REPLICATE_API_TOKEN"],
        "https://replicate.com/account/api-tokens",
    ),
    page(
        "github",
        &[],
        &[
            "GITHUB_TOKEN",
            "GH_TOKEN",
            "GITHUB_PAT",
            "GH_PAT",
            "GITHUB_PERSONAL_ACCESS_TOKEN",
            "GH_ENTERPRISE_TOKEN",
            "GITHUB_API_TOKEN",
            "COPILOT_GITHUB_TOKEN",
        ],
        "https://github.com/settings/tokens",
    )
    .lent(2),
    Provider {
        name: "gitlab",
        hosts: &[],
        variables: &[
            "GITLAB_TOKEN",
            "GITLAB_PRIVATE_TOKEN",
            "GITLAB_ACCESS_TOKEN",
            "GL_TOKEN",
            "CI_JOB_TOKEN",
        ],
        lent: 1,
        // GitLab's REST API, "Rotate a personal access token", from version 16.10.
        rotation: Rotation::Api {
            method: "POST",
            path: "/api/v4/personal_access_tokens/self/rotate",
            header: "private-token",
            field: "token",
        },
    },
    page(
        "bitbucket",
        &[],
        &["BITBUCKET_TOKEN", "BITBUCKET_APP_PASSWORD"],
        "https://id.atlassian.com/manage-profile/security/api-tokens",
    ),
    page(
        "npm",
        &[],
        &["NPM_TOKEN", "NODE_AUTH_TOKEN", "NPM_AUTH_TOKEN", "NPM_CONFIG__AUTH"],
        "https://www.npmjs.com/settings/~/tokens",
    )
    .lent(2),
    page(
        "pypi",
        &["upload.pypi.org", "test.pypi.org", "pypi.org"],
        &[
            "TWINE_PASSWORD",
            "PYPI_TOKEN",
            "PYPI_API_TOKEN",
            "UV_PUBLISH_TOKEN",
            "POETRY_PYPI_TOKEN_PYPI",
            "FLIT_PASSWORD",
        ],
        "https://pypi.org/manage/account/token/",
    ),
    page(
        "crates",
        &["crates.io"],
        &["CARGO_REGISTRY_TOKEN", "CRATES_IO_TOKEN"],
        "https://crates.io/settings/tokens",
    ),
    page(
        "rubygems",
        &["rubygems.org"],
        &["GEM_HOST_API_KEY", "RUBYGEMS_API_KEY"],
        "https://rubygems.org/profile/api_keys",
    ),
    page(
        "nuget",
        &["api.nuget.org", "www.nuget.org"],
        &["NUGET_API_KEY", "NUGET_AUTH_TOKEN"],
        "https://www.nuget.org/account/apikeys",
    ),
    page(
        "docker",
        &[],
        &[
            "DOCKERHUB_TOKEN",
            "DOCKER_HUB_TOKEN",
            "DOCKER_PASSWORD",
            "DOCKERHUB_PASSWORD",
            "DOCKER_AUTH_CONFIG",
        ],
        "https://app.docker.com/settings/personal-access-tokens",
    ),
    page(
        "railway",
        &[],
        &["RAILWAY_API_TOKEN", "RAILWAY_TOKEN"],
        "https://railway.com/account/tokens",
    )
    .lent(1),
    page(
        "notion",
        &[],
        &["NOTION_TOKEN", "NOTION_API_KEY", "NOTION_SECRET"],
        "https://www.notion.so/profile/integrations",
    )
    .lent(1),
    page(
        "algolia",
        &[],
        &["ALGOLIA_ADMIN_KEY", "ALGOLIA_API_KEY", "ALGOLIA_ADMIN_API_KEY", "ALGOLIA_WRITE_API_KEY"],
        "https://dashboard.algolia.com/account/api-keys",
    ),
    page(
        "supabase",
        &[],
        &[
            "SUPABASE_ACCESS_TOKEN",
            "SUPABASE_SERVICE_ROLE_KEY",
            "SUPABASE_SERVICE_KEY",
            "SUPABASE_SECRET_KEY",
            "SUPABASE_KEY",
        ],
        "https://supabase.com/dashboard/account/tokens",
    ),
    page(
        "google",
        &[],
        &[
            "GOOGLE_API_KEY",
            "GOOGLE_CLIENT_SECRET",
            "GOOGLE_OAUTH_ACCESS_TOKEN",
            "CLOUDSDK_AUTH_ACCESS_TOKEN",
            "GOOGLE_MAPS_API_KEY",
        ],
        "https://console.cloud.google.com/apis/credentials",
    ),
    page(
        "aws",
        &["*.amazonaws.com"],
        &[
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_SECRET_KEY",
            "AWS_ACCESS_KEY_ID",
            "AWS_BEARER_TOKEN_BEDROCK",
        ],
        "https://console.aws.amazon.com/iam/home#/security_credentials",
    ),
    page(
        "microsoft",
        &[],
        &[
            "AZURE_CLIENT_SECRET",
            "ARM_CLIENT_SECRET",
            "AZURE_DEVOPS_EXT_PAT",
            "AZURE_STORAGE_KEY",
            "AZURE_DEVOPS_TOKEN",
        ],
        "https://entra.microsoft.com (App registrations, Certificates & secrets)",
    ),
    page(
        "azure_openai",
        &["*.openai.azure.com"],
        &["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_KEY"],
        "https://portal.azure.com (the resource's Keys and Endpoint)",
    ),
    page(
        "stripe",
        &["api.stripe.com", "files.stripe.com", "connect.stripe.com"],
        &["STRIPE_SECRET_KEY", "STRIPE_API_KEY", "STRIPE_KEY", "STRIPE_RESTRICTED_KEY"],
        "https://dashboard.stripe.com/apikeys",
    ),
    page(
        "cloudflare",
        &["api.cloudflare.com"],
        &[
            "CLOUDFLARE_API_TOKEN",
            "CF_API_TOKEN",
            "CLOUDFLARE_API_KEY",
            "CF_API_KEY",
            "CLOUDFLARE_GLOBAL_API_KEY",
        ],
        "https://dash.cloudflare.com/profile/api-tokens",
    ),
    page(
        "vercel",
        &["api.vercel.com", "vercel.com"],
        &["VERCEL_TOKEN", "VERCEL_API_TOKEN", "NOW_TOKEN", "VERCEL_ACCESS_TOKEN"],
        "https://vercel.com/account/tokens",
    ),
    page(
        "netlify",
        &["api.netlify.com"],
        &["NETLIFY_AUTH_TOKEN", "NETLIFY_TOKEN", "NETLIFY_ACCESS_TOKEN"],
        "https://app.netlify.com/user/applications",
    ),
    page(
        "fly",
        &["api.fly.io", "api.machines.dev", "registry.fly.io"],
        &["FLY_API_TOKEN", "FLY_ACCESS_TOKEN"],
        "https://fly.io/user/personal_access_tokens",
    ),
    page(
        "render",
        &["api.render.com"],
        &["RENDER_API_KEY", "RENDER_TOKEN"],
        "https://dashboard.render.com/u/settings#api-keys",
    ),
    page(
        "heroku",
        &["api.heroku.com", "git.heroku.com", "registry.heroku.com"],
        &["HEROKU_API_KEY", "HEROKU_API_TOKEN", "HEROKU_OAUTH_TOKEN"],
        "https://dashboard.heroku.com/account",
    ),
    page(
        "digitalocean",
        &["api.digitalocean.com"],
        &[
            "DIGITALOCEAN_ACCESS_TOKEN",
            "DIGITALOCEAN_TOKEN",
            "DIGITALOCEAN_API_TOKEN",
            "DO_API_TOKEN",
            "DO_PAT",
        ],
        "https://cloud.digitalocean.com/account/api/tokens",
    ),
    page(
        "hetzner",
        &["api.hetzner.cloud", "dns.hetzner.com"],
        &["HCLOUD_TOKEN", "HETZNER_API_TOKEN", "HETZNER_CLOUD_TOKEN"],
        "https://console.hetzner.cloud (Security, API tokens)",
    ),
    page(
        "linode",
        &["api.linode.com"],
        &["LINODE_TOKEN", "LINODE_API_TOKEN", "LINODE_CLI_TOKEN"],
        "https://cloud.linode.com/profile/tokens",
    ),
    page(
        "scaleway",
        &["api.scaleway.com"],
        &["SCW_SECRET_KEY"],
        "https://console.scaleway.com/iam/api-keys",
    ),
    page(
        "vultr",
        &["api.vultr.com"],
        &["VULTR_API_KEY"],
        "https://my.vultr.com/settings/#settingsapi",
    ),
    page(
        "neon",
        &["console.neon.tech"],
        &["NEON_API_KEY"],
        "https://console.neon.tech/app/settings/api-keys",
    ),
    page(
        "planetscale",
        &["api.planetscale.com"],
        &["PLANETSCALE_SERVICE_TOKEN", "PLANETSCALE_TOKEN"],
        "https://app.planetscale.com (Settings, Service tokens)",
    ),
    page(
        "turso",
        &["api.turso.tech", "*.turso.io"],
        &["TURSO_AUTH_TOKEN", "TURSO_API_TOKEN"],
        "https://app.turso.tech",
    ),
    page(
        "mongodb_atlas",
        &["cloud.mongodb.com"],
        &["MONGODB_ATLAS_PRIVATE_KEY", "ATLAS_PRIVATE_KEY"],
        "https://cloud.mongodb.com (Access Manager, API keys)",
    ),
    page(
        "upstash",
        &["api.upstash.com", "*.upstash.io"],
        &["UPSTASH_REDIS_REST_TOKEN", "UPSTASH_API_KEY", "KV_REST_API_TOKEN"],
        "https://console.upstash.com",
    ),
    page(
        "confluent",
        &["api.confluent.cloud"],
        &["CONFLUENT_CLOUD_API_SECRET"],
        "https://confluent.cloud/settings/api-keys",
    ),
    page(
        "elastic",
        &["api.elastic-cloud.com"],
        &["EC_API_KEY", "ELASTIC_API_KEY"],
        "https://cloud.elastic.co/account/keys",
    ),
    page(
        "slack",
        &["slack.com", "api.slack.com", "files.slack.com", "hooks.slack.com"],
        &[
            "SLACK_BOT_TOKEN",
            "SLACK_TOKEN",
            "SLACK_API_TOKEN",
            "SLACK_APP_TOKEN",
            "SLACK_USER_TOKEN",
        ],
        "https://api.slack.com/apps",
    ),
    page(
        "discord",
        &["discord.com", "discordapp.com"],
        &["DISCORD_TOKEN", "DISCORD_BOT_TOKEN"],
        "https://discord.com/developers/applications",
    ),
    page(
        "telegram",
        &["api.telegram.org"],
        &["TELEGRAM_BOT_TOKEN", "TELEGRAM_TOKEN", "TG_BOT_TOKEN"],
        "https://t.me/BotFather (/revoke)",
    ),
    page(
        "twilio",
        &["api.twilio.com"],
        &["TWILIO_AUTH_TOKEN", "TWILIO_API_SECRET", "TWILIO_API_KEY_SECRET"],
        "https://console.twilio.com",
    ),
    page(
        "sendgrid",
        &["api.sendgrid.com"],
        &["SENDGRID_API_KEY", "SENDGRID_KEY"],
        "https://app.sendgrid.com/settings/api_keys",
    ),
    page(
        "mailgun",
        &["api.mailgun.net", "api.eu.mailgun.net"],
        &["MAILGUN_API_KEY", "MAILGUN_KEY"],
        "https://app.mailgun.com/settings/api_security",
    ),
    page(
        "resend",
        &["api.resend.com"],
        &["RESEND_API_KEY", "RESEND_KEY"],
        "https://resend.com/api-keys",
    ),
    page(
        "postmark",
        &["api.postmarkapp.com"],
        &["POSTMARK_SERVER_TOKEN", "POSTMARK_API_TOKEN"],
        "https://account.postmarkapp.com/servers",
    ),
    page("linear", &["api.linear.app"], &["LINEAR_API_KEY"], "https://linear.app/settings/api"),
    page(
        "atlassian",
        &["api.atlassian.com", "*.atlassian.net"],
        &["ATLASSIAN_API_TOKEN", "JIRA_API_TOKEN", "JIRA_TOKEN", "CONFLUENCE_API_TOKEN"],
        "https://id.atlassian.com/manage-profile/security/api-tokens",
    ),
    page(
        "asana",
        &["app.asana.com"],
        &["ASANA_ACCESS_TOKEN", "ASANA_TOKEN"],
        "https://app.asana.com/0/my-apps",
    ),
    page(
        "airtable",
        &["api.airtable.com"],
        &["AIRTABLE_API_KEY", "AIRTABLE_TOKEN", "AIRTABLE_PAT"],
        "https://airtable.com/create/tokens",
    ),
    page(
        "figma",
        &["api.figma.com"],
        &["FIGMA_TOKEN", "FIGMA_API_KEY", "FIGMA_ACCESS_TOKEN"],
        "https://www.figma.com/settings",
    ),
    page(
        "shopify",
        &["*.myshopify.com"],
        &[
            "SHOPIFY_ACCESS_TOKEN",
            "SHOPIFY_API_SECRET",
            "SHOPIFY_ADMIN_TOKEN",
            "SHOPIFY_CLI_THEME_TOKEN",
        ],
        "https://partners.shopify.com",
    ),
    page(
        "sentry",
        &["sentry.io", "*.sentry.io"],
        &["SENTRY_AUTH_TOKEN"],
        "https://sentry.io/settings/account/api/auth-tokens/",
    ),
    page(
        "datadog",
        &["api.datadoghq.com", "api.datadoghq.eu"],
        &["DD_API_KEY", "DATADOG_API_KEY", "DD_APP_KEY", "DATADOG_APP_KEY"],
        "https://app.datadoghq.com/organization-settings/api-keys",
    ),
    page(
        "newrelic",
        &["api.newrelic.com", "api.eu.newrelic.com"],
        &["NEW_RELIC_API_KEY", "NEW_RELIC_LICENSE_KEY", "NEWRELIC_LICENSE_KEY"],
        "https://one.newrelic.com/api-keys",
    ),
    page(
        "grafana",
        &["grafana.com", "*.grafana.net"],
        &["GRAFANA_API_KEY", "GRAFANA_TOKEN", "GRAFANA_SERVICE_ACCOUNT_TOKEN"],
        "https://grafana.com/orgs (Access policies)",
    ),
    page(
        "pagerduty",
        &["api.pagerduty.com"],
        &["PAGERDUTY_TOKEN", "PAGERDUTY_API_KEY"],
        "https://support.pagerduty.com (API access keys)",
    ),
    page(
        "postman",
        &["api.getpostman.com"],
        &["POSTMAN_API_KEY"],
        "https://go.postman.co/settings/me/api-keys",
    ),
    page(
        "terraform_cloud",
        &["app.terraform.io"],
        &["TFE_TOKEN", "TF_API_TOKEN", "TERRAFORM_CLOUD_TOKEN", "TF_TOKEN_app_terraform_io"],
        "https://app.terraform.io/app/settings/tokens",
    ),
    page(
        "pulumi",
        &["api.pulumi.com"],
        &["PULUMI_ACCESS_TOKEN"],
        "https://app.pulumi.com/account/tokens",
    ),
    page(
        "vault_server",
        &[],
        &["VAULT_TOKEN"],
        "`vault token create`, then `vault token revoke` the old one",
    ),
    page("doppler", &["api.doppler.com"], &["DOPPLER_TOKEN"], "https://dashboard.doppler.com"),
    page(
        "circleci",
        &["circleci.com"],
        &["CIRCLECI_TOKEN", "CIRCLE_TOKEN", "CIRCLECI_CLI_TOKEN"],
        "https://app.circleci.com/settings/user/tokens",
    ),
    page(
        "buildkite",
        &["api.buildkite.com"],
        &["BUILDKITE_API_TOKEN", "BUILDKITE_AGENT_TOKEN"],
        "https://buildkite.com/user/api-access-tokens",
    ),
    page("snyk", &["api.snyk.io"], &["SNYK_TOKEN"], "https://app.snyk.io/account"),
    page("sonar", &["sonarcloud.io"], &["SONAR_TOKEN"], "https://sonarcloud.io/account/security"),
    page(
        "codecov",
        &["codecov.io", "api.codecov.io"],
        &["CODECOV_TOKEN"],
        "https://app.codecov.io",
    ),
    page(
        "databricks",
        &["*.cloud.databricks.com", "*.azuredatabricks.net"],
        &["DATABRICKS_TOKEN"],
        "the workspace's User Settings, Developer, Access tokens",
    ),
    page("clerk", &["api.clerk.com"], &["CLERK_SECRET_KEY"], "https://dashboard.clerk.com"),
    page(
        "square",
        &["connect.squareup.com"],
        &["SQUARE_ACCESS_TOKEN"],
        "https://developer.squareup.com/apps",
    ),
    page(
        "paypal",
        &["api-m.paypal.com", "api.paypal.com"],
        &["PAYPAL_CLIENT_SECRET", "PAYPAL_SECRET"],
        "https://developer.paypal.com/dashboard",
    ),
    page(
        "dropbox",
        &["api.dropboxapi.com", "content.dropboxapi.com"],
        &["DROPBOX_ACCESS_TOKEN", "DROPBOX_TOKEN"],
        "https://www.dropbox.com/developers/apps",
    ),
    page(
        "mapbox",
        &["api.mapbox.com"],
        &["MAPBOX_SECRET_TOKEN", "MAPBOX_DOWNLOADS_TOKEN"],
        "https://account.mapbox.com/access-tokens",
    ),
    page("expo", &["api.expo.dev"], &["EXPO_TOKEN"], "https://expo.dev/settings/access-tokens"),
    page(
        "ngrok",
        &["api.ngrok.com"],
        &["NGROK_AUTHTOKEN", "NGROK_API_KEY"],
        "https://dashboard.ngrok.com/get-started/your-authtoken",
    ),
    page(
        "tailscale",
        &["api.tailscale.com"],
        &["TAILSCALE_AUTHKEY", "TS_AUTHKEY", "TAILSCALE_API_KEY"],
        "https://login.tailscale.com/admin/settings/keys",
    ),
    page(
        "pinecone",
        &["api.pinecone.io", "*.pinecone.io"],
        &["PINECONE_API_KEY"],
        "https://app.pinecone.io",
    ),
    page(
        "perplexity",
        &["api.perplexity.ai"],
        &["PERPLEXITY_API_KEY", "PPLX_API_KEY"],
        "https://www.perplexity.ai/settings/api",
    ),
    page(
        "elevenlabs",
        &["api.elevenlabs.io"],
        &["ELEVENLABS_API_KEY", "ELEVEN_API_KEY"],
        "https://elevenlabs.io/app/settings/api-keys",
    ),
    page("tavily", &["api.tavily.com"], &["TAVILY_API_KEY"], "https://app.tavily.com"),
    page(
        "langsmith",
        &["api.smith.langchain.com"],
        &["LANGSMITH_API_KEY", "LANGCHAIN_API_KEY"],
        "https://smith.langchain.com/settings",
    ),
    page("wandb", &["api.wandb.ai"], &["WANDB_API_KEY"], "https://wandb.ai/authorize"),
];
