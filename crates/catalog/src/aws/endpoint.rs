//! Hosts of AWS: `rds.eu-west-1.amazonaws.com`, `bucket.s3.dualstack.eu-west-1.amazonaws.com`.
//! Source: the endpoints that botocore makes, and AWS's pages on S3's virtual hosting.

use super::service::{Service, services};

/// Under what all APIs of AWS are; what else lies there (machines, load balancers, customers'
/// own APIs) is told by what stands before.
const PARTITIONS: &[&str] = &[
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
];

/// Labels that say how a host is reached, and not what it is.
const ROADS: &[&str] = &["dualstack", "fips"];

/// Behind these lies what customers run themselves.
const CUSTOMERS: &[&str] = &["execute-api", "elb", "compute", "compute-1", "appsync-api"];

/// What answers at a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What the host is called, without region and customer.
    pub name: String,
    /// The services that answer there; none if nobody knows them.
    pub services: Vec<&'static Service>,
    /// The region, where the host names one.
    pub region: Option<String>,
    /// The bucket that stands before S3's name.
    pub bucket: Option<String>,
}

impl Endpoint {
    /// Whether this is S3, whose paths are names of objects.
    pub fn is_s3(&self) -> bool {
        self.services.iter().any(|service| service.name == "s3")
    }

    /// Whether the scope of a signature may say this service and this region. A service that
    /// nobody knows may be called anything.
    pub fn signs_as(&self, service: &str, region: &str) -> bool {
        let named = self.services.is_empty()
            || self.services.iter().any(|own| own.signing.eq_ignore_ascii_case(service));
        named && self.region.as_deref().is_none_or(|own| own == region)
    }
}

/// What answers at `host` (lower case); `None` if it is no API of AWS itself.
pub fn endpoint(host: &str) -> Option<Endpoint> {
    let labels = PARTITIONS.iter().find_map(|suffix| host.strip_suffix(suffix))?;
    let mut labels: Vec<&str> = labels.split('.').collect();
    let region_at = labels.iter().rposition(|label| is_region(label));
    let mut region = region_at.map(|at| labels.remove(at).to_owned());
    labels.retain(|label| !ROADS.contains(label));
    let last = labels.last()?.trim_end_matches("-fips");
    let old = last.strip_prefix("s3-").filter(|rest| is_region(rest));
    if last == "s3" || old.is_some() || matches!(last, "s3-accelerate" | "s3-external-1") {
        region = region.or(old.map(str::to_owned));
        let bucket = labels.split_last().map(|(_, bucket)| bucket.join("."));
        let bucket = bucket.filter(|bucket| !bucket.is_empty());
        return Some(Endpoint { name: "s3".into(), services: at("s3"), region, bucket });
    }
    if CUSTOMERS.contains(labels.last()?) {
        return None;
    }
    let single = labels.len() == 1;
    let name = |from: usize| {
        let rest = labels.get(from..).unwrap_or_default().join(".");
        rest.trim_end_matches("-fips").to_owned()
    };
    // A customer's number may stand before, or the part of a service that an operation names.
    let known = (0..labels.len()).map(name).find(|name| !at(name).is_empty());
    match known {
        Some(name) => Some(Endpoint { services: at(&name), name, region, bucket: None }),
        None if single => {
            Some(Endpoint { name: name(0), services: Vec::new(), region, bucket: None })
        }
        None => None,
    }
}

/// The services whose hosts are called so; the one that is called so itself comes first.
fn at(name: &str) -> Vec<&'static Service> {
    let own = |service: &&Service| {
        service.endpoint == name || OTHER_NAMES.contains(&(name, service.name))
    };
    let mut found: Vec<&'static Service> = services().iter().filter(own).collect();
    found.sort_by_key(|service| service.name != name);
    found
}

/// Hosts that botocore does not make of the prefix alone: old ones, and those of accounts.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("ddb", "dynamodb"),
    ("queue", "sqs"),
    ("cloudwatch", "cloudwatch"),
    ("ecr", "ecr"),
    ("sagemaker", "sagemaker"),
    ("data.iot", "iot-data"),
];

/// `eu-west-1`, `us-gov-east-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let letters = |part: &&str| part.bytes().all(|byte| byte.is_ascii_lowercase());
    let (Some((number, words)), true) = (parts.split_last(), parts.len() >= 3) else {
        return false;
    };
    words.first().is_some_and(|first| first.len() == 2)
        && words.iter().all(|word| !word.is_empty() && letters(word))
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}
