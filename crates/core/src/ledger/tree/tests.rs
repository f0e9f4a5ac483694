//! The tree against an independent implementation.

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
use proptest::prelude::*;
use sha2_oracle::Sha256;

use super::*;

/// Every complete subtree of a tree, computed the slow way.
struct Whole(Vec<Vec<Digest>>);

impl Whole {
    fn of(entries: &[Vec<u8>]) -> Self {
        let mut levels = vec![entries.iter().map(|entry| record_hash(entry)).collect::<Vec<_>>()];
        while levels.last().is_some_and(|level| level.len() > 1) {
            let pairs = levels[levels.len() - 1].chunks_exact(2);
            levels.push(pairs.map(|pair| node_hash(pair[0], pair[1])).collect());
        }
        Self(levels)
    }
}

impl Subtrees for Whole {
    fn subtree(&self, level: u8, index: u64) -> Option<Digest> {
        self.0.get(usize::from(level))?.get(usize::try_from(index).ok()?).copied()
    }
}

fn oracle(entries: &[Vec<u8>]) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    entries.iter().for_each(|entry| tree.push(entry.clone()));
    tree
}

fn root_of(tree: &MemoryBackedTree<Sha256, Vec<u8>>) -> Digest {
    Digest((*tree.root().as_bytes()).into())
}

fn frontier(entries: &[Vec<u8>]) -> Frontier {
    let mut frontier = Frontier::default();
    for entry in entries {
        frontier.push(record_hash(entry));
    }
    frontier
}

fn bytes(proof: &[Digest]) -> Vec<u8> {
    proof.iter().flat_map(|digest| digest.0).collect()
}

fn entries() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_root_is_that_of_the_oracle(entries in entries()) {
        let whole = Whole::of(&entries);
        let (mut ours, mut theirs) = (Frontier::default(), oracle(&[]));
        prop_assert_eq!(ours.root(), root_of(&theirs));
        for (index, entry) in entries.iter().enumerate() {
            for (level, hash) in ours.push(record_hash(entry)).into_iter().enumerate() {
                prop_assert_eq!(whole.subtree(level as u8, index as u64 >> level), Some(hash));
            }
            theirs.push(entry.clone());
            prop_assert_eq!(ours.root(), root_of(&theirs));
        }
        let restored = Frontier::restore(entries.len() as u64, &whole).unwrap();
        prop_assert_eq!(restored.root(), ours.root());
        prop_assert_eq!(restored.size(), entries.len() as u64);
    }

    #[test]
    fn inclusion_agrees_with_the_oracle(entries in entries(), at in any::<prop::sample::Index>()) {
        let (index, size) = (at.index(entries.len()), entries.len() as u64);
        let tree = oracle(&entries);
        let root = root_of(&tree);
        let record = record_hash(&entries[index]);
        let proof = prove_inclusion(index as u64, size, &Whole::of(&entries)).unwrap();
        let proven = tree.prove_inclusion(index);
        prop_assert_eq!(bytes(&proof), proven.as_bytes());
        prop_assert_eq!(check_inclusion(&proof, index as u64, record, size, root), Ok(()));
        let theirs = InclusionProof::<Sha256>::try_from_bytes(bytes(&proof)).unwrap();
        let their_root = RootHash::<Sha256>::new(root.0.into(), size);
        prop_assert!(their_root.verify_inclusion(&entries[index], index as u64, &theirs).is_ok());
    }

    #[test]
    fn consistency_agrees_with_the_oracle(
        entries in entries(),
        at in any::<prop::sample::Index>(),
    ) {
        let earlier = at.index(entries.len()) + 1;
        let size = entries.len() as u64;
        let tree = oracle(&entries);
        let (old, new) = (frontier(&entries[..earlier]).root(), root_of(&tree));
        let proof = prove_consistency(earlier as u64, size, &Whole::of(&entries)).unwrap();
        prop_assert_eq!(check_consistency(&proof, earlier as u64, old, size, new), Ok(()));
        // Equal trees need no proof; the oracle has no word for that.
        if earlier < entries.len() {
            let theirs = tree.prove_consistency(entries.len() - earlier);
            prop_assert_eq!(bytes(&proof), theirs.as_bytes());
            let ours = ConsistencyProof::<Sha256>::try_from_bytes(bytes(&proof)).unwrap();
            let their_old = RootHash::<Sha256>::new(old.0.into(), earlier as u64);
            prop_assert!(tree.root().verify_consistency(&their_old, &ours).is_ok());
        }
    }

    #[test]
    fn a_changed_proof_proves_nothing(
        entries in entries(),
        at in any::<prop::sample::Index>(),
        bit in 0_usize..256,
    ) {
        let (index, size) = (at.index(entries.len()) as u64, entries.len() as u64);
        let root = frontier(&entries).root();
        let record = record_hash(&entries[index as usize]);
        let flip = |digest: Digest| {
            let mut digest = digest;
            digest.0[bit / 8] ^= 1 << (bit % 8);
            digest
        };
        let proof = prove_inclusion(index, size, &Whole::of(&entries)).unwrap();
        for changed in 0..proof.len() {
            let mut forged = proof.clone();
            forged[changed] = flip(forged[changed]);
            let checked = check_inclusion(&forged, index, record, size, root);
            prop_assert_eq!(checked, Err(TreeError::Wrong));
            forged.truncate(changed);
            let checked = check_inclusion(&forged, index, record, size, root);
            prop_assert_eq!(checked, Err(TreeError::Wrong));
        }
        let wrong = Err(TreeError::Wrong);
        prop_assert_eq!(check_inclusion(&proof, index, flip(record), size, root), wrong.clone());
        prop_assert_eq!(check_inclusion(&proof, index, record, size, flip(root)), wrong);
    }
}

#[test]
fn what_lies_outside_is_refused() {
    let entries: Vec<Vec<u8>> = (0..5).map(|n| vec![n]).collect();
    let (whole, root) = (Whole::of(&entries), frontier(&entries).root());
    let outside = |asked| TreeError::Outside { asked, size: 5 };
    assert_eq!(prove_inclusion(5, 5, &whole), Err(outside(5)));
    assert_eq!(check_inclusion(&[], 7, root, 5, root), Err(outside(7)));
    assert_eq!(prove_consistency(0, 5, &whole), Err(outside(0)));
    assert_eq!(prove_consistency(6, 5, &whole), Err(outside(6)));
    assert_eq!(check_consistency(&[], 0, root, 5, root), Err(outside(0)));
    let long = vec![root; PROOF_HASHES_MAX + 1];
    assert_eq!(check_inclusion(&long, 0, root, 5, root), Err(TreeError::Wrong));
    assert_eq!(check_consistency(&long, 1, root, 5, root), Err(TreeError::Wrong));
}

#[test]
fn a_missing_hash_is_named() {
    let whole = Whole(vec![]);
    let missing = TreeError::Missing { level: 2, index: 0 };
    assert_eq!(Frontier::restore(5, &whole).err(), Some(missing.clone()));
    assert_eq!(prove_inclusion(4, 5, &whole), Err(missing));
}
