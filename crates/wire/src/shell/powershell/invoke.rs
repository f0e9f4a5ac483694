//! Commands of PowerShell that run something, or send something.

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

impl Session<'_, '_> {
    /// Commands that run something, or send something.
    pub(super) fn of_code(
        &mut self,
        name: &str,
        given: &Given,
        input: Option<&Values>,
    ) -> Result<Option<Values>, Unreadable> {
        Ok(Some(match name {
            "invoke-expression" => {
                let text = given.either(&["command"], 0).or(input).cloned();
                let text = text.filter(|it| !it.is_empty()).unwrap_or_else(value::unknown);
                let lines: Vec<String> = text.iter().map(Value::text).collect();
                self.script(&lines.join("\n"))?
            }
            "invoke-command" | "start-job" | "start-threadjob" | "measure-command"
            | "invoke-parallel" => {
                return self.blocks(given, input).map(Some);
            }
            "start-process" => {
                let program = given.either(&["filepath"], 0).cloned().unwrap_or_default();
                let arguments = given.either(&["argumentlist"], 1).cloned().unwrap_or_default();
                if windows::is_page(&value::line(&program)) {
                    return Ok(Some(Values::new()));
                }
                if program.is_empty() {
                    return Ok(Some(self.unmodelled()));
                }
                let words = arguments.iter().flat_map(|it| windows::words(&it.text()));
                let words: Vec<String> = [value::line(&program)].into_iter().chain(words).collect();
                self.program(&words, None)?
            }
            "import-module" => self.module(given)?,
            "invoke-restmethod" | "invoke-webrequest" => {
                self.sent(given)?;
                value::unknown()
            }
            "invoke-sqlcmd" => {
                let host = given.value("serverinstance").map(|it| value::line(it));
                let text = given.either(&["query"], 0).map(|it| value::line(it));
                let mut words = vec!["sqlcmd".to_owned()];
                words.extend(host.into_iter().flat_map(|it| ["-S".to_owned(), it]));
                words.extend(text.into_iter().flat_map(|it| ["-Q".to_owned(), it]));
                self.program(&words, None)?
            }
            "add-type" | "invoke-pester" | "invoke-build" | "invoke-psake" => {
                self.walk.unseen_program(self.scope, name, false);
                value::unknown()
            }
            "new-object" => {
                let kind = given.either(&["typename"], 0).map(|it| value::line(it));
                let of = given.either(&["argumentlist"], 1).cloned();
                let kind = super::kind::name(&kind.unwrap_or_default());
                // What a component does is judged by what is called on it.
                if given.value("comobject").is_none() {
                    self.makes(&kind);
                }
                let is_file = kind.starts_with("io.");
                of.filter(|_| is_file).unwrap_or_else(value::unknown)
            }
            _ => return Ok(None),
        }))
    }

    /// Blocks that are run here, or on another machine.
    fn blocks(&mut self, given: &Given, input: Option<&Values>) -> Result<Values, Unreadable> {
        let blocks = ["scriptblock", "expression"].iter().find_map(|it| given.value(it));
        let blocks = blocks.cloned().unwrap_or_else(|| given.positional.concat());
        let far = given.value("computername").or(given.value("session"));
        if let Some(host) = far.or(given.value("hostname")) {
            let host = value::line(host);
            let id = ResourceId::of("powershell", "remote", &host);
            let at = if host.contains(UNKNOWN) { At::Somewhere } else { At::Host(host) };
            self.walk.push(Step::guessed("powershell:remote", Effect::Execute, id, at));
            return Ok(value::unknown());
        }
        let arguments = given.value("argumentlist").cloned().unwrap_or_default();
        let arguments: Vec<Values> = arguments.into_iter().map(|it| vec![it]).collect();
        let mut values = Values::new();
        if let Some(file) = given.value("filepath") {
            return self.file(&value::line(file));
        }
        if blocks.is_empty() {
            return Ok(self.unmodelled());
        }
        for block in blocks {
            match block {
                Value::Block(text) => {
                    let own = super::parameters_of(&text);
                    values.extend(self.run(&text, &own, &arguments, input)?);
                }
                _ => values.extend(self.unmodelled()),
            }
        }
        Ok(values)
    }

    /// The script in a file.
    fn file(&mut self, word: &str) -> Result<Values, Unreadable> {
        let text = self.walk.read(self.scope, &windows::path(word), true);
        self.script(&text)
    }

    /// A module by its name does what was installed; one by its path is a script.
    fn module(&mut self, given: &Given) -> Result<Values, Unreadable> {
        let names = given.either(&["name"], 0).cloned().unwrap_or_else(value::unknown);
        for name in names {
            let name = name.text().to_ascii_lowercase();
            let is_script = [".psm1", ".ps1"].iter().any(|it| name.ends_with(it));
            match () {
                () if name.ends_with(".psd1") || name.ends_with(".dll") => drop(self.unmodelled()),
                () if name.contains(['/', '\\', UNKNOWN]) || is_script => drop(self.file(&name)?),
                () => {}
            }
        }
        Ok(value::unknown())
    }

    /// What is sent over HTTP, as curl would send it.
    fn sent(&mut self, given: &Given) -> Result<(), Unreadable> {
        let value = |name: &str| given.value(name).map(|it| value::line(it));
        let Some(url) = given.either(&["uri"], 0).map(|it| value::line(it)) else { return Ok(()) };
        let mut call = vec!["curl".to_owned()];
        let method = value("method").or(value("custommethod"));
        call.extend(method.into_iter().flat_map(|it| ["-X".to_owned(), it.to_ascii_uppercase()]));
        let kind = value("contenttype");
        call.extend(
            kind.into_iter().flat_map(|it| ["-H".to_owned(), format!("content-type: {it}")]),
        );
        call.extend(value("body").into_iter().flat_map(|it| ["-d".to_owned(), it]));
        if let Some(file) = value("outfile") {
            self.walk.writes(self.scope, &windows::path(&file), &UNKNOWN.to_string(), false);
        }
        call.push(url);
        self.walk.call(self.scope, &call, &Pipe::captured(None)).map(drop)
    }
}
