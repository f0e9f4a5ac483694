//! Every tool that the tables are about: what takes something away is stopped, or passes once it is
//! saved; what looks and what is only tried passes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::collections::BTreeMap;

use holdpoint_core::policy::{Pdp, Verdict};
use holdpoint_enforce::explain::explain;
use serde_json::json;

/// A tool, something that takes away, something that looks, something that is only tried: a line
/// each, with tabs between them.
const CALLS: &str = include_str!("clis.txt");

/// Tools that have to be there.
const TOOLS: &str = "aws gcloud gsutil bq az kubectl helm terraform tofu terragrunt pulumi ansible \
                     docker podman railway fly heroku vercel netlify supabase neon pscale render \
                     doctl wrangler gh glab git npm cargo stripe firebase rclone s3cmd restic borg \
                     pgbackrest systemctl crontab lvm zfs mkfs dd iptables users";

/// Whether a command simply passes, typed where keys for elsewhere lie about.
fn passes(pdp: &Pdp, command: &str) -> bool {
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n";
    let workspace = "/home/dev/app";
    let episode = json!({
        "id": "clis", "task": {"workspace": workspace}, "git": {"tracked": ["README.md"], "protected": ["main"]},
        "operations": [
            {"kind": "file", "op": "read", "path": "/home/dev/.ssh/id_rsa", "content": key},
            {"kind": "file", "op": "read", "path": "/home/dev/app/README.md", "content": "# App\n"},
            {"kind": "shell", "command": command, "cwd": workspace},
        ],
    });
    let answer = explain(pdp, &episode.to_string(), 1, false).unwrap();
    let judged = answer.operations.last().unwrap();
    judged.verdict == Verdict::Allow && !judged.obligations.snapshot
}

#[test]
fn every_tool_is_known_by_what_it_takes_away_and_what_it_shows() {
    let pdp = Pdp::starter().unwrap();
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in CALLS.lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        let (tool, commands) = parts.split_first().unwrap();
        for (at, command) in commands.iter().enumerate() {
            *calls.entry(tool).or_default() += 1;
            if passes(&pdp, command) != (at > 0) {
                wrong.push(format!("{tool}: {command}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let few: Vec<&str> =
        TOOLS.split_whitespace().filter(|it| calls.get(it).is_none_or(|it| *it < 3)).collect();
    assert_eq!(few, Vec::<&str>::new());
}

/// Whatever the verb, an answer that is made of keys is one of secrets.
#[test]
fn what_shows_keys_reveals_them() {
    let pdp = Pdp::starter().unwrap();
    let wrong: Vec<&str> = [
        "az storage account keys list -n a -g rg",
        "az cosmosdb keys list -n a -g rg",
        "az redis list-keys -n a -g rg",
        "az acr credential show -n a",
        "az search admin-key show --service-name a -g rg",
        "az cognitiveservices account keys list -n a -g rg",
        "az servicebus namespace authorization-rule keys list -n a -g rg",
        "az webapp config connection-string list -n a -g rg",
        "az webapp config appsettings list -n a -g rg",
        "az webapp deployment list-publishing-profiles -n a -g rg",
        "az iot hub connection-string show",
        "gcloud auth application-default print-access-token",
        "gcloud redis instances get-auth-string a --region r",
        "gcloud services api-keys get-key-string k",
        "doctl databases connection d",
        "doctl databases user get d u",
        "firebase functions:config:get",
    ]
    .into_iter()
    .filter(|command| passes(&pdp, command))
    .collect();
    assert_eq!(wrong, Vec::<&str>::new());
}
