//! Both ends of a handing over, at a gateway's own socket and at its door.

use std::{
    net::{TcpListener, UdpSocket},
    os::fd::AsFd as _,
};

use holdpoint_core::identity::Task;

use super::{HandOver, Handed, Heard, Newcomer, RunDoor, RunsSocket};
use crate::{run_key::RunKey, state::State};

async fn next(socket: &RunsSocket) -> Option<Handed> {
    socket.accept().await.unwrap().take().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_is_handed_over_and_each_end_sees_the_other_go() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = State::open(dir.path()).unwrap();
    let lock = gateway.lock_gateway().unwrap();
    let supervisor = State::open(dir.path()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (key, other) = (RunKey::new().unwrap(), RunKey::new().unwrap());
    let did = key.did();
    let early = [listener.as_fd()];
    let early = HandOver { run: "r1", key: &key, services: &[], sockets: &early };
    assert!(supervisor.hand_over(early).is_err(), "no gateway yet");

    let socket = gateway.listen_for_runs(&lock).unwrap();
    let key = std::sync::Arc::new(key);
    for gateway_goes_first in [true, false] {
        let (state, handed) = (supervisor.clone(), listener.try_clone().unwrap());
        let key = std::sync::Arc::clone(&key);
        let supervising = tokio::task::spawn_blocking(move || {
            let names = UdpSocket::bind("127.0.0.1:0").unwrap();
            let sockets = [names.as_fd(), handed.as_fd()];
            let services = &[5432, 6379];
            state.hand_over(HandOver { run: "r1", key: &key, services, sockets: &sockets }).unwrap()
        });
        let mut handed = next(&socket).await.unwrap();
        handed.taken().await.unwrap();
        let over = supervising.await.unwrap();
        assert_eq!((handed.run.as_str(), &handed.services[..]), ("r1", &[5432, 6379][..]));
        assert!(handed.names.is_some() && handed.newcomer.is_none());
        assert!(handed.is_of(&did) && !handed.is_of(&other.did()), "it has the key of its run");
        let address = |listener: &TcpListener| listener.local_addr().unwrap();
        assert_eq!(handed.listeners.iter().map(address).collect::<Vec<_>>(), [address(&listener)]);
        if gateway_goes_first {
            handed.waits(&["h-1".to_owned(), "h-2".to_owned()]).await.unwrap();
            handed.waits(&[]).await.unwrap();
            handed.killed().await.unwrap();
            drop(handed);
            let heard = move || {
                let mut heard = Vec::new();
                over.until_gone(|said| {
                    heard.push(match said {
                        Heard::Waiting(holds) => holds.join(","),
                        Heard::Killed => "the end".to_owned(),
                    });
                });
                heard
            };
            let heard = tokio::task::spawn_blocking(heard).await.unwrap();
            assert_eq!(heard, ["h-1,h-2", "", "the end"]);
        } else {
            drop(over);
            handed.until_gone().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_s_run_says_what_it_is_at_the_door_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = State::open(dir.path()).unwrap();
    let lock = gateway.lock_gateway().unwrap();
    let path = dir.path().join("door.sock");
    let door = gateway.open_run_door(&lock, &path, "an authority").unwrap();
    let asking = RunDoor::at(&path);
    let asked = tokio::task::spawn_blocking(move || asking.authority().unwrap());
    assert!(next(&door).await.is_none());
    assert_eq!(asked.await.unwrap(), "an authority");

    let own = gateway.listen_for_runs(&lock).unwrap();
    for (socket, path, taken) in [(&door, path, true), (&own, dir.path().join("runs.sock"), false)]
    {
        let handing = tokio::task::spawn_blocking(move || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let (key, sockets) = (RunKey::new().unwrap(), [listener.as_fd()]);
            let what = HandOver { run: "r1", key: &key, services: &[], sockets: &sockets };
            let newcomer = Newcomer { task: Task::default(), did: key.did() };
            RunDoor::at(&path).hand_over(what, newcomer)
        });
        let handed = socket.accept().await.unwrap().take().await;
        if taken {
            let mut handed = handed.unwrap().unwrap();
            let (newcomer, user) = handed.newcomer.clone().unwrap();
            assert!(handed.is_of(&newcomer.did));
            assert_eq!(user, nix::unistd::geteuid().as_raw());
            handed.taken().await.unwrap();
        } else {
            assert!(handed.is_err());
        }
        assert_eq!(handing.await.unwrap().is_ok(), taken);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_listen_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap();
    let socket = state.listen_for_runs(&state.lock_gateway().unwrap()).unwrap();
    let file = tempfile::tempfile().unwrap();
    let other = state.clone();
    let handing = tokio::task::spawn_blocking(move || {
        let (key, sockets) = (RunKey::new().unwrap(), [file.as_fd()]);
        other.hand_over(HandOver { run: "r1", key: &key, services: &[], sockets: &sockets })
    });
    assert!(socket.accept().await.unwrap().take().await.is_err());
    assert!(handing.await.unwrap().is_err());
}
