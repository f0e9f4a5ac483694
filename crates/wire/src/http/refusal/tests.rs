//! Refusals as clients see them.

use holdpoint_core::{Code, Refusal, Timestamp, refusal::RefusalKind};

use super::*;
use crate::http::tests::message;

const SECRET: &str = "ghp_0123456789abcdefABCDEF0123456789abcd";

fn refusal(kind: RefusalKind) -> Refusal {
    let (code, text) = match kind {
        RefusalKind::Deny => (
            Code::ForeignCredential,
            "the Railway token in notes/domains.md was not given to this task",
        ),
        RefusalKind::Hold => {
            (Code::NeedsApproval, "destroying in production needs a human's release.")
        }
        RefusalKind::Scheduled => {
            (Code::Scheduled, "a human released it: it is sent no earlier than the day after")
        }
        RefusalKind::Unavailable => (Code::LedgerUnavailable, "the disk of the ledger is full"),
        RefusalKind::Upstream => (Code::UpstreamUnreachable, "the host refused the connection"),
    };
    let waits = matches!(kind, RefusalKind::Hold | RefusalKind::Scheduled);
    let hold = waits.then(|| "h-41".to_owned());
    let time = Timestamp(1_795_367_964_000);
    Refusal {
        not_before: (kind == RefusalKind::Scheduled).then_some(time),
        subject: "railway:volumeDelete".to_owned(),
        reference: "h-41".to_owned(),
        hold,
        ..Refusal::new(kind, code, text)
    }
}

/// An answer as it goes over the wire.
fn shown(rendered: &Rendered) -> String {
    let mut text = format!("HTTP/1.1 {} {}\n", rendered.status, rendered.reason);
    for (name, value) in &rendered.headers {
        text += &format!("{name}: {value}\n");
    }
    text + "\n" + std::str::from_utf8(&rendered.body).unwrap() + "\n"
}

/// The clients whose shapes there are: method and URL, one header.
const CLIENTS: &[(&str, (&str, &str))] = &[
    ("POST https://api.example.com/items", ("x-team", "1")),
    ("POST https://backboard.railway.app/graphql/v2", ("x-team", "1")),
    ("POST https://unlisted.example/graphql", ("x-team", "1")),
    (
        "POST https://dynamodb.eu-west-1.amazonaws.com/",
        ("content-type", "application/x-amz-json-1.0"),
    ),
    ("POST https://rds.amazonaws.com/", ("content-type", "application/x-www-form-urlencoded")),
    ("POST https://ec2.eu-west-1.amazonaws.com/", ("x-team", "1")),
    ("DELETE https://bucket.s3.eu-west-1.amazonaws.com/", ("x-team", "1")),
    ("DELETE https://k8s.example.com/api/v1/namespaces/prod", ("user-agent", "kubectl/v1.30")),
    ("GET https://k8s.example.com/api?timeout=32s", ("user-agent", "kubectl/v1.30")),
    ("DELETE https://sqladmin.googleapis.com/v1/projects/p/instances/i", ("x-team", "1")),
    ("POST https://github.com/a/b.git/git-receive-pack", ("x-team", "1")),
    (
        "POST https://api.example.com/shop.v1.Orders/DeleteOrder",
        ("content-type", "application/grpc+proto"),
    ),
    (
        "POST https://api.example.com/shop.v1.Orders/DeleteOrder",
        ("content-type", "application/grpc-web-text"),
    ),
    ("PUT https://registry.npmjs.org/left-pad", ("x-team", "1")),
    ("PUT https://npm.example.com/left-pad", ("user-agent", "pnpm/9.1.0 npm/? node/v20.1.0 linux")),
    ("GET https://crates.example.com/config.json", ("user-agent", "cargo/1.95.0 (linux)")),
    ("PUT https://images.example.com/v2/a/manifests/1", ("user-agent", "docker/28.2.2 go/go1.24")),
    ("PUT https://crates.io/api/v1/crates/new", ("x-team", "1")),
    ("GET https://go.example.com/a.test/b/@v/list", ("user-agent", "Go-http-client/2.0")),
    ("PUT https://ghcr.io/v2/a/b/manifests/1", ("x-team", "1")),
];

#[test]
fn every_client_in_its_own_words() {
    let mut all = String::new();
    for (line, header) in CLIENTS {
        let message = message(line, &[*header], "");
        for kind in
            [RefusalKind::Deny, RefusalKind::Hold, RefusalKind::Scheduled, RefusalKind::Unavailable]
        {
            all += &format!(
                "## {line} ({kind:?})\n{}\n",
                shown(&render(&refusal(kind), Some(&message)))
            );
        }
    }
    insta::assert_snapshot!("clients", all);
}

#[test]
fn every_code_says_what_to_do() {
    let mut all = String::new();
    use RefusalKind::{Deny, Hold, Scheduled, Unavailable, Upstream};
    let kinds_of = |code: Code| match code {
        Code::UpstreamUnreachable | Code::OutcomeUnknown => &[Upstream][..],
        Code::Scheduled => &[Scheduled],
        _ => &[Deny, Hold, Unavailable],
    };
    for kind in [Deny, Hold, Scheduled, Unavailable, Upstream] {
        let fits = |code: &&Code| kinds_of(**code).contains(&kind);
        for code in Code::ALL.iter().filter(fits) {
            let refusal = Refusal { reference: "7".into(), ..Refusal::new(kind, *code, "why") };
            let detail = text::detail(&refusal);
            assert!(detail.starts_with("Holdpoint "), "{detail}");
            let nothing = detail.contains("Nothing was sent.");
            assert_eq!(nothing, *code != Code::OutcomeUnknown, "{detail}");
            all += &format!("{kind:?}: {detail}\n");
        }
    }
    insta::assert_snapshot!("codes", all);
}

#[test]
fn what_is_scheduled_is_no_success_and_says_when_and_how_it_is_cancelled() {
    for (line, header) in CLIENTS {
        let message = message(line, &[*header], "");
        let rendered = render(&refusal(RefusalKind::Scheduled), Some(&message));
        let grpc = rendered.headers.iter().find(|(name, _)| *name == "grpc-status");
        match grpc {
            Some((_, status)) => assert_eq!(status, "9", "{line}"),
            None => assert_eq!(rendered.status, 428, "{line}"),
        }
        assert!(!rendered.headers.iter().any(|(name, _)| *name == "retry-after"), "{line}");
        let shown = shown(&rendered);
        // CBOR is no text, but its texts are.
        for text in ["not done", "holdpoint undo h-41"] {
            assert!(shown.replace("%20", " ").contains(text), "{line}: {text}: {shown}");
        }
    }
}

#[test]
fn a_message_that_could_not_be_read_has_a_refusal_too() {
    let rendered = render(&Refusal::new(RefusalKind::Deny, Code::Unparsed, "two hosts"), None);
    assert_eq!(rendered.status, 403);
    assert!(rendered.headers.contains(&("content-type", "application/problem+json".to_owned())));
}

#[test]
fn the_proxy_asks_who_it_is() {
    let refusal = Refusal::new(RefusalKind::Deny, Code::Unidentified, "no proxy credential");
    let rendered = unidentified(&refusal);
    assert_eq!(rendered.status, 407);
    assert!(rendered.headers.iter().any(|(name, _)| *name == "proxy-authenticate"));
}

#[test]
fn nothing_of_the_message_shows() {
    let auth = format!("Bearer {SECRET}");
    for (line, header) in CLIENTS {
        let line = format!("{line}?token={SECRET}");
        let message = message(&line, &[*header, ("authorization", &auth)], SECRET);
        let shown = shown(&render(&refusal(RefusalKind::Hold), Some(&message)));
        assert!(!shown.contains(SECRET), "{line}");
    }
}

#[test]
fn a_text_cannot_add_lines_or_markup() {
    let text = "a\r\nremote: all is well <b>&\"";
    let refusal = Refusal::new(RefusalKind::Deny, Code::Unparsed, text);
    for (line, header) in CLIENTS {
        let shown = shown(&render(&refusal, Some(&message(line, &[*header], ""))));
        let body = shown.split_once("\n\n").unwrap().1;
        assert!(!body.contains("\nremote:"), "{line}: {body}");
        assert!(!body.contains("<b>") || !body.starts_with("<?xml"), "{line}: {body}");
    }
}
