//! Modes: what policy says "no" to passes in observe mode, is written down and reported; foreign
//! credentials and killed runs are refused whatever the mode.

use std::fs;

use e2e::{echo::LISTED, enclosed::Enclosed, holdpoint::Called};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// Asks the listed host to delete something, and again with a token of somebody's.
fn asks() -> String {
    let status = "-s -o /dev/null -w '%{http_code} '";
    let url = format!("https://{LISTED}/volumes/1");
    let foreign = "ghp_9drTJvcXLB89aBfLB89PLcKEYd8YSFbyUzg3";
    format!(
        "curl {status} -X DELETE {url}; curl {status} -H 'Authorization: Bearer {foreign}' {url}"
    )
}

/// A place whose listed host is production, in which `lines` are configured.
async fn places(lines: &str) -> Vec<Enclosed> {
    let places = Enclosed::each(BINARY).await;
    for place in &places {
        let path = place.path("state/holdpoint.toml");
        let text = fs::read_to_string(&path).unwrap();
        let (first, rest) = text.split_once("[hold]").unwrap();
        fs::write(path, format!("{first}{lines}\n[hold]{rest}")).unwrap();
        place.call(&["hosts", "remove", LISTED]);
        let added = ["hosts", "add", LISTED, "--speaks", "rest", "--environment", "production"];
        assert_eq!(place.call(&added).status, 0);
    }
    places
}

fn run(place: &Enclosed) -> Called {
    place.call(&["run", "--no-snapshot", "--", "bash", "-c", &asks()])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_passes_only_by_its_mode_and_is_reported_either_way() {
    for (lines, expect, counted) in [
        ("", "428 403 ", [1, 0]),
        ("mode = \"observe\"", "200 403 ", [0, 1]),
        ("mode = \"warn\"", "200 403 ", [0, 1]),
        ("mode = \"observe\"\n[modes]\nneeds_approval = \"enforce\"", "428 403 ", [1, 0]),
        ("[modes]\nneeds_approval = \"observe\"", "200 403 ", [0, 1]),
    ] {
        for place in places(lines).await {
            let who = place.who();
            let called = run(&place);
            assert_eq!(called.stdout, expect, "{who} {lines}: {}", called.stderr);
            let deleted = place.arrived().iter().any(|it| it.method == "DELETE");
            assert_eq!(deleted, expect.starts_with("200"), "{who} {lines}");
            let said = called.stderr.contains("passed by their mode");
            assert_eq!(said, counted[1] == 1, "{who} {lines}: {}", called.stderr);
            assert_eq!(called.stderr.contains("  mode  "), !lines.is_empty(), "{who} {lines}");
            let report = place.call(&["report", "--since", "1d", "--json"]).json();
            let all = &report["all"];
            assert_eq!([&all["held"], &all["would_have_held"]], counted, "{who} {lines}: {report}");
            assert_eq!(all["refused"], 1, "{who} {lines}: {report}");
            let text = place.call(&["report"]).stdout;
            assert!(text.contains("mend first: "), "{who} {lines}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_is_no_mode_or_of_no_rule_starts_nothing() {
    for lines in ["mode = \"off\"", "[modes]\nno_such_rule = \"observe\""] {
        for place in places("").await {
            let path = place.path("state/holdpoint.toml");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace("[hold]", &format!("{lines}\n[hold]"))).unwrap();
            let called = run(&place);
            assert_ne!(called.status, 0, "{lines}");
            let word =
                lines.split(['"', '\n', ' ']).find(|it| it.contains("no_such") || *it == "off");
            assert!(called.stderr.contains(word.unwrap()), "{lines}: {}", called.stderr);
            assert!(place.arrived().is_empty(), "{lines}");
        }
    }
}
