//! Pushes as git 2.47 sends them, which are also the seeds for fuzzing.

use holdpoint_core::Effect;
use proptest::prelude::*;

use super::*;

/// What git sent, and the operations.
const SEEDS: &[(&[u8], &str)] = &[
    (include_bytes!("../seeds/create.bin"), "create_ref create ./refs/heads/fix"),
    (include_bytes!("../seeds/fast_forward.bin"), "update_ref modify ./refs/heads/fix"),
    (include_bytes!("../seeds/merge.bin"), "update_ref modify ./refs/heads/fix"),
    (include_bytes!("../seeds/forced.bin"), "force_ref destroy ./refs/heads/fix"),
    (include_bytes!("../seeds/known_already.bin"), "force_ref destroy ./refs/heads/elsewhere"),
    (include_bytes!("../seeds/options.bin"), "create_ref create ./refs/heads/moved"),
    (include_bytes!("../seeds/delete.bin"), "delete_ref remove ./refs/heads/moved"),
    (include_bytes!("../seeds/tag.bin"), "create_ref execute ./refs/tags/v1"),
];

/// The seed in which a branch was rewound.
const FORCED: usize = 3;

#[test]
fn what_git_sends_is_read() {
    for (seed, expect) in SEEDS {
        assert_eq!(shown(&read(seed.to_vec()).unwrap()), [*expect]);
    }
}

proptest! {
    /// Of a branch that was rewound, no pack says anything else.
    #[test]
    fn no_pack_makes_force_look_harmless(
        other in 0..SEEDS.len(), at: prop::sample::Index, bytes: Vec<u8>,
    ) {
        let commands = |seed: usize| {
            let end = SEEDS[seed].0.windows(8).position(|eight| eight == b"0000PACK");
            SEEDS[seed].0.split_at(end.map_or(SEEDS[seed].0.len(), |end| end + 4))
        };
        let (commands, mut pack) = (commands(FORCED).0.to_vec(), commands(other).1.to_vec());
        let at = at.index(pack.len() + 1);
        pack.splice(at..(at + bytes.len()).min(pack.len()), bytes);
        if let Ok(read) = read([commands, pack].concat()) {
            prop_assert_eq!(read[0].name.as_str(), "git:force_ref");
            prop_assert_eq!(read[0].effect, Effect::Destroy);
        }
    }

    #[test]
    fn a_changed_seed_is_read_or_refused(
        seed in 0..SEEDS.len(), at: prop::sample::Index, byte: u8, cut: prop::sample::Index,
    ) {
        let mut bytes = SEEDS[seed].0.to_vec();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        bytes.truncate(cut.index(bytes.len() + 1));
        for body in [Body::Whole(bytes.clone().into()), Body::Prefix(bytes.into())] {
            let read = interpret(&push(body), &Fixture);
            prop_assert!(read.is_err() || !read.unwrap().is_empty());
        }
    }
}
