//! The services and their operations: a table of text, searched where it lies.

use std::sync::LazyLock;

/// Generated; its head says from what.
const TABLE: &str = include_str!("services.txt");

/// One service.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// What the AWS command line calls it: the middle of an operation's name.
    pub name: &'static str,
    /// What its hosts are called.
    pub endpoint: &'static str,
    /// What the scope of a signature calls it.
    pub signing: &'static str,
    /// Method and path name the operation; else the message does it itself.
    pub rest: bool,
    /// What stands before the operation in `X-Amz-Target`.
    pub target: Option<&'static str>,
    /// Its operations, a line each, in the order of bytes.
    lines: &'static str,
}

/// An operation that the table knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// As the provider spells it.
    pub name: &'static str,
    /// The provider says that it only reads.
    pub reads: bool,
    /// The form of its path; empty where the message names the operation itself.
    path: &'static str,
}

impl Named {
    fn of(word: &'static str) -> Self {
        match word.strip_suffix('!') {
            Some(name) => Self { name, reads: true, path: "" },
            None => Self { name: word, reads: false, path: "" },
        }
    }

    /// What stands for labels in the path that it was told by.
    pub fn labels(&self, segments: &[String]) -> Vec<String> {
        let parts: Vec<&str> = self.path.split('/').filter(|part| !part.is_empty()).collect();
        let is_label = |at: usize| match (parts.get(at), parts.last()) {
            (Some(part), _) => part.contains('{'),
            // What is more than the form has is the rest of its last label.
            (None, last) => last == Some(&"{+}"),
        };
        let labels = segments.iter().enumerate().filter(|(at, _)| is_label(*at));
        labels.map(|(_, segment)| segment.clone()).collect()
    }
}

/// Every service, by name.
pub fn services() -> &'static [Service] {
    static SERVICES: LazyLock<Vec<Service>> =
        LazyLock::new(|| TABLE.split("\n>").skip(1).filter_map(Service::read).collect());
    &SERVICES
}

/// The service of this name.
pub fn service(name: &str) -> Option<&'static Service> {
    let all = services();
    all.binary_search_by(|service| service.name.cmp(name)).ok().and_then(|at| all.get(at))
}

impl Service {
    /// A head line and the lines of its operations.
    fn read(block: &'static str) -> Option<Self> {
        let (head, lines) = block.split_once('\n').unwrap_or((block, ""));
        let mut words = head.split(' ');
        Some(Self {
            name: words.next()?,
            endpoint: words.next()?,
            signing: words.next()?,
            rest: words.next()? == "r",
            target: words.next().filter(|target| *target != "-"),
            lines,
        })
    }

    /// The operation of this name. Case matters, as it does to AWS.
    pub fn operation(&self, name: &str) -> Option<Named> {
        if self.rest {
            let named = |line: &'static str| line.rsplit(' ').next().map(Named::of);
            return self.lines.lines().filter_map(named).find(|named| named.name == name);
        }
        let mut lines = self.lines;
        while !lines.is_empty() {
            // The line in the middle, and what lies before and behind it.
            let middle = lines.floor_char_boundary(lines.len() / 2);
            let begin = lines.get(..middle)?.rfind('\n').map_or(0, |at| at + 1);
            let (before, from) = lines.split_at_checked(begin)?;
            let (line, behind) = from.split_once('\n').unwrap_or((from, ""));
            let named = Named::of(line);
            lines = match name.cmp(named.name) {
                std::cmp::Ordering::Equal => return Some(named),
                std::cmp::Ordering::Less => before,
                std::cmp::Ordering::Greater => behind,
            };
        }
        None
    }

    /// The names of its operations, and whether each only reads, as the provider says.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let named = |line: &'static str| line.rsplit(' ').next().map(Named::of);
        self.lines.lines().filter_map(named).map(|named| (named.name, named.reads))
    }

    /// The operations that a method and decoded path are, where the query holds `asked` (a name,
    /// or `name=value`): the most particular, several where headers decide, or where a query asks for
    /// several things at once.
    pub fn route(
        &self,
        method: &str,
        segments: &[String],
        asked: impl Fn(&str) -> bool,
    ) -> Vec<Named> {
        let mut found: Vec<Route> = Vec::new();
        for line in self.lines.lines() {
            let mut words = line.split(' ');
            let (Some(own), Some(address), Some(name)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let (path, query) = address.split_once('?').unwrap_or((address, ""));
            let wanted: Vec<&str> = query.split('&').filter(|part| !part.is_empty()).collect();
            if own == method && fits(path, segments) && wanted.iter().all(|part| asked(part)) {
                let named = Named { path, ..Named::of(name) };
                found.push(Route { named, literals: literals(path), wanted });
            }
        }
        let most = found.iter().map(|route| route.literals).max();
        found.retain(|route| Some(route.literals) == most);
        let outdone = |route: &Route| found.iter().any(|other| route.is_less_than(other));
        found.iter().filter(|route| !outdone(route)).map(|route| route.named).collect()
    }
}

/// An operation that a message may be.
struct Route {
    named: Named,
    /// How many parts of its path are words.
    literals: usize,
    /// What its query must hold.
    wanted: Vec<&'static str>,
}

impl Route {
    /// Whether another wants all of this, and more.
    fn is_less_than(&self, other: &Self) -> bool {
        other.wanted.len() > self.wanted.len()
            && self.wanted.iter().all(|part| other.wanted.contains(part))
    }
}

/// How many parts of a path are words and no labels.
fn literals(path: &str) -> usize {
    path.split('/').filter(|part| !part.is_empty() && !part.contains('{')).count()
}

/// Whether `segments` are of the form `path`.
fn fits(path: &str, segments: &[String]) -> bool {
    let mut left = segments.iter();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let Some(segment) = left.next() else { return false };
        match part {
            "{}" if segment.is_empty() => return false,
            "{}" => {}
            // The rest of a path, however many parts it has.
            "{+}" => return true,
            part if part.contains("{}") => {
                let (begin, end) = part.split_once("{}").unwrap_or((part, ""));
                let holds = segment.len() > begin.len() + end.len();
                if !(holds && segment.starts_with(begin) && segment.ends_with(end)) {
                    return false;
                }
            }
            part if part == segment => {}
            _ => return false,
        }
    }
    left.next().is_none()
}
