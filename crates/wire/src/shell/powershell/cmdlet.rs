//! PowerShell's own commands: by what they are known to do, and by the verb that every one of them
//! begins with.

use holdpoint_core::{Effect, ResourceId};

use super::{
    Session, UNKNOWN,
    command::Given,
    value::{self, Value, Values},
};
use crate::{
    Unreadable,
    shell::{At, Step, call::Pipe, windows},
};

/// Other names of commands.
const ALIASES: &[(&str, &str)] = &[
    ("ri rm rd rmdir del erase", "remove-item"),
    ("clc", "clear-content"),
    ("sc", "set-content"),
    ("ac", "add-content"),
    ("cp copy cpi", "copy-item"),
    ("mv move mi", "move-item"),
    ("ren rni", "rename-item"),
    ("ni md mkdir", "new-item"),
    ("gc cat type", "get-content"),
    ("gci ls dir", "get-childitem"),
    ("gi", "get-item"),
    ("% foreach", "foreach-object"),
    ("? where", "where-object"),
    ("iex", "invoke-expression"),
    ("icm", "invoke-command"),
    ("saps start", "start-process"),
    ("irm", "invoke-restmethod"),
    ("iwr", "invoke-webrequest"),
    ("echo write", "write-output"),
    ("sl cd chdir", "set-location"),
    ("pushd", "push-location"),
    ("popd", "pop-location"),
    ("gl pwd", "get-location"),
    ("sal", "set-alias"),
    ("nal", "new-alias"),
    ("spps kill", "stop-process"),
    ("spsv", "stop-service"),
    ("rp", "remove-itemproperty"),
    ("sp", "set-itemproperty"),
    ("tee", "tee-object"),
    ("gcm", "get-command"),
    ("sls", "select-string"),
    ("rv", "remove-variable"),
    ("cls clear", "clear-host"),
    ("sleep", "start-sleep"),
    ("select", "select-object"),
    ("sort", "sort-object"),
    ("measure", "measure-object"),
    ("group", "group-object"),
    ("ft", "format-table"),
    ("fl", "format-list"),
    ("oh", "out-host"),
    ("rjb", "remove-job"),
    ("gps ps", "get-process"),
    ("gsv", "get-service"),
    ("h history", "get-history"),
    ("diff compare", "compare-object"),
    ("rvpa", "resolve-path"),
    ("ipmo", "import-module"),
];

/// Verbs that only look, or change only what the session knows.
const LOOKING: &str = "get test measure select where sort format out write convertto convertfrom convert
    compare find show read resolve split join wait group import trace debug export use enter exit tee
    receive watch search ping assert confirm expand checkpoint push pop";

/// What a session has for itself: to take it away takes nothing from anybody.
const OF_SESSION: &str =
    "variable module job event alias psdrive pssession typedata psbreakpoint host
    history strictmode psreadlineoption psreadlinekeyhandler guid timespan object member culture
    psdebug transcript sleep traceSource tracesource date help modulemanifest temporaryfile";

/// What the machine has for all.
const OF_SYSTEM: &str = "service localuser localgroup localgroupmember computer itemproperty scheduledtask
    acl mppreference eventlog recyclebin windowsfeature windowsoptionalfeature netfirewallrule
    netfirewallprofile netadapter computerrestore bitlocker executionpolicy printer smbshare ciminstance
    wmiobject netipaddress netroute dnsclientserveraddress windowspackage appxpackage timezone
    processmitigation netfirewallsetting";

/// What data lies on.
const DISKS: &str = "volume disk partition physicaldisk storagepool virtualdisk";

/// Verbs that take something away.
const TAKING: &str =
    "remove clear uninstall reset revoke unregister dismount delete destroy purge unpublish
    stop disable deny block format initialize";

impl Session<'_, '_> {
    /// What a command does, and prints; `None` if it is none of PowerShell's own.
    pub(super) fn cmdlet(
        &mut self,
        name: &str,
        given: &Given,
        input: Option<&Values>,
    ) -> Result<Option<Values>, Unreadable> {
        let alias = ALIASES.iter().find(|(all, _)| all.split(' ').any(|it| it == name));
        let name = alias.map_or(name, |(_, own)| own);
        let Some((verb, noun)) = name.split_once('-').filter(|_| is_cmdlet(name)) else {
            return Ok(None);
        };
        if let Some(values) = self.of_files(name, given, input)? {
            return Ok(Some(values));
        }
        if let Some(values) = self.of_places(name, given, input) {
            return Ok(Some(values));
        }
        if let Some(values) = self.of_values(name, given, input)? {
            return Ok(Some(values));
        }
        if let Some(values) = self.of_code(name, given, input)? {
            return Ok(Some(values));
        }
        if !given.has("whatif") {
            self.by_verb(verb, noun, given);
        }
        Ok(Some(value::unknown()))
    }

    /// Commands that are about files, and what else has paths.
    fn of_files(
        &mut self,
        name: &str,
        given: &Given,
        input: Option<&Values>,
    ) -> Result<Option<Values>, Unreadable> {
        let named = given.either(&["path", "literalpath", "filepath"], 0);
        let (own, paths) = self.named_paths(given, input);
        let text = || value::line(given.either(&["value"], 1).or(input).unwrap_or(&Values::new()));
        let rehearsed = given.has("whatif");
        match name {
            _ if rehearsed && !name.starts_with("get-") => {}
            "remove-item" | "clear-item" => {
                let all = given.positional.iter().flatten().map(|it| self.path(&it.text()));
                let more: Vec<String> = if named.is_some() { all.collect() } else { Vec::new() };
                let more = more.iter().filter(|it| !paths.contains(*it));
                paths.iter().chain(more).for_each(|path| self.removes(path));
            }
            "clear-content" | "set-content" | "out-file" | "add-content" | "tee-object" => {
                let text = if name == "out-file" || name == "tee-object" {
                    value::line(input.unwrap_or(&Values::new()))
                } else {
                    text()
                };
                let append = name == "add-content" || given.has("append");
                let paths = named.map(|it| it.iter().map(|it| self.path(&it.text())).collect());
                let paths: Vec<String> = paths.unwrap_or_default();
                paths.iter().for_each(|path| self.walk.writes(self.scope, path, &text, append));
                return Ok(Some(
                    input.cloned().filter(|_| name == "tee-object").unwrap_or_default(),
                ));
            }
            "new-item" => {
                let kind = given.value("itemtype").or(given.value("type"));
                let kind = kind.map(|it| value::line(it).to_ascii_lowercase());
                let folder = kind.is_some_and(|it| it.starts_with("dir"));
                for path in paths.iter().filter(|_| !folder) {
                    // Without `-Force` what is there stays.
                    let all = self.walk.paths(self.scope, path);
                    let is_there = all.iter().any(|it| self.walk.files.exists(it));
                    if given.has("force") || !is_there {
                        self.walk.writes(self.scope, path, &text(), false);
                    }
                }
                return Ok(Some(own));
            }
            "copy-item" | "move-item" | "rename-item" => {
                let to = given.either(&["destination", "newname"], 1).map(|it| value::line(it));
                let to = self.path(&to.unwrap_or_else(|| ".".to_owned()));
                let program = if name == "copy-item" { "cp" } else { "mv" };
                for from in &paths {
                    let beside = from.rsplit_once('/').filter(|_| name == "rename-item");
                    let to =
                        beside.map_or_else(|| to.clone(), |(parent, _)| format!("{parent}/{to}"));
                    let flag = if name == "copy-item" { "-r" } else { "-f" };
                    let words = [program, flag, from, &to].map(str::to_owned);
                    self.walk.call(self.scope, &words, &Pipe::captured(None))?;
                }
            }
            "set-itemproperty" | "remove-itemproperty" | "clear-itemproperty" | "set-acl" => {
                paths.iter().for_each(|path| match is_registry(path) {
                    true => self.walk.touches(self.scope, "/c/Windows/System32", "system:change"),
                    false => self.walk.touches(self.scope, path, "file:change"),
                });
            }
            _ => return Ok(None),
        }
        Ok(Some(Values::new()))
    }

    /// What commands are about: the values at `path`, or what is handed to them.
    fn named_paths(&self, given: &Given, input: Option<&Values>) -> (Values, Vec<String>) {
        let named = given.either(&["path", "literalpath", "filepath"], 0);
        let own: Values = named.or(input).cloned().unwrap_or_else(value::unknown);
        let paths = own.iter().map(|it| self.path(&it.text())).collect();
        (own, paths)
    }

    /// Commands that show files, or say where something is.
    fn of_places(&mut self, name: &str, given: &Given, input: Option<&Values>) -> Option<Values> {
        let (own, paths) = self.named_paths(given, input);
        let named = given.either(&["path", "literalpath", "filepath"], 0);
        match name {
            "get-content" => {
                let mut values = Values::new();
                for path in &paths {
                    let text = self.walk.read(self.scope, path, self.captured);
                    values.extend(text.lines().map(|it| Value::Text(it.to_owned())));
                }
                values.truncate(value::VALUES_MAX);
                return Some(values);
            }
            "get-childitem" => {
                if paths.iter().any(|it| it.to_ascii_lowercase().starts_with("env:")) {
                    self.walk.dump(self.scope);
                    return Some(value::unknown());
                }
                let place = if named.is_some() { own } else { value::text(self.scope.directory()) };
                let below = place.iter().map(|it| Value::Text(format!("{}/{UNKNOWN}", it.text())));
                return Some(below.collect());
            }
            "set-location" | "push-location" => {
                if let Some(to) = paths.first().filter(|_| named.is_some()) {
                    self.scope.go(to, true);
                }
            }
            "get-location" => return Some(value::text(self.scope.directory())),
            "join-path" => {
                let mut parts: Vec<String> = paths;
                let child = given.either(&["childpath"], 1);
                parts.extend(child.into_iter().flatten().map(|it| windows::path(&it.text())));
                return Some(value::text(parts.join("/")));
            }
            "split-path" => {
                let parent = |it: &String| it.rsplit_once('/').map(|(parent, _)| parent.to_owned());
                let parent = paths.first().and_then(parent);
                return Some(value::text(parent.unwrap_or_else(|| UNKNOWN.to_string())));
            }
            "get-item" | "resolve-path" | "convert-path" => return Some(own),
            _ => return None,
        }
        Some(Values::new())
    }

    /// A path as a script writes it: `~` is the home.
    pub(super) fn path(&self, word: &str) -> String {
        let path = windows::path(word);
        match path.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", self.scope.value("HOME").unwrap_or("/"))
            }
            _ => path,
        }
    }

    fn removes(&mut self, path: &str) {
        let lower = path.to_ascii_lowercase();
        let of_session = ["env:", "variable:", "function:", "alias:"];
        match () {
            () if is_registry(path) => {
                self.walk.touches(self.scope, "/c/Windows/System32", "system:change");
            }
            () if of_session.iter().any(|it| lower.starts_with(it)) => {}
            () => self.walk.deletes(self.scope, path, "file:delete"),
        }
    }

    /// Commands that hand on what they are handed, or say something.
    fn of_values(
        &mut self,
        name: &str,
        given: &Given,
        input: Option<&Values>,
    ) -> Result<Option<Values>, Unreadable> {
        let handed = || input.cloned().unwrap_or_else(value::unknown);
        Ok(Some(match name {
            "write-output" => given.positional.concat(),
            "write-host" | "write-error" | "write-verbose" | "write-warning" => Values::new(),
            "where-object" | "sort-object" | "out-string" | "out-host" | "select-object"
            | "get-unique" | "get-random" => {
                for block in given.positional.concat() {
                    if let Value::Block(text) = block {
                        self.run(&text, &[], &[], Some(&handed()))?;
                    }
                }
                handed()
            }
            "foreach-object" => {
                let blocks = ["process", "begin", "end", "parallel"];
                let named = blocks.iter().filter_map(|it| given.value(it)).flatten();
                let blocks: Values =
                    named.chain(given.positional.iter().flatten()).cloned().collect();
                self.for_each(&blocks, &handed())?
            }
            "get-command" => given.positional.concat(),
            "set-alias" | "new-alias" => {
                let name = given.either(&["name"], 0).map(|it| value::line(it));
                let other = given.either(&["value"], 1).map(|it| value::line(it));
                if let (Some(name), Some(other)) = (name, other) {
                    self.aliases.insert(name.to_ascii_lowercase(), other);
                }
                Values::new()
            }
            "set-variable" => {
                let name = given.either(&["name"], 0).map(|it| value::line(it));
                let value = given.either(&["value"], 1).cloned();
                self.variables.insert(
                    name.unwrap_or_default().to_ascii_lowercase(),
                    value.unwrap_or_default(),
                );
                Values::new()
            }
            "get-variable" => {
                self.variable(&value::line(given.either(&["name"], 0).unwrap_or(&Values::new())))
            }
            _ => return Ok(None),
        }))
    }

    /// A block for each value.
    pub(super) fn for_each(
        &mut self,
        blocks: &[Value],
        all: &[Value],
    ) -> Result<Values, Unreadable> {
        let mut values = Values::new();
        for one in all.iter().take(super::ROUNDS_MAX) {
            for block in blocks {
                match block {
                    Value::Block(text) => {
                        let text = text.clone();
                        values.extend(self.run(&text, &[], &[], Some(&vec![one.clone()]))?);
                    }
                    // The name of a property, or of a method.
                    Value::Text(name) if name.eq_ignore_ascii_case("delete") => {
                        self.removes(&windows::path(&one.text()));
                    }
                    _ => values.push(one.clone()),
                }
            }
        }
        Ok(values)
    }

    /// What the verb says where nothing else does.
    fn by_verb(&mut self, verb: &str, noun: &str, given: &Given) {
        let is = |list: &str, word: &str| list.split_whitespace().any(|it| it == word);
        let reads_secret = verb == "get" && noun.contains("secret");
        if reads_secret && !self.walk.machine().masked() {
            let id = ResourceId::of("powershell", "secret", noun);
            return self.walk.push(Step::reveals(
                format!("powershell:{verb}_{noun}"),
                id,
                At::Somewhere,
            ));
        }
        let takes_disks = is(DISKS, noun) && is(TAKING, verb);
        if !takes_disks && (is(LOOKING, verb) || is(OF_SESSION, noun)) {
            return;
        }
        match () {
            () if takes_disks => self.walk.deletes(self.scope, "/dev/disk", "device:wipe"),
            () if is(OF_SYSTEM, noun) => {
                self.walk.touches(self.scope, "/c/Windows/System32", "system:change");
            }
            () if noun == "process" => {}
            () if is(TAKING, verb) => {
                let named = given.positional.first().or(given.value("name"));
                let named = named.map(|it| value::line(it)).unwrap_or_default();
                let id = ResourceId::of("powershell", noun, &named);
                let name = format!("powershell:{verb}_{noun}");
                self.walk.push(Step::guessed(name, Effect::Destroy, id, At::Somewhere));
            }
            () if verb == "install"
                || verb == "update"
                || verb == "compress"
                || verb == "expand" => {}
            () => self.walk.unseen_program(self.scope, &format!("{verb}-{noun}"), false),
        }
    }
}

/// `Verb-Noun`, and not the name of a program with a dash in it.
fn is_cmdlet(name: &str) -> bool {
    let is = |list: &str, word: &str| list.split_whitespace().any(|it| it == word);
    const OTHERS: &str = "foreach new set add invoke start restart suspend resume copy move rename install update
        register enable grant send publish compress edit open close save restore backup mount connect
        disconnect sync merge limit lock unlock protect unprotect submit approve complete undo redo repair
        optimize switch step unblock request hide skip";
    let verb = name.split('-').next().unwrap_or_default();
    let noun = name.get(verb.len() + 1..).unwrap_or_default();
    !noun.is_empty()
        && noun.chars().all(|it| it.is_ascii_alphanumeric())
        && [LOOKING, TAKING, OTHERS].iter().any(|list| is(list, verb))
}

fn is_registry(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    ["hklm:", "hkcu:", "hkcr:", "hku:", "hkey_", "registry::"]
        .iter()
        .any(|it| lower.starts_with(it))
}
