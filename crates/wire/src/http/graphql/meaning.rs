//! What a root field does: by the catalogue, or else by its name, on the strict side.

use holdpoint_catalog::{
    change_set::ChangeSet,
    graphql::{Entry, Id, Opening, Table},
    verbs::effect_of_words,
};
use holdpoint_core::{Effect, Operation, Resource, ResourceId, Reversibility};

use super::{OPERATIONS_MAX, change_set, document::Kind};
use crate::{Unreadable, http::json::Json};

/// What stands for a resource whose id is missing, null, or no id.
const UNKNOWN: &str = "unknown";
/// Longer ids, in bytes, are no ids.
const ID_BYTES_MAX: usize = 256;

/// One root field of the operation that would run.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name; never its alias.
    pub(super) name: String,
    /// Its arguments, as an object.
    pub(super) arguments: Json,
    /// Something below it is a secret.
    pub(super) selects_secrets: bool,
}

/// Reads fields as one host's.
pub(super) struct Reader<'a> {
    /// The host's table, if it has one.
    pub(super) table: Option<&'static Table>,
    /// Lower case.
    pub(super) host: &'a str,
}

impl Reader<'_> {
    /// What `field` does, as the root field of an operation of this `kind`.
    pub(super) fn operations(
        &self,
        kind: Kind,
        field: &Field,
    ) -> Result<Vec<Operation>, Unreadable> {
        let name = field.name.as_str();
        if is_introspection(kind, name) {
            let resource = ResourceId::of("graphql", self.host, name);
            let name = format!("graphql:{name}");
            return Ok(vec![Operation::known(
                name,
                Effect::Observe,
                resource,
                Reversibility::Inverse,
            )]);
        }
        let known = self.table.and_then(|table| {
            let entry = match kind {
                Kind::Mutation => table.mutation(name),
                Kind::Query | Kind::Subscription => table.query(name),
            };
            entry.map(|entry| (table, entry))
        });
        let mut operations = match known {
            Some((table, entry)) => Known { table, entry, arguments: &field.arguments }.read(),
            None => self.guess(kind, field),
        };
        for operation in &mut operations {
            operation.reveals_secrets |= field.selects_secrets;
        }
        match operations.len() {
            0..=OPERATIONS_MAX => Ok(operations),
            _ => Err(Unreadable::over_limit(format!(
                "`{name}` names more than {OPERATIONS_MAX} resources; send it in parts"
            ))),
        }
    }

    /// A field that no table knows: a query observes; a mutation runs something, and may do
    /// what its name says beside.
    fn guess(&self, kind: Kind, field: &Field) -> Vec<Operation> {
        let effect = match kind {
            Kind::Query | Kind::Subscription => Effect::Observe,
            Kind::Mutation => effect_of_words(&field.name)
                .map_or(Effect::Execute, |said| said.max(Effect::Execute)),
        };
        let provider = self.table.map_or("graphql", |table| table.provider);
        let name = format!("{provider}:{}", field.name);
        let place = format!("graphql:{}/{}", self.host, field.name);
        let ids = likely_ids(&field.arguments);
        let resources = match ids.is_empty() {
            true => vec![place],
            false => ids.iter().map(|id| format!("{place}/{id}")).collect(),
        };
        resources
            .into_iter()
            .map(|resource| Operation::guessed(name.clone(), effect, ResourceId::new(resource)))
            .collect()
    }
}

/// A field that a table knows, with the arguments that it has.
struct Known<'a> {
    table: &'static Table,
    entry: &'static Entry,
    arguments: &'a Json,
}

impl Known<'_> {
    fn read(&self) -> Vec<Operation> {
        let mut effect = self.entry.effect;
        let mut reversibility = self.entry.reversibility;
        let mut beside = Vec::new();
        for opening in self.entry.openings {
            match opening {
                Opening::Raise { argument, values, effect: to, reversibility: back } => {
                    if *to > effect && self.says(argument, values) {
                        (effect, reversibility) = (*to, *back);
                    }
                }
                Opening::Each { argument, kind, effect, reversibility } => {
                    for id in at(self.arguments, argument).into_iter().filter(|id| !id.is_null()) {
                        beside.push(self.operation(*effect, *reversibility, kind, &identifier(id)));
                    }
                }
                Opening::ChangeSet { argument, rules } => {
                    let (whole, removals) = self.open(argument, rules);
                    if let Some(whole) = whole {
                        (effect, reversibility) = (whole, way_back(whole));
                    }
                    beside.extend(removals.iter().map(|removal| self.removal(removal)));
                }
            }
        }
        let ids = match self.entry.id {
            Id::Fixed(word) => vec![word.to_owned()],
            Id::At(path) => identifiers(self.arguments, path),
        };
        let own = ids.iter().map(|id| self.operation(effect, reversibility, self.entry.kind, id));
        own.chain(beside).collect()
    }

    /// Opens the change set at `path`: what it does as a whole, if it can be seen whole, and what
    /// it takes away. JSON within a string is looked into, but nobody says how it is taken.
    fn open(&self, path: &str, rules: &ChangeSet) -> (Option<Effect>, Vec<change_set::Removal>) {
        let opened = match at(self.arguments, path).as_slice() {
            [Json::String(text)] => {
                let written = Json::read(text.as_bytes()).unwrap_or(Json::Null);
                change_set::open(rules, &written).map(|opened| (None, opened.removals))
            }
            [json] => {
                change_set::open(rules, json).map(|opened| (Some(opened.effect), opened.removals))
            }
            _ => None,
        };
        opened.unwrap_or_default()
    }

    /// Whether the argument at `path` is one of `values`, or is there at all if there are none.
    fn says(&self, path: &str, values: &[&str]) -> bool {
        at(self.arguments, path).into_iter().any(|value| match value {
            Json::Null => false,
            _ if values.is_empty() => true,
            Json::String(word) | Json::Number(word) => {
                values.iter().any(|value| word.eq_ignore_ascii_case(value))
            }
            Json::Bool(flag) => values.contains(&if *flag { "true" } else { "false" }),
            // Of another shape than the schema's: the worst is meant.
            Json::Array(_) | Json::Object(_) => true,
        })
    }

    fn removal(&self, removal: &change_set::Removal) -> Operation {
        let id = removal.id.as_deref().map_or_else(|| UNKNOWN.to_owned(), normalised);
        self.operation(removal.effect, Reversibility::None, &removal.kind, &id)
    }

    fn operation(
        &self,
        effect: Effect,
        reversibility: Reversibility,
        kind: &str,
        id: &str,
    ) -> Operation {
        let provider = self.table.provider;
        let id = ResourceId::of(provider, kind, id);
        let within = self.within().filter(|container| *container != id).collect();
        let name = format!("{provider}:{}", self.entry.name);
        Operation {
            reveals_secrets: self.entry.reveals_secrets,
            ..Operation::known(name, effect, Resource { id, within }, reversibility)
        }
    }

    /// What the arguments say that the resource lies in, nearest first.
    fn within(&self) -> impl Iterator<Item = ResourceId> {
        let is_opened = |path: &&str| {
            self.entry
                .openings
                .iter()
                .any(|it| matches!(it, Opening::ChangeSet { argument, .. } if argument == path))
        };
        let input = self.arguments.get("input").filter(|_| !is_opened(&"input"));
        let places = [Some(self.arguments), input];
        self.table.containers.iter().filter_map(move |container| {
            let mut found = places.iter().flatten().filter_map(|it| it.get(container.argument));
            let id = found.find_map(text)?;
            Some(ResourceId::of(self.table.provider, container.kind, &normalised(id)))
        })
    }
}

/// A change of configuration can be set back; what ran has run.
fn way_back(effect: Effect) -> Reversibility {
    match effect {
        Effect::Observe | Effect::Create | Effect::Modify | Effect::Remove => {
            Reversibility::Inverse
        }
        _ => Reversibility::Unknown,
    }
}

/// Whether the answer only describes the schema (introspection, GraphQL §4).
fn is_introspection(kind: Kind, name: &str) -> bool {
    name == "__typename" || kind == Kind::Query && matches!(name, "__schema" | "__type")
}

/// The values at a path of keys; lists stand for each of their values.
fn at<'a>(arguments: &'a Json, path: &str) -> Vec<&'a Json> {
    let spread = |value: &'a Json| match value {
        Json::Array(values) => values.iter().collect(),
        value => vec![value],
    };
    path.split('.').fold(vec![arguments], |values, key| {
        values.into_iter().filter_map(|value| value.get(key)).flat_map(spread).collect()
    })
}

/// The ids at a path; [`UNKNOWN`] where there is none.
fn identifiers(arguments: &Json, path: &str) -> Vec<String> {
    let ids: Vec<_> = at(arguments, path).into_iter().map(identifier).collect();
    match ids.is_empty() {
        true => vec![UNKNOWN.to_owned()],
        false => ids,
    }
}

/// The ids that a field without a table seems to be about: its `id`, that of its `input`, or
/// the first argument of either whose name ends in `id`.
fn likely_ids(arguments: &Json) -> Vec<String> {
    let places = [Some(arguments), arguments.get("input")];
    let fields = || {
        places.iter().flatten().flat_map(|place| match place {
            Json::Object(fields) => fields.as_slice(),
            _ => &[],
        })
    };
    let is_id = |name: &str| {
        ["Id", "ID", "_id", "Ids", "IDs", "_ids", "ids"].iter().any(|end| name.ends_with(end))
    };
    let named = fields().find(|(name, _)| name == "id");
    let Some((_, value)) = named.or_else(|| fields().find(|(name, _)| is_id(name))) else {
        return Vec::new();
    };
    match value {
        Json::Array(values) => values.iter().map(identifier).collect(),
        value => vec![identifier(value)],
    }
}

fn identifier(value: &Json) -> String {
    text(value).map_or_else(|| UNKNOWN.to_owned(), normalised)
}

fn text(value: &Json) -> Option<&str> {
    match value {
        Json::String(text) | Json::Number(text) => Some(text),
        _ => None,
    }
}

/// An id as inventories write it: UUIDs in lower case with hyphens (RFC 9562 §4), whichever of
/// the spellings that databases take was sent; others as sent. What is empty, overlong, or holds
/// spaces or control characters is no id.
fn normalised(id: &str) -> String {
    let is_id = !id.is_empty()
        && id.len() <= ID_BYTES_MAX
        && !id.contains(|character: char| character.is_whitespace() || character.is_control());
    match (uuid(id), is_id) {
        (Some(uuid), _) => uuid,
        (None, true) => id.to_owned(),
        (None, false) => UNKNOWN.to_owned(),
    }
}

/// A UUID in its one spelling: capitals, braces, `urn:uuid:` and hyphens make no other one.
fn uuid(id: &str) -> Option<String> {
    let lower = id.trim().to_ascii_lowercase();
    let bare = lower.strip_prefix("urn:uuid:").unwrap_or(&lower).trim_matches(['{', '}']);
    let digits: String = bare.chars().filter(|character| *character != '-').collect();
    let is_uuid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let at = |range: std::ops::Range<usize>| digits.get(range).filter(|_| is_uuid);
    Some([at(0..8)?, at(8..12)?, at(12..16)?, at(16..20)?, at(20..32)?].join("-"))
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn an_id_has_one_spelling() {
        let uuid = "3d2c42fb-0a5e-4c1b-9c53-0a6f1e2d3c4b";
        for (sent, expect) in [
            (uuid, uuid),
            ("3D2C42FB-0A5E-4C1B-9C53-0A6F1E2D3C4B", uuid),
            ("3d2c42fb0a5e4c1b9c530a6f1e2d3c4b", uuid),
            ("{3d2c42fb-0a5e-4c1b-9c53-0a6f1e2d3c4b}", uuid),
            ("urn:uuid:3d2c42fb-0a5e-4c1b-9c53-0a6f1e2d3c4b", uuid),
            ("3d2c-42fb-0a5e-4c1b-9c53-0a6f-1e2d-3c4b", uuid),
            (" 3d2c42fb-0a5e-4c1b-9c53-0a6f1e2d3c4b ", uuid),
            ("main", "main"),
            ("Main", "Main"),
            ("a b", "unknown"),
            ("", "unknown"),
        ] {
            assert_eq!(normalised(sent), expect, "{sent}");
        }
    }
}
