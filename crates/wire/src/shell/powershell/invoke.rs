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
                self.script(&value::line(&text.unwrap_or_else(value::unknown)))?
            }
            "invoke-command" | "start-job" | "start-threadjob" | "measure-command"
            | "invoke-parallel" => {
                return self.blocks(given, input).map(Some);
            }
            "start-process" => {
                let program = given.either(&["filepath"], 0).cloned().unwrap_or_default();
                let arguments = given.either(&["argumentlist"], 1).cloned().unwrap_or_default();
                if value::line(&program).contains("://") {
                    return Ok(Some(Values::new()));
                }
                let words = arguments.iter().map(Value::text);
                let words =
                    words.flat_map(|it| it.split(' ').map(str::to_owned).collect::<Vec<_>>());
                let words: Vec<String> = [value::line(&program)].into_iter().chain(words).collect();
                self.program(&words, None)?
            }
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
                let is_file = kind.is_some_and(|it| it.to_ascii_lowercase().contains("io."));
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
        for block in blocks {
            if let Value::Block(text) = block {
                let own = super::parameters_of(&text);
                values.extend(self.run(&text, &own, &arguments, input)?);
            }
        }
        Ok(values)
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
