//! The operation that a message names, in whichever of AWS's protocols: a header, a parameter, a
//! path, or method and path. A message that names two is none.

use holdpoint_catalog::aws::{Endpoint, Named, Service};
use percent_encoding::percent_decode_str;

use super::{cbor, spoken::Spoken, xml};
use crate::{
    Unreadable,
    http::{
        content::{self, Content},
        json::same_folded,
        message::Message,
        path,
    },
};

/// One operation that a message asks for.
pub(super) struct Call {
    pub(super) service: &'static str,
    /// As the message spells it, or as the table does.
    pub(super) operation: String,
    /// The table's row.
    pub(super) named: Option<Named>,
    /// What stands in the path for labels.
    pub(super) labels: Vec<String>,
}

/// What a message asks for.
pub(super) struct Asked {
    /// Never empty.
    pub(super) calls: Vec<Call>,
    pub(super) spoken: Spoken,
}

/// Headers that change what an operation does.
pub(super) const HEADERS: &[&str] = &["x-amz-invocation-type", "if-none-match"];

/// Reads a message to a service that is not S3.
pub(super) fn read(message: &Message, endpoint: &Endpoint) -> Result<Asked, Unreadable> {
    let query = query(message)?;
    let segments = segments(message.raw_path())?;
    let content = content::read(message)?;
    let mut spoken = Spoken::default();
    body(message, &content, &mut spoken)?;
    let form = content.pairs();
    let both: Vec<(String, String)> = query.iter().chain(form).cloned().collect();
    spoken.push_pairs(&both)?;
    for name in HEADERS {
        if let Some(value) = message.header_text(name) {
            spoken.push(name, value)?;
        }
    }
    let explicit = explicit(message, &segments, &both)?;
    let calls = match explicit {
        Some(name)
            if endpoint.services.is_empty()
                || endpoint.services.iter().any(|service| !service.rest) =>
        {
            refuse_unread(message, &content)?;
            vec![by_name(endpoint, &name, &spoken)]
        }
        Some(Explicit { target: Some(_), .. }) => {
            return Err(Unreadable::new(
                "X-Amz-Target names an operation, and this service takes them from method and path; leave it out",
            ));
        }
        _ => by_route(message, endpoint, &segments, &query),
    };
    Ok(Asked { calls, spoken })
}

/// An operation that is named in so many words.
struct Explicit {
    operation: String,
    /// What stands before it in `X-Amz-Target`.
    target: Option<String>,
}

/// The one operation that header, path and parameters name.
fn explicit(
    message: &Message,
    segments: &[String],
    pairs: &[(String, String)],
) -> Result<Option<Explicit>, Unreadable> {
    let mut found: Option<Explicit> = None;
    let mut add = |operation: &str, target: Option<&str>| match &found {
        Some(own) if own.operation != operation => {
            Err(Unreadable::new("the message names several operations; name the one that is meant"))
        }
        Some(_) => Ok(()),
        None => {
            let target = target.map(str::to_owned);
            found = Some(Explicit { operation: operation.to_owned(), target });
            Ok(())
        }
    };
    for value in message.header("x-amz-target") {
        let text = String::from_utf8_lossy(value);
        let (target, operation) = text.rsplit_once('.').unwrap_or(("", &text));
        add(operation.trim(), Some(target.trim()))?;
    }
    if let [service, _, operation, name] = segments
        && service == "service"
        && operation == "operation"
    {
        add(name, None)?;
    }
    for (_, action) in pairs.iter().filter(|(name, _)| same_folded(name, "Action")) {
        add(action, None)?;
    }
    Ok(found)
}

/// The service at `endpoint` that knows the name.
fn by_name(endpoint: &Endpoint, explicit: &Explicit, spoken: &Spoken) -> Call {
    let version = holdpoint_catalog::aws::Parameters::values(spoken, "Version");
    // The one host of two balancers: the newer API has a date of its own.
    let newer = version.contains(&"2015-12-01");
    let fits = |service: &&&'static Service| {
        let target = explicit.target.as_deref();
        !service.rest && target.is_none_or(|target| service.target.is_none_or(|own| own == target))
    };
    let knows = |service: &&'static Service| service.operation(&explicit.operation);
    let candidates = endpoint.services.iter().filter(fits);
    let mut known: Vec<(&'static Service, Named)> =
        candidates.filter_map(|service| Some((*service, knows(service)?))).collect();
    known.sort_by_key(|(service, _)| newer != service.name.ends_with("v2"));
    let own = known.iter().find(|(service, _)| service.name == endpoint.name).or(known.first());
    let service = own.map(|(service, _)| *service).or(endpoint.services.first().copied());
    Call {
        service: service.map_or(UNKNOWN, |service| service.name),
        operation: explicit.operation.clone(),
        named: own.map(|(_, named)| *named),
        labels: Vec::new(),
    }
}

/// What stands in a name for what nobody knows.
const UNKNOWN: &str = "unknown";

/// The operations that method and path are; one that nobody knows where there is none.
fn by_route(
    message: &Message,
    endpoint: &Endpoint,
    segments: &[String],
    query: &[(String, String)],
) -> Vec<Call> {
    let asked = |part: &str| asks(query, part);
    let of = |service: &&'static Service| {
        let name = service.name;
        let routes = service.route(&message.method, segments, asked).into_iter();
        routes.map(move |named| Call {
            service: name,
            operation: named.name.to_owned(),
            named: Some(named),
            labels: named.labels(segments),
        })
    };
    let calls: Vec<Call> =
        endpoint.services.iter().filter(|service| service.rest).flat_map(of).collect();
    if !calls.is_empty() {
        return calls;
    }
    vec![Call {
        service: endpoint.services.first().map_or(UNKNOWN, |service| service.name),
        operation: UNKNOWN.to_owned(),
        named: None,
        labels: Vec::new(),
    }]
}

/// Whether a query holds `name`, or `name=value`.
pub(super) fn asks(query: &[(String, String)], part: &str) -> bool {
    query.iter().any(|(name, value)| match part.split_once('=') {
        Some((own, wanted)) => name == own && value == wanted,
        None => name == part,
    })
}

/// The parameters of the query, without those of a signature.
pub(super) fn query(message: &Message) -> Result<Vec<(String, String)>, Unreadable> {
    let text = message.target.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = path::parameters(text)?;
    pairs.retain(|(name, _)| !super::signature::is_of_query(name));
    Ok(pairs)
}

/// The parts of a path, decoded. A slash in a label is written `%2F`.
fn segments(raw: &str) -> Result<Vec<String>, Unreadable> {
    raw.split('/').filter(|part| !part.is_empty()).map(decoded).collect()
}

/// One part of a path, if there is only one way to read it.
pub(super) fn decoded(raw: &str) -> Result<String, Unreadable> {
    let text = percent_decode_str(raw)
        .decode_utf8()
        .map_err(|_| Unreadable::new("the path is not UTF-8 after percent-decoding"))?;
    if text.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(Unreadable::new("the path has `.` or `..` segments; send the resolved path"));
    }
    if text.chars().any(char::is_control) {
        return Err(Unreadable::new("the path has an encoded control character"));
    }
    Ok(text.into_owned())
}

/// Refuses a body that was not read beside an operation that is named: the service may find
/// parameters in it, whatever its type.
fn refuse_unread(message: &Message, content: &Content) -> Result<(), Unreadable> {
    let bytes = message.body.bytes();
    let is_read = matches!(content, Content::Json(_) | Content::Form(_) | Content::Xml(_))
        || content::media_type(message) == "application/cbor"
        || bytes.trim_ascii_start().first() == Some(&b'<');
    match is_read || bytes.is_empty() {
        true => Ok(()),
        false => Err(Unreadable::new(
            "the body may hold parameters and is of a type that is not read here; send it as a form, JSON or CBOR",
        )),
    }
}

/// Adds what the body says.
pub(super) fn body(
    message: &Message,
    content: &Content,
    spoken: &mut Spoken,
) -> Result<(), Unreadable> {
    let media = content::media_type(message);
    let bytes = message.body.bytes();
    match content {
        Content::Json(json) => spoken.push_json(json, ""),
        _ if bytes.is_empty() => Ok(()),
        _ if media == "application/cbor" => spoken.push_json(&cbor::read(bytes)?, ""),
        _ if bytes.trim_ascii_start().first() == Some(&b'<') => spoken.push_xml(&xml::read(bytes)?),
        _ if media.contains("json") => {
            Err(Unreadable::new("the body says that it is JSON, and is no JSON object; send one"))
        }
        _ => Ok(()),
    }
}
