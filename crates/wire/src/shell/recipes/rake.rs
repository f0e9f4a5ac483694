//! Tasks of Rake.

use super::super::{
    call::Call,
    program::{self, Language},
    scope::Scope,
    walk::Walk,
};
use crate::Unreadable;

const NAMES: &[&str] = &["Rakefile", "rakefile", "Rakefile.rb", "rakefile.rb"];

impl Walk<'_> {
    /// What the tasks do that are asked for, in the Rakefile and in what Rails keeps beside it.
    pub(in super::super) fn rake(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<(), Unreadable> {
        if call.has(&["-T", "--tasks", "-P", "--prereqs", "-n", "--dry-run", "-W", "-D"]) {
            return Ok(());
        }
        let wanted = call.operands(&["-f", "--rakefile", "-C", "--directory", "-I", "-r"]);
        let mut wanted: Vec<String> = wanted
            .iter()
            .filter(|it| !it.contains('='))
            .map(|it| it.split('[').next().unwrap_or(it).to_owned())
            .collect();
        if wanted.is_empty() && call.name == "rake" {
            wanted.push("default".to_owned());
        }
        let file = call.value(&["-f", "--rakefile"]).map(str::to_owned);
        let mut files: Vec<String> =
            file.or_else(|| self.first_file(scope, NAMES)).into_iter().collect();
        for directory in self.paths(scope, "lib/tasks") {
            files.extend(
                self.files.below(&directory).into_iter().filter(|it| it.ends_with(".rake")),
            );
        }
        let texts: Vec<String> = files.iter().map(|it| self.read(scope, it, true)).collect();
        if texts.is_empty() || wanted.is_empty() {
            return Ok(());
        }
        program::read_tasks(self, scope, &texts.join("\n"), Language::Ruby, &wanted)
    }
}
