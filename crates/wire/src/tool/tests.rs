//! What calls of tools do, by their names and by what they are handed.

use holdpoint_core::Effect;

use super::{Call, interpret};
use crate::{http::json::Json, machine::Bare, shell::At};

/// The strongest effect of a call, and where.
fn strongest(tool: &str, arguments: &str) -> (Effect, At) {
    let (server, tool) = tool.split_once('/').unwrap();
    let arguments = Json::read(arguments.as_bytes()).unwrap();
    let call = Call { server, tool, arguments: &arguments, directory: "/home/dev/app" };
    let reading = interpret(&call, &Bare::default()).unwrap();
    // What does nothing but look has no steps.
    let strongest = reading.steps.into_iter().max_by_key(|step| step.operation.effect);
    strongest.map_or((Effect::Observe, At::Here), |step| (step.operation.effect, step.at))
}

#[test]
fn a_call_is_what_its_name_and_its_arguments_say() {
    use Effect::{Create, Destroy, Execute, Observe};
    for (tool, arguments, effect, at) in [
        ("db/list_tables", r#"{"schema":"public"}"#, Observe, At::Here),
        ("db/get_table", r#"{"name":"users"}"#, Observe, At::Here),
        (
            "web/get_page",
            r#"{"url":"https://example.com/a"}"#,
            Execute,
            At::Host("example.com".into()),
        ),
        (
            "web/get_page",
            r#"{"url":"http://localhost:3000/"}"#,
            Execute,
            At::Host("localhost".into()),
        ),
        ("db/execute_sql", r#"{"query":"SELECT 1"}"#, Observe, At::Somewhere),
        ("db/execute_sql", r#"{"query":"DROP TABLE users"}"#, Destroy, At::Somewhere),
        ("db/list_things", r#"{"deep":[{"sql":"drop table users"}]}"#, Destroy, At::Somewhere),
        ("db/search", r#"{"query":"select a good name for me"}"#, Execute, At::Somewhere),
        ("n8n/update_workflow", r#"{"nodes":[]}"#, Execute, At::Somewhere),
        ("x/do_it", "{}", Execute, At::Somewhere),
        ("cloud/delete_volume", r#"{"id":"v"}"#, Destroy, At::Somewhere),
        ("github/create_issue", r#"{"title":"x"}"#, Create, At::Service),
        ("github/merge_pull_request", r#"{"number":3}"#, Execute, At::Service),
        ("github/delete_file", r#"{"path":"a"}"#, Destroy, At::Service),
        ("fs/delete_file", r#"{"path":"src/a.rs"}"#, Destroy, At::Here),
        ("fs/write_file", r#"{"path":"src/a.rs","content":"drop it; now;"}"#, Create, At::Here),
        ("fs/read_file", r#"{"path":"src/a.rs"}"#, Observe, At::Here),
        ("shell/run_command", r#"{"command":"rm -rf /home/dev/x"}"#, Destroy, At::Here),
        ("shell/run_command", r#"{"command":"ls"}"#, Observe, At::Here),
        ("shell/run", r#"{"command":["rm","-rf","/home/dev/x"]}"#, Destroy, At::Here),
        ("shell/run", r#"{"command":"rm","args":["-rf","/home/dev/x"]}"#, Destroy, At::Here),
        ("shell/run", r#"{"command":"rm","args":"-rf /prod"}"#, Execute, At::Somewhere),
        ("shell/run", r#"{"command":"rm","args":["-rf","/prod",1]}"#, Execute, At::Somewhere),
        (
            "shell/run",
            r#"{"command":"rm","args":[],"arguments":["-rf","/prod"]}"#,
            Execute,
            At::Somewhere,
        ),
        ("shell/run", r#"{"command":"ls","args":[]}"#, Observe, At::Here),
        ("neon/delete_branch", r#"{"branch_id":"prod","sql":"select 1"}"#, Destroy, At::Somewhere),
        ("aws/call_aws", r#"{"cli_command":"aws s3 ls"}"#, Observe, At::Here),
        ("kubernetes/pods_list", r#"{"namespace":"dev"}"#, Observe, At::Here),
        ("docs/resolve-library-id", r#"{"libraryName":"x"}"#, Observe, At::Here),
        ("kubernetes/pods_delete_list", "{}", Destroy, At::Somewhere),
    ] {
        let found = match (strongest(tool, arguments), effect) {
            // Where nothing happens does not matter.
            ((Observe, _), Observe) => continue,
            (found, _) => found,
        };
        assert_eq!(found, (effect, at), "{tool} {arguments}");
    }
}

#[test]
fn files_that_are_moved_are_gone_from_where_they_were() {
    let arguments = Json::read(br#"{"source":"/home/dev/x","destination":"b"}"#).unwrap();
    let call =
        Call { server: "fs", tool: "move_file", arguments: &arguments, directory: "/home/dev/app" };
    let steps = interpret(&call, &Bare::default()).unwrap().steps;
    let of = |step: &crate::shell::Step| {
        format!("{} {}", step.operation.name, step.operation.resource.id)
    };
    let all: Vec<String> = steps.iter().map(of).collect();
    assert_eq!(all, ["file:delete file:/home/dev/x", "file:create file:/home/dev/app/b"]);
}
