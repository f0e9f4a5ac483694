//! What single words mean in the names of operations.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A set of meanings; the empty set for a word that says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Meanings(u32);

impl Meanings {
    /// Whether the two sets have a meaning in common.
    pub(super) fn are(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// Both.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What `word`, or its singular, means.
pub(super) fn meanings(word: &str) -> Meanings {
    let plural = || {
        let singular = match word.strip_suffix("ies") {
            Some(stem) => lookup(&format!("{stem}y")),
            None => lookup(word.strip_suffix('s')?),
        };
        // The `s` makes verbs into things: `runs`, `drops`, `imports`.
        singular.map(|Meanings(bits)| Meanings(bits & NOUNS.0))
    };
    lookup(word).or_else(plural).unwrap_or_default()
}

fn lookup(word: &str) -> Option<Meanings> {
    static LEXICON: LazyLock<HashMap<&str, Meanings>> = LazyLock::new(|| {
        let mut lexicon = HashMap::<_, Meanings>::new();
        for (meaning, words) in WORDS {
            for word in words.split_whitespace() {
                let known = lexicon.entry(word).or_default();
                *known = known.or(*meaning);
            }
        }
        lexicon
    });
    LEXICON.get(word).copied()
}

macro_rules! meanings {
    ($($(#[$doc:meta])* $name:ident = $bit:literal: $words:literal,)*) => {
        $($(#[$doc])* pub(super) const $name: Meanings = Meanings(1 << $bit);)*
        const WORDS: &[(Meanings, &str)] = &[$(($name, $words),)*];
    };
}

/// Meanings of things; all others are of verbs.
const NOUNS: Meanings = RECOVERY.or(SAFEGUARD).or(DATA).or(CACHE).or(ACCESS).or(CREDENTIAL);

meanings! {
    /// Joins two clauses.
    CONJUNCTION = 0: "and then or",
    /// Ends the phrase behind a verb.
    PREPOSITION = 1: "from in of for to by with without on at via skip force",
    /// Only reads, where it comes first.
    READING = 2: "get list ls read search describe find fetch show view lookup count query check is
        has can exists validate verify preview estimate head watch download export explain lint
        diff compare retrieve",
    /// Takes data away.
    DESTROYING = 3: "delete del destroy purge wipe wipeout drop truncate terminate erase nuke obliterate
        shred expunge annihilate eradicate decommission teardown unprovision deprovision rmdir
        format zeroize destruct scrub flushall flushdb deleteall",
    /// Takes something away; data, where its object holds any.
    CLEARING = 4: "remove clear prune discard rm",
    /// Takes something away that can be made again.
    REMOVING = 5: "detach disconnect unlink deregister unregister revoke cancel stop kill release
        evict unpublish uninstall dissociate disassociate unset expire archive close abort leave",
    /// Takes away what is in something.
    EMPTYING = 6: "empty flush",
    /// Begins anew; takes data away, where its object holds any.
    RESETTING = 7: "reset reinitialize reinit recreate rebuild revert",
    /// Takes a way back away, where it meets one.
    WEAKENING = 8: "disable update expire suspend reduce shorten modify change set put patch edit
        configure pause skip bypass unlock unprotect off",
    /// A way back.
    RECOVERY = 9: "backup snapshot retention pitr versioning protection recovery replica
        replication lifecycle journal wal failover standby undelete softdelete checkpoint
        immutability archival safeguard",
    /// What an object is called that is a way back, or governs one.
    SAFEGUARD = 10: "backup snapshot retention pitr versioning protection recovery replica
        replication lifecycle journal wal failover standby checkpoint policy schedule plan rule
        configuration config setting vault lock immutability point window period",
    /// Holds data.
    DATA = 11: "volume disk database db table bucket schema collection keyspace cluster project
        repository repo account tenant workspace organization org environment instance storage
        filesystem dataset stack plugin namespace data all everything store blob object record
        document",
    /// Can be filled again.
    CACHE = 12: "cache buffer queue log metric cdn dns",
    /// Lets somebody do more.
    GRANTING = 13: "grant invite share impersonate assume authorize approve publicize expose
        elevate",
    /// Lets somebody do more, where it meets access.
    CHANGING = 14: "add create update change set put attach transfer enable disable assign join
        accept make edit patch modify upsert use confirm initiate claim associate register allow
        open bind",
    /// Who may do what.
    ACCESS = 15: "permission role member membership collaborator policy acl access owner ownership
        admin administrator invite invitation visibility public grant iam principal sso saml scim
        mfa 2fa passkey transfer trust trusted privilege rbac allowlist whitelist firewall",
    /// Makes a credential, where it meets one.
    MINTING = 16: "create generate regenerate rotate reset issue mint refresh add new register
        exchange renew reveal roll make",
    /// A credential.
    CREDENTIAL = 17: "token key apikey credential secret password passphrase passwd pat jwt keypair
        accesskey",
    /// Runs something.
    EXECUTING = 18: "exec execute invoke eval shell ssh rollback",
    /// Runs something, where it comes first or last; in between it is a noun.
    RUNNING = 19: "run command apply restore import script evaluate call trigger",
    /// Changes something.
    MODIFYING = 20: "update set edit change modify patch put rename move upsert replace configure
        enable disable restart redeploy deploy scale resize merge migrate publish connect attach
        assign transfer suspend",
    /// Costs money.
    SPENDING = 21: "buy purchase pay charge checkout refund payout topup withdraw donate upgrade
        subscribe",
    /// Makes something new.
    CREATING = 22: "create add new insert make generate post send register start clone copy
        duplicate upload submit open launch provision build",
}
