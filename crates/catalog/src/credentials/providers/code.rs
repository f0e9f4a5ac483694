//! Code hosts, package registries, CI and what belongs to them.

use super::{Provider, Rotation, page};

pub(super) const CODE: &[Provider] = &[
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
    page("linear", &["api.linear.app"], &["LINEAR_API_KEY"], "https://linear.app/settings/api"),
    page(
        "atlassian",
        &["api.atlassian.com", "*.atlassian.net"],
        &["ATLASSIAN_API_TOKEN", "JIRA_API_TOKEN", "JIRA_TOKEN", "CONFLUENCE_API_TOKEN"],
        "https://id.atlassian.com/manage-profile/security/api-tokens",
    ),
    page(
        "figma",
        &["api.figma.com"],
        &["FIGMA_TOKEN", "FIGMA_API_KEY", "FIGMA_ACCESS_TOKEN"],
        "https://www.figma.com/settings",
    ),
    page(
        "sentry",
        &["sentry.io", "*.sentry.io"],
        &["SENTRY_AUTH_TOKEN"],
        "https://sentry.io/settings/account/api/auth-tokens/",
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
    page("expo", &["api.expo.dev"], &["EXPO_TOKEN"], "https://expo.dev/settings/access-tokens"),
];
