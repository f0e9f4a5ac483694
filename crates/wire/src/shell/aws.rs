//! The command line of AWS, by the tables of its operations.

use holdpoint_catalog::{aws, cli::tools};
use holdpoint_core::{Effect, ResourceId};

use super::{At, Step, call::Call, scope::Scope, walk::Walk};

/// Options whose value is a word of its own, and says nothing about what is named.
const VALUED: [&str; 9] = [
    "--profile",
    "--region",
    "--output",
    "--query",
    "--endpoint-url",
    "--cli-input-json",
    "--ca-bundle",
    "--color",
    "--page-size",
];

impl Walk<'_> {
    pub(super) fn aws(&mut self, scope: &Scope, call: &Call<'_>) {
        let operands = call.operands(&VALUED);
        let (Some(service), Some(verb)) = (operands.first().copied(), operands.get(1).copied())
        else {
            return;
        };
        let at = endpoint(scope, call).map_or(At::Somewhere, |host| At::Host(host.to_owned()));
        if service == "configure" && verb == "get" && !self.machine().masked() {
            let id = ResourceId::of("aws", "configure", "credential");
            let secret = operands.iter().any(|it| it.contains("secret") || it.contains("token"));
            return if secret {
                self.push(Step::reveals("aws:configure", id, At::Here))
            };
        }
        let has = |flag: &str| call.has(&[flag]);
        if tools::is_rehearsed(&has)
            || call.has(&["--generate-cli-skeleton"])
            || verb == "help"
            || verb == "wait"
        {
            return;
        }
        let named = operands.get(2).copied().or_else(|| {
            let option = call
                .arguments
                .iter()
                .skip_while(|it| *it != verb)
                .find(|it| it.starts_with("--") && !VALUED.contains(&it.as_str()))?;
            call.value(&[option])
        });
        let id = ResourceId::new(format!(
            "aws:{service}/{}",
            named.unwrap_or_default().trim_start_matches("s3://")
        ));
        let (name, meaning) = match (service, verb) {
            ("s3", verb) => {
                let effect = of_s3(verb, call, &operands);
                (format!("aws:s3:{verb}"), (effect, true, false))
            }
            ("configure" | "sso" | "help" | "login", _) => return,
            _ => {
                let operation: String = verb.split('-').map(capital).collect();
                let table = aws::service::service(service);
                // The command line writes `Db` where the provider writes `DB`.
                let named = table.and_then(|table| {
                    table.operation(&operation).or_else(|| {
                        spelt(&operation).into_iter().find_map(|it| table.operation(&it))
                    })
                });
                let operation = named.map_or(operation, |named| named.name.to_owned());
                let meaning = aws::meaning(service, &operation, named, &Options(call));
                (
                    format!("aws:{service}:{operation}"),
                    (meaning.effect, meaning.known, meaning.reveals_secrets),
                )
            }
        };
        let (effect, known, reveals) = meaning;
        if effect == Effect::Observe && !reveals || reveals && self.machine().masked() {
            return;
        }
        let mut step = if known {
            Step::known(name, effect, id, at)
        } else {
            Step::guessed(name, effect, id, at)
        };
        step.operation.reveals_secrets = reveals && effect == Effect::Observe;
        self.push(step);
    }
}

/// The host that is called instead of the provider's.
fn endpoint<'c>(scope: &'c Scope, call: &'c Call<'_>) -> Option<&'c str> {
    let host = |url: &'c str| url.split("://").nth(1)?.split([':', '/']).next();
    let named = call.value(&["--endpoint-url"]).and_then(host);
    named.or_else(|| scope.exported("AWS_ENDPOINT_URL").and_then(host))
}

/// What a verb of `aws s3` does.
fn of_s3(verb: &str, call: &Call<'_>, operands: &[&str]) -> Effect {
    let downloads = !operands.last().is_some_and(|it| it.starts_with("s3://"));
    match verb {
        "rm" | "rb" | "mv" => Effect::Destroy,
        "sync" if call.has(&["--delete"]) => Effect::Destroy,
        "ls" | "presign" => Effect::Observe,
        "cp" | "sync" if downloads => Effect::Observe,
        _ => Effect::Create,
    }
}

/// `--x-y v` as the parameter `XY`.
struct Options<'c>(&'c Call<'c>);

impl aws::Parameters for Options<'_> {
    fn values(&self, name: &str) -> Vec<&str> {
        let name = name.trim_start_matches('*');
        let mut option = String::from("--");
        for letter in name.chars() {
            if letter.is_ascii_uppercase() && option.len() > 2 && !option.ends_with('-') {
                option.push('-');
            }
            option.push(letter.to_ascii_lowercase());
        }
        let mut values = self.0.values(&[&option]);
        let bare = option.replacen("--", "--no-", 1);
        if values.is_empty() && self.0.has(&[&bare]) {
            values.push("false");
        } else if self.0.has(&[&option]) && values.iter().all(|it| it.starts_with("--")) {
            values = vec!["true"];
        }
        values
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Other spellings of an operation's name, with what is an abbreviation in capitals.
fn spelt(operation: &str) -> Vec<String> {
    let pairs = [
        ("Db", "DB"),
        ("Vpc", "VPC"),
        ("Mfa", "MFA"),
        ("Ssh", "SSH"),
        ("Saml", "SAML"),
        ("Acl", "ACL"),
        ("Ip", "IP"),
        ("Iam", "IAM"),
        ("Kms", "KMS"),
        ("Ssl", "SSL"),
        ("Tls", "TLS"),
        ("Efs", "EFS"),
        ("Api", "API"),
        ("Url", "URL"),
        ("Dns", "DNS"),
        ("Open Id", "OpenID"),
    ];
    pairs
        .iter()
        .filter(|(from, _)| operation.contains(from))
        .map(|(from, to)| operation.replace(from, to))
        .collect()
}
