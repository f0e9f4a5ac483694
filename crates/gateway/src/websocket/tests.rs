//! What goes on and what does not, however frames are cut.

use std::{sync::Arc, time::Duration};

use holdpoint_wire::http::websocket::frame::{self, Frames, Head, Opcode, Piece, Side};
use proptest::prelude::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
    time::{Instant, timeout},
};
use zeroize::Zeroizing;

use super::{Looks, looks::Direction, relay};
use crate::{
    forward::Needles,
    listen::{Stop, Stopper},
};

const SECRET: &str = "s3cret-s3cret";
const PHANTOM: &str = "ph4nto-ph4nto";

fn needles(pairs: &[(&str, &str)]) -> Option<Arc<Needles>> {
    let pairs = pairs.iter().map(|(needle, replacement)| {
        (Zeroizing::new(needle.as_bytes().to_vec()), replacement.as_bytes().to_vec())
    });
    Some(Arc::new(Needles::new(pairs).unwrap()))
}

fn looks() -> Looks {
    Looks { scrub: needles(&[(SECRET, PHANTOM)]), strays: needles(&[(PHANTOM, "*************")]) }
}

fn frame(side: Side, fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let key = (side == Side::Client).then_some([1, 2, 3, 4]);
    let mut bytes = Vec::new();
    Head { fin, opcode, mask: key, length: payload.len() as u64 }.write(&mut bytes);
    let mut payload = payload.to_vec();
    if let Some(key) = key {
        frame::mask(&mut payload, key, 0);
    }
    bytes.extend(payload);
    bytes
}

/// The messages and control frames that some bytes of a server say, in order.
fn said(wire: &[u8]) -> Vec<(Opcode, Vec<u8>)> {
    let mut frames = Frames::of(Side::Server);
    let (mut all, mut open, mut current, mut input) = (Vec::new(), None, None, wire);
    while let Some(piece) = frames.next(&mut input).unwrap() {
        match piece {
            Piece::Head(head) => {
                current = Some(head);
                if head.opcode.is_control() {
                    all.push((head.opcode, Vec::new()));
                } else if head.opcode != Opcode::Continuation {
                    open = Some((head.opcode, Vec::new()));
                }
            }
            Piece::Payload { bytes, last, .. } => {
                let head = current.unwrap();
                if head.opcode.is_control() {
                    all.last_mut().unwrap().1.extend(bytes);
                } else {
                    open.as_mut().unwrap().1.extend(bytes);
                    if last && head.fin {
                        all.extend(open.take());
                    }
                }
            }
        }
    }
    assert!(frames.are_whole() && open.is_none());
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_secret_comes_back_as_its_phantom_wherever_it_is_cut(
        before in "[s3a]{0,20}", after in "[s3a]{0,20}", fragment in 1..40_usize,
        cut in 1..40_usize, ping in any::<bool>(),
    ) {
        let text = format!("{before}{SECRET}{after}");
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(fragment).collect();
        let mut wire = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let opcode = if index == 0 { Opcode::Text } else { Opcode::Continuation };
            wire.extend(frame(Side::Server, index + 1 == pieces.len(), opcode, piece));
            if ping {
                wire.extend(frame(Side::Server, true, Opcode::Ping, SECRET.as_bytes()));
            }
        }
        let mut direction = Direction::of(Side::Server, &looks());
        let mut out = Vec::new();
        for chunk in wire.chunks(cut) {
            direction.pass(chunk, &mut out).unwrap();
        }
        let all = said(&out);
        let expect = text.replace(SECRET, PHANTOM).into_bytes();
        let messages: Vec<_> = all.iter().filter(|(it, _)| *it == Opcode::Text).collect();
        let expect = (Opcode::Text, expect);
        prop_assert_eq!(messages, vec![&expect]);
        let pings: Vec<_> = all.iter().filter(|(it, _)| *it == Opcode::Ping).collect();
        prop_assert_eq!(pings.len(), if ping { pieces.len() } else { 0 });
        prop_assert!(pings.iter().all(|(_, payload)| payload == PHANTOM.as_bytes()));
    }

    #[test]
    fn a_phantom_does_not_go_out_wherever_it_is_cut(
        before in "[ph4]{0,20}", fragment in 1..40_usize, cut in 1..40_usize,
        stray in any::<bool>(),
    ) {
        let text = if stray { format!("{before}{PHANTOM}x") } else { before };
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(fragment).collect();
        let mut wire = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let opcode = if index == 0 { Opcode::Binary } else { Opcode::Continuation };
            wire.extend(frame(Side::Client, index + 1 == pieces.len(), opcode, piece));
            wire.extend(frame(Side::Client, true, Opcode::Pong, b"ph4n"));
        }
        let mut direction = Direction::of(Side::Client, &looks());
        let mut out = Vec::new();
        let passed = wire.chunks(cut).try_for_each(|chunk| direction.pass(chunk, &mut out));
        prop_assert_eq!(passed.is_err(), stray);
        if !stray {
            prop_assert_eq!(out, wire);
        }
    }
}

#[test]
fn what_nothing_is_looked_for_in_goes_on_as_it_came() {
    let wire = [
        frame(Side::Server, false, Opcode::Text, SECRET.as_bytes()),
        frame(Side::Server, true, Opcode::Continuation, &[b'x'; 70_000]),
        frame(Side::Server, true, Opcode::Close, &[3, 232]),
    ]
    .concat();
    let mut direction = Direction::of(Side::Server, &Looks::default());
    let mut out = Vec::new();
    for chunk in wire.chunks(1000) {
        direction.pass(chunk, &mut out).unwrap();
    }
    assert_eq!(out, wire);
    assert!(direction.is_between_frames());
}

/// Long enough on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_kill_cuts_and_a_stop_says_goodbye() {
    for (is_kill, failure) in [(true, "killed"), (false, "stopped")] {
        let (agent, mut near) = duplex(64);
        let (upstream, mut far) = duplex(64);
        let stopper = Stopper::new();
        let said_by = stopper.stop();
        let relaying = tokio::spawn(async move {
            let (until, stop) =
                if is_kill { (said_by, Stop::never()) } else { (Stop::never(), said_by) };
            relay(agent, upstream, &Looks::default(), &until, &stop).await
        });
        let hello = frame(Side::Client, true, Opcode::Text, b"hello");
        near.write_all(&hello).await.unwrap();
        let mut got = vec![0; hello.len()];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(got, hello);
        let at = Instant::now();
        stopper.say();
        let (mut to_agent, mut to_upstream) = (Vec::new(), Vec::new());
        let both = async {
            tokio::join!(near.read_to_end(&mut to_agent), far.read_to_end(&mut to_upstream))
        };
        let _ = timeout(PATIENCE, both).await.unwrap();
        let closed = timeout(PATIENCE, relaying).await.unwrap().unwrap();
        assert_eq!(closed.failure, Some(failure));
        assert_eq!((closed.sent, closed.received), (hello.len() as u64, 0));
        if is_kill {
            assert!(at.elapsed() < Duration::from_millis(50), "{:?}", at.elapsed());
            assert!(to_agent.is_empty() && to_upstream.is_empty());
        } else {
            assert_eq!(to_agent.get(..4), Some(&[0x88, 38, 3, 233][..]));
            assert_eq!(to_upstream.get(..2), Some(&[0x88, 0x80 | 38][..]));
        }
    }
}

#[tokio::test]
async fn a_frame_that_nobody_may_send_ends_it_for_both() {
    let (agent, mut near) = duplex(1024);
    let (upstream, mut far) = duplex(1024);
    let relaying = tokio::spawn(async move {
        let never = Stop::never();
        relay(agent, upstream, &Looks::default(), &never, &never).await
    });
    // Compressed, although no extension was agreed on.
    far.write_all(&[0xc1, 0x01, 0x00]).await.unwrap();
    let (mut to_agent, mut to_upstream) = (Vec::new(), Vec::new());
    let both =
        async { tokio::join!(near.read_to_end(&mut to_agent), far.read_to_end(&mut to_upstream)) };
    let _ = timeout(PATIENCE, both).await.unwrap();
    assert_eq!(relaying.await.unwrap().failure, Some("unparsed"));
    assert_eq!(to_agent.get(..4), Some(&[0x88, 34, 3, 234][..]));
    assert_eq!(to_upstream.get(..2), Some(&[0x88, 0x80 | 34][..]));
}
