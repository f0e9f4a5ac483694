//! Commands in the options, the input and the environment of programs that are about something
//! else: an editor's, an archiver's, a pager's.

use super::{
    call::{Call, Pipe},
    scope::Scope,
    walk::Walk,
};
use crate::Unreadable;

/// Options whose value is a command, by program.
const OPTIONS: &[(&str, &[&str])] = &[
    (
        "tar",
        &["--to-command", "-I", "--use-compress-program", "--rsh-command", "-F", "--info-script"],
    ),
    ("rsync", &["-e", "--rsh", "--rsync-path"]),
    ("sort", &["--compress-program"]),
    ("man", &["-P", "--pager"]),
    ("git-grep", &["-O"]),
];

/// Variables whose value is run by whatever sees them.
pub(super) const VARIABLES: &[&str] = &[
    "GIT_SSH_COMMAND",
    "GIT_SSH",
    "GIT_EDITOR",
    "GIT_SEQUENCE_EDITOR",
    "GIT_PAGER",
    "GIT_EXTERNAL_DIFF",
    "GIT_ASKPASS",
    "GIT_PROXY_COMMAND",
    "SSH_ASKPASS",
    "PAGER",
    "MANPAGER",
    "EDITOR",
    "VISUAL",
    "BROWSER",
    "LESSOPEN",
    "PROMPT_COMMAND",
    "RSYNC_RSH",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "RUSTC_WRAPPER",
];
/// Variables whose value is a file that is run.
const FILES: &[&str] = &["BASH_ENV", "ENV", "PYTHONSTARTUP"];
/// Variables that put foreign code into every program.
const LOADED: &[&str] = &["LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES"];

impl Walk<'_> {
    /// What a program's options and input run.
    pub(super) fn hidden(&mut self, scope: &mut Scope, call: &Call<'_>) -> Result<(), Unreadable> {
        let options = OPTIONS.iter().find(|(name, _)| *name == call.name);
        for command in options.map(|(_, names)| call.values(names)).unwrap_or_default() {
            self.aside(scope, command)?;
        }
        match call.name {
            "tar" | "bsdtar" => {
                for action in call.values(&["--checkpoint-action"]) {
                    if let Some(command) = action.strip_prefix("exec=") {
                        self.aside(scope, command)?;
                    }
                }
                if call.has(&["--remove-files"]) {
                    let named = call.operands(&["-f", "--file", "-C", "--directory"]);
                    let bundle = usize::from(call.flag('f') && call.value(&["-f"]).is_none());
                    for file in named.iter().skip(bundle) {
                        self.deletes(scope, file, "file:move");
                    }
                }
                self.unpacks(scope, call, call.value(&["-C", "--directory", "--one-top-level"]));
            }
            "zip" if call.flag('m') || call.has(&["--move"]) => {
                for file in call.parts().1.iter().skip(1) {
                    self.deletes(scope, file, "file:move");
                }
            }
            "unzip" => self.unpacks(scope, call, call.value(&["-d"])),
            "vim" | "vi" | "nvim" | "view" | "ex" | "less" | "more" => {
                let given = call.values(&["-c", "--cmd"]).into_iter();
                let plus = call.arguments.iter().filter_map(|it| it.strip_prefix('+'));
                for command in given.chain(plus) {
                    if let Some((_, command)) = command.split_once('!') {
                        self.aside(scope, command)?;
                    }
                }
            }
            _ => {}
        }
        if let ("ed" | "ex" | "red", Some(typed)) = (call.name, call.pipe.stdin.clone()) {
            for command in typed.lines().filter_map(|line| line.trim_start().strip_prefix('!')) {
                self.aside(scope, command)?;
            }
        }
        Ok(())
    }

    /// What variables make the programs run that are started with them.
    pub(super) fn ridden(
        &mut self,
        scope: &mut Scope,
        assigned: &[(String, Vec<String>)],
    ) -> Result<(), Unreadable> {
        for (name, values) in assigned {
            let value = values.first().map(String::as_str).unwrap_or_default();
            let name = name.as_str();
            if VARIABLES.contains(&name) && value.contains(' ') {
                self.aside(scope, value)?;
            } else if FILES.contains(&name) && !value.is_empty() {
                let script = format!("sh {}", super::call::quoted(value));
                self.aside(scope, &script)?;
            } else if LOADED.contains(&name) && !value.is_empty() {
                self.unseen_program(scope, "preloaded", true);
            }
        }
        Ok(())
    }

    fn aside(&mut self, scope: &Scope, command: &str) -> Result<(), Unreadable> {
        // A transport is told how to reach a host; what that runs there is said elsewhere.
        if command == "ssh" || command.starts_with("ssh ") {
            return Ok(());
        }
        self.script(&mut scope.clone(), command, &Pipe::captured(None)).map(drop)
    }

    /// An archive writes over what lies where it is unpacked.
    fn unpacks(&mut self, scope: &Scope, call: &Call<'_>, to: Option<&str>) {
        let first = call.arguments.first().map(String::as_str).unwrap_or_default();
        let unpacks = call.name == "unzip"
            || call.flag('x')
            || call.has(&["--extract", "--get"])
            || !first.starts_with('-') && first.contains('x');
        if let Some(to) = to.filter(|_| unpacks) {
            self.touches(scope, &format!("{}/*", to.trim_end_matches('/')), "file:unpack");
        }
    }
}
