//! GitHub's GraphQL API: the mutations of everyday work, which `gh` sends, and those that must not
//! pass for it. All others are guesses, and held.
//!
//! The names of mutations and arguments are facts of the schema in the npm package
//! `@octokit/graphql-schema` 15.26.1. What each of them does is our own review.

use std::sync::LazyLock;

use holdpoint_core::Effect::{
    Create, Destroy, Execute, GrantAccess, Modify, Remove, WeakenRecovery,
};
use holdpoint_core::Reversibility::{Inverse, None as Never, Unknown};

use crate::graphql::Opening::{self, Raise};
use crate::graphql::{Entry as E, Table};

/// GitHub's table.
pub(crate) fn table() -> &'static Table {
    static TABLE: LazyLock<Table> =
        LazyLock::new(|| Table::new("github", ALL.iter().copied().flatten(), std::iter::empty()));
    &TABLE
}

static ALL: &[&[E]] = &[EVERYDAY, REMOVALS, EFFECTIVE, PROTECTION, REPOSITORIES];

const APPROVES: &[Opening] = &[Raise {
    argument: "input.event",
    values: &["APPROVE"],
    effect: GrantAccess,
    reversibility: Unknown,
}];
const PUBLISHES: &[Opening] = &[Raise {
    argument: "input.visibility",
    values: &["PUBLIC", "INTERNAL"],
    effect: GrantAccess,
    reversibility: Unknown,
}];
const FORCE: &[Opening] = &[forced("input.force")];
const FORCES: &[Opening] = &[forced("input.refUpdates.force")];

/// A forced update loses history.
const fn forced(argument: &'static str) -> Opening {
    Raise { argument, values: &["true"], effect: Destroy, reversibility: Never }
}

/// The work on issues, pull requests, discussions and boards, as `gh` sends it.
const EVERYDAY: &[E] = &[
    E::new("addAssigneesToAssignable", Modify, Inverse, "issue", "input.assignableId"),
    E::new("addComment", Create, Inverse, "issue", "input.subjectId"),
    E::new("addDiscussionComment", Create, Inverse, "discussion", "input.discussionId"),
    E::new("addLabelsToLabelable", Modify, Inverse, "issue", "input.labelableId"),
    E::new("addProjectV2DraftIssue", Create, Inverse, "project", "input.projectId"),
    E::new("addProjectV2ItemById", Create, Inverse, "project", "input.projectId"),
    E::new("addPullRequestReviewComment", Create, Inverse, "pullRequest", "input.pullRequestId"),
    E::new("addPullRequestReviewThread", Create, Inverse, "pullRequest", "input.pullRequestId"),
    E::new(
        "addPullRequestReviewThreadReply",
        Create,
        Inverse,
        "pullRequestReviewThread",
        "input.pullRequestReviewThreadId",
    ),
    E::new("addReaction", Create, Inverse, "subject", "input.subjectId"),
    E::new("addStar", Modify, Inverse, "repository", "input.starrableId"),
    E::new("addSubIssue", Modify, Inverse, "issue", "input.issueId"),
    E::new("archiveProjectV2Item", Modify, Inverse, "project", "input.projectId"),
    E::new("clearLabelsFromLabelable", Modify, Inverse, "issue", "input.labelableId"),
    E::new("clearProjectV2ItemFieldValue", Modify, Inverse, "project", "input.projectId"),
    E::new("closeDiscussion", Modify, Inverse, "discussion", "input.discussionId"),
    E::new("closeIssue", Modify, Inverse, "issue", "input.issueId"),
    E::new("closePullRequest", Modify, Inverse, "pullRequest", "input.pullRequestId"),
    E::new("convertPullRequestToDraft", Modify, Inverse, "pullRequest", "input.pullRequestId"),
    E::new("createDiscussion", Create, Inverse, "repository", "input.repositoryId"),
    E::new("createIssue", Create, Inverse, "repository", "input.repositoryId"),
    E::new("createLabel", Create, Inverse, "repository", "input.repositoryId"),
    E::new("createLinkedBranch", Create, Inverse, "issue", "input.issueId"),
    E::new("createProjectV2", Create, Inverse, "owner", "input.ownerId"),
    E::new("createProjectV2Field", Create, Inverse, "project", "input.projectId"),
    E::new("createProjectV2StatusUpdate", Create, Inverse, "project", "input.projectId"),
    E::new("createPullRequest", Create, Inverse, "repository", "input.repositoryId"),
    E::new("createRef", Create, Inverse, "repository", "input.repositoryId"),
    E::new("disablePullRequestAutoMerge", Modify, Inverse, "pullRequest", "input.pullRequestId"),
    E::new(
        "dismissPullRequestReview",
        Modify,
        Unknown,
        "pullRequestReview",
        "input.pullRequestReviewId",
    ),
    E::new("linkProjectV2ToRepository", Modify, Inverse, "project", "input.projectId"),
    E::new("lockLockable", Modify, Inverse, "issue", "input.lockableId"),
    E::new("markFileAsViewed", Modify, Inverse, "pullRequest", "input.pullRequestId"),
    E::new("markPullRequestReadyForReview", Modify, Inverse, "pullRequest", "input.pullRequestId"),
    E::new("minimizeComment", Modify, Inverse, "subject", "input.subjectId"),
    E::new("pinIssue", Modify, Inverse, "issue", "input.issueId"),
    E::new("removeAssigneesFromAssignable", Modify, Inverse, "issue", "input.assignableId"),
    E::new("removeLabelsFromLabelable", Modify, Inverse, "issue", "input.labelableId"),
    E::new("removeReaction", Modify, Inverse, "subject", "input.subjectId"),
    E::new("removeStar", Modify, Inverse, "repository", "input.starrableId"),
    E::new("removeSubIssue", Modify, Inverse, "issue", "input.issueId"),
    E::new("reopenDiscussion", Modify, Inverse, "discussion", "input.discussionId"),
    E::new("reopenIssue", Modify, Inverse, "issue", "input.issueId"),
    E::new("reopenPullRequest", Modify, Inverse, "pullRequest", "input.pullRequestId"),
    E::new("reprioritizeSubIssue", Modify, Inverse, "issue", "input.issueId"),
    E::new("requestReviews", Modify, Inverse, "pullRequest", "input.pullRequestId"),
    E::new("resolveReviewThread", Modify, Inverse, "pullRequestReviewThread", "input.threadId"),
    E::new("revertPullRequest", Create, Inverse, "pullRequest", "input.pullRequestId"),
    E::new("unarchiveProjectV2Item", Modify, Inverse, "project", "input.projectId"),
    E::new("unlockLockable", Modify, Inverse, "issue", "input.lockableId"),
    E::new("unminimizeComment", Modify, Inverse, "subject", "input.subjectId"),
    E::new("unpinIssue", Modify, Inverse, "issue", "input.issueId"),
    E::new("unresolveReviewThread", Modify, Inverse, "pullRequestReviewThread", "input.threadId"),
    E::new("updateDiscussion", Modify, Inverse, "discussion", "input.discussionId"),
    E::new("updateDiscussionComment", Modify, Inverse, "comment", "input.commentId"),
    E::new("updateIssue", Modify, Inverse, "issue", "input.id"),
    E::new("updateIssueComment", Modify, Inverse, "comment", "input.id"),
    E::new("updateLabel", Modify, Inverse, "label", "input.id"),
    E::new("updateProjectV2DraftIssue", Modify, Inverse, "project", "input.draftIssueId"),
    E::new("updateProjectV2ItemFieldValue", Modify, Inverse, "project", "input.projectId"),
    E::new("updateProjectV2ItemPosition", Modify, Inverse, "project", "input.projectId"),
    E::new("updatePullRequest", Modify, Inverse, "pullRequest", "input.pullRequestId"),
    E::new("updatePullRequestBranch", Modify, Unknown, "pullRequest", "input.pullRequestId"),
    E::new(
        "updatePullRequestReview",
        Modify,
        Inverse,
        "pullRequestReview",
        "input.pullRequestReviewId",
    ),
    E::new(
        "updatePullRequestReviewComment",
        Modify,
        Inverse,
        "comment",
        "input.pullRequestReviewCommentId",
    ),
    E::new("updateSubscription", Modify, Inverse, "subject", "input.subscribableId"),
];

/// What takes something away; history and projects carry data of their own.
const REMOVALS: &[E] = &[
    E::new("deleteDiscussion", Destroy, Never, "discussion", "input.id"),
    E::new("deleteEnvironment", Destroy, Never, "environment", "input.id"),
    E::new("deleteIssue", Destroy, Never, "issue", "input.issueId"),
    E::new("deletePackageVersion", Destroy, Never, "packageVersion", "input.packageVersionId"),
    E::new("deleteProjectV2", Destroy, Never, "project", "input.projectId"),
    E::new("deleteIssueComment", Remove, Never, "comment", "input.id"),
    E::new("deleteLabel", Remove, Unknown, "label", "input.id"),
    E::new("deleteProjectV2Item", Remove, Unknown, "project", "input.projectId"),
    E::new(
        "deletePullRequestReview",
        Remove,
        Never,
        "pullRequestReview",
        "input.pullRequestReviewId",
    ),
    E::new("deletePullRequestReviewComment", Remove, Never, "comment", "input.id"),
    E::new("deleteRef", Remove, Unknown, "ref", "input.refId"),
];

/// What others run: merges deploy, and a commit may go to the trunk.
const EFFECTIVE: &[E] = &[
    E::new("approveDeployments", Execute, Unknown, "workflowRun", "input.workflowRunId"),
    E::new("createCommitOnBranch", Execute, Unknown, "branch", "input.branch.branchName"),
    E::new("createDeployment", Execute, Unknown, "repository", "input.repositoryId"),
    E::new("enablePullRequestAutoMerge", Execute, Unknown, "pullRequest", "input.pullRequestId"),
    E::new("enqueuePullRequest", Execute, Unknown, "pullRequest", "input.pullRequestId"),
    E::new("mergeBranch", Execute, Unknown, "repository", "input.repositoryId"),
    E::new("mergePullRequest", Execute, Unknown, "pullRequest", "input.pullRequestId"),
    E::new("updateRef", Execute, Unknown, "ref", "input.refId").opens(FORCE),
    E::new("updateRefs", Execute, Unknown, "repository", "input.repositoryId").opens(FORCES),
];

/// What guards history.
const PROTECTION: &[E] = &[
    E::new(
        "createBranchProtectionRule",
        WeakenRecovery,
        Unknown,
        "repository",
        "input.repositoryId",
    ),
    E::new("createRepositoryRuleset", WeakenRecovery, Unknown, "ruleset", "input.sourceId"),
    E::new(
        "deleteBranchProtectionRule",
        WeakenRecovery,
        Unknown,
        "branchProtectionRule",
        "input.branchProtectionRuleId",
    ),
    E::new(
        "deleteRepositoryRuleset",
        WeakenRecovery,
        Unknown,
        "ruleset",
        "input.repositoryRulesetId",
    ),
    E::new(
        "updateBranchProtectionRule",
        WeakenRecovery,
        Unknown,
        "branchProtectionRule",
        "input.branchProtectionRuleId",
    ),
    E::new("updateEnvironment", WeakenRecovery, Unknown, "environment", "input.environmentId"),
    E::new(
        "updateRepositoryRuleset",
        WeakenRecovery,
        Unknown,
        "ruleset",
        "input.repositoryRulesetId",
    ),
];

/// Repositories; who may see one, and an approving review, which protection waits for.
const REPOSITORIES: &[E] = &[
    E::new("addPullRequestReview", Create, Inverse, "pullRequest", "input.pullRequestId")
        .opens(APPROVES),
    E::new("archiveRepository", Modify, Inverse, "repository", "input.repositoryId"),
    E::new("cloneTemplateRepository", Create, Unknown, "owner", "input.ownerId").opens(PUBLISHES),
    E::new("createRepository", Create, Unknown, "owner", "input.ownerId").opens(PUBLISHES),
    E::new("submitPullRequestReview", Modify, Unknown, "pullRequest", "input.pullRequestId")
        .opens(APPROVES),
    E::new("unarchiveRepository", Modify, Inverse, "repository", "input.repositoryId"),
    E::new("updateRepository", Modify, Inverse, "repository", "input.repositoryId"),
];
