//! Containers: what runs inside is not this machine, unless a part of it is mounted.

use std::collections::BTreeMap;

use holdpoint_core::{Effect, ResourceId};
use serde_json::Value;

use super::{
    At, Step,
    call::{Call, quoted},
    expand::UNKNOWN,
    far::End,
    path,
    scope::Scope,
    secret,
    walk::Walk,
    yaml,
};
use crate::Unreadable;

/// Files of services, as they are looked for.
pub(super) const COMPOSE: &[&str] =
    &["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
/// Images of databases, by the beginning of their names.
const DATABASES: &str = "postgres postgis mysql mariadb mongo redis valkey timescale pgvector mssql \
                         clickhouse cockroach";

/// Options before the verb whose value is a word of its own.
const VALUED_BEFORE: &str =
    "-f --context -n --namespace -p --file --project-name -H --host --env-file";

/// Options behind the verb whose value is a word of its own.
const VALUED: &str =
    "-u --user -w --workdir -e --env --env-file -v --volume --name --network -p --publish -c
    --container -n --namespace --context --entrypoint --mount --platform --index -m --memory
    --cpus --gpus -h --hostname --add-host --image --detach-keys -l --label --restart
    --restart-policy";

/// Parts of this machine that are followed in a container, at most.
const MOUNTS_MAX: usize = 32;

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
        let composed = words.contains(&"compose") || call.name.ends_with("-compose");
        let mut environment = match composed {
            true => self.of_service(scope, call, inside.name),
            false => BTreeMap::new(),
        };
        let behind: Vec<String> = behind.iter().map(|it| (*it).to_owned()).collect();
        let own = Call { arguments: &behind, ..Call::new(&[], call.pipe) };
        for pair in own.values(&["-e", "--env"]) {
            if let Some((name, value)) = pair.split_once('=') {
                environment.insert(name.to_owned(), value.to_owned());
            }
        }
        let own = own.values(&["-w", "--workdir"]);
        let mounts = if inside.is_run { self.mounts(scope, call) } else { Vec::new() };
        let directory = own.first().copied().filter(|it| it.starts_with('/'));
        let volumes = call.values(&["-v", "--volume", "--mount", "--volumes-from"]);
        let more = call.has(&["--privileged", "--device", "--cap-add", "--pid"]);
        let goes = inside.is_run && !composed && !more && volumes.len() == mounts.len();
        let end = End { at, label: inside.name, directory, mounts, goes };
        self.far(&script, &environment, &end, call.pipe).map(Some)
    }

    /// The variables of a service of the compose file. A neighbour in it that is a database is on
    /// this machine.
    fn of_service(
        &self,
        scope: &Scope,
        call: &Call<'_>,
        service: &str,
    ) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::new();
        let named = call.value(&["-f", "--file"]);
        let names: Vec<&str> = named.map_or_else(|| COMPOSE.to_vec(), |it| vec![it]);
        let text =
            names.iter().flat_map(|it| self.paths(scope, it)).find_map(|it| self.files.text(&it));
        let Some(file) = text.and_then(|it| yaml::read(&it)) else { return environment };
        let Some(services) = file.get("services").and_then(Value::as_object) else {
            return environment;
        };
        let Some(own) = services.get(service) else { return environment };
        let files = match own.get("env_file") {
            Some(Value::Array(files)) => files.iter().collect(),
            file => file.into_iter().collect::<Vec<_>>(),
        };
        for file in files {
            let file = file.as_str().or_else(|| file.get("path").and_then(Value::as_str));
            let path = file.map(|it| path::normal(it, scope.directory()));
            let Some(text) = path.and_then(|it| self.files.text(&it)) else { continue };
            environment.extend(
                secret::pairs(&text).map(|(name, value)| (name.to_owned(), value.to_owned())),
            );
        }
        match own.get("environment") {
            Some(Value::Object(pairs)) => environment.extend(
                pairs
                    .iter()
                    .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))),
            ),
            Some(Value::Array(pairs)) => {
                let pairs = pairs.iter().filter_map(|it| it.as_str()?.split_once('='));
                environment.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
            _ => {}
        }
        let is_database = |service: &Value| {
            let image = service.get("image").and_then(Value::as_str).unwrap_or_default();
            DATABASES
                .split_whitespace()
                .any(|it| image.rsplit('/').next().is_some_and(|own| own.starts_with(it)))
        };
        // What has a dot in it is a name of the world as well.
        let own = services.iter().filter(|(name, it)| !name.contains('.') && is_database(it));
        for (name, _) in own {
            for value in environment.values_mut() {
                for sign in ["@", "//"] {
                    for end in [":", "/"] {
                        *value = value.replace(
                            &format!("{sign}{name}{end}"),
                            &format!("{sign}localhost{end}"),
                        );
                    }
                }
                if value == name {
                    "localhost".clone_into(value);
                }
            }
        }
        environment
    }

    /// The parts of this machine that are in a container as well: the path there, and here.
    fn mounts(&self, scope: &Scope, call: &Call<'_>) -> Vec<(String, String)> {
        let volumes = call.values(&["-v", "--volume"]).into_iter().filter_map(|volume| {
            let mut parts = volume.split(':');
            Some((parts.next()?, parts.next()?))
        });
        let bound = call.values(&["--mount"]).into_iter().filter_map(|mount| {
            let value = |names: &[&str]| {
                let mut pairs = mount.split(',').filter_map(|pair| pair.split_once('='));
                pairs.find(|(name, _)| names.contains(name)).map(|(_, value)| value)
            };
            Some((value(&["source", "src"])?, value(&["target", "dst", "destination"])?))
        });
        // A name without a slash is a volume of the engine's.
        let of_files = volumes.chain(bound).filter(|(here, _)| here.starts_with(['/', '.', '~']));
        let normal = |(here, there): (&str, &str)| {
            Some((path::normal(there, "/"), self.paths(scope, here).into_iter().next()?))
        };
        of_files.filter_map(normal).take(MOUNTS_MAX).collect()
    }

    /// What a container that is mounted in could write to, and no script says, is not followed: only
    /// devices and the root are.
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
