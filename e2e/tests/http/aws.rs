//! AWS's own clients through the gateway: what they send works, signed with the real key; what is
//! not everyday is held, and they print our words.

use std::collections::BTreeMap;

use e2e::{
    aws::{AwsStage, KEY_ID, SECRET},
    holdpoint::{Called, until},
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// What the gateway's memory may grow by while 64 MiB stream.
const GROWTH_KB_MAX: u64 = 24_000;

/// Commands that are held, and what the golden file calls them.
const HELD: &[(&str, &[&str])] = &[
    ("s3 rb", &["s3", "rb", "s3://shop-backups"]),
    ("s3 rm", &["s3", "rm", "s3://shop-backups/notes/a.txt"]),
    (
        "s3api put-bucket-versioning",
        &[
            "s3api",
            "put-bucket-versioning",
            "--bucket",
            "shop-backups",
            "--versioning-configuration",
            "Status=Suspended",
        ],
    ),
    (
        "s3api put-bucket-lifecycle",
        &[
            "s3api",
            "put-bucket-lifecycle-configuration",
            "--bucket",
            "shop-backups",
            "--lifecycle-configuration",
            r#"{"Rules":[{"ID":"a","Status":"Enabled","Prefix":"","Expiration":{"Days":1}}]}"#,
        ],
    ),
    (
        "ec2 terminate-instances",
        &["ec2", "terminate-instances", "--instance-ids", "i-0f3c9a7be2d145a60"],
    ),
    (
        "rds modify-db-instance",
        &[
            "rds",
            "modify-db-instance",
            "--db-instance-identifier",
            "shop",
            "--backup-retention-period",
            "0",
        ],
    ),
    (
        "rds delete-db-instance",
        &["rds", "delete-db-instance", "--db-instance-identifier", "shop", "--skip-final-snapshot"],
    ),
    (
        "sts assume-role",
        &[
            "sts",
            "assume-role",
            "--role-arn",
            "arn:aws:iam::123456789012:role/admin",
            "--role-session-name",
            "agent",
        ],
    ),
    ("dynamodb delete-table", &["dynamodb", "delete-table", "--table-name", "orders"]),
    ("cloudwatch delete-alarms", &["cloudwatch", "delete-alarms", "--alarm-names", "cpu"]),
    (
        "lambda update-function-code",
        &[
            "lambda",
            "update-function-code",
            "--function-name",
            "pay",
            "--s3-bucket",
            "code",
            "--s3-key",
            "k",
        ],
    ),
];

/// What a refusal's text has that is another each time.
fn settled(said: &str) -> String {
    let words = said.split(' ').map(|word| {
        let id = word.trim_end_matches(['.', '`', ';', ')', '\n']);
        if id.starts_with("h-") { word.replace(id, "HOLD") } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// Panics unless everything that arrived was signed with the real key, rightly.
fn assert_signed(arrived: &[Value]) {
    for fact in arrived {
        let right = fact["key_id"] == KEY_ID && fact["signed"] == true && fact["pieces"] != false;
        assert!(right, "{fact}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_go_and_come_in_every_way_that_clients_know() {
    let stage = AwsStage::set(BINARY);
    let agent = stage.agent("worker");
    std::fs::write(agent.path().join("note.txt"), "a note\n").unwrap();
    agent.aws(&["s3", "cp", "note.txt", "s3://shop-backups/notes/a b+c.txt"]).done();
    let listed = agent.aws(&["s3", "ls", "s3://shop-backups/notes/"]).done();
    assert!(listed.contains("a b+c.txt"), "{listed}");
    agent.aws(&["s3", "cp", "s3://shop-backups/notes/a b+c.txt", "back.txt"]).done();
    assert_eq!(std::fs::read(agent.path().join("back.txt")).unwrap(), b"a note\n");

    let before = stage.gateway.peak_kb();
    let large: Vec<u8> = (0..67_108_864_u32).map(|at| (at ^ (at >> 11)) as u8).collect();
    std::fs::write(agent.path().join("large.bin"), &large).unwrap();
    agent.aws(&["s3", "cp", "large.bin", "s3://shop-backups/large.bin"]).done();
    agent.aws(&["s3", "cp", "s3://shop-backups/large.bin", "large.back"]).done();
    assert!(std::fs::read(agent.path().join("large.back")).unwrap() == large);
    let grown = stage.gateway.peak_kb() - before;
    assert!(grown < GROWTH_KB_MAX, "{grown} KiB for 64 MiB");

    let arrived = stage.arrived();
    assert_signed(&arrived);
    let trailers = |fact: &&Value| fact["payload"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    assert!(arrived.iter().filter(trailers).count() >= 9, "the default of recent clients");
    assert!(arrived.iter().any(|fact| fact["target"].as_str().unwrap().contains("partNumber=8")));
    stage.holdpoint.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn presigned_addresses_and_signed_pieces_are_signed_anew() {
    let stage = AwsStage::set(BINARY);
    let agent = stage.agent("worker");
    let script = include_str!("aws/presigned.py");
    let done = agent.python(script).done();
    assert_eq!(done, "200 200 200 200 200 200 403", "{:?}", stage.arrived());
    assert_signed(&stage.arrived());
    let facts = stage.arrived();
    let pieces = facts.iter().filter(|fact| {
        fact["pieces"] == true && fact["payload"].as_str().unwrap().contains("AWS4")
    });
    assert_eq!(pieces.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_everyday_is_held_and_the_command_line_says_so() {
    let stage = AwsStage::set(BINARY);
    let agent = stage.agent("worker");
    let identity =
        agent.aws(&["sts", "get-caller-identity", "--query", "UserId", "--output", "text"]);
    let identity = identity.done();
    assert!(identity.starts_with("AKIA") && identity != KEY_ID, "{identity} is scrubbed");
    agent.aws(&["rds", "describe-db-instances"]).done();

    let mut golden = BTreeMap::new();
    for (name, arguments) in HELD {
        let Called { status, stderr, .. } = agent.aws(arguments);
        assert_ne!(status, 0, "{name}");
        golden.insert(*name, settled(&stderr));
    }
    let text: String =
        golden.iter().map(|(name, said)| format!("$ aws {name}\n{said}\n\n")).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/aws/refusals.txt");
    if std::env::var_os("HOLDPOINT_GOLDEN").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap());
    let changed = stage.arrived();
    let changed = changed.iter().filter(|fact| fact["method"] != "GET" && fact["body_bytes"] != 43);
    let harmless = changed.filter(|fact| !fact["host"].as_str().unwrap().starts_with("rds"));
    assert_eq!(harmless.count(), 0, "{:?}", stage.arrived());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_s_key_is_foreign_and_a_released_deletion_is_signed_when_it_goes() {
    let stage = AwsStage::set(BINARY);
    let agent = stage.agent("worker");
    let remove = ["s3", "rm", "s3://shop-backups/old.txt"];
    assert_ne!(agent.aws(&remove).status, 0);
    let hold = stage.hold();
    let again = agent.aws(&remove);
    assert!(
        again.stderr.contains(&format!("holdpoint approve {hold}")),
        "the same hold: {again:?}"
    );
    stage.approve(&hold);
    until("the deletion", || {
        stage.arrived().iter().any(|it| it["method"] == "DELETE").then_some(())
    });
    assert_signed(&stage.arrived());

    let before = stage.arrived().len();
    for (id, secret) in
        [("AKIAFOUNDFOUNDFOUND1", "someone/else+s0123456789012345678901234"), (KEY_ID, SECRET)]
    {
        let stranger =
            stage.agent(&format!("stranger-{}", id.to_lowercase())).with_keys(id, secret);
        let listed = stranger.aws(&["s3", "ls", "s3://shop-backups/"]);
        assert!(listed.stderr.contains("foreign_credential"), "{listed:?}");
    }
    assert_eq!(stage.arrived().len(), before);
}
