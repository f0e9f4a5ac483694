//! Containers: what runs inside is not this machine, unless a part of it is mounted.

use holdpoint_core::{Effect, ResourceId};

use super::{
    At, Step,
    call::{Call, quoted},
    expand::UNKNOWN,
    scope::Scope,
    walk::Walk,
};
use crate::Unreadable;

/// Options before the verb whose value is a word of its own.
const VALUED_BEFORE: &str =
    "-f --context -n --namespace -p --file --project-name -H --host --env-file";

/// Options behind the verb whose value is a word of its own.
const VALUED: &str =
    "-u --user -w --workdir -e --env --env-file -v --volume --name --network -p --publish -c
    --container -n --namespace --context --entrypoint --mount --platform --index -m --memory
    --cpus --gpus -h --hostname --add-host --image --detach-keys -l --label --restart
    --restart-policy";

/// What is run in a container, as its command line says.
struct Inside<'c> {
    /// The container, pod or image.
    name: &'c str,
    /// What runs there.
    words: Vec<&'c str>,
    /// It is a container of its own, made for this.
    is_run: bool,
}

impl Walk<'_> {
    /// `docker exec`, `docker compose exec`, `docker run`, `kubectl exec`.
    pub(super) fn in_container(
        &mut self,
        scope: &mut Scope,
        call: &Call<'_>,
    ) -> Result<Option<String>, Unreadable> {
        let words: Vec<&str> = call.arguments.iter().map(String::as_str).collect();
        let Some(verb) = words.iter().position(|word| ["exec", "run"].contains(word)) else {
            return Ok(None);
        };
        let (before, behind) = words.split_at_checked(verb).unwrap_or_default();
        if !is_before_verb(before) {
            return Ok(None);
        }
        let kubernetes = matches!(call.name, "kubectl" | "oc");
        let Some(inside) = inside(behind, kubernetes) else { return Ok(Some(String::new())) };
        self.mounted(scope, call, inside.is_run);
        let at = if kubernetes { At::Somewhere } else { At::Here };
        if inside.words.is_empty() || (inside.is_run && kubernetes) {
            if kubernetes && (!inside.is_run || !inside.words.is_empty()) {
                let id = ResourceId::of("kubernetes", "pod", inside.name);
                self.push(Step::guessed("kubectl:exec", Effect::Execute, id, at));
            }
            return Ok(Some(UNKNOWN.to_string()));
        }
        let script = inside.words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        self.far(&script, &at, inside.name, call.pipe).map(Some)
    }

    /// What a container that is mounted in could write to is not followed: only devices and the
    /// root are.
    fn mounted(&mut self, scope: &Scope, call: &Call<'_>, is_run: bool) {
        for volume in call.values(&["-v", "--volume"]).into_iter().filter(|_| is_run) {
            let host = volume.split(':').next().unwrap_or_default();
            if host == "/" || host == "/etc" || host == "/var/run/docker.sock" {
                self.touches(scope, host, "container:mount");
            }
        }
    }
}

/// Whether these can stand before the verb: with another one there, `exec` is a name.
fn is_before_verb(words: &[&str]) -> bool {
    let valued = |word: &&str| VALUED_BEFORE.split_whitespace().any(|it| it == *word);
    let allowed = |word: &&str| word.starts_with('-') || ["compose", "container"].contains(word);
    words.iter().any(valued) || words.iter().all(allowed)
}

/// What the words from the verb on run, and where.
fn inside<'c>(words: &[&'c str], kubernetes: bool) -> Option<Inside<'c>> {
    let mut words = words.iter().copied();
    let is_run = words.next() == Some("run");
    let mut rest = words.peekable();
    while let Some(word) = rest.next_if(|word| word.starts_with('-') && *word != "--") {
        if VALUED.split_whitespace().any(|it| it == word) {
            rest.next();
        }
    }
    let name = rest.next()?;
    let option = |word: &&str| kubernetes && word.starts_with('-') && *word != "--";
    let mut words: Vec<&str> = rest.skip_while(option).collect();
    if kubernetes && words.contains(&"--") {
        words = words.into_iter().skip_while(|word| *word != "--").collect();
    }
    words.retain(|word| *word != "--");
    Some(Inside { name, words, is_run })
}
