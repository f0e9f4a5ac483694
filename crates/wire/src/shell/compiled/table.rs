//! What calls of compiled languages do, by what they belong to and by their names.

use super::Language;

/// What a call does. Numbers say behind how many arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// Takes the file at this argument away.
    Deletes(usize),
    /// Takes away all that it is handed.
    DeletesAll,
    /// Takes away what it is called on.
    DeletesItself,
    /// Writes to the file at its first argument.
    Writes,
    /// Writes to what it is called on.
    WritesItself,
    /// Opens a file to write to it, if the second argument says so.
    Opens,
    /// Moves the file at its first argument to its second.
    Moves,
    /// Starts a program: its words.
    Starts(usize),
    /// Starts a program by a file, its own name and its words.
    Replaces,
    /// Starts a program: one text with blanks between the words, or the words.
    Line(usize),
    /// Starts a program: itself, and its arguments as one text.
    Program,
    /// Starts what it is called on.
    StartsItself,
    /// Hands a script to a shell.
    Shell(usize),
    /// Is made the program that is started; its arguments stand beside it.
    Made,
    /// Sends a message: method and address.
    Sends(usize),
    /// Sends a message by this method to the address that is its first argument, or is what it is
    /// called on.
    Sent(&'static str),
    /// Is told the method; the address stands beside it.
    Method(usize),
    /// Sends a body to the address that is its first argument.
    Posts,
    /// Something that its words do not say.
    Hides,
}

/// What a call belongs to, its names, what it does. Nothing: a function alone. `*`: whatever, or
/// nothing. `/`: a file. `"`: a text or a list. `?x`: whatever, where the file speaks of `x`.
pub(super) type Calls = &'static [(&'static str, &'static str, Does)];

/// What is told where something starts: names of the program, of its arguments.
pub(super) const ARGUMENTS: [&str; 4] = ["Arguments", "ArgumentList", "arguments", "args"];

/// Calls that send something, by a client of whatever kind: only with an address as text.
const WEB: Calls = &[
    ("*", "delete DELETE DeleteAsync DeleteFromJsonAsync deleteForObject", Does::Sent("DELETE")),
    ("*", "post POST PostAsync PostAsJsonAsync postForObject postForEntity", Does::Sent("POST")),
    ("*", "put PUT PutAsync PutAsJsonAsync", Does::Sent("PUT")),
    ("*", "patch PATCH PatchAsync PatchAsJsonAsync patchForObject", Does::Sent("PATCH")),
    ("*", "request exchange HttpRequestMessage send", Does::Sends(0)),
];

const GO: Calls = &[
    ("os", "RemoveAll Remove Truncate", Does::Deletes(0)),
    ("os/exec", "Command", Does::Starts(0)),
    ("os/exec", "CommandContext", Does::Starts(1)),
    ("net/http", "NewRequest", Does::Sends(0)),
    ("net/http", "NewRequestWithContext", Does::Sends(1)),
    ("net/http", "Post PostForm", Does::Posts),
    ("syscall", "Exec ForkExec Unlink Rmdir", Does::Hides),
    ("plugin", "Open", Does::Hides),
];

const RUST: Calls = &[
    ("fs fs_err", "remove_file remove_dir_all", Does::Deletes(0)),
    ("remove_dir_all", "remove_dir_all", Does::Deletes(0)),
    ("trash", "delete", Does::Deletes(0)),
    ("dir", "remove", Does::Deletes(0)),
    ("libc", "unlink remove", Does::Deletes(0)),
    ("unistd", "unlink", Does::Deletes(0)),
    ("fs", "write", Does::Writes),
    ("File", "create", Does::Writes),
    ("fs", "rename", Does::Moves),
    ("Command", "new", Does::Starts(0)),
    ("duct", "cmd", Does::Starts(0)),
    ("*", "cmd", Does::Line(0)),
    ("*", "run_cmd run_fun", Does::Line(0)),
    ("libc", "system popen", Does::Shell(0)),
    ("Library", "new", Does::Hides),
];

const JVM: Calls = &[
    ("Files", "delete deleteIfExists", Does::Deletes(0)),
    (
        "FileUtils",
        "deleteDirectory forceDelete deleteQuietly cleanDirectory delete",
        Does::Deletes(0),
    ),
    ("FileSystemUtils MoreFiles", "deleteRecursively", Does::Deletes(0)),
    ("/", "delete deleteOnExit deleteRecursively deleteDir deleteIfExists", Does::DeletesItself),
    ("remove", "all", Does::Deletes(0)),
    ("Files", "write writeString newBufferedWriter", Does::Writes),
    ("*", "FileWriter FileOutputStream PrintWriter", Does::Writes),
    ("/", "writeText writeBytes", Does::WritesItself),
    ("Files FileUtils", "move moveFile moveDirectory", Does::Moves),
    ("*", "ProcessBuilder", Does::Starts(0)),
    ("?getRuntime", "exec", Does::Line(0)),
    ("?ProcessBuilder", "command", Does::Starts(0)),
    ("*", "setRequestMethod", Does::Method(0)),
    ("?HttpRequest", "method", Does::Method(0)),
    ("System Runtime", "load loadLibrary", Does::Hides),
];

/// What Groovy does with texts and lists, and the builder that it has from Ant.
const GROOVY: Calls = &[("\"", "execute", Does::StartsItself), ("ant", "delete", Does::Deletes(0))];

/// What the files of Gradle say beside that.
pub(super) const GRADLE: Calls = &[
    ("", "delete", Does::DeletesAll),
    ("project fileSystemOperations fs", "delete", Does::DeletesAll),
    ("*", "commandLine setCommandLine", Does::Starts(0)),
    ("*", "commandLine executable", Does::Made),
];

const SCALA: Calls = &[
    ("", "Process", Does::Line(0)),
    ("Process", "apply", Does::Line(0)),
    ("\"", "!", Does::StartsItself),
    ("\"", "!!", Does::StartsItself),
];

const C: Calls = &[
    ("", "unlink remove truncate _unlink DeleteFileA DeleteFileW DeleteFile", Does::Deletes(0)),
    ("std", "remove", Does::Deletes(0)),
    ("filesystem fs", "remove_all remove", Does::Deletes(0)),
    ("", "unlinkat", Does::Deletes(1)),
    ("QFile QDir", "remove", Does::Deletes(0)),
    ("/", "removeRecursively", Does::DeletesItself),
    ("", "system popen _popen _wsystem", Does::Shell(0)),
    ("std", "system", Does::Shell(0)),
    ("", "execl execlp execle execv execvp execve execvpe", Does::Replaces),
    ("QProcess", "execute startDetached", Does::Starts(0)),
    ("*", "fopen", Does::Opens),
    ("* std", "ofstream", Does::Writes),
    ("", "rename", Does::Moves),
    ("std filesystem fs", "rename", Does::Moves),
    ("", "curl_easy_setopt", Does::Method(2)),
    ("", "dlopen", Does::Hides),
];

const C_SHARP: Calls = &[
    ("File Directory", "Delete", Does::Deletes(0)),
    ("FileSystem", "DeleteDirectory DeleteFile", Does::Deletes(0)),
    ("/", "Delete", Does::DeletesItself),
    ("File", "WriteAllText WriteAllBytes WriteAllLines Create", Does::Writes),
    ("*", "StreamWriter", Does::Writes),
    ("File Directory", "Move", Does::Moves),
    ("Process", "Start", Does::Program),
    ("*", "ProcessStartInfo", Does::Program),
    ("Cli", "Wrap", Does::Starts(0)),
    ("Command", "Run RunAsync", Does::Program),
    ("*", "FileName", Does::Made),
    ("*", "Method", Does::Method(0)),
    ("Assembly", "LoadFrom LoadFile", Does::Hides),
];

const SWIFT: Calls = &[
    ("*", "removeItem trashItem", Does::Deletes(0)),
    ("", "unlink remove", Does::Deletes(0)),
    ("", "system popen", Does::Shell(0)),
    ("*", "shellOut", Does::Shell(0)),
    ("Process", "run launchedProcess", Does::Starts(0)),
    ("*", "launchPath executableURL", Does::Made),
    ("*", "httpMethod", Does::Method(0)),
    ("*", "moveItem", Does::Moves),
    ("", "dlopen", Does::Hides),
];

const ZIG: Calls = &[
    ("*", "deleteTreeAbsolute deleteFileAbsolute deleteTree deleteFile", Does::Deletes(0)),
    ("*", "addSystemCommand", Does::Starts(0)),
    ("Child ChildProcess", "init", Does::Starts(0)),
    ("*", "argv", Does::Made),
];

const DART: Calls = &[
    ("/", "delete deleteSync", Does::DeletesItself),
    ("/", "writeAsString writeAsStringSync", Does::WritesItself),
    ("Process", "run start runSync", Does::Starts(0)),
];

const LUA: Calls = &[
    ("os", "remove", Does::Deletes(0)),
    ("lfs", "rmdir", Does::Deletes(0)),
    ("os", "execute", Does::Shell(0)),
    ("io", "popen", Does::Shell(0)),
    ("io", "open", Does::Opens),
    ("os", "rename", Does::Moves),
    ("package", "loadlib", Does::Hides),
];

const R: Calls = &[
    ("* base", "unlink", Does::Deletes(0)),
    ("file", "remove", Does::Deletes(0)),
    ("fs", "file_delete dir_delete", Does::Deletes(0)),
    ("* base", "system shell", Does::Shell(0)),
    ("* base", "system2", Does::Starts(0)),
    ("processx", "run", Does::Starts(0)),
    ("file", "rename", Does::Moves),
    ("httr", "DELETE", Does::Sent("DELETE")),
    ("dyn", "load", Does::Hides),
];

const JULIA: Calls = &[
    ("* Base Filesystem", "rm", Does::Deletes(0)),
    ("* Base", "run success readchomp", Does::Line(0)),
    ("* Base Filesystem", "mv", Does::Moves),
    ("HTTP", "delete", Does::Sent("DELETE")),
    ("Libdl", "dlopen", Does::Hides),
];

const ELIXIR: Calls = &[
    ("File", "rm rm_rf rmdir", Does::Deletes(0)),
    ("file", "delete del_dir del_dir_r", Does::Deletes(0)),
    ("File", "write", Does::Writes),
    ("File", "rename", Does::Moves),
    ("System", "cmd", Does::Starts(0)),
    ("System", "shell", Does::Shell(0)),
    ("os", "cmd", Does::Shell(0)),
];

/// What makes directories and files that go with the program.
pub(super) const TEMPORARY: [&str; 18] = [
    "tmpname(",
    "tempfile(",
    "mktempdir(",
    "tmp_dir",
    "TempDir(",
    "MkdirTemp(",
    "CreateTemp(",
    "tempdir(",
    "tempfile",
    "TempDir",
    "createTemp",
    "GetTempPath",
    "GetTempFileName",
    "CreateTempSubdirectory",
    "mkdtemp",
    "mkstemp",
    "temp_dir",
    "emporaryDirectory",
];

/// The calls of a language.
pub(super) fn calls(language: Language) -> Vec<Calls> {
    match language {
        Language::Go => vec![GO],
        Language::Rust => vec![RUST, WEB],
        Language::Java | Language::Kotlin => vec![JVM, WEB],
        Language::Groovy => vec![JVM, GROOVY, WEB],
        Language::Scala => vec![JVM, SCALA, WEB],
        Language::C => vec![C],
        Language::CSharp => vec![C_SHARP, WEB],
        Language::Swift => vec![SWIFT, WEB],
        Language::Zig => vec![ZIG],
        Language::Dart => vec![DART, WEB],
        Language::Lua => vec![LUA],
        Language::R => vec![R],
        Language::Julia => vec![JULIA],
        Language::Elixir => vec![ELIXIR, WEB],
    }
}
