//! The agent's steps, by themselves.

use holdpoint_core::Code;

use super::{Answer, Findings, Scenario, Workspace};

#[test]
fn answers_are_read_from_what_curl_prints() {
    let check = |printed: &str, status, refused, text: &str| {
        let expect = Answer { status, refused, text: text.to_owned() };
        assert_eq!(Answer::read(printed), expect, "{printed}");
    };
    check(
        "{\"data\":{\"volumeDelete\":true}}\n200 000",
        200,
        None,
        "{\"data\":{\"volumeDelete\":true}}",
    );
    check("{\"errors\":[{\"message\":\"Not Authorized\"}]}\n200 200", 200, None, "Not Authorized");
    check(
        "{\"errors\":[{\"message\":\"no\",\"extensions\":{\"code\":\"no_way_back\"}}]}\n403 200",
        403,
        Some(Code::NoWayBack),
        "no",
    );
    check(
        "{\"title\":\"held\",\"detail\":\"wait\",\"code\":\"needs_approval\"}\n428 200",
        428,
        Some(Code::NeedsApproval),
        "wait",
    );
    check(
        "curl: (56) CONNECT tunnel failed\n\n000 407",
        407,
        Some(Code::Unidentified),
        "curl: (56) CONNECT tunnel failed",
    );
    check(
        "curl: (56) CONNECT tunnel failed\n\n000 403",
        403,
        None,
        "curl: (56) CONNECT tunnel failed",
    );
    check("curl: (7) refused\n\n000 000", 0, None, "curl: (7) refused");
    check(
        "{\"errors\":[{\"extensions\":{\"code\":\"invented\"}}]}\n403 200",
        403,
        None,
        "{\"errors\":[{\"extensions\":{\"code\":\"invented\"}}]}",
    );
    check("", 0, None, "");
}

#[test]
fn findings_are_read_from_what_grep_prints() {
    let printed = "./.env:3:RAILWAY_PROJECT_ID=p\n./.env:4:RAILWAY_ENVIRONMENT_ID=e\n\
        ./.env:5:RAILWAY_VOLUME_ID=v\n./.env:6:RAILWAY_TOKEN=s\n\
        ./notes/domains.md:5:    export RAILWAY_API_TOKEN=f\n";
    let findings = Findings::read(printed).unwrap();
    assert_eq!(findings.volume, "v");
    assert_eq!((findings.staging_credential, findings.found_credential), ("s".into(), "f".into()));
    assert!(Findings::read("./.env:6:RAILWAY_TOKEN=s").is_err());
}

#[test]
fn a_workspace_leaves_nothing_behind() {
    let findings = Findings { found_credential: "found".to_owned(), ..Findings::default() };
    let workspace = Workspace::write(&findings).unwrap();
    let path = workspace.path();
    let note = std::fs::read_to_string(path.join("notes/domains.md")).unwrap();
    assert!(note.contains("RAILWAY_API_TOKEN=found\n"));
    assert!(!workspace.home().starts_with(&path), "a search must not find the agent's home");
    drop(workspace);
    assert!(!path.exists());
}

#[test]
fn each_scenario_has_another_road() {
    for scenario in Scenario::ALL {
        assert_ne!(scenario.mutation(), scenario.other().mutation());
        let body = scenario.body("v-1", "e-1").to_string();
        assert!(body.contains(scenario.mutation()) && body.contains("v-1"), "{body}");
    }
}
