//! Which addresses may be dialled at all: a pure function of the address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// Why an address is not dialled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// It gives out the credentials of the machine; there is no honest use through us.
    #[error("{0} is a metadata service, which gives out the machine's own credentials")]
    Metadata(IpAddr),
    /// It is inside, and nobody said that this host should be.
    #[error("{0} is {1}: if this host really is inside, list it as private")]
    Inside(IpAddr, Kind),
    /// Its name is that of a metadata service.
    #[error("it names a metadata service, which gives out the machine's own credentials")]
    MetadataName,
    /// Its name is one of those that mean something inside, and a proxy would find the address.
    #[error(
        "its name means a host inside, and the proxy's answer cannot be checked: if this host really is inside, list it as private"
    )]
    InsideName,
    /// It is not the address of one host.
    #[error("{0} is {1}, not the address of a host")]
    NoHost(IpAddr, Kind),
}

/// What kind of address it is (the IANA special-purpose registries, RFC 6890).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 127.0.0.0/8 and `::1`.
    Loopback,
    /// 169.254.0.0/16 and `fe80::/10`.
    LinkLocal,
    /// RFC 1918 and RFC 4193.
    Private,
    /// 100.64.0.0/10 (RFC 6598).
    SharedByCarrier,
    /// `0.0.0.0/8` and `::`: most systems take it for loopback.
    Unspecified,
    /// 224.0.0.0/4 and `ff00::/8`.
    Multicast,
    /// Set apart for examples (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// Set apart for something else, or not given out.
    Reserved,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Private => "a private address",
            Self::SharedByCarrier => "an address shared by a carrier",
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast address",
            Self::Documentation => "an address for examples",
            Self::Reserved => "a reserved address",
        })
    }
}

/// Metadata services of the clouds: AWS, Google, Azure and others; ECS tasks; EKS pods; Azure's
/// wire server; Alibaba; Oracle.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// The same over IPv6: AWS, EKS pods, Google.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Whether `ip` may be dialled for a host; `listed_privately` says that a human listed the host
/// as one that is inside.
pub fn reachable(ip: IpAddr, listed_privately: bool) -> Result<(), Refused> {
    let seen = match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(outer) => embedded(outer).map_or(ip, IpAddr::V4),
    };
    let (metadata, kind) = match seen {
        IpAddr::V4(ip) => (METADATA_V4.contains(&ip), kind_of_v4(ip)),
        IpAddr::V6(ip) => (METADATA_V6.contains(&ip), kind_of_v6(ip)),
    };
    if metadata {
        return Err(Refused::Metadata(ip));
    }
    match kind {
        None => Ok(()),
        Some(Kind::Loopback | Kind::LinkLocal | Kind::Private | Kind::SharedByCarrier)
            if listed_privately =>
        {
            Ok(())
        }
        Some(kind @ (Kind::Loopback | Kind::LinkLocal | Kind::Private | Kind::SharedByCarrier)) => {
            Err(Refused::Inside(ip, kind))
        }
        Some(kind) => Err(Refused::NoHost(ip, kind)),
    }
}

/// Names under which the clouds' metadata services are reached.
const METADATA_NAMES: [&str; 5] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
    "instance-data",
    "instance-data.ec2.internal",
];
/// Domains that exist inside only: reserved (RFC 6762, RFC 8375, ICANN's `internal`), or so by
/// custom (RFC 6762 appendix G).
const INSIDE_DOMAINS: [&str; 9] =
    ["local", "internal", "home.arpa", "localdomain", "lan", "home", "corp", "intranet", "private"];

/// Whether a name may be given to a proxy that resolves it: the most that can be said without its
/// address. A name without a dot, or in a domain that exists inside only, is a host inside.
pub fn reachable_by_name(host: &str, listed_privately: bool) -> Result<(), Refused> {
    let is = |name: &str| {
        host.strip_suffix(name).is_some_and(|below| below.is_empty() || below.ends_with('.'))
    };
    if METADATA_NAMES.into_iter().any(is) {
        return Err(Refused::MetadataName);
    }
    let inside = !host.contains('.') || INSIDE_DOMAINS.into_iter().any(is);
    if inside && !listed_privately { Err(Refused::InsideName) } else { Ok(()) }
}

/// The IPv4 address that a packet to `ip` ends up at: mapped (RFC 4291), translated (RFC 6052,
/// RFC 8215) or tunnelled (RFC 3056).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    match (a, b, c, d, e, f) {
        // Mapped, and the deprecated compatible form, of which `::` and `::1` are none.
        (0, 0, 0, 0, 0, 0xffff) => Some(v4(g, h)),
        (0, 0, 0, 0, 0, 0) if g != 0 => Some(v4(g, h)),
        (0x64, 0xff9b, 0, 0, 0, 0) => Some(v4(g, h)),
        // With shorter prefixes the IPv4 address is elsewhere and the end is zero (RFC 6052 §2.2):
        // then nobody can say which it is.
        (0x64, 0xff9b, 1, ..) if h != 0 => Some(v4(g, h)),
        (0x2002, ..) => Some(v4(b, c)),
        _ => None,
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

fn kind_of_v4(ip: Ipv4Addr) -> Option<Kind> {
    match ip.octets() {
        [0, ..] => Some(Kind::Unspecified),
        [127, ..] => Some(Kind::Loopback),
        [169, 254, ..] => Some(Kind::LinkLocal),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Kind::Private),
        [100, 64..=127, ..] => Some(Kind::SharedByCarrier),
        [224..=239, ..] => Some(Kind::Multicast),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some(Kind::Documentation),
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] | [240..=255, ..] => {
            Some(Kind::Reserved)
        }
        _ => None,
    }
}

fn kind_of_v6(ip: Ipv6Addr) -> Option<Kind> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Kind::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Kind::Loopback),
        [0xfe80..=0xfebf, ..] => Some(Kind::LinkLocal),
        [0xfc00..=0xfdff, ..] => Some(Kind::Private),
        [0xff00..=0xffff, ..] => Some(Kind::Multicast),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Kind::Documentation),
        // Teredo and the other protocol assignments; what an address means there varies.
        [0x2001, 0..=0x1ff, ..] => Some(Kind::Reserved),
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Kind::Reserved),
    }
}
