//! Files of targets that programs run: the target is opened and read.
//!
//! - `make`: Makefiles and justfiles
//! - `taskfile`: Taskfiles
//! - `scripts`: scripts by name, of `package.json`, `composer.json` and `deno.json`
//! - `gradle`: tasks of Gradle
//! - `rake`: tasks of Rake

mod gradle;
mod make;
mod rake;
mod scripts;
mod taskfile;

use super::{scope::Scope, walk::Walk};

/// Targets that are read of one file.
const TARGETS_MAX: usize = 64;

impl Walk<'_> {
    /// The first of these files that is there, from where `scope` is.
    fn first_file(&self, scope: &Scope, names: &[&str]) -> Option<String> {
        let there =
            |it: &&&str| self.paths(scope, it).iter().any(|path| self.files.text(path).is_some());
        names.iter().find(there).map(|it| (**it).to_owned())
    }
}
