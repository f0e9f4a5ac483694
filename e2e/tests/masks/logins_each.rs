//! Each login that the catalogue knows: its tokens are phantoms inside, two runs renew it three times
//! each at once, and outside it is the latest.

use std::{fs, process::Stdio};

use e2e::{
    enclosed::Enclosed,
    far_ends::lead,
    holdpoint::Called,
    token_hosts::{Renewal, TokenHost},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// What renews a login as its program does, by its row, and says all that it sees.
const CLIENT: &str = r#"#!/usr/bin/python3
import json, os, re, sys, time, urllib.parse, urllib.request
FILE, URL, FORM, BODY, RESOURCE, HEADER, FIELDS, TURNS = json.loads(r'''ROW''')
path = os.path.expanduser("~/" + FILE)
def ask(url, data=None, headers={}):
    try: return urllib.request.urlopen(urllib.request.Request(url, data, headers)).read().decode()
    except urllib.error.HTTPError as error: sys.exit("%s: %s %s" % (url, error, error.read().decode()))
text = open(path).read()
print(text)
tokens = [re.search(pattern, text) for pattern in FIELDS[:2]]
access, refresh = [found and found.group(1) for found in tokens]
secret = re.search(r'"client_?[sS]ecret": *"([^"]+)"', text)
if access: ask(RESOURCE, headers={HEADER: HEADER_PREFIX + access})
for turn in range(TURNS):
    fields = {name: value.replace("{refresh}", refresh).replace("{secret}", secret.group(1) if secret else "") for name, value in BODY.items()}
    data = urllib.parse.urlencode(fields) if FORM else json.dumps(fields)
    kind = "application/x-www-form-urlencoded" if FORM else "application/json"
    answer = json.loads(ask(URL, data.encode(), {"Content-Type": kind}))
    print(json.dumps(answer))
    old, access = access, answer[FIELDS[2]]
    if old: text = text.replace(old, access)
    if FIELDS[3]: text, refresh = text.replace(refresh, answer[FIELDS[3]]), answer[FIELDS[3]]
    ask(RESOURCE, headers={HEADER: HEADER_PREFIX + access})
    with open(path, "w") as file: file.write(text)
    time.sleep(0.1)
print(open(path).read())
print("done")
"#;

struct Row {
    /// The program, and the file of its login: `{access}`, `{refresh}` stand for the tokens.
    program: &'static str,
    file: &'static str,
    text: &'static str,
    /// How the tokens are found in it again.
    patterns: (&'static str, &'static str),
    renewal: Renewal,
    /// What is sent to the issuer, as a form or as JSON.
    form: bool,
    body: &'static str,
    /// What it opens, and by which header.
    path: &'static str,
    header: (&'static str, &'static str),
}

const GOOGLE: &str = r#"{"client_id": "CLIENT", "client_secret": "{secret}", "grant_type": "refresh_token", "refresh_token": "{refresh}"}"#;
const PLAIN: &str =
    r#"{"client_id": "app", "grant_type": "refresh_token", "refresh_token": "{refresh}"}"#;
const BEARER: (&str, &str) = ("Authorization", "Bearer ");
const SNAKE: (&str, &str) = (r#""access_token": *"([^"]+)""#, r#""refresh_token": *"([^"]+)""#);
const CAMEL: (&str, &str) = (r#""accessToken": *"([^"]+)""#, r#""refreshToken": *"([^"]+)""#);

const ROWS: &[Row] = &[
    Row {
        program: "claude",
        file: ".claude/.credentials.json",
        text: r#"{"claudeAiOauth":{"accessToken":"{access}","refreshToken":"{refresh}","expiresAt":1790000000000,"scopes":["user:inference"],"subscriptionType":"max"}}"#,
        patterns: CAMEL,
        renewal: Renewal {
            issuer: ("console.anthropic.com", "/v1/oauth/token"),
            resource: "api.anthropic.com",
            fields: ("access_token", Some("refresh_token")),
            prefixes: ("sk-ant-oat01-", "sk-ant-ort01-"),
            client: "app",
        },
        form: false,
        body: PLAIN,
        path: "/v1/models",
        header: BEARER,
    },
    Row {
        program: "codex",
        file: ".codex/auth.json",
        text: r#"{"OPENAI_API_KEY": null, "tokens": {"access_token": "{access}", "refresh_token": "{refresh}", "account_id": "a-1"}, "last_refresh": "2026-11-20T00:00:00Z"}"#,
        patterns: SNAKE,
        renewal: Renewal {
            issuer: ("auth.openai.com", "/oauth/token"),
            resource: "chatgpt.com",
            fields: ("access_token", Some("refresh_token")),
            prefixes: ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.", "rt_"),
            client: "app",
        },
        form: false,
        body: PLAIN,
        path: "/backend-api/plan",
        header: BEARER,
    },
    Row {
        program: "gemini",
        file: ".gemini/oauth_creds.json",
        text: r#"{"access_token": "{access}", "refresh_token": "{refresh}", "scope": "https://www.googleapis.com/auth/cloud-platform", "token_type": "Bearer", "expiry_date": 1790000000000}"#,
        patterns: SNAKE,
        renewal: Renewal {
            issuer: ("oauth2.googleapis.com", "/token"),
            resource: "cloudcode-pa.googleapis.com",
            fields: ("access_token", None),
            prefixes: ("ya29.a0", "1//0"),
            client: "681255809395-oo8ft2oprdrnp9e3aqf6av3hmdib135j",
        },
        form: true,
        body: r#"{"client_id": "681255809395-oo8ft2oprdrnp9e3aqf6av3hmdib135j.apps.googleusercontent.com", "grant_type": "refresh_token", "refresh_token": "{refresh}"}"#,
        path: "/v1internal/plan",
        header: BEARER,
    },
    Row {
        program: "cursor-agent",
        file: ".config/cursor/auth.json",
        text: r#"{"accessToken": "{access}", "refreshToken": "{refresh}"}"#,
        patterns: CAMEL,
        renewal: Renewal {
            issuer: ("api2.cursor.sh", "/oauth/token"),
            resource: "api2.cursor.sh",
            fields: ("access_token", Some("refresh_token")),
            prefixes: (
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.",
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.",
            ),
            client: "app",
        },
        form: false,
        body: PLAIN,
        path: "/auth/full_stripe_profile",
        header: BEARER,
    },
    Row {
        program: "copilot",
        file: ".copilot/config.json",
        text: r#"{"last_logged_in_user": {"host": "https://github.com", "login": "ada"}, "copilot_tokens": {"https://github.com:ada": "{access}"}, "oauth_token": "{access}", "refresh_token": "{refresh}"}"#,
        patterns: (r#""oauth_token": *"([^"]+)""#, r#""refresh_token": *"([^"]+)""#),
        renewal: Renewal {
            issuer: ("github.com", "/login/oauth/access_token"),
            resource: "api.github.com",
            fields: ("access_token", Some("refresh_token")),
            prefixes: ("gho_", "ghr_"),
            client: "app",
        },
        form: true,
        body: PLAIN,
        path: "/user",
        header: ("Authorization", "token "),
    },
    Row {
        program: "tool",
        file: ".config/gh/hosts.yml",
        text: "github.com:\n    users:\n        ada:\n            oauth_token: {access}\n    git_protocol: https\n    oauth_token: {access}\n    refresh_token: {refresh}\n    user: ada\n",
        patterns: (r"\n    oauth_token: (\S+)", r"\n    refresh_token: (\S+)"),
        renewal: Renewal {
            issuer: ("github.com", "/login/oauth/access_token"),
            resource: "api.github.com",
            fields: ("access_token", Some("refresh_token")),
            prefixes: ("gho_", "ghr_"),
            client: "app",
        },
        form: true,
        body: PLAIN,
        path: "/user",
        header: ("Authorization", "token "),
    },
    Row {
        program: "tool",
        file: ".config/gcloud/application_default_credentials.json",
        text: r#"{"account": "", "client_id": "764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com", "client_secret": "d-FL95Q19q7MQmFpd7hHD0Ty", "quota_project_id": "shop", "refresh_token": "{refresh}", "type": "authorized_user", "universe_domain": "googleapis.com"}"#,
        patterns: SNAKE,
        renewal: Renewal {
            issuer: ("oauth2.googleapis.com", "/token"),
            resource: "storage.googleapis.com",
            fields: ("access_token", None),
            prefixes: ("ya29.a0", "1//0"),
            client: "d-FL95Q19q7MQmFpd7hHD0Ty",
        },
        form: true,
        body: GOOGLE,
        path: "/storage/v1/b?project=shop",
        header: BEARER,
    },
    Row {
        program: "tool",
        file: ".aws/sso/cache/0a1b2c3d.json",
        text: r#"{"startUrl": "https://shop.awsapps.com/start", "region": "us-east-1", "accessToken": "{access}", "expiresAt": "2026-11-21T00:00:00Z", "clientId": "cLiEnTiD", "clientSecret": "eyJraWQiOiJrZXkiLCJhbGciOiJIUzM4NCJ9.eyJzZXJpYWxpemVkIjoie30ifQ.Tq8WvZ3xLr6Yn1Kd9Gh4Mb7Pc2Js5Fa0", "registrationExpiresAt": "2027-02-01T00:00:00Z", "refreshToken": "{refresh}"}"#,
        patterns: CAMEL,
        renewal: Renewal {
            issuer: ("oidc.us-east-1.amazonaws.com", "/token"),
            resource: "portal.sso.us-east-1.amazonaws.com",
            fields: ("accessToken", Some("refreshToken")),
            prefixes: ("aoaAAAAAG", "aorAAAAAG"),
            client: "Tq8WvZ3xLr6Yn1Kd9Gh4Mb7Pc2Js5Fa0",
        },
        form: false,
        body: r#"{"clientId": "cLiEnTiD", "clientSecret": "{secret}", "grantType": "refresh_token", "refreshToken": "{refresh}"}"#,
        path: "/assignment/accounts",
        header: ("x-amz-sso_bearer_token", ""),
    },
    Row {
        program: "tool",
        file: ".azure/msal_token_cache.json",
        text: r#"{"AccessToken": {"a-login.microsoftonline.com-accesstoken-b": {"credential_type": "AccessToken", "secret": "{access}", "target": "https://management.core.windows.net//.default"}}, "RefreshToken": {"a-login.microsoftonline.com-refreshtoken-b": {"credential_type": "RefreshToken", "secret": "{refresh}"}}}"#,
        patterns: (
            r#""AccessToken", "secret": "([^"]+)""#,
            r#""RefreshToken", "secret": "([^"]+)""#,
        ),
        renewal: Renewal {
            issuer: ("login.microsoftonline.com", "/organizations/oauth2/v2.0/token"),
            resource: "management.azure.com",
            fields: ("access_token", Some("refresh_token")),
            prefixes: ("eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhIn0.", "1.AXEA"),
            client: "app",
        },
        form: true,
        body: PLAIN,
        path: "/subscriptions?api-version=2022-12-01",
        header: BEARER,
    },
];

fn client(row: &Row, turns: usize) -> String {
    let Renewal { issuer, resource, fields, .. } = row.renewal;
    let body: serde_json::Value =
        serde_json::from_str(&row.body.replace("CLIENT", "764086051850")).unwrap();
    let spec = serde_json::json!([
        row.file,
        format!("https://{}{}", issuer.0, issuer.1),
        row.form,
        body,
        format!("https://{resource}{}", row.path),
        row.header.0,
        [Some(row.patterns.0), Some(row.patterns.1), Some(fields.0), fields.1],
        turns
    ]);
    let prefix = format!("\"{}\"", row.header.1);
    CLIENT.replace("ROW", &spec.to_string()).replace("HEADER_PREFIX", &prefix)
}

fn write(place: &Enclosed, path: &str, text: &str) {
    let path = place.path(path);
    let script = "mkdir -p \"$(dirname \"$0\")\"; printf %s \"$TEXT\" > \"$0\"; chmod 700 \"$0\"";
    let mut written = place.outside("sh");
    let written = written.args(["-c", script]).arg(&path).env("TEXT", text).status().unwrap();
    assert!(written.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_login_is_renewed_three_times_by_two_runs_at_once() {
    for row in ROWS {
        for place in Enclosed::each(BINARY).await {
            let who = format!("{}: {}", place.who(), row.file);
            let host = TokenHost::start(row.renewal).await;
            let names = [row.renewal.issuer.0, row.renewal.resource];
            lead(&place, &[(&names, host.addr(), host.ca_pem())]);
            // What is no model's, no registry's and no code host is the human's to list.
            for name in names {
                let words =
                    ["hosts", "add", name, "--speaks", "rest", "--environment", "development"];
                place.call(&words);
            }
            let (access, refresh) = host.login();
            let text = row.text.replace("{access}", &access).replace("{refresh}", &refresh);
            write(&place, &format!("home/{}", row.file), &text);
            let program = format!("work/{}", row.program);
            write(&place, &program, &client(row, 3));
            let command = format!("./{}", row.program);
            let begin = || {
                let mut run = place.run(&[&command]);
                run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            };
            for run in [begin(), begin()] {
                let called: Called = run.wait_with_output().unwrap().into();
                assert!(
                    called.stdout.ends_with("done\n"),
                    "{who}: {}{}{:?}",
                    called.stdout,
                    called.stderr,
                    host.seen().2
                );
                for token in host.all() {
                    assert!(!called.stdout.contains(&token), "{who}: {token}: {}", called.stdout);
                }
            }
            let (renewed, served, refused) = host.seen();
            let first = if row.text.contains("{access}") { 2 } else { 0 };
            assert_eq!((renewed, served, refused.len()), (6, 6 + first, 0), "{who}: {refused:?}");
            let outside = fs::read_to_string(place.path(&format!("home/{}", row.file))).unwrap();
            assert!(host.takes(&outside), "{who}: {outside}");
            // And the next run goes on with it.
            write(&place, &program, &client(row, 1));
            let called: Called = place.run(&[&command]).output().unwrap().into();
            assert!(
                called.stdout.ends_with("done\n"),
                "{who}: {}{}{:?}",
                called.stdout,
                called.stderr,
                host.seen().2
            );
            let outside = fs::read_to_string(place.path(&format!("home/{}", row.file))).unwrap();
            assert!(host.takes(&outside), "{who}: {outside}");
        }
    }
}
