//! A "no" to a push, as its client reads it.

use holdpoint_core::{Code, Refusal, refusal::RefusalKind};

use super::*;
use crate::http::refusal::{Rendered, render};

fn refused(kind: RefusalKind, lines: &[&str]) -> Rendered {
    let code = Code::NeedsApproval;
    let refusal = Refusal {
        subject: "git:delete_ref".to_owned(),
        hold: (kind == RefusalKind::Hold).then(|| "h-41".to_owned()),
        ..Refusal::new(kind, code, "why\nnot")
    };
    render(&refusal, Some(&push(Body::Whole(pkt(lines).into()))))
}

fn body(rendered: &Rendered) -> &str {
    std::str::from_utf8(&rendered.body).unwrap()
}

#[test]
fn each_reference_is_reported_and_the_text_is_printed() {
    let first = format!("{NULL} {NEW} refs/heads/fix{CAPABILITIES}");
    let second = format!("{OLD} {NULL} refs/heads/old");
    for (kind, reason) in [
        (RefusalKind::Hold, "Held by Holdpoint (needs_approval): holdpoint approve h-41"),
        (RefusalKind::Deny, "Refused by Holdpoint (needs_approval)"),
        (RefusalKind::Unavailable, "Not decided by Holdpoint (needs_approval)"),
    ] {
        let rendered = refused(kind, &[&first, &second, "0000", "PACK"]);
        assert_eq!(rendered.status, 200);
        let media = rendered.headers.iter().find(|(name, _)| *name == "content-type").unwrap();
        assert_eq!(media.1, "application/x-git-receive-pack-result");
        let said = body(&rendered);
        let report = format!("000eunpack ok\n{}", {
            let line = |name: &str| format!("ng refs/heads/{name} {reason}\n");
            let (fix, old) = (line("fix"), line("old"));
            format!("{:04x}{fix}{:04x}{old}0000", fix.len() + 4, old.len() + 4)
        });
        assert!(said.contains("\u{2}Holdpoint ") && said.contains("Nothing was sent."), "{said}");
        assert!(said.ends_with(&format!("\u{1}{report}0000")), "{said}");
    }
}

#[test]
fn a_client_without_bands_gets_the_whole_text_in_the_report() {
    let only = format!("{NULL} {NEW} refs/heads/fix\0report-status");
    let rendered = refused(RefusalKind::Hold, &[&only, "0000", "PACK"]);
    let said = body(&rendered);
    assert!(said.starts_with("000eunpack ok\n") && said.ends_with("\n0000"), "{said}");
    assert!(said.contains("ng refs/heads/fix Holdpoint holds git:delete_ref"), "{said}");
}

#[test]
fn who_reads_no_report_and_what_failed_upstream_keep_their_status() {
    let report = format!("{NULL} {NEW} refs/heads/fix\0report-status");
    let silent = format!("{NULL} {NEW} refs/heads/fix");
    for (kind, line, status) in [
        (RefusalKind::Hold, &silent, 428),
        (RefusalKind::Upstream, &report, 502),
        (RefusalKind::Deny, &"not a command".to_owned(), 403),
    ] {
        let rendered = refused(kind, &[line, "0000", "PACK"]);
        assert_eq!(rendered.status, status, "{line}");
        assert!(body(&rendered).starts_with("Holdpoint "), "{line}");
    }
}
