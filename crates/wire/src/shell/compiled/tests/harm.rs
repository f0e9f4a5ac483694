//! Programs that take something away, by every road that is read.

/// Programs that take `/data/x` away: the file, what runs it, the code.
pub(super) const HARMS: &[(&str, &str, &str)] = &[
    // Rust
    ("src/main.rs", "cargo run", "fn main() { std::fs::remove_dir_all(\"/data/x\").unwrap(); }"),
    (
        "src/main.rs",
        "cargo +nightly r",
        "use std::fs;\nfn main() { let _ = fs::remove_file(\"/data/x\"); }",
    ),
    (
        "build.rs",
        "cargo check",
        "use std::fs as f;\nfn main() { f::remove_dir_all(\"/data/x\").ok(); }",
    ),
    (
        "build.rs",
        "cargo install --path .",
        "use std::fs::{self, remove_file as rf};\nfn main() { rf(\"/data/x\").ok(); }",
    ),
    (
        "tests/a.rs",
        "cargo nextest run",
        "use std::{fs::*, path::Path};\n#[test]\nfn a() { remove_dir_all(Path::new(\"/data\").join(\"x\")).unwrap(); }",
    ),
    (
        "tests/a.rs",
        "cargo test",
        "#[test]\nfn a() { std::process::Command::new(\"rm\").arg(\"-rf\").args([\"/data/x\"]).status().unwrap(); }",
    ),
    (
        "src/main.rs",
        "cargo run",
        "use std::process::Command as Cmd;\nfn main() {\n    let mut c = Cmd::new(\"rm\");\n    c.arg(\"-rf\");\n    c.arg(\"/data/x\");\n    c.spawn().unwrap();\n}",
    ),
    (
        "src/main.rs",
        "cargo run",
        "use std::process::Command;\nfn sh(cmd: &str) { Command::new(\"sh\").arg(\"-c\").arg(cmd).status().unwrap(); }\nfn main() { sh(r#\"rm -rf /data/x\"#); }",
    ),
    (
        "src/main.rs",
        "cargo run",
        "const T: &str = \"/data/x\";\nfn main() { std::fs::remove_dir_all(T).unwrap(); }",
    ),
    (
        "src/main.rs",
        "cargo run",
        "fn main() { let d = \"/data\"; std::fs::remove_dir_all(format!(\"{d}/x\")).unwrap(); }",
    ),
    (
        "src/main.rs",
        "cargo run",
        "fn main() { for p in [\"/data/x\", \"/data/y\"] { std::fs::remove_dir_all(p).unwrap(); } }",
    ),
    (
        "src/main.rs",
        "cargo run",
        "fn main() { std::process::Command::new(\"rm\").args(vec![\"-rf\", \"x\"]).current_dir(\"/data\").status().unwrap(); }",
    ),
    ("x.rs", "rustc x.rs && ./x", "fn main() { std::fs::remove_file(\"\\x2fdata/x\").unwrap(); }"),
    (
        "x.rs",
        "rust-script x.rs",
        "fn main() { std::fs::remove_file(concat!(\"/data\", \"/x\")).unwrap(); }",
    ),
    // Java and its kin
    (
        "Main.java",
        "java Main.java",
        "import java.nio.file.*;\nclass Main { public static void main(String[] a) throws Exception { Files.delete(Path.of(\"/data/x\")); } }",
    ),
    (
        "Main.java",
        "javac Main.java && java -cp . Main",
        "class Main { public static void main(String[] a) throws Exception { new ProcessBuilder(\"rm\", \"-rf\", \"/data/x\").start(); } }",
    ),
    (
        "Main.java",
        "java Main.java",
        "class Main { public static void main(String[] a) throws Exception { Runtime.getRuntime().exec(\"rm -rf /data/x\"); } }",
    ),
    (
        "Main.java",
        "java Main.java",
        "class Main { public static void main(String[] a) throws Exception { Runtime r = Runtime.getRuntime(); r.exec(new String[]{\"rm\", \"-rf\", \"/data/x\"}); } }",
    ),
    (
        "Main.java",
        "java Main.java",
        "class Main { public static void main(String[] a) { File f = new File(\"/data\", \"x\"); f.delete(); } }",
    ),
    (
        "Main.java",
        "java Main.java",
        "import static java.nio.file.Files.deleteIfExists;\nclass Main { static final String T = \"/data/\"; void a() { deleteIfExists(Paths.get(T + \"x\")); } }",
    ),
    (
        "Main.java",
        "java Main.java",
        "class Main { void a() { List<String> c = List.of(\"rm\", \"-rf\", \"/data/x\"); new ProcessBuilder(c).inheritIO().start(); } }",
    ),
    (
        "src/test/java/ATest.java",
        "mvn -q test",
        "class ATest { @Test void a() { FileUtils.deleteDirectory(new File(\"/data/x\")); } }",
    ),
    (
        "src/test/kotlin/ATest.kt",
        "./gradlew :app:test",
        "class ATest { @Test fun a() { File(\"/data/x\").deleteRecursively() } }",
    ),
    ("a.jsh", "jshell a.jsh", "Files.delete(Path.of(\"/data/x\"))"),
    (
        "x.kts",
        "kotlinc -script x.kts",
        "val d = \"/data\"\nProcessBuilder(\"rm\", \"-rf\", \"$d/x\").start()",
    ),
    (
        "x.kts",
        "kotlin x.kts",
        "import java.io.File\nlistOf(\"/data/x\").forEach { println(it) }\nFile(\"/data\").resolve(\"x\").deleteRecursively()",
    ),
    ("build.gradle", "gradle test", "delete '/data/x'\n"),
    ("build.gradle", "gradle build", "exec { commandLine 'rm', '-rf', '/data/x' }\n"),
    ("settings.gradle", "gradle help", "\"rm -rf /data/x\".execute()\n"),
    (
        "build.gradle.kts",
        "./gradlew assemble",
        "exec { commandLine(\"rm\", \"-rf\", \"/data/x\") }\n",
    ),
    (
        "build.gradle.kts",
        "gradle test",
        "tasks.named(\"test\") { doFirst { delete(\"/data/x\") } }\n",
    ),
    (
        "build.gradle.kts",
        "gradle test",
        "val wipe by tasks.registering(Delete::class) { delete(\"/data/x\") }\ntasks.test { dependsOn(wipe) }\n",
    ),
    ("x.groovy", "groovy x.groovy", "['rm', '-rf', '/data/x'].execute().waitFor()\n"),
    ("x.groovy", "groovy x.groovy", "def t = '/data'\nnew File(\"${t}/x\").deleteDir()\n"),
    (
        "x.scala",
        "scala x.scala",
        "import sys.process._\nobject A extends App { \"rm -rf /data/x\".! }",
    ),
    (
        "build.sbt",
        "sbt compile",
        "import scala.sys.process._\nval a = Process(Seq(\"rm\", \"-rf\", \"/data/x\")).!",
    ),
    // C#
    (
        "Program.cs",
        "dotnet run",
        "using System.Diagnostics;\nProcess.Start(\"rm\", \"-rf /data/x\");",
    ),
    ("Program.cs", "dotnet run", "Directory.Delete(\"/data/x\", true);"),
    (
        "Program.cs",
        "dotnet run --project src",
        "using D = System.IO.Directory;\nD.Delete(@\"/data/x\", recursive: true);",
    ),
    (
        "Program.cs",
        "dotnet run",
        "var p = new ProcessStartInfo(\"rm\") { Arguments = \"-rf /data/x\" };\nProcess.Start(p);",
    ),
    (
        "Program.cs",
        "dotnet run",
        "var p = new ProcessStartInfo { FileName = \"rm\", Arguments = \"-rf \\\"/data/x\\\"\" };\nProcess.Start(p);",
    ),
    (
        "Program.cs",
        "dotnet run",
        "class A { void B() { var p = new Process(); p.StartInfo.FileName = \"rm\"; p.StartInfo.ArgumentList.Add(\"-rf\"); p.StartInfo.ArgumentList.Add(\"/data/x\"); p.Start(); } }",
    ),
    (
        "ATests.cs",
        "dotnet test",
        "public class ATests { [Fact] public void A() { var d = \"/data\"; new DirectoryInfo($\"{d}/x\").Delete(true); } }",
    ),
    ("x.csx", "dotnet script x.csx", "File.Delete(Path.Combine(\"/data\", \"x\"));"),
    // C and C++
    (
        "x.c",
        "gcc x.c -o x && ./x",
        "#include <stdlib.h>\nint main(void) { return system(\"rm -rf /data/x\"); }",
    ),
    ("x.c", "cc x.c; ./a.out", "#define T \"/data/\" \"x\"\nint main(void) { unlink(T); }"),
    (
        "x.c",
        "gcc x.c && ./a.out",
        "int main(void) { execlp(\"rm\", \"rm\", \"-rf\", \"/data/x\", (char *)NULL); }",
    ),
    (
        "x.c",
        "gcc x.c && ./a.out",
        "int main(void) { char *const a[] = {\"rm\", \"-rf\", \"/data/x\", NULL}; execv(\"/bin/rm\", a); }",
    ),
    (
        "x.c",
        "gcc x.c && ./a.out",
        "static void wipe(const char *path) { remove(path); }\nint main(void) { wipe(\"/data/x\"); }",
    ),
    (
        "x.cpp",
        "g++ x.cpp -o build/x && build/x",
        "namespace fs = std::filesystem;\nint main() { fs::remove_all(\"/data/x\"); }",
    ),
    (
        "x.cpp",
        "g++ x.cpp && ./a.out",
        "int main() { std::string t = R\"(/data/x)\"; std::filesystem::remove_all(t); }",
    ),
    (
        "/tmp/k/x.c",
        "gcc /tmp/k/x.c -o /tmp/k/x && /tmp/k/x",
        "int main(void) { popen(\"rm -rf /data/x\", \"r\"); }",
    ),
    // Swift, Zig, Dart
    (
        "Sources/a/main.swift",
        "swift run",
        "import Foundation\ntry FileManager.default.removeItem(atPath: \"/data/x\")",
    ),
    (
        "x.swift",
        "swift x.swift",
        "let p = Process()\np.executableURL = URL(fileURLWithPath: \"/bin/rm\")\np.arguments = [\"-rf\", \"/data/x\"]\ntry p.run()",
    ),
    (
        "x.swift",
        "swift x.swift",
        "let d = \"/data\"\ntry FileManager.default.removeItem(at: URL(fileURLWithPath: \"\\(d)/x\"))",
    ),
    (
        "x.zig",
        "zig run x.zig",
        "const std = @import(\"std\");\npub fn main() !void { try std.fs.deleteTreeAbsolute(\"/data/x\"); }",
    ),
    (
        "x.zig",
        "zig run x.zig",
        "const std = @import(\"std\");\npub fn main() !void { const argv = [_][]const u8{ \"rm\", \"-rf\", \"/data/x\" }; var c = std.process.Child.init(&argv, a); try c.spawn(); }",
    ),
    (
        "build.zig",
        "zig build",
        "pub fn build(b: *std.Build) void { _ = b.addSystemCommand(&.{ \"rm\", \"-rf\", \"/data/x\" }); }",
    ),
    (
        "x.dart",
        "dart run x.dart",
        "import 'dart:io';\nvoid main() { Process.runSync('rm', ['-rf', '/data/x']); }",
    ),
    (
        "x.dart",
        "dart x.dart",
        "import 'dart:io';\nvoid main() => Directory('/data/x').deleteSync(recursive: true);",
    ),
    // Go, by what was built of it, and by what is no literal itself
    (
        "main.go",
        "go build -o app . && ./app",
        "package main\nimport \"os\"\nfunc main() { os.RemoveAll(\"/data/x\") }",
    ),
    (
        "main.go",
        "go run .",
        "package main\nimport \"os\"\nconst t = \"/data\"\nfunc main() { p := t + \"/x\"; os.RemoveAll(p) }",
    ),
    (
        "src/main.rs",
        "cargo run",
        "fn sh(line: &str) { std::process::Command::new(\"sh\").args([\"-c\", line]).status(); }\nfn main() { sh(\"ls\"); sh(\"rm -rf /data/x\"); }",
    ),
    (
        "x.cpp",
        "g++ x.cpp && ./a.out",
        "namespace fs = std::filesystem;\nint main() { fs::remove_all(fs::path(\"/data\") / \"x\"); }",
    ),
    (
        "x.c",
        "gcc x.c && ./a.out",
        "int main(void) { unlink(****************************************************************p); unlink(\"/data/x\"); }",
    ),
    // Lua, R, Julia, Elixir
    ("x.lua", "lua x.lua", "os.remove(\"/data/x\")"),
    ("x.lua", "lua5.4 x.lua", "local d = '/data'\nos.execute('rm -rf ' .. d .. '/x')"),
    ("x.lua", "luajit x.lua", "--[[ one\n two ]] os.execute [[rm -rf /data/x]]"),
    ("x.lua", "lua x.lua", "io.popen \"rm -rf /data/x\""),
    ("none", "lua -e 'os.execute(\"rm -rf /data/x\")'", ""),
    ("x.R", "Rscript x.R", "unlink('/data/x', recursive = TRUE)"),
    ("x.r", "Rscript --vanilla x.r", "base::system(\"rm -rf /data/x\") # gone"),
    ("x.R", "Rscript x.R", "system2('rm', c('-rf', '/data/x'))"),
    ("x.R", "Rscript x.R", "file.remove(r\"(/data/x)\")"),
    ("none", "Rscript -e 'fs::dir_delete(\"/data/x\")'", ""),
    ("none", "R -e \"unlink('/data/x', recursive=TRUE)\"", ""),
    ("x.jl", "julia x.jl", "rm(\"/data/x\"; recursive=true, force=true)"),
    ("x.jl", "julia --project x.jl", "d = \"/data\"\nrm(\"$d/x\", recursive=true)"),
    ("x.jl", "julia x.jl", "run(`rm -rf /data/x`)"),
    ("none", "julia -e 'Base.rm(\"/data/x\")'", ""),
    ("x.exs", "elixir x.exs", "File.rm_rf!(\"/data/x\")"),
    ("x.exs", "elixir x.exs", "# gone\nFile.rm_rf \"/data/x\""),
    ("x.exs", "mix run x.exs", "d = \"/data\"\nFile.rm!(\"#{d}/x\")"),
    ("x.exs", "elixir x.exs", "System.cmd(\"rm\", [\"-rf\", \"/data/x\"])"),
    ("x.exs", "elixir x.exs", ":os.cmd('rm -rf /data/x')"),
    ("test/a_test.exs", "mix test", "test \"a\" do\n  System.shell(~s(rm -rf /data/x))\nend"),
    ("none", "elixir -e 'File.rm_rf!(\"/data/x\")'", ""),
    ("none", "Rscript -e 'unlink(\"~/../../data/x\", recursive=TRUE)'", ""),
    ("none", "julia -E 'rm(joinpath(\"/data\", \"x\"))'", ""),
    ("x.exs", "elixir x.exs", "\"/data/x\" |> File.rm_rf!()"),
    ("none", "mix run -e 'File.rm_rf!(\"/data/x\")'", ""),
];
