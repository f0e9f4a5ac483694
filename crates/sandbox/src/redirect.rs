//! Connections to the addresses that names resolve to inside, led to the one way out: by a rule of
//! nftables in the empty network namespace, which needs no right outside of it.
//!
//! A rule and not listeners, as it takes every port and no port away from whoever works inside.

use std::{io, net::Ipv4Addr};

use rustix::net::netlink;

use crate::netlink::{ANSWER, CREATE, REQUEST, attribute, message, nested, socket, tell};

/// nfnetlink: begin and end of what is done at once, or not at all.
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
/// nfnetlink: nftables.
const NFTABLES: u16 = 10;
/// nf_tables.h: new table, chain, rule.
const NEW_TABLE: u16 = NFTABLES << 8;
const NEW_CHAIN: u16 = NFTABLES << 8 | 3;
const NEW_RULE: u16 = NFTABLES << 8 | 6;
/// The family of IPv4.
const IPV4: u8 = 2;
/// netfilter_ipv4.h: what goes out, and when addresses are changed on the way.
const LOCAL_OUT: u32 = 3;
const BEFORE_ROUTES: i32 = -100;
/// nf_tables.h: the register in which a rule computes.
const REGISTER: u32 = 1;
/// nf_tables.h: offsets count from the IP header.
const IP_HEADER: u32 = 1;
/// RFC 791: where the protocol and the destination are.
const PROTOCOL_AT: u32 = 9;
const DESTINATION_AT: u32 = 16;
/// The protocol TCP.
const TCP: u8 = 6;

const NAME: &[u8] = b"holdpoint\0";

/// Leads every TCP connection to an address in `network/bits` to `port` of 127.0.0.1. Whoever
/// accepts there can ask for the address that was meant (`SO_ORIGINAL_DST`).
pub(crate) fn lead(network: Ipv4Addr, bits: u8, port: u16) -> io::Result<()> {
    let socket = socket(Some(netlink::NETFILTER))?;
    let with_answer = REQUEST | CREATE | ANSWER;
    let messages = [
        message(BATCH_BEGIN, REQUEST, &family(0, NFTABLES)),
        message(NEW_TABLE, with_answer, &[family(IPV4, 0), attribute(1, NAME)].concat()),
        message(NEW_CHAIN, with_answer, &chain()),
        message(NEW_RULE, with_answer, &rule(network, bits, port)),
        message(BATCH_END, REQUEST, &family(0, NFTABLES)),
    ];
    tell(socket, &messages.concat(), 3)
}

/// An `nfgenmsg`.
fn family(family: u8, resource: u16) -> Vec<u8> {
    [&[family, 0][..], &resource.to_be_bytes()].concat()
}

fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_be_bytes())
}

fn chain() -> Vec<u8> {
    let hook = [number(1, LOCAL_OUT), attribute(2, &BEFORE_ROUTES.to_be_bytes())];
    let parts = [
        family(IPV4, 0),
        attribute(1, NAME),
        attribute(3, NAME),
        nested(4, &hook),
        attribute(7, b"nat\0"),
    ];
    parts.concat()
}

fn rule(network: Ipv4Addr, bits: u8, port: u16) -> Vec<u8> {
    let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
    let steps = [
        load(PROTOCOL_AT, 1),
        equals(&[TCP]),
        load(DESTINATION_AT, 4),
        masked(mask),
        equals(&network.octets()),
        step(b"immediate\0", &[number(1, REGISTER), value(2, &port.to_be_bytes())]),
        step(b"redir\0", &[number(1, REGISTER)]),
    ];
    [family(IPV4, 0), attribute(1, NAME), attribute(2, NAME), nested(4, &steps)].concat()
}

/// One expression of a rule.
fn step(name: &[u8], attributes: &[Vec<u8>]) -> Vec<u8> {
    nested(1, &[attribute(1, name), nested(2, attributes)])
}

fn value(kind: u16, bytes: &[u8]) -> Vec<u8> {
    nested(kind, &[attribute(1, bytes)])
}

fn load(offset: u32, length: u32) -> Vec<u8> {
    let what = [number(1, REGISTER), number(2, IP_HEADER), number(3, offset), number(4, length)];
    step(b"payload\0", &what)
}

fn equals(bytes: &[u8]) -> Vec<u8> {
    step(b"cmp\0", &[number(1, REGISTER), number(2, 0), value(3, bytes)])
}

fn masked(mask: u32) -> Vec<u8> {
    let registers = [number(1, REGISTER), number(2, REGISTER), number(3, 4)];
    let values = [value(4, &mask.to_be_bytes()), value(5, &[0; 4])];
    step(b"bitwise\0", &[registers.concat(), values.concat()])
}
