//! What a product uses: payments, mail, chat, monitoring.

use super::{Provider, page};

pub(super) const SERVICES: &[Provider] = &[
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
        "stripe",
        &["api.stripe.com", "files.stripe.com", "connect.stripe.com"],
        &["STRIPE_SECRET_KEY", "STRIPE_API_KEY", "STRIPE_KEY", "STRIPE_RESTRICTED_KEY"],
        "https://dashboard.stripe.com/apikeys",
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
];
