//! Programs as they are written every day, and what looks like harm.

/// What is written every day, and what looks like harm: the file, what runs it, the code.
pub(super) const HONEST: &[(&str, &str, &str)] = &[
    (
        "src/lib.rs",
        "cargo test",
        "pub fn gone(path: &Path) -> io::Result<()> { fs::remove_file(path) }\n#[test]\nfn a() { let d = tempfile::tempdir().unwrap(); gone(&d.path().join(\"a\")).unwrap(); }",
    ),
    (
        "src/main.rs",
        "cargo run",
        "fn main() { // std::fs::remove_dir_all(\"/data/x\")\n /* /* Command::new(\"rm\") */ fs::remove_file(\"/data/x\") */ println!(\"std::fs::remove_file(\\\"/data/x\\\")\"); }",
    ),
    (
        "src/main.rs",
        "cargo run",
        "fn main() { let a = r##\"std::fs::remove_dir_all(\"/data/x\"); \"# \"##; println!(\"{a}\"); }",
    ),
    (
        "src/main.rs",
        "cargo run",
        "use clap::{Arg, Command};\nfn main() { Command::new(\"rm\").arg(Arg::new(\"/data/x\")).get_matches(); }",
    ),
    (
        "src/main.rs",
        "cargo run",
        "fn main() { clap::Command::new(\"rm\").subcommand(clap::Command::new(\"/data/x\")); }",
    ),
    (
        "src/fake.rs",
        "cargo test",
        "#[test]\nfn a() { let fs = Memory::new(); fs.remove_file(\"/data/x\"); self.fs.remove_dir_all(\"/data/x\"); }",
    ),
    (
        "tests/a.rs",
        "cargo test",
        "#[test]\nfn a() { Command::new(env!(\"CARGO_BIN_EXE_x\")).arg(\"rm\").arg(\"/data/x\").output().unwrap(); }",
    ),
    (
        "tests/a.rs",
        "cargo test",
        "use std::process::Command;\n#[test]\nfn a() { Command::new(\"git\").args([\"init\"]).current_dir(dir.path()).output().unwrap(); Command::new(\"git\").args([\"add\", \".\"]).output().unwrap(); }",
    ),
    (
        "tests/a.rs",
        "cargo test",
        "#[test]\nfn a() { let _ = std::fs::remove_file(\"/tmp/app.sock\"); std::fs::remove_file(format!(\"/tmp/db-{}\", std::process::id())); }",
    ),
    (
        "tests/a.rs",
        "cargo test",
        "#[test]\nfn a() { Mock::given(method(\"DELETE\")).and(path(\"/users/1\")); client.delete(format!(\"{}/users/1\", server.uri())).send(); }",
    ),
    (
        "tests/a.rs",
        "cargo build",
        "#[test]\nfn a() { std::fs::remove_dir_all(\"/data/x\").unwrap(); }",
    ),
    (
        "src/main.rs",
        "cargo clippy --all-targets",
        "fn main() { std::fs::remove_dir_all(\"/data/x\").unwrap(); }",
    ),
    ("src/main.rs", "cargo fmt", "fn main() { std::fs::remove_dir_all(\"/data/x\").unwrap(); }"),
    ("others/main.rs", "cargo run", "fn main() { std::fs::remove_dir_all(\"/data/x\").unwrap(); }"),
    (
        "build.rs",
        "cargo build",
        "fn main() { let out = std::env::var(\"OUT_DIR\").unwrap(); std::fs::remove_dir_all(format!(\"{out}/gen\")).ok(); println!(\"cargo:rerun-if-changed=x\"); }",
    ),
    (
        "build.rs",
        "cargo build",
        "use std::process::Command;\nfn main() { let o = Command::new(\"git\").args([\"rev-parse\", \"HEAD\"]).output().unwrap(); }",
    ),
    (
        "src/main.rs",
        "cargo run -- build",
        "fn main() { let tool = std::env::args().nth(1).unwrap(); std::process::Command::new(tool).status().unwrap(); }",
    ),
    (
        "tests/run.rs",
        "cargo test",
        "use std::process::Command;\n#[test]\nfn a() { Command::new(\"cargo\").args([\"test\", \"--doc\"]).status().unwrap(); }",
    ),
    (
        "ATest.java",
        "mvn test",
        "class ATest { @TempDir Path d; @Test void a() { Files.delete(d.resolve(\"x\")); assertTrue(new File(path).delete()); } }",
    ),
    (
        "ATest.java",
        "gradle test",
        "class ATest { @Test void a() { map.delete(\"/data/x\"); repo.delete(\"x\"); new ProcessBuilder(\"git\", \"status\").start(); } }",
    ),
    (
        "ATest.java",
        "gradle test",
        "class ATest { @Test void a() { mockMvc.perform(delete(\"/users/1\")); rest.delete(\"/users/1\"); String s = \"\"\"\n  Files.delete(Path.of(\"/data/x\"))\n\"\"\"; } }",
    ),
    (
        "A.java",
        "java A.java",
        "class A { void a() { var d = Files.createTempDirectory(\"a\"); Files.delete(d); char c = '\"'; var s = \"Files.delete(Path.of(\\\"/data/x\\\"))\"; } }",
    ),
    (
        "ATest.kt",
        "./gradlew test",
        "class ATest { @Test fun a() { val f = createTempFile(); f.delete(); println(\"${f.name} File('/data/x').delete()\") } }",
    ),
    (
        "build.gradle",
        "gradle build",
        "plugins { id 'java' }\ndependencies { testImplementation 'a:b:1' }\ntask wipe(type: Delete) { delete '/data/x' }\n",
    ),
    (
        "build.gradle.kts",
        "gradle build",
        "tasks.register<Delete>(\"wipe\") { delete(\"/data/x\") }\nval v = providers.exec { commandLine(\"git\", \"rev-parse\", \"HEAD\") }\n",
    ),
    (
        "build.gradle.kts",
        "gradle clean",
        "tasks.clean { delete(layout.buildDirectory); delete(\"build/generated\") }\n",
    ),
    (
        "x.groovy",
        "groovy x.groovy",
        "println 'rm -rf /data/x'\ndef m = [delete: '/data/x']\n'git status'.execute()\n",
    ),
    (
        "x.scala",
        "scala x.scala",
        "object A extends App { if (!done) println(\"rm -rf /data/x\"); val n = !\"a\".isEmpty }",
    ),
    (
        "Program.cs",
        "dotnet run",
        "var d = Path.Combine(Path.GetTempPath(), \"a\"); Directory.Delete(d, true); var s = @\"C:\\\"\"Directory.Delete(\"\"/data/x\"\");\";",
    ),
    (
        "ATests.cs",
        "dotnet test",
        "public class ATests { [Fact] public void A() { File.Delete(path); repo.Delete(\"/data/x\"); client.DeleteAsync(\"/users/1\"); Process.Start(\"dotnet\", \"--info\"); } }",
    ),
    ("Program.cs", "dotnet build", "Directory.Delete(\"/data/x\", true);"),
    (
        "x.c",
        "gcc x.c && ./a.out",
        "#include <stdio.h>\n/* system(\"rm -rf /data/x\") */\nint main(int c, char **v) { unlink(\"/tmp/app.sock\"); printf(\"system(\\\"rm -rf /data/x\\\")\"); remove(v[1]); system(\"clear\"); return 0; }",
    ),
    (
        "x.cpp",
        "g++ x.cpp && ./a.out",
        "int main() { std::vector<int> v; v.erase(std::remove(v.begin(), v.end(), 1), v.end()); list.remove(\"/data/x\"); }",
    ),
    ("x.c", "gcc -c x.c", "int main(void) { return system(\"rm -rf /data/x\"); }"),
    (
        "Tests/ATests.swift",
        "swift test",
        "func testA() throws { let d = FileManager.default.temporaryDirectory.appendingPathComponent(\"a\"); try FileManager.default.removeItem(at: d); cache.remove(\"/data/x\") }",
    ),
    (
        "x.zig",
        "zig build test",
        "test \"a\" { var tmp = std.testing.tmpDir(.{}); try tmp.dir.deleteTree(path); }",
    ),
    (
        "x.dart",
        "dart test",
        "void main() { test('a', () { final d = Directory.systemTemp.createTempSync(); d.deleteSync(recursive: true); print('Directory(\\'/data/x\\').deleteSync()'); }); }",
    ),
    (
        "a_test.go",
        "go test ./...",
        "package a\nimport \"os\"\nfunc TestA(t *testing.T) { d := t.TempDir(); os.RemoveAll(d) }\n// os.RemoveAll(\"/data/x\")\n",
    ),
    (
        "a_test.go",
        "go test ./...",
        "package a\nimport \"os/exec\"\nfunc TestA(t *testing.T) { exec.Command(\"go\", \"test\", \"./...\").Run(); s := `exec.Command(\"rm\", \"-rf\", \"/data/x\")`; _ = s }",
    ),
    // Lua, R, Julia, Elixir
    (
        "x.lua",
        "lua x.lua",
        "-- os.remove(\"/data/x\")\nprint('os.execute(\"rm -rf /data/x\")', 7 // 2)",
    ),
    (
        "x.lua",
        "lua x.lua",
        "local t = os.tmpname()\nos.remove(t)\nlocal f = io.open('/data/x', 'r')",
    ),
    (
        "x.R",
        "Rscript x.R",
        "# unlink('/data/x')\nd <- read.csv('/data/x')\nplot(d)\nt <- tempfile()\nunlink(t)",
    ),
    ("x.R", "Rscript x.R", "c('rm', '-rf', '/data/x')\nmessage('system(\"rm -rf /data/x\")')"),
    (
        "x.jl",
        "julia x.jl",
        "# rm(\"/data/x\")\nx = 4 // 3\nprintln(\"rm -rf /data/x\", x')\nrun(`git status`)",
    ),
    ("x.jl", "julia x.jl", "mktempdir() do d\n  rm(d; recursive=true)\nend"),
    (
        "x.exs",
        "elixir x.exs",
        "IO.puts(\"File.rm_rf!(/data/x)\")\n# File.rm(\"/data/x\")\nif File.exists?(\"/data/x\"), do: :ok",
    ),
    (
        "test/a_test.exs",
        "mix test",
        "@tag :tmp_dir\ntest \"gone\", %{tmp_dir: d} do\n  File.rm_rf!(d)\nend",
    ),
    (
        "lib/a.ex",
        "mix test",
        "def remove(path), do: File.rm(path)\ndef status, do: System.cmd(\"git\", [\"status\"])",
    ),
];
