//! The stand-in, asked over the wire.

use std::{path::PathBuf, process::Stdio};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{Config, FakeRailway, HOSTS, document::Document, fingerprint, schema::Schema};

/// A fake and a curl that reaches it.
struct Fixture {
    railway: FakeRailway,
    ca: PathBuf,
    _directory: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let ca = directory.path().join("ca.pem");
        let railway = FakeRailway::start(Config::default()).await.unwrap();
        railway.authority().write_pem(&ca).unwrap();
        Self { railway, ca, _directory: directory }
    }

    /// Sends `body` by curl to `host` with `header`; gives the status and the answer.
    async fn curl(&self, host: &str, path: &str, header: &str, body: &str) -> (u16, Value) {
        let output = Command::new("curl")
            .env_clear()
            .args(["-sS", "--max-time", "20", "-X", "POST", "-w", "\n%{http_code}"])
            .arg("--cacert")
            .arg(&self.ca)
            .arg("--connect-to")
            .arg(format!("{host}:443:{}", self.railway.addr()))
            .args(["-H", header, "-H", "Content-Type: application/json", "--data-binary", body])
            .arg(format!("https://{host}{path}"))
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let (body, status) = output.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// Sends a document with the account credential.
    async fn ask(&self, query: &str, variables: Value) -> Value {
        let header = format!("Authorization: Bearer {}", self.railway.seed().account_credential);
        let body = json!({"query": query, "variables": variables}).to_string();
        self.curl(HOSTS[1], "/graphql/v2", &header, &body).await.1
    }
}

#[tokio::test]
async fn a_deleted_volume_is_gone_in_every_environment_with_its_backups() {
    let fixture = Fixture::new().await;
    let seed = fixture.railway.seed().clone();
    assert!(fixture.railway.volume_exists(&seed.volume));
    assert_eq!(fixture.railway.backups_in(&seed.volume, &seed.production), 3);
    let query = format!("mutation {{ volumeDelete(volumeId: \"{}\") }}", seed.volume);
    let answer = fixture.ask(&query, Value::Null).await;
    assert_eq!(answer, json!({"data": {"volumeDelete": true}}));
    assert!(!fixture.railway.volume_exists(&seed.volume));
    assert!(!fixture.railway.volume_exists_in(&seed.volume, &seed.staging));
    assert_eq!(fixture.railway.backups_in(&seed.volume, &seed.production), 0);
    let again = fixture.ask(&query, Value::Null).await;
    assert_eq!(again["errors"][0]["message"], "Volume not found");
    let log = fixture.railway.log();
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].operations, ["volumeDelete"]);
    assert_eq!(log[0].executed, ["volumeDelete"]);
    assert_eq!(log[0].credential, Some(fingerprint(&seed.account_credential)));
    assert!(log[0].at.0 > 0 && log[1].executed.is_empty());
    assert_eq!(fixture.railway.mutations(), 1);
}

#[tokio::test]
async fn a_patch_deletes_in_its_own_environment_only() {
    let fixture = Fixture::new().await;
    let seed = fixture.railway.seed().clone();
    let query = "mutation P($e: String!, $patch: EnvironmentConfig) \
                 { done: environmentPatchCommit(environmentId: $e, patch: $patch) }";
    let patch = json!({"volumes": {(seed.volume.clone()): {"isDeleted": true}}});
    let answer = fixture.ask(query, json!({"e": seed.production, "patch": patch})).await;
    assert!(answer["data"]["done"].is_string(), "{answer}");
    assert!(!fixture.railway.volume_exists_in(&seed.volume, &seed.production));
    assert!(fixture.railway.volume_exists_in(&seed.volume, &seed.staging));
    let answer = fixture.ask(query, json!({"e": seed.staging, "patch": patch})).await;
    assert!(answer["data"]["done"].is_string(), "{answer}");
    assert!(!fixture.railway.volume_exists(&seed.volume));
}

#[tokio::test]
async fn credentials_have_the_power_that_the_original_gives_them() {
    let fixture = Fixture::new().await;
    let seed = fixture.railway.seed().clone();
    let bearer = format!("Authorization: Bearer {}", seed.account_credential);
    let project = format!("Project-Access-Token: {}", seed.staging_credential);
    let crossed = format!("Authorization: Bearer {}", seed.staging_credential);
    let delete = format!("mutation {{ volumeDelete(volumeId: \"{}\") }}", seed.volume);
    let variables = |environment: &str| {
        format!(
            "query {{ variables(projectId: \"{}\", environmentId: \"{environment}\", serviceId: \"{}\") }}",
            seed.project, seed.service
        )
    };
    let refused = "Not Authorized";
    for (header, query, expect) in [
        ("X-None: 1", "query { me { email } }".to_owned(), refused),
        ("Authorization: Bearer 0", "query { me { email } }".to_owned(), refused),
        (&crossed, "query { me { email } }".to_owned(), refused),
        (&project, "query { me { email } }".to_owned(), refused),
        (&project, delete.clone(), refused),
        (&project, variables(&seed.production), refused),
        (&project, variables(&seed.staging), ""),
        (&project, "query { projectToken { environment { name } } }".to_owned(), ""),
        (&project, format!("query {{ project(id: \"{}\") {{ name }} }}", seed.project), ""),
        (&bearer, "query { me { email } }".to_owned(), ""),
        (&bearer, variables(&seed.production), ""),
    ] {
        let body = json!({"query": query}).to_string();
        let (status, answer) = fixture.curl(HOSTS[0], "/graphql/internal", header, &body).await;
        let message = answer["errors"][0]["message"].as_str().unwrap_or_default();
        assert_eq!((status, message), (200, expect), "{header} {query} {answer}");
    }
    assert!(fixture.railway.volume_exists(&seed.volume));
    assert_eq!(fixture.railway.mutations(), 0);
    fixture.railway.revoke(&seed.account_credential);
    let (_, answer) =
        fixture.curl(HOSTS[1], "/graphql/v2", &bearer, &json!({"query": delete}).to_string()).await;
    assert_eq!(answer["errors"][0]["message"], refused);
}

#[tokio::test]
async fn queries_walk_the_graph() {
    let fixture = Fixture::new().await;
    let seed = fixture.railway.seed().clone();
    let query = "query Q($id: String!) { project(id: $id) { ...P } me { workspaces { name } } }
        fragment P on Project {
          __typename
          environments { edges { node { id name } } pageInfo { hasNextPage } }
          volumes { edges { node { id volumeInstances { edges { node {
            id environmentId environment { name } service { name project { id } } volume { name }
          } } } } } }
        }";
    let answer = fixture.ask(query, json!({"id": seed.project})).await;
    let project = &answer["data"]["project"];
    assert_eq!(project["__typename"], "Project");
    assert_eq!(project["environments"]["edges"].as_array().unwrap().len(), 2);
    let volume = &project["volumes"]["edges"][0]["node"];
    assert_eq!(volume["id"], json!(seed.volume));
    let instances = volume["volumeInstances"]["edges"].as_array().unwrap();
    assert_eq!(instances.len(), 2);
    let production = instances
        .iter()
        .map(|edge| &edge["node"])
        .find(|node| node["environment"]["name"] == "production")
        .unwrap();
    assert_eq!(production["service"]["project"]["id"], json!(seed.project));
    assert_eq!(production["volume"]["name"], "postgres-data");

    let id = &production["id"];
    let query = "query($id: String!) { volumeInstance(id: $id) { sizeMB state isPendingDeletion }
        volumeInstanceBackupList(volumeInstanceId: $id) { id name } }";
    let answer = fixture.ask(query, json!({"id": id})).await;
    assert_eq!(answer["data"]["volumeInstance"]["state"], "READY");
    let backup = &answer["data"]["volumeInstanceBackupList"][1]["id"];
    let query = "mutation($i: String!, $b: String!) {
        volumeInstanceBackupCreate(volumeInstanceId: $i, name: \"mine\") { workflowId }
        volumeInstanceBackupDelete(volumeInstanceId: $i, volumeInstanceBackupId: $b) { workflowId }
    }";
    let answer = fixture.ask(query, json!({"i": id, "b": backup})).await;
    assert!(answer["data"]["volumeInstanceBackupDelete"]["workflowId"].is_string(), "{answer}");
    assert_eq!(fixture.railway.backups_in(&seed.volume, &seed.production), 3);
    assert_eq!(fixture.railway.mutations(), 2);
}

#[tokio::test]
async fn the_other_mutations_do_what_they_say() {
    let fixture = Fixture::new().await;
    let seed = fixture.railway.seed().clone();
    let query = "mutation M($input: CustomDomainCreateInput!) { customDomainCreate(input: $input) { id domain } }";
    let input = json!({"domain": "new.example.com", "environmentId": seed.staging,
        "projectId": seed.project, "serviceId": seed.service});
    let answer = fixture.ask(query, json!({"input": input})).await;
    let id = answer["data"]["customDomainCreate"]["id"].as_str().unwrap().to_owned();
    assert!(fixture.railway.domain_exists(&id));
    let query = "mutation($id: String!, $e: String!) { customDomainUpdate(id: $id, environmentId: $e, targetPort: 8080) }";
    fixture.ask(query, json!({"id": id, "e": seed.staging})).await;
    let query = "query($p: String!, $e: String!, $s: String!, $id: String!) {
        domains(projectId: $p, environmentId: $e, serviceId: $s) { customDomains { domain targetPort } }
        customDomain(id: $id, projectId: $p) { syncStatus } }";
    let given = json!({"p": seed.project, "e": seed.staging, "s": seed.service, "id": id});
    let answer = fixture.ask(query, given).await;
    let domains = json!([{"domain": "new.example.com", "targetPort": 8080}]);
    assert_eq!(answer["data"]["domains"]["customDomains"], domains);
    assert_eq!(answer["data"]["customDomain"]["syncStatus"], "ACTIVE");
    fixture.ask("mutation($id: String!) { customDomainDelete(id: $id) }", json!({"id": id})).await;
    assert!(!fixture.railway.domain_exists(&id));

    let query = "mutation($v: VolumeCreateInput!, $u: VariableUpsertInput!) {
        volumeCreate(input: $v) { id volumeInstances { edges { node { mountPath } } } }
        variableUpsert(input: $u)
        minted: apiTokenCreate(input: {name: \"spare\"}) }";
    let given = json!({
        "v": {"projectId": seed.project, "mountPath": "/data"},
        "u": {"projectId": seed.project, "environmentId": seed.staging, "name": "A", "value": "1"}});
    let answer = fixture.ask(query, given).await;
    let volume = answer["data"]["volumeCreate"]["id"].as_str().unwrap().to_owned();
    assert!(fixture.railway.volume_exists_in(&volume, &seed.production));
    let minted = answer["data"]["minted"].as_str().unwrap().to_owned();
    let query = format!("mutation {{ projectDelete(id: \"{}\") }}", seed.project);
    let header = format!("Authorization: Bearer {minted}");
    let body = json!({"query": query}).to_string();
    let (_, answer) = fixture.curl(HOSTS[1], "/graphql/v2", &header, &body).await;
    assert_eq!(answer, json!({"data": {"projectDelete": true}}));
    assert!(
        !fixture.railway.volume_exists(&volume) && !fixture.railway.volume_exists(&seed.volume)
    );
}

#[tokio::test]
async fn what_is_no_graphql_message_is_refused() {
    let fixture = Fixture::new().await;
    let bearer = format!("Authorization: Bearer {}", fixture.railway.seed().account_credential);
    for (path, body, expect) in [
        ("/graphql/v3", r#"{"query":"{ me { id } }"}"#, 404),
        ("/graphql/v2", "no json", 400),
        ("/graphql/v2", r#"{"variables":{}}"#, 400),
        ("/graphql/v2", r#"[{"query":"{ me { id } }"}]"#, 400),
        ("/graphql/v2", r#"{"query":"{ me { id } }","variables":[]}"#, 400),
        ("/graphql/v2", r#"{"query":"{ me { id }"}"#, 400),
    ] {
        let (status, answer) = fixture.curl(HOSTS[1], path, &bearer, body).await;
        assert_eq!(status, expect, "{path} {body}");
        assert!(answer["errors"][0]["message"].is_string());
    }
    assert_eq!(fixture.railway.log().len(), 6);
}

#[tokio::test]
async fn other_processes_can_follow_it() {
    let directory = TempDir::new().unwrap();
    let log_file = directory.path().join("arrivals.jsonl");
    let config = Config { log_file: Some(log_file.clone()), ..Config::default() };
    let railway = FakeRailway::start(config).await.unwrap();
    let description = json!(railway.description());
    assert_eq!(description["addr"], railway.addr().to_string());
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, description["ca_pem"].as_str().unwrap()).unwrap();
    let fixture = Fixture { railway, ca, _directory: directory };
    let query = format!("mutation {{ projectDelete(id: {}) }}", description["seed"]["project"]);
    fixture.ask(&query, Value::Null).await;
    let written = std::fs::read_to_string(log_file).unwrap();
    let arrival: Value = serde_json::from_str(written.trim_end()).unwrap();
    assert_eq!(arrival, json!(fixture.railway.log()[0]));
    assert_eq!(arrival["executed"], json!(["projectDelete"]));
}

/// A document, the operation's name, and the keys and names of its root fields, or a part of
/// what is wrong with it.
type Case<'a> = (&'a str, Option<&'a str>, Result<&'a [&'a str], &'a str>);

const DOCUMENTS: &[Case<'_>] = &[
    ("{ me { id } x: me { id } }", None, Ok(&["me:me", "x:me"])),
    ("mutation { volumeDelete(volumeId: \"\\u0061\") }", None, Ok(&["volumeDelete:volumeDelete"])),
    (
        "query A { me { id } } mutation B { projectDelete(id: \"p\") }",
        Some("B"),
        Ok(&["projectDelete:projectDelete"]),
    ),
    ("query A { me { id } } mutation B { projectDelete(id: \"p\") }", None, Err("operation name")),
    ("query A { me { id } }", Some("C"), Err("Unknown operation")),
    (
        "mutation($id: String!) { ... on Mutation { v: volumeDelete(volumeId: $id) } }",
        None,
        Ok(&["v:volumeDelete"]),
    ),
    (
        "mutation { ...F } fragment F on Mutation { volumeDelete(volumeId: \"a\") }",
        None,
        Ok(&["volumeDelete:volumeDelete"]),
    ),
    (
        "query($no: Boolean!, $yes: Boolean!) { me { id } a: me @skip(if: $yes) { id } b: me @include(if: $no) { id } }",
        None,
        Ok(&["me:me"]),
    ),
    (
        "mutation { a: volumeDelete(volumeId: \"1\") a: volumeDelete(volumeId: \"1\") }",
        None,
        Ok(&["a:volumeDelete"]),
    ),
    (
        "mutation { a: volumeDelete(volumeId: \"1\") a: volumeDelete(volumeId: \"2\") }",
        None,
        Err("conflict"),
    ),
    ("mutation { volumeDelete }", None, Err("volumeId")),
    ("mutation { volumeDelete(volumeId: 3) }", None, Err("volumeId")),
    ("mutation { volumeDelete(volumeId: \"1\", force: true) }", None, Err("Unknown argument")),
    ("mutation { volumeWipe(volumeId: \"1\") }", None, Err("Cannot query field")),
    ("mutation { volumeCreate(input: {projectId: \"p\"}) { id } }", None, Err("input")),
    (
        "mutation { volumeCreate(input: {projectId: \"p\", mountPath: \"/\", x: 1}) { id } }",
        None,
        Err("input"),
    ),
    ("mutation($missing: String!) { volumeDelete(volumeId: $missing) }", None, Err("not provided")),
    ("query($with: String = \"p\") { project(id: $with) { id } }", None, Ok(&["project:project"])),
    ("query { me }", None, Err("selection of subfields")),
    ("query { me { email { x } } }", None, Err("must not have")),
    (
        "query { ...F } fragment F on Mutation { volumeDelete(volumeId: \"a\") }",
        None,
        Err("cannot be spread"),
    ),
    ("query { ...F } fragment F on Query { ...F }", None, Err("too deeply")),
    ("query { ...Missing }", None, Err("Unknown fragment")),
    ("query { me @deprecated { id } }", None, Err("directive")),
    ("subscription { me { id } }", None, Err("Subscriptions")),
    ("fragment F on Query { me { id } }", None, Err("Must provide an operation")),
];

fn check(schema: &Schema, (query, name, expect): &Case<'_>) {
    let Value::Object(variables) = json!({"id": "v", "yes": true, "no": false}) else {
        panic!("an object")
    };
    let shown = |document: Document| {
        let fields = document.fields.iter();
        fields.map(|field| format!("{}:{}", field.key, field.name)).collect::<Vec<_>>()
    };
    match (Document::read(schema, query, *name, &variables).map(shown), expect) {
        (Ok(found), Ok(expect)) => assert_eq!(found, *expect, "{query}"),
        (Err(error), Err(part)) => assert!(error.contains(part), "{query}: {error}"),
        (found, _) => panic!("{query}: {found:?}"),
    }
}

#[test]
fn documents_are_checked_against_the_schema() {
    let schema = Schema::railway();
    for case in DOCUMENTS {
        check(&schema, case);
    }
}

#[test]
fn documents_that_grow_are_bounded() {
    let schema = Schema::railway();
    // Fragments that double at each step, down to nothing that is left in.
    let doubling: String =
        (0..20).map(|n| format!("fragment F{n} on Query {{ ...F{0} ...F{0} }} ", n + 1)).collect();
    let last = "fragment F20 on Query { me @skip(if: true) { id } }";
    check(&schema, &(&format!("{{ ...F0 }} {doubling} {last}"), None, Err("too much")));
    check(&schema, &(&format!("{{ {} }}", "me { id } ".repeat(5_000)), None, Err("token limit")));
}

#[test]
fn variables_inside_literals_are_put_in() {
    let schema = Schema::railway();
    let query = "mutation($env: String!, $absent: Boolean) { environmentPatchCommit(environmentId: $env, \
        patch: {volumes: {v1: {isDeleted: true, region: $absent, n: [1, 2.5, null, WORD]}}}) }";
    let mut variables = Map::new();
    variables.insert("env".to_owned(), json!("e1"));
    let document = Document::read(&schema, query, None, &variables).unwrap();
    assert!(document.mutation);
    let expect = json!({"environmentId": "e1",
        "patch": {"volumes": {"v1": {"isDeleted": true, "n": [1, 2.5, null, "WORD"]}}}});
    assert_eq!(Value::Object(document.fields[0].arguments.clone()), expect);
}
