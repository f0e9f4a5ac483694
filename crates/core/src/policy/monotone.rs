//! Policies have to be monotone in obligations: what is done first may only help.
//!
//! Only then is the first set of obligations that Cedar allows the least burden, and only then
//! does doing more than was asked for never turn a yes into a no. The walk keeps one bit, the
//! truth value that would help the request, which every `!` turns over. It is recursive; `bounds`
//! keeps conditions short.

use std::collections::BTreeSet;

use cedar_policy_core::ast::{BinaryOp, Effect, Expr, ExprKind, Literal, Policy, UnaryOp, Var};

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
pub(super) fn ways(policy: &Policy, delays: &[u64]) -> Result<Ways, Objection> {
    let permits = policy.effect() == Effect::Permit;
    match policy.non_scope_constraints() {
        Some(condition) => Walk { delays }.ways(condition, permits).map(Ways),
        None if permits => Ok(Ways(indifferent())),
        None => Ok(Ways::default()),
    }
}

struct Walk<'a> {
    delays: &'a [u64],
}

impl Walk<'_> {
    /// The ways in which obligations make `expression` come out as `helps`.
    fn ways(&self, expression: &Expr, helps: bool) -> Result<BTreeSet<Way>, Objection> {
        match expression.expr_kind() {
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => self.ways(arg, !helps),
            ExprKind::And { left, right } => self.joined(left, right, helps, helps),
            ExprKind::Or { left, right } => self.joined(left, right, helps, !helps),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                free(test_expr)?;
                self.joined(then_expr, else_expr, helps, false)
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => match self.comparison(*op, arg1, arg2)? {
                Some((way, grows)) => once(way, grows == helps),
                None => free(expression).map(|()| indifferent()),
            },
            _ if fact(expression) == Some(Fact::Snapshot) => once((0, true, 0), helps),
            _ => free(expression).map(|()| indifferent()),
        }
    }

    /// The ways for both of two expressions, or for either.
    fn joined(
        &self,
        left: &Expr,
        right: &Expr,
        helps: bool,
        both: bool,
    ) -> Result<BTreeSet<Way>, Objection> {
        let (left, right) = (self.ways(left, helps)?, self.ways(right, helps)?);
        let pairs = left.iter().flat_map(|left| right.iter().map(move |right| (left, right)));
        let ways: BTreeSet<Way> = match both {
            true => pairs.map(|(l, r)| (l.0.max(r.0), l.1 || r.1, l.2.max(r.2))).collect(),
            false => left.union(&right).copied().collect(),
        };
        if ways.len() <= MAX_WAYS {
            return Ok(ways);
        }
        Err(Objection::new(
            format!("obligations are combined in more than {MAX_WAYS} ways"),
            "split it into several policies",
        ))
    }

    /// What a comparison of an obligation with a number asks for, and whether more makes it true.
    /// Cedar's syntax tree writes `a > b` as `!(a <= b)`.
    fn comparison(
        &self,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
    ) -> Result<Option<(Way, bool)>, Objection> {
        let (fact, least, grows) = match (fact(left), number(left), fact(right), number(right)) {
            (Some(fact), _, _, Some(bound)) => match op {
                BinaryOp::Less => (fact, Some(bound), false),
                BinaryOp::LessEq => (fact, bound.checked_add(1), false),
                _ => return Ok(None),
            },
            (_, Some(bound), Some(fact), _) => match op {
                BinaryOp::Less => (fact, bound.checked_add(1), true),
                BinaryOp::LessEq => (fact, Some(bound), true),
                _ => return Ok(None),
            },
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
    let count =
        |wanted: fn(&Expr) -> bool| expression.subexpressions().filter(|part| wanted(part)).count();
    if count(|part| fact(part).is_some()) > 0 {
        return Err(misused());
    }
    // Whatever is made of the whole context could hide an obligation.
    if count(is_context) > count(|part| attribute(part).is_some()) {
        return Err(Objection::new(
            "`context` is used as a whole",
            "name the attributes that matter, like context.operation; all are always there",
        ));
    }
    Ok(())
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
    match attribute(expression)? {
        "approvals" => Some(Fact::Approvals),
        "assurance" => Some(Fact::Assurance),
        "snapshot" => Some(Fact::Snapshot),
        "delay_seconds" => Some(Fact::Delay),
        _ => None,
    }
}

/// The attribute, where `expression` is one of the context.
fn attribute(expression: &Expr) -> Option<&str> {
    match expression.expr_kind() {
        ExprKind::GetAttr { expr, attr } if is_context(expr) => Some(attr),
        _ => None,
    }
}

fn is_context(expression: &Expr) -> bool {
    matches!(expression.expr_kind(), ExprKind::Var(Var::Context))
}

fn number(expression: &Expr) -> Option<i64> {
    match expression.expr_kind() {
        ExprKind::Lit(Literal::Long(number)) => Some(*number),
        _ => None,
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
