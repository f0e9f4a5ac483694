//! What programs of compiled languages say by their literals, and what they do not.

mod harm;
mod honest;

use std::{collections::BTreeMap, sync::Arc};

use holdpoint_core::Effect;

use crate::{
    Machine, World,
    shell::{Command, Dialect, interpret},
    world::Host,
};

/// A machine on which this run has written some files, and another lies.
struct Written(BTreeMap<String, String>);

impl World for Written {
    fn host(&self, _host: &str, _port: u16) -> Option<Host> {
        None
    }

    fn persisted(&self, _sha256: &str) -> Option<Arc<str>> {
        None
    }
}

impl Machine for Written {
    fn home(&self) -> &str {
        "/home/dev"
    }

    fn workspace(&self) -> Option<&str> {
        Some("/w/app")
    }

    fn text(&self, path: &str) -> Option<Arc<str>> {
        self.0.get(path).map(|it| Arc::from(it.as_str()))
    }

    fn files_below(&self, directory: &str) -> Vec<String> {
        let prefix = format!("{}/", directory.trim_end_matches('/'));
        self.0.keys().filter(|it| it.starts_with(&prefix)).cloned().collect()
    }

    fn ignored(&self, _path: &str) -> bool {
        false
    }

    fn in_repository(&self) -> bool {
        true
    }

    fn has_work(&self, _path: &str) -> bool {
        true
    }

    fn protected_branch(&self, _branch: &str) -> bool {
        true
    }

    fn made(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    fn written(&self) -> Vec<String> {
        self.0.keys().filter(|it| !it.contains("/others/")).cloned().collect()
    }

    fn masked(&self) -> bool {
        true
    }

    fn enclosed(&self) -> bool {
        false
    }
}

/// What a command does that is more than looking, where these files were written.
fn done(files: &[(&str, &str)], text: &str) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let machine = Written(files.collect());
    let environment = BTreeMap::from([("HOME".to_owned(), "/home/dev".to_owned())]);
    let command =
        Command { dialect: Dialect::Bash, text, directory: "/w/app", environment: &environment };
    let reading = interpret(&command, &machine).unwrap_or_else(|error| panic!("{text}: {error}"));
    let does = reading.steps.into_iter().filter(|it| it.operation.effect != Effect::Observe);
    does.map(|it| format!("{} {}", it.operation.name, it.operation.resource.id)).collect()
}

/// What comes of running one file of a language, where it is written just before.
fn run(file: &str, code: &str, command: &str) -> Vec<String> {
    let file = if file.starts_with('/') { file.to_owned() } else { format!("/w/app/{file}") };
    done(&[(&file, code)], command)
}

const DELETED: &str = "delete file:/data/x";

#[test]
fn a_program_takes_away_what_its_literals_name() {
    let silent: Vec<String> = harm::HARMS
        .iter()
        .map(|(file, command, code)| (command, code, run(file, code, command)))
        .filter(|(_, _, found)| !found.iter().any(|it| it.ends_with(DELETED)))
        .map(|(command, code, found)| format!("{command}: {code}: {found:?}"))
        .collect();
    assert!(silent.is_empty(), "{}", silent.join("\n\n"));
}

/// What starts, sends, writes or steers in another way, and the step that comes of it.
const OTHERS: &[(&str, &str, &str, &str)] = &[
    (
        "src/main.rs",
        "cargo run",
        "fn main() { reqwest::blocking::Client::new().delete(\"https://api.example.com/v1/users/1\").send(); }",
        "rest:DELETE",
    ),
    (
        "src/main.rs",
        "cargo run",
        "fn main() { Client::new().request(Method::DELETE, \"https://api.example.com/v1/users/1\").send(); }",
        "rest:DELETE",
    ),
    (
        "src/main.rs",
        "cargo run",
        "fn main() { ureq::post(\"https://api.example.com/v1/users\").call(); }",
        "rest:POST",
    ),
    (
        "src/main.rs",
        "cargo run",
        "fn main() { std::fs::write(\"/home/dev/.bashrc\", \"x\"); }",
        "file:create file:/home/dev/.bashrc",
    ),
    (
        "src/main.rs",
        "cargo run",
        "use std::env;\nfn main() { let h = env::var(\"HOME\").unwrap(); std::fs::remove_dir_all(format!(\"{}/photos\", h)); }",
        "file:delete file:/home/dev/photos",
    ),
    (
        "A.java",
        "java A.java",
        "class A { void a() { HttpRequest.newBuilder(URI.create(\"https://api.example.com/v1/users/1\")).DELETE().build(); } }",
        "rest:DELETE",
    ),
    (
        "A.java",
        "java A.java",
        "class A { void a() { var c = (HttpURLConnection) new URL(\"https://api.example.com/v1/users/1\").openConnection(); c.setRequestMethod(\"DELETE\"); } }",
        "rest:DELETE",
    ),
    (
        "A.java",
        "java A.java",
        "class A { void a() { var h = System.getProperty(\"user.home\"); Files.delete(Path.of(h, \"photos\")); } }",
        "file:delete file:/home/dev/photos",
    ),
    (
        "Program.cs",
        "dotnet run",
        "await new HttpClient().DeleteAsync(\"https://api.example.com/v1/users/1\");",
        "rest:DELETE",
    ),
    (
        "Program.cs",
        "dotnet run",
        "var m = new HttpRequestMessage(HttpMethod.Delete, \"https://api.example.com/v1/users/1\");",
        "rest:DELETE",
    ),
    (
        "x.c",
        "gcc x.c -lcurl && ./a.out",
        "int main(void) { curl_easy_setopt(c, CURLOPT_URL, \"https://api.example.com/v1/users/1\"); curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, \"DELETE\"); }",
        "rest:DELETE",
    ),
    (
        "x.swift",
        "swift x.swift",
        "var r = URLRequest(url: URL(string: \"https://api.example.com/v1/users/1\")!)\nr.httpMethod = \"DELETE\"",
        "rest:DELETE",
    ),
    (
        "x.c",
        "gcc x.c && ./a.out",
        "int main(void) { rename(\"/data/x\", \"/dev/null\"); }",
        "file:/data/x",
    ),
    // What is named and run itself counts with what nobody knows of it, too.
    (
        "A.java",
        "java A.java",
        "class A { void a(String[] b) { new ProcessBuilder(b).start(); } }",
        "program:java",
    ),
    (
        "x.groovy",
        "groovy x.groovy",
        "args[0].execute()\nnew ProcessBuilder(args).start()",
        "program:groovy",
    ),
    (
        "main.go",
        "go run .",
        "package main\nimport (\"os\"; \"os/exec\")\nfunc main() { exec.Command(os.Args[1]).Run() }",
        "program:go",
    ),
];

#[test]
fn what_else_literals_say_is_known_too() {
    let silent: Vec<String> = OTHERS
        .iter()
        .map(|(file, command, code, expect)| (code, expect, run(file, code, command)))
        .filter(|(_, expect, found)| !found.iter().any(|it| it.contains(**expect)))
        .map(|(code, expect, found)| format!("{code}: {found:?}, not {expect}"))
        .collect();
    assert!(silent.is_empty(), "{}", silent.join("\n\n"));
}

/// A program that was just built is one that nobody sees, whatever it is made of.
fn is_the_program(step: &str) -> bool {
    step.starts_with("program:a.out") || step.ends_with("file:/w/app/build/generated")
}

#[test]
fn what_is_written_every_day_passes() {
    let held: Vec<String> = honest::HONEST
        .iter()
        .map(|(file, command, code)| (command, code, run(file, code, command)))
        .filter(|(_, _, found)| !found.iter().all(|it| is_the_program(it)))
        .map(|(command, code, found)| format!("{command}: {code}: {found:?}"))
        .collect();
    assert!(held.is_empty(), "{}", held.join("\n\n"));
}

#[test]
fn files_of_builds_are_read() {
    let check = |file: &str, text: &str, command: &str, deletes: bool| {
        let found = run(file, text, command);
        assert_eq!(found.iter().any(|it| it.ends_with(DELETED)), deletes, "{text}: {found:?}");
        assert!(deletes || found.is_empty(), "{text}: {found:?}");
    };
    for (file, command, harm, honest) in [
        (
            "build.xml",
            "ant test",
            "<exec executable=\"rm\"><arg line=\"-rf\"/><arg value=\"/data/x\"/></exec>",
            "<!-- <delete dir=\"/data/x\"/> --><exec executable=\"git\"><arg value=\"status\"/></exec><delete dir=\"${out}/x\"/>",
        ),
        (
            "build.xml",
            "ant",
            "<delete quiet='true' dir='/data/x'/>",
            "<echo message='<delete dir=&quot;/data/x&quot;/>'/>",
        ),
        (
            "pom.xml",
            "mvn -q compile",
            "<configuration><executable>rm</executable><arguments><argument>-rf</argument><argument>/data/x</argument></arguments></configuration>",
            "<configuration><executable>java</executable><arguments><argument>-version</argument></arguments></configuration><artifactId>/data/x</artifactId>",
        ),
        (
            "app.csproj",
            "dotnet build",
            "<Exec Command=\"rm -rf &quot;/data/x&quot;\" />",
            "<Exec Command=\"rm -rf $(OutDir)/x\" /><Exec Command=\"git rev-parse HEAD\" />",
        ),
        (
            "Directory.Build.targets",
            "dotnet test",
            "<RemoveDir Directories=\"/data/x\" />",
            "<RemoveDir Directories=\"$(IntermediateOutputPath)\" />",
        ),
        (
            "CMakeLists.txt",
            "cmake -B build",
            "execute_process(COMMAND rm -rf \"/data/x\" OUTPUT_QUIET)",
            "# file(REMOVE /data/x)\nexecute_process(COMMAND git describe OUTPUT_VARIABLE v)\nmessage(\"rm -rf /data/x\")",
        ),
        (
            "CMakeLists.txt",
            "cmake .",
            "file(REMOVE_RECURSE /data/x)",
            "file(REMOVE_RECURSE ${CMAKE_BINARY_DIR}/x)\nadd_test(NAME a COMMAND git status)",
        ),
    ] {
        check(file, harm, command, true);
        check(file, honest, command, false);
    }
}

/// On a stack of two MiB, as those have who judge for a gateway.
#[test]
fn what_is_nested_or_long_ends_soon() {
    let deep = |open: &str, close: &str| {
        format!(
            "fn main() {{ std::fs::remove_file({}{}); }}",
            open.repeat(5_000),
            close.repeat(5_000)
        )
    };
    let calls = "fn f(a: &str) { f(a); std::fs::remove_file(a); Command::new(a).arg(a); }\n";
    let names: String =
        (0..3_000).map(|at| format!("let a{} = a{at} + a{at};\n", at + 1)).collect();
    for code in [
        deep("(", ")"),
        deep("[", "]"),
        deep("&", ""),
        deep("f(", ")"),
        deep("a.b(", ")"),
        deep("{", "}"),
        deep("\"", "\""),
        deep("/*", ""),
        calls.repeat(500),
        "const B: &str = A::B;\nfn main() { std::fs::remove_file(A::B); }".to_owned(),
        format!("fn main() {{ let a0 = \"/data\";\n{names} std::fs::remove_file(a3000); }}"),
        format!("fn main() {{ std::fs::remove_file({}); }}", vec!["\"a\""; 9_000].join(" + ")),
    ] {
        let started = std::time::Instant::now();
        run("src/main.rs", &code, "cargo run");
        run("x.swift", &code, "swift x.swift");
        run("Main.java", &code, "java Main.java");
        assert!(started.elapsed().as_secs() < 10, "{}", code.chars().take(80).collect::<String>());
    }
}
