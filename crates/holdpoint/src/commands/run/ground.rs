//! What a run is made around: workspace, home, further places.

use std::{
    convert::Infallible,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use holdpoint_sandbox::{
    Mark,
    home::Home,
    layout::{Access, Ground},
};

use super::{Here, repository};
use crate::status::CommandError;

/// A further place, as it is named in `--also`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) struct Place {
    path: PathBuf,
    access: Access,
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let (path, access) = match text.strip_suffix(":ro") {
            Some(path) => (path, Access::ReadOnly),
            None => (text, Access::ReadWrite),
        };
        Ok(Self { path: path.into(), access })
    }
}

/// The repository around the working directory, else the working directory.
pub(super) fn workspace(state: &Path) -> Result<PathBuf, CommandError> {
    let here = std::env::current_dir().and_then(fs::canonicalize).map_err(CommandError::unable)?;
    let home = home()?;
    // A home may be a repository of its own; what lies in it is not the workspace for that.
    let inner = here.ancestors().take_while(|around| !home.starts_with(around));
    let repository = inner.clone().find(|around| around.join(".git").exists());
    let workspace = repository.or_else(|| inner.clone().next()).ok_or_else(|| {
        CommandError::usage(format!(
            "{} is no workspace, as your whole home is in it: go into the project first",
            here.display()
        ))
    })?;
    let state = fs::canonicalize(state).map_err(CommandError::unable)?;
    if workspace.starts_with(&state) || workspace.parent().is_none() {
        let text = format!("{} is no workspace: go into the project first", here.display());
        return Err(CommandError::usage(text));
    }
    Ok(workspace.to_owned())
}

/// The human's home.
pub(super) fn home() -> Result<PathBuf, CommandError> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let home = home.ok_or_else(|| {
        CommandError::usage("there is no home directory: set HOME, which the agent gets one of")
    })?;
    fs::canonicalize(&home).map_err(|error| {
        CommandError::unable(format!("cannot find the home {}: {error}", home.display()))
    })
}

/// Everything that the inside is put together from.
pub(in crate::commands) fn ground(
    here: &Here,
    workspace: PathBuf,
    command: &[OsString],
    also: &[Place],
    ca: &Path,
    mark: Mark,
) -> Result<Ground, CommandError> {
    let place = |place: &Place| {
        let path = fs::canonicalize(&place.path).map_err(|error| {
            CommandError::usage(format!("--also {}: {error}", place.path.display()))
        })?;
        match path.parent() {
            Some(_) => Ok((path, place.access)),
            None => Err(CommandError::usage("--also /: this would be no enclosure")),
        }
    };
    let beside = repository::beside(&workspace).map(|path| Ok((path, Access::ReadWrite)));
    Ok(Ground {
        workspace,
        home: Home::of(home()?, command).map_err(CommandError::unable)?,
        also: beside.into_iter().chain(also.iter().map(place)).collect::<Result<_, _>>()?,
        state: fs::canonicalize(&here.dir).map_err(CommandError::unable)?,
        binary: std::env::current_exe().map_err(CommandError::unable)?,
        ca: ca.to_owned(),
        mark,
    })
}

/// What is seen beside the workspace and searched for secrets as it is, the outermost of each:
/// further places, and what an agent reads of the home. What git keeps elsewhere is searched as
/// history.
pub(super) fn others(ground: &Ground) -> Vec<PathBuf> {
    let beside = repository::beside(&ground.workspace);
    let also = ground.also.iter().map(|(path, _)| path.clone());
    let also = also.filter(|path| Some(path) != beside.as_ref());
    let mut all: Vec<PathBuf> = also.chain(ground.home.seen()).collect();
    all.sort();
    all.dedup_by(|inner, outer| inner.starts_with(outer));
    all
}

#[cfg(test)]
mod tests {
    use holdpoint_sandbox::layout::Access;

    use super::Place;

    #[test]
    fn places() {
        for (text, path, access) in [
            ("/a", "/a", Access::ReadWrite),
            ("/a:ro", "/a", Access::ReadOnly),
            ("../b:rw", "../b:rw", Access::ReadWrite),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!(place, Place { path: path.into(), access });
        }
    }
}
