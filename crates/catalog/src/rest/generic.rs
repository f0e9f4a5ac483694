//! The generic floor of REST: what no table names is what its method says, raised by the words of
//! its path. Words only ever raise: nothing here makes a request look more harmless.

use holdpoint_core::Effect;

use crate::verbs::effect_of_words;

/// What a method says by itself (RFC 9110 §9.3). Methods are case-sensitive, so `delete` is not
/// `DELETE`, and what a server makes of it cannot be seen.
pub fn effect_of_method(method: &str) -> Effect {
    match method {
        "GET" | "HEAD" | "OPTIONS" => Effect::Observe,
        "POST" => Effect::Create,
        "PUT" | "PATCH" => Effect::Modify,
        "DELETE" => Effect::Remove,
        _ => Effect::Execute,
    }
}

/// What a request that no table names does, by its method and the words of its path.
pub fn effect(method: &str, segments: &[String]) -> Effect {
    let by_method = effect_of_method(method);
    let by_path = match by_method {
        Effect::Observe => segments.last().and_then(|last| bare_verb(last)),
        _ => segments.iter().filter_map(|segment| effect_of_words(segment)).max(),
    };
    let by_place = match by_method {
        Effect::Observe => None,
        _ => by_noun(method, segments).max(by_last(method, segments)),
    };
    by_method.max(by_path.unwrap_or(by_method)).max(by_place.unwrap_or(by_method))
}

/// The effect of a segment that is nothing but one strong verb (`delete`, `purge`): the last
/// segment of `/items/5/delete`, which some servers carry out even for `GET`.
pub fn bare_verb(segment: &str) -> Option<Effect> {
    let one_word =
        segment.len() <= 24 && segment.chars().all(|letter| letter.is_ascii_alphabetic());
    let lower = segment.to_ascii_lowercase();
    one_word.then(|| effect_of_words(&lower)).flatten().filter(|effect| *effect >= Effect::Remove)
}

/// The effect of the value of a parameter that names an action (`action=delete`).
pub fn effect_of_action(value: &str) -> Option<Effect> {
    effect_of_words(value).filter(|effect| *effect >= Effect::Remove)
}

/// The effect of a parameter without a value that names a part of what the path names, as S3
/// writes it (`POST /?delete`, `PUT /?lifecycle`), where the method changes something.
pub fn effect_of_subresource(parameter: &str) -> Option<Effect> {
    let folded = folded(parameter);
    let access = ["policy", "acl", "publicaccessblock", "ownershipcontrols", "website"];
    match folded.as_str() {
        "delete" => Some(Effect::Destroy),
        "replication" => Some(Effect::WeakenRecovery),
        word if RECOVERY.contains(&word) => Some(Effect::WeakenRecovery),
        word if access.contains(&word) => Some(Effect::GrantAccess),
        _ => None,
    }
}

/// Whether a query, form or body parameter of this name says what is to be done.
pub fn names_action(parameter: &str) -> bool {
    ["action", "method", "op", "operation", "cmd", "command", "do"]
        .iter()
        .any(|name| parameter.eq_ignore_ascii_case(name))
}

/// Whether a name of a remote procedure only reads: its last part begins with a reading word and
/// no word of it changes anything.
pub fn only_reads(name: &str) -> bool {
    let last = name.rsplit(['.', '/', ':']).find(|part| !part.is_empty()).unwrap_or(name);
    let first: String = match last.char_indices().find(|(at, letter)| {
        !letter.is_ascii_alphabetic() || (*at > 0 && letter.is_ascii_uppercase())
    }) {
        Some((end, _)) => last.get(..end).unwrap_or(last).to_ascii_lowercase(),
        None => last.to_ascii_lowercase(),
    };
    READING.contains(&first.as_str())
        && effect_of_words(name).is_none_or(|effect| effect == Effect::Observe)
}

/// What a remote procedure does: one that nobody knows runs what cannot be seen. `qualified` is
/// the same with whose procedure it is, and may only make it stricter.
pub fn effect_of_procedure(name: &str, qualified: &str) -> Effect {
    if only_reads(name) {
        return Effect::Observe;
    }
    let said = effect_of_words(name).max(effect_of_words(qualified));
    said.map_or(Effect::Execute, |effect| effect.max(Effect::Execute))
}

const READING: &[&str] = &[
    "get",
    "list",
    "read",
    "search",
    "describe",
    "find",
    "fetch",
    "show",
    "count",
    "lookup",
    "ping",
    "status",
    "version",
    "info",
    "initialize",
];

/// Where ways back are kept: to change or take away something there weakens recovery.
const RECOVERY: &[&str] = &[
    "backup",
    "backups",
    "snapshot",
    "snapshots",
    "retention",
    "lifecycle",
    "versioning",
    "recovery",
    "pitr",
    "deletion-protection",
    "protection",
    "replicas",
    "undelete",
    "trash",
    "object-lock",
    "legal-hold",
    "audit-logs",
];

/// Where credentials are made.
const CREDENTIALS: &[&str] = &[
    "tokens",
    "api-keys",
    "apikeys",
    "access-keys",
    "credentials",
    "access-tokens",
    "api-tokens",
    "personal-access-tokens",
    "service-account-keys",
    "client-secrets",
    "deploy-tokens",
    "secret-keys",
];

/// Where it is said who may do what.
const ACCESS: &[&str] = &[
    "permission",
    "permissions",
    "role",
    "roles",
    "members",
    "memberships",
    "collaborators",
    "invitations",
    "invites",
    "acl",
    "acls",
    "grants",
    "iam",
    "role-assignments",
    "ssh-keys",
    "deploy-keys",
];

/// What runs what it is given.
const RUNS: &[&str] = &[
    "exec",
    "execute",
    "run",
    "eval",
    "console",
    "query",
    "sql",
    "script",
    "shell",
    "command",
    "-delete-by-query",
    "-update-by-query",
    "-bulk",
    "-reindex",
    "-sql",
    "rpc",
    "jsonrpc",
];

/// What holds data of its own, so that to remove it is to lose that data.
const DATA: &[&str] = &[
    "databases",
    "database",
    "volumes",
    "volume",
    "disks",
    "buckets",
    "bucket",
    "tables",
    "clusters",
    "namespaces",
    "projects",
    "repositories",
    "indexes",
    "indices",
    "collections",
    "filesystems",
    "branches",
    "environments",
    "accounts",
    "organizations",
    "tenants",
    "zones",
];

/// A segment as the lists above are written.
fn folded(segment: &str) -> String {
    segment.to_ascii_lowercase().replace('_', "-")
}

/// What the nouns of a path say about a method that changes something.
fn by_noun(method: &str, segments: &[String]) -> Option<Effect> {
    let folded: Vec<String> = segments.iter().map(|segment| folded(segment)).collect();
    let has = |nouns: &[&str]| folded.iter().any(|segment| nouns.contains(&segment.as_str()));
    let verb = segments.iter().filter_map(|segment| effect_of_words(segment)).max();
    let takes_away = verb.is_some_and(|effect| effect >= Effect::Remove);
    let upper = method.to_ascii_uppercase();
    let login = has(&["oauth", "oauth2", "sessions", "session", "login", "openid-connect"]);
    [
        (has(RECOVERY) && (upper != "POST" || takes_away)).then_some(Effect::WeakenRecovery),
        (has(CREDENTIALS) && !login && upper == "POST").then_some(Effect::MintCredential),
        has(ACCESS).then_some(Effect::GrantAccess),
        (upper == "DELETE" && holds_data(&folded)).then_some(Effect::Destroy),
        (upper == "POST" && moves_money(&folded)).then_some(Effect::Spend),
        has(&["-delete-by-query"]).then_some(Effect::Destroy),
    ]
    .into_iter()
    .flatten()
    .max()
}

/// Where money moves when something is posted there.
const MONEY: &[&str] = &[
    "charge",
    "charges",
    "payment-intents",
    "refund",
    "refunds",
    "payout",
    "payouts",
    "transfers",
];

/// What is done to one of them so that it moves.
const MOVING: &[&str] = &["pay", "confirm", "capture", "charge", "refund"];

/// Whether the path ends with such a place (`/refunds`), or with what moves one of its things
/// (`/payment_intents/5/confirm`, `/invoices/5/pay`); `/orders/5/notes` does not.
fn moves_money(folded: &[String]) -> bool {
    let is = |segment: &String, words: &[&str]| words.contains(&segment.as_str());
    match folded {
        [.., place, _, last] if is(last, MOVING) => is(place, MONEY) || place == "invoices",
        [.., last] => is(last, MONEY),
        [] => false,
    }
}

/// Whether the path ends with a thing that holds data, or with the list of such things:
/// `/volumes/5`, `/buckets/b`, but not `/projects/5/comments/7`.
fn holds_data(folded: &[String]) -> bool {
    folded.iter().rev().take(2).any(|segment| DATA.contains(&segment.as_str()))
}

/// What the last segment says about a `POST`: `/exec`, `/sql`, and `/raw` below a database.
fn by_last(method: &str, segments: &[String]) -> Option<Effect> {
    let last = folded(segments.last()?);
    let raw = last == "raw"
        && segments.iter().any(|segment| matches!(folded(segment).as_str(), "d1" | "database"));
    let runs = RUNS.contains(&last.as_str()) || raw;
    (runs && !method.eq_ignore_ascii_case("DELETE")).then_some(Effect::Execute)
}
