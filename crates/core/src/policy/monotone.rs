//! Policies have to be monotone in obligations: what is done first may only help.
//!
//! Only then is the first set of obligations that Cedar allows the least burden, and only then
//! does doing more than was asked for never turn a yes into a no. The walk keeps one bit, the
//! truth value that would help the request, which every `!` turns over. It is recursive; loading
//! bounds how many parts a condition has.

use std::collections::BTreeSet;

use cedar_policy::pst::{BinaryOp, Clause, Effect, Expr, Literal, Template, UnaryOp, Var};

use super::lattice::{MAX_APPROVALS, Way, Ways};

/// In how many ways the obligations of one policy may be combined.
const MAX_WAYS: usize = 64;

/// Why a policy does not go together with obligations, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objection {
    pub(super) problem: String,
    pub(super) mend: String,
}

impl Objection {
    fn new(problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { problem: problem.into(), mend: mend.into() }
    }
}

/// The ways in which obligations satisfy `policy` (a permit applies, a forbid does not), or why
/// it is refused. `delays` are the delays in seconds that may be asked for.
pub(super) fn ways(policy: &Template, delays: &[u64]) -> Result<Ways, Objection> {
    let walk = Walk { delays };
    let mut ways = BTreeSet::new();
    let forbids = policy.effect == Effect::Forbid;
    if !forbids {
        ways.insert((0, false, 0));
    }
    for clause in policy.clauses() {
        let (condition, helps) = match clause {
            Clause::When(condition) => (condition, !forbids),
            Clause::Unless(condition) => (condition, forbids),
        };
        if !forbids && !helps {
            free(condition).map_err(|_| {
                Objection::new(
                    "an obligation in the `unless` of a `permit`",
                    "move it to the `when` of the permit, or to the `unless` of a forbid",
                )
            })?;
            continue;
        }
        let of_clause = walk.ways(condition, helps)?;
        // One clause that fails keeps a forbid from applying; a permit needs all of them.
        ways = if forbids { union(ways, of_clause)? } else { product(&ways, &of_clause)? };
    }
    Ok(Ways(ways))
}

struct Walk<'a> {
    delays: &'a [u64],
}

impl Walk<'_> {
    /// The ways in which obligations make `expression` come out as `helps`.
    fn ways(&self, expression: &Expr, helps: bool) -> Result<BTreeSet<Way>, Objection> {
        match expression {
            Expr::UnaryOp { op: UnaryOp::Not, expr } => self.ways(expr, !helps),
            Expr::BinaryOp { op: op @ (BinaryOp::And | BinaryOp::Or), left, right } => {
                let left = self.ways(left, helps)?;
                let right = self.ways(right, helps)?;
                let both = helps == (*op == BinaryOp::And);
                if both { product(&left, &right) } else { union(left, right) }
            }
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                free(cond)?;
                let then = self.ways(then_expr, helps)?;
                union(then, self.ways(else_expr, helps)?)
            }
            Expr::BinaryOp { op, left, right } => match self.comparison(*op, left, right)? {
                Some((way, grows)) => once(way, grows == helps),
                None => free(expression).map(|()| indifferent()),
            },
            _ if fact(expression) == Some(Fact::Snapshot) => once((0, true, 0), helps),
            _ => free(expression).map(|()| indifferent()),
        }
    }

    /// What a comparison of an obligation with a number asks for, and whether more makes it true.
    fn comparison(
        &self,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
    ) -> Result<Option<(Way, bool)>, Objection> {
        use BinaryOp::{Greater, GreaterEq, Less, LessEq};
        let (fact, bound, op) = match (fact(left), number(left), fact(right), number(right)) {
            (Some(fact), _, _, Some(bound)) => (fact, bound, op),
            (_, Some(bound), Some(fact), _) => (fact, bound, mirrored(op)),
            _ => return Ok(None),
        };
        let (least, grows) = match op {
            GreaterEq => (Some(bound), true),
            Greater => (bound.checked_add(1), true),
            Less => (Some(bound), false),
            LessEq => (bound.checked_add(1), false),
            _ => return Ok(None),
        };
        let least = least.and_then(|least| u64::try_from(least).ok()).filter(|least| *least > 0);
        let least = least.ok_or_else(|| {
            Objection::new("an obligation compared with less than 1", "compare it with 1 or more")
        })?;
        Ok(Some((self.way(fact, least)?, grows)))
    }

    /// The obligation that at least `least` of `fact` is.
    fn way(&self, fact: Fact, least: u64) -> Result<Way, Objection> {
        match fact {
            Fact::Approvals => u8::try_from(least)
                .ok()
                .filter(|approvals| *approvals <= MAX_APPROVALS)
                .map(|approvals| (approvals, false, 0))
                .ok_or_else(|| {
                    Objection::new(
                        format!("{least} approvals are more than anybody can ask for"),
                        format!("ask for at most {MAX_APPROVALS}"),
                    )
                }),
            Fact::Delay if self.delays.contains(&least) => Ok((0, false, least)),
            Fact::Delay => Err(Objection::new(
                format!("a delay of {least} seconds is not on the list of delays"),
                format!("compare with >= and one of {:?}", self.delays),
            )),
            // Nothing raises it yet, so that no set of obligations can promise it.
            Fact::Assurance => Ok((0, false, 0)),
            Fact::Snapshot => Err(misused()),
        }
    }
}

/// Checks that `expression` does not depend on obligations.
fn free(expression: &Expr) -> Result<(), Objection> {
    match expression {
        Expr::Literal(_) | Expr::Var(Var::Principal | Var::Action | Var::Resource) => Ok(()),
        Expr::GetAttr { expr, .. } if **expr == Expr::Var(Var::Context) => {
            if fact(expression).is_some() { Err(misused()) } else { Ok(()) }
        }
        Expr::UnaryOp { expr, .. }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. }
        | Expr::Is { expr, in_expr: None, .. } => free(expr),
        Expr::BinaryOp { left, right, .. } | Expr::Is { expr: left, in_expr: Some(right), .. } => {
            free(left).and(free(right))
        }
        Expr::IfThenElse { cond, then_expr, else_expr } => {
            free(cond).and(free(then_expr)).and(free(else_expr))
        }
        Expr::Set(members) => members.iter().try_for_each(|member| free(member)),
        Expr::Record(members) => members.values().try_for_each(|member| free(member)),
        Expr::Var(Var::Context) => Err(Objection::new(
            "`context` is used as a whole",
            "name the attributes that matter, like context.operation; all of them are always there",
        )),
        // The syntax tree may grow: what is not known here could hide an obligation.
        _ => Err(Objection::new(
            "an expression that cannot be checked",
            "write it with comparisons, `like`, `in`, `is`, `if` and sets",
        )),
    }
}

/// The facts that obligations make true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fact {
    Approvals,
    Assurance,
    Snapshot,
    Delay,
}

fn fact(expression: &Expr) -> Option<Fact> {
    let Expr::GetAttr { expr, attr } = expression else { return None };
    if **expr != Expr::Var(Var::Context) {
        return None;
    }
    match attr.as_str() {
        "approvals" => Some(Fact::Approvals),
        "assurance" => Some(Fact::Assurance),
        "snapshot" => Some(Fact::Snapshot),
        "delay_seconds" => Some(Fact::Delay),
        _ => None,
    }
}

fn number(expression: &Expr) -> Option<i64> {
    match expression {
        Expr::Literal(Literal::Long(number)) => Some(*number),
        _ => None,
    }
}

fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEq => BinaryOp::GreaterEq,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEq => BinaryOp::LessEq,
        other => other,
    }
}

fn misused() -> Objection {
    Objection::new(
        "an obligation is used other than as `context.snapshot` or `context.approvals >= 1`",
        "use it bare or with >= and a number, and join it with &&, || and !",
    )
}

fn once(way: Way, helps: bool) -> Result<BTreeSet<Way>, Objection> {
    if helps {
        return Ok(BTreeSet::from([way]));
    }
    Err(Objection::new(
        "an obligation that counts against the request",
        "turn the comparison around: what is done first may only help",
    ))
}

/// What does not look at obligations is satisfied or not, whatever is done.
fn indifferent() -> BTreeSet<Way> {
    BTreeSet::from([(0, false, 0)])
}

fn union(mut left: BTreeSet<Way>, right: BTreeSet<Way>) -> Result<BTreeSet<Way>, Objection> {
    left.extend(right);
    bounded(left)
}

fn product(left: &BTreeSet<Way>, right: &BTreeSet<Way>) -> Result<BTreeSet<Way>, Objection> {
    let pairs = left.iter().flat_map(|left| right.iter().map(move |right| (left, right)));
    bounded(pairs.map(|(l, r)| (l.0.max(r.0), l.1 || r.1, l.2.max(r.2))).collect())
}

fn bounded(ways: BTreeSet<Way>) -> Result<BTreeSet<Way>, Objection> {
    if ways.len() <= MAX_WAYS {
        return Ok(ways);
    }
    Err(Objection::new(
        format!("obligations are combined in more than {MAX_WAYS} ways"),
        "split it into several policies",
    ))
}
