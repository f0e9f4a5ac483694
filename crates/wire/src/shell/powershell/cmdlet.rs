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
    compare find show read resolve split join wait group tee receive watch search ping assert confirm";

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
        // What runs its blocks in a way of its own reads them itself.
        if !matches!(name, "foreach-object" | "invoke-command" | "write-output" | "write-host") {
            let named = given.parameters.iter().filter_map(|(_, value)| value.clone()).flatten();
            let all: Values = named.chain(given.positional.concat()).collect();
            self.run_all(&all, input)?;
        }
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
        if !given.rehearsed() {
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
        let rehearsed = given.rehearsed();
        match name {
            _ if reaches_session(name, &paths) => drop(self.unmodelled()),
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
                // `Tee-Object -Variable x`.
                let paths =
                    if name == "tee-object" && named.is_none() { Vec::new() } else { paths };
                paths.iter().for_each(|path| self.walk.writes(self.scope, path, &text, append));
                return Ok(Some(
                    input.cloned().filter(|_| name == "tee-object").unwrap_or_default(),
                ));
            }
            "new-item" => {
                self.made(&paths, given, &text());
                return Ok(Some(own));
            }
            "copy-item" | "move-item" | "rename-item" => self.carried(name, &paths, given)?,
            "export-csv" | "export-clixml" | "start-transcript" | "export-modulemember"
                if named.is_some() || name != "export-modulemember" =>
            {
                let own = named.cloned().unwrap_or_else(value::unknown);
                let own: Vec<String> = own.iter().map(|it| self.path(&it.text())).collect();
                let append = given.has("append");
                own.iter()
                    .for_each(|it| self.walk.writes(self.scope, it, &UNKNOWN.to_string(), append));
            }
            "expand-archive" => {
                let beside = || own_name(paths.first().map_or("", String::as_str));
                let to =
                    given.either(&["destinationpath"], 1).map(|it| self.path(&value::line(it)));
                self.walk.touches(self.scope, &to.unwrap_or_else(beside), "file:unpack");
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

    /// New files and directories.
    fn made(&mut self, paths: &[String], given: &Given, text: &str) {
        let kind = given.value("itemtype").or(given.value("type"));
        let kind = kind.map(|it| value::line(it).to_ascii_lowercase());
        let folder = kind.is_some_and(|it| it.starts_with("dir"));
        for path in paths.iter().filter(|_| !folder) {
            // Without `-Force` what is there stays.
            let all = self.walk.paths(self.scope, path);
            let is_there = all.iter().any(|it| self.walk.files.exists(it));
            if given.has("force") || !is_there {
                self.walk.writes(self.scope, path, text, false);
            }
        }
    }

    /// What is copied, moved or renamed.
    fn carried(&mut self, name: &str, paths: &[String], given: &Given) -> Result<(), Unreadable> {
        let to = given.either(&["destination", "newname"], 1).map(|it| value::line(it));
        let to = self.path(&to.unwrap_or_else(|| ".".to_owned()));
        let program = if name == "copy-item" { "cp" } else { "mv" };
        for from in paths {
            let beside = from.rsplit_once('/').filter(|_| name == "rename-item");
            let to = beside.map_or_else(|| to.clone(), |(parent, _)| format!("{parent}/{to}"));
            let flag = if name == "copy-item" { "-r" } else { "-f" };
            let words = [program, flag, from, &to].map(str::to_owned);
            self.walk.call(self.scope, &words, &Pipe::captured(None))?;
        }
        Ok(())
    }

    /// What commands are about: the values at `path`, or what is handed to them.
    fn named_paths(&self, given: &Given, input: Option<&Values>) -> (Values, Vec<String>) {
        let named = given.either(&["path", "literalpath", "filepath"], 0);
        let known = |it: &&Values| !it.is_empty();
        let named = named.filter(known).or(input.filter(known));
        let own: Values = named.cloned().unwrap_or_else(value::unknown);
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
                if given.has("raw") {
                    let text: Vec<String> = values.iter().map(Value::text).collect();
                    return Some(value::text(text.join("\n")));
                }
                value::cut(&mut values);
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
                    match name {
                        "push-location" => self.scope.push_directory(Some(to), true),
                        _ => self.scope.go(to, true),
                    }
                }
            }
            "pop-location" => self.scope.pop_directory(),
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
            () if of_session.iter().any(|it| lower.starts_with(it)) => self.doubtful = true,
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
            | "get-unique" | "get-random" => handed(),
            "foreach-object" => {
                let blocks = ["process", "begin", "end", "parallel"];
                let named = blocks.iter().filter_map(|it| given.value(it)).flatten();
                let blocks: Values =
                    named.chain(given.positional.iter().flatten()).cloned().collect();
                self.for_each(&blocks, &handed())?
            }
            "get-command" => given.positional.concat(),
            "set-alias" | "new-alias" => {
                self.doubtful |= self.branches > 0;
                let name = given.either(&["name"], 0).map(|it| value::line(it));
                let other = given.either(&["value"], 1).map(|it| value::line(it));
                if let (Some(name), Some(other)) = (name, other) {
                    self.aliases.insert(name.to_ascii_lowercase(), other);
                }
                Values::new()
            }
            "clear-variable" | "remove-variable" => {
                for name in given
                    .positional
                    .concat()
                    .iter()
                    .chain(given.value("name").into_iter().flatten())
                {
                    self.variables.insert(name.text().to_ascii_lowercase(), value::unknown());
                }
                Values::new()
            }
            "set-variable" | "new-variable" => {
                let name = given.either(&["name"], 0).map(|it| value::line(it));
                let value = given.either(&["value"], 1).cloned();
                self.variables.insert(
                    name.unwrap_or_default().to_ascii_lowercase(),
                    value.unwrap_or_else(value::unknown),
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
        // What a round sets is unknown in the next: a block is read as one that may be run.
        for one in super::flow::in_turn(all) {
            for block in blocks {
                match block {
                    Value::Block(text) => {
                        let text = text.clone();
                        values.extend(self.run(&text, &[], &[], Some(&vec![one.clone()]))?);
                        value::cut(&mut values);
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
            () if ["install", "update", "compress", "expand", "checkpoint"].contains(&verb) => {}
            () if verb == "import"
                && is("csv clixml json powershelldatafile localizeddata", noun) => {}
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

/// Whether `name` is another name of a command.
pub(super) fn is_alias(name: &str) -> bool {
    ALIASES.iter().any(|(all, _)| all.split(' ').any(|it| it == name))
}

/// Whether a command changes what the session is made of, by a path.
fn reaches_session(name: &str, paths: &[String]) -> bool {
    let parts = ["variable:", "function:", "alias:", "env:"];
    let changes = !matches!(name.split('-').next(), Some("get" | "remove" | "clear" | "test"));
    let of_it = |path: &String| parts.iter().any(|it| path.to_ascii_lowercase().starts_with(it));
    let items = ["-item", "-content"].iter().any(|it| name.ends_with(it));
    changes && items && paths.iter().any(of_it)
}

fn is_registry(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    ["hklm:", "hkcu:", "hkcr:", "hku:", "hkey_", "registry::"]
        .iter()
        .any(|it| lower.starts_with(it))
}

/// The name of an archive without its ending: the directory that it is unpacked into.
fn own_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(name, _)| name).to_owned()
}
