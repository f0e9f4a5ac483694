//! The memory of refusals gives the answers of invariant 11.

use holdpoint_core::{Code, Effect, Resource, ResourceId, Timestamp, identity::RefusedAim};

use super::{Mend, Refusals, Remembered};
use crate::{config::Limits, state::State};

const MINUTE: u64 = 60_000;
const AT: Timestamp = Timestamp(1_000_000_000);

fn resource(path: &str) -> Resource {
    let mut ids = path.split('>').map(ResourceId::new);
    Resource { id: ids.next().unwrap(), within: ids.collect() }
}

fn refusal(path: &str, effect: Effect, code: Code, at: Timestamp) -> Remembered {
    Remembered {
        aim: RefusedAim { run: "r-1".to_owned(), resource: resource(path), effect, code, at },
        agent: "fixer".to_owned(),
        host: Some("api.example.com".to_owned()),
    }
}

fn memory() -> Refusals {
    State::in_memory().unwrap().refusals(30)
}

#[test]
fn the_same_aim_is_known_by_another_road() {
    use Effect::{Create, Destroy, Modify, Observe, Remove, WeakenRecovery};
    let volume = "railway:volume/v>railway:project/p";
    for (run, path, effect, later, expect) in [
        ("r-1", volume, Remove, 0, true),
        ("r-1", volume, Destroy, 0, true),
        ("r-1", "railway:volume/v", Remove, 0, true),
        ("r-1", "railway:project/p", Remove, 0, true),
        ("r-1", "railway:project/p", WeakenRecovery, 29 * MINUTE, true),
        ("r-1", volume, Remove, 30 * MINUTE - 1, true),
        ("r-1", volume, Remove, 30 * MINUTE, false),
        ("r-1", volume, Modify, 0, false),
        ("r-1", volume, Observe, 0, false),
        ("r-1", "railway:volume/w>railway:project/p", Destroy, 0, false),
        ("r-1", "railway:backup/b>railway:volume/v", Destroy, 0, false),
        ("r-1", "railway:project/q", Create, 0, false),
        ("r-2", volume, Destroy, 0, false),
    ] {
        let memory = memory();
        memory.remember(&refusal(volume, Remove, Code::NeedsApproval, AT)).unwrap();
        let now = Timestamp(AT.0 + later);
        let answer = memory.refused_before(run, &resource(path), effect, now).unwrap();
        assert_eq!(answer, expect, "{run} {path} {effect} {later}");
    }
}

#[test]
fn our_own_failures_and_what_observes_are_not_remembered() {
    use Effect::{Destroy, Observe};
    for (effect, code, expect) in [
        (Destroy, Code::ForeignCredential, true),
        (Destroy, Code::NeedsApproval, true),
        (Destroy, Code::ApprovalDenied, true),
        (Observe, Code::ForeignCredential, false),
        (Destroy, Code::LedgerUnavailable, false),
        (Destroy, Code::UpstreamUnreachable, false),
        (Destroy, Code::Unresolved, false),
        (Destroy, Code::PolicyError, false),
        (Destroy, Code::RefusedBefore, false),
    ] {
        let memory = memory();
        memory.remember(&refusal("a:b/c", effect, code, AT)).unwrap();
        let answer = memory.refused_before("r-1", &resource("a:b/c"), Destroy, AT).unwrap();
        assert_eq!(answer, expect, "{effect} {code}");
    }
}

#[test]
fn a_mend_clears_what_it_is_about() {
    for (mend, expect) in [
        (Mend::Resource(ResourceId::new("a:b/c")), 1),
        (Mend::Resource(ResourceId::new("a:p/p")), 1),
        (Mend::Resource(ResourceId::new("a:b/d")), 0),
        (Mend::Host("api.example.com".to_owned()), 1),
        (Mend::Host("example.com".to_owned()), 0),
        (Mend::Agent("Fixer".to_owned()), 1),
        (Mend::Agent("other".to_owned()), 0),
    ] {
        let memory = memory();
        memory.remember(&refusal("a:b/c>a:p/p", Effect::Remove, Code::UnlistedHost, AT)).unwrap();
        assert_eq!(memory.forget(&mend).unwrap(), expect, "{mend:?}");
        let left = memory.refused_before("r-1", &resource("a:b/c"), Effect::Remove, AT);
        assert_eq!(left.unwrap(), expect == 0, "{mend:?}");
    }
}

#[test]
fn a_full_memory_is_strict_and_nobody_can_flood_a_refusal_out_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { refusals: 10, ..Limits::default() };
    let memory = State::open_with(dir.path(), &limits).unwrap().refusals(30);
    for number in 0..20 {
        let path = format!("a:b/{number}");
        memory.remember(&refusal(&path, Effect::Remove, Code::NeedsApproval, AT)).unwrap();
    }
    let asked =
        |path, effect, now| memory.refused_before("r-1", &resource(path), effect, now).unwrap();
    assert!(asked("a:b/0", Effect::Remove, AT));
    assert!(asked("z:z/z", Effect::Create, AT));
    assert!(!asked("z:z/z", Effect::Observe, AT));
    assert!(!asked("z:z/z", Effect::Create, AT.plus_seconds(30 * 60)));
}
