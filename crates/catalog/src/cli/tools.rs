//! Tools of platforms, clouds and code hosts: which words name the verb, and what it does.

use holdpoint_core::Effect::{
    self, Create, Destroy, Execute, GrantAccess, MintCredential, Modify, Observe, Remove, Spend,
    WeakenRecovery,
};

use crate::verbs;

/// Where a tool acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// On this machine.
    Here,
    /// At a platform, in an environment that only its configuration tells.
    Platform,
    /// At a service that has no environment.
    Service,
}

/// A tool.
#[derive(Debug)]
pub struct Tool {
    /// What its operations and resources are called after.
    pub name: &'static str,
    /// Where it acts.
    pub reach: Reach,
    /// Options whose value is a word of its own.
    pub valued: &'static str,
    rows: &'static [Row],
}

#[derive(Debug)]
struct Row {
    words: &'static str,
    flags: &'static str,
    effect: Effect,
    reveals: bool,
}

impl Row {
    /// Whether it says of words alone, and not of a flag, that they look.
    fn looks(&self) -> bool {
        self.effect == Observe && !self.reveals && self.flags.is_empty()
    }
}

/// What a call of a tool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// What it does.
    pub effect: Effect,
    /// A row names it; else its words were read.
    pub known: bool,
    /// Its answer is made of secrets.
    pub reveals: bool,
}

/// Flags that turn a change into a rehearsal.
const REHEARSED: &[&str] = &[
    "--dry-run",
    "--dryrun",
    "--check",
    "--what-if",
    "--whatif",
    "--plan",
    "-WhatIf",
    "--noop",
    "--preview",
    "--preview-only",
    "--dry_run",
];

/// Values that switch such a flag off again.
const OFF: &[&str] = &["none", "false", "False", "FALSE", "f", "F", "0", "no", "off"];

/// Whether a flag says that nothing is changed. Behind `--`, a flag is a word like any other.
pub fn is_rehearsed(has: &dyn Fn(&str) -> bool) -> bool {
    let is_off = |flag: &str| OFF.iter().any(|off| has(&format!("{flag}={off}")));
    !has("--") && REHEARSED.iter().any(|flag| has(flag) && !is_off(flag))
}

impl Tool {
    /// What `words` do, given which flags are there.
    pub fn meaning(&self, words: &[&str], has: &dyn Fn(&str) -> bool) -> Meaning {
        let row = self.rows.iter().find(|row| {
            let own = row.words.split_whitespace();
            let fits = own.clone().count() <= words.len()
                && own
                    .zip(words)
                    .all(|(own, word)| own == "*" || own.split('|').any(|own| own == *word));
            fits && (row.flags.is_empty() || row.flags.split_whitespace().any(has))
        });
        if is_rehearsed(has) {
            return Meaning { effect: Observe, known: true, reveals: false };
        }
        match row {
            // What only looks excuses no verb behind it that destroys.
            Some(row) if row.looks() && destroys(words) => floor(words),
            Some(row) => Meaning { effect: row.effect, known: true, reveals: row.reveals },
            // Behind `--`, an option is a word like any other.
            None if has("--help") && !has("--") => {
                Meaning { effect: Observe, known: false, reveals: false }
            }
            None => floor(words),
        }
    }
}

/// Words of command lines that only look, where no verb stands beside them: as nouns they are
/// what a verb is about.
const LOOKING: &str = "status ls info logs log plan version help whoami history events inspect ps
    top stats stat tail summary details completion ping outdated tree usage dashboard
    retrieve output outputs open";

/// What verbs of such tools are about, as they are named before them.
const THINGS: &str =
    "account app apps addon addons auth backup backups billing bucket buckets branch
    branches build builds cache cluster clusters compute config container containers context cron
    database databases db deploy deployment deployments disk disks dns domain domains droplet
    droplets environment environments event events env firewall function functions group image
    images instance instances ip job jobs key keys kv kubernetes log machine machines member
    members namespace network node nodes org orgs package pg pipeline pod pods postgres project
    projects queue redis registry release releases repo route routes run runner runs sandbox
    secret secrets server servers service services session site sites snapshot snapshots sql ssh
    stack storage subscription table tables task team teams template token topic user users volume
    volumes webhook webhooks workflow workspace workspaces zone zones migration migrations schema schemas
    queue topic topics stream streams site sites plugin plugins ci item items pipelinerun pipelineruns
    taskrun certificate certificates member";

/// What the words of a call say where no row does; code that nobody sees, if no word says anything.
/// A name of a thing is no verb: only words that stand before the first operand that cannot be
/// one count.
pub fn floor(words: &[&str]) -> Meaning {
    let spoken: Vec<&str> = words.iter().take(4).take_while(|it| is_spoken(it)).copied().collect();
    let told = spoken.iter().filter_map(|word| verbs::effect_of_words(word)).collect::<Vec<_>>();
    let effect = match told.first() {
        Some(Observe) => Observe,
        Some(_) => told.into_iter().max().unwrap_or(Execute),
        // `db:list`: what it is about stands before the verb.
        None if spoken.iter().any(|word| word.rsplit(':').next().is_some_and(verbs::reads)) => {
            Observe
        }
        None if words.is_empty() || is_looked_at(&spoken) => Observe,
        None => Execute,
    };
    Meaning { effect, known: false, reveals: false }
}

/// Whether a word can be a verb or what it is about: no path, no number, no address.
fn is_spoken(word: &str) -> bool {
    word.len() <= 32 && word.chars().all(|it| it.is_ascii_alphabetic() || "-_:".contains(it))
}

/// Whether the words end in one that looks, and what stands before it are names of things: an
/// unexplained verb has things behind it as well (`frobnicate status`).
fn is_looked_at(spoken: &[&str]) -> bool {
    let one_of = |list: &str, word: &str| list.split_whitespace().any(|it| it == word);
    let mut things =
        spoken.iter().flat_map(|word| word.split(':')).skip_while(|word| one_of(THINGS, word));
    things.next().is_some_and(|word| one_of(LOOKING, word))
}

/// What a program's words say where no table knows it: only what destroys counts.
pub fn destroys(words: &[&str]) -> bool {
    floor(words).effect == Destroy
}

/// Whether the words of a program that no table knows say that it only looks, or makes what can
/// be made again.
pub fn looks(words: &[&str]) -> bool {
    const MAKING: &str =
        "build compile generate fmt lint typecheck render synth template docs breakdown
        analyze analyse proxy-status members routes config serve";
    let one_of = |list: &str, word: &str| list.split_whitespace().any(|it| it == word);
    // `bosh deployments` shows them.
    let lists = matches!(words, [one] if one.ends_with('s') && one_of(THINGS, one));
    let made = words.first().is_some_and(|it| MAKING.split_whitespace().any(|own| own == *it));
    !words.is_empty() && (lists || made && !destroys(words) || floor(words).effect == Observe)
}

/// Words after which names come, whatever they say: `generate migration DropUsers`.
const NAMING: &str = "add create generate new make g test t bench check lint install i doc docs list ls
    status show info help search validate deploy:status rename describe get log logs history add-migration
    make:migration new-migration create-migration migration:create migration:generate revision build b fmt";
/// Verbs that take away what a database holds.
const WIPING: &str =
    "drop wipe reset flush truncate purge destroy nuke erase rollback downgrade fresh
    undo teardown dropall wipeall clobber refresh";
/// What such a verb is about then.
const STORES: &str = "db database databases schema schemas migrate migrates migration migrations migratus
    migrator flyway liquibase table tables sql mongo mongoid mongodb redis postgres mysql sqlite ecto ash
    orm datastore keyspace prisma sequelize typeorm knex alembic supabase infra infrastructure stack prod
    production";

/// Whether a program's words say that it wipes the database of a project, whichever tool it is:
/// `db:drop`, `flywayClean`, `migrate … reset`.
pub fn wipes(words: &[&str]) -> bool {
    let is = |list: &str, word: &str| list.split_whitespace().any(|it| it == word);
    let spoken = words.iter().take(5).take_while(|word| !is(NAMING, word));
    let parts: Vec<String> = spoken.flat_map(|word| verbs::words(word)).collect();
    let says = |list: &str| parts.iter().any(|word| is(list, word));
    // A build is cleaned every day, a schema is not.
    let joined = says("dropdb resetdb wipedb flushdb cleandb nukedb");
    let all = says("drop wipe nuke") && says("all everything");
    let cleans = says("clean") && says("flyway liquibase db database schema");
    says(WIPING) && says(STORES) || cleans || all || joined
}

macro_rules! tools {
    ($($names:literal => $name:literal $reach:ident [$valued:literal] { $($words:literal [$flags:literal] $effect:ident $($reveals:ident)?),* $(,)? })*) => {
        const TOOLS: &[(&str, Tool)] = &[$(($names, Tool {
            name: $name, reach: Reach::$reach, valued: $valued,
            rows: &[$(Row { words: $words, flags: $flags, effect: $effect, reveals: tools!(@ $($reveals)?) },)*],
        }),)*];
    };
    (@ secrets) => { true };
    (@) => { false };
}

tools! {
    "kubectl oc k" => "kubectl" Platform ["-n --namespace --context --cluster --kubeconfig -f --filename -o --output -l --selector --user -s --server --as"] {
        "delete" [""] Destroy, "drain" [""] Destroy, "apply" ["--prune"] Destroy, "create token" [""] MintCredential, "create clusterrolebinding|rolebinding" [""] GrantAccess, "apply|create|expose|autoscale" [""] Create,
        "config view" ["--raw"] Observe secrets,
        "get secret" ["-o --output"] Observe secrets, "get secrets" ["-o --output"] Observe secrets,
        "replace" ["--force"] Destroy, "scale" [""] Modify, "rollout undo" [""] Modify, "rollout status|history" [""] Observe,
        "get|describe|logs|top|explain|version|config|cluster-info|api-resources|api-versions|diff|wait|auth|events|port-forward|proxy" [""] Observe,
        "patch|edit|set|label|annotate|replace|cordon|uncordon|taint|rollout" [""] Modify, "cp|attach|debug|run|exec" [""] Execute }
    "helm" => "helm" Platform ["-n --namespace --kube-context -f --values --set --version"] {
        "uninstall|delete|del|un" [""] Destroy, "rollback" [""] Modify, "template|lint|show|search|list|ls|status|get|history|repo|dependency|version|pull|package|env" [""] Observe,
        "install" [""] Create, "upgrade" [""] Modify }
    "terraform tofu terragrunt" => "terraform" Platform ["-target -var -var-file -state"] {
        "destroy" [""] Destroy, "apply" ["-destroy --destroy"] Destroy, "apply" [""] Destroy, "run-all destroy|apply" [""] Destroy, "run-all plan|output|validate|init|show" [""] Observe,
        "state rm|push|mv|replace-provider" [""] WeakenRecovery, "force-unlock" [""] WeakenRecovery, "taint|untaint|import" [""] Modify,
        "workspace delete" [""] Destroy, "state pull" [""] Observe secrets, "output" ["-raw -json"] Observe secrets,
        "plan|init|validate|fmt|show|output|state|providers|version|graph|console|get|workspace|test|hclfmt|refresh" [""] Observe }
    "pulumi" => "pulumi" Platform ["-s --stack -C --cwd"] {
        "destroy" [""] Destroy, "stack rm" [""] Destroy, "up|update" [""] Destroy, "state delete" [""] WeakenRecovery, "config get" [""] Observe,
        "preview|stack|config|whoami|version|about|logs|history" [""] Observe }
    "docker podman nerdctl" => "docker" Here ["-f --file --filter -p --project-name --profile --context -H --host --format -t --tag --root --runroot --tmpdir --url --connection --identity --module --storage-driver --storage-opt --log-level --config --runtime --cgroup-manager --events-backend --volumepath --env-file --project-directory --ansi --progress --parallel"] {
        "volume rm|remove|prune" [""] Destroy, "system prune" ["--volumes"] Destroy, "system prune" [""] Modify, "compose down" ["-v --volumes"] Destroy,
        "compose rm" ["-v --volumes"] Destroy, "compose down" [""] Modify, "system reset" [""] Destroy, "machine rm|reset" [""] Destroy, "image prune" ["-a --all"] Modify, "image|images|builder|buildx|network|context|manifest" [""] Modify,
        "rm" ["-v --volumes"] Destroy, "container rm|remove" ["-v --volumes"] Destroy, "rm|rmi|container|kill|stop|start|restart|pause|unpause|rename|update|tag|build|create|cp|commit|load|import|save|export|run|pull|login|logout|compose|network" [""] Modify,
        "push" [""] Create, "volume create|ls|inspect" [""] Modify, "volume" [""] Observe,
        "ps|logs|inspect|stats|top|version|info|events|diff|port|history|search|system|wait|exec" [""] Observe }
    "docker-compose podman-compose" => "docker" Here ["-f --file -p --project-name --profile --env-file --project-directory --ansi --progress --parallel"] {
        "down" ["-v --volumes"] Destroy, "rm" ["-v"] Destroy, "*" [""] Modify }
    "railway" => "railway" Platform ["-s --service -e --environment -p --project"] {
        "variables|variable|vars" ["--set"] Modify, "variables|variable|vars" [""] Observe secrets, "volume delete|detach" [""] Destroy, "down|delete" [""] Destroy,
        "environment delete" [""] Destroy, "environment new" [""] Create, "up|deploy|redeploy|restart" [""] Modify, "link|login|logout|unlink|init|status|logs|list|whoami|open|domain|environment|service|docs|version|completion" [""] Observe,
        "connect|shell|ssh" [""] Execute, "add" [""] Create }
    "fly flyctl" => "fly" Platform ["-a --app -c --config -r --region"] {
        "apps|app destroy" [""] Destroy, "volumes|volume|vol destroy|delete" [""] Destroy, "destroy" [""] Destroy, "machine|machines destroy|remove" [""] Destroy, "postgres|pg|mpg destroy" [""] Destroy,
        "ssh|console" [""] Execute, "secrets set|unset|import" [""] Modify, "secrets" [""] Observe, "tokens create" [""] MintCredential, "scale" [""] Modify, "deploy|launch" [""] Modify,
        "status|logs|list|info|apps|version|doctor|releases|ips|certs|checks|regions|auth|proxy|platform|config|dashboard" [""] Observe }
    "heroku" => "heroku" Platform ["-a --app -r --remote"] {
        "apps:destroy|destroy" [""] Destroy, "pg:reset" [""] Destroy, "addons:destroy" [""] Destroy, "pg:backups:delete" [""] WeakenRecovery, "pg:copy|pg:push|pg:restore|pg:backups:restore" [""] Destroy,
        "config" [""] Observe secrets, "config:get" [""] Observe secrets, "config:set|config:unset" [""] Modify, "run|run:detached|ps:exec|pg:psql" [""] Execute, "pg:credentials:url" [""] Observe secrets,
        "logs|ps|apps|apps:info|releases|status|addons|pg:info|domains|auth:whoami|pg:backups" [""] Observe }
    "vercel vc now" => "vercel" Platform ["--scope -S --token -t -A"] {
        "remove|rm" [""] Destroy, "project rm|remove" [""] Destroy, "env rm|remove" [""] Remove, "env pull" [""] Observe secrets, "env add" [""] Modify, "env ls" [""] Observe, "domains rm" [""] Destroy, "deploy" [""] Modify, "" ["--prod"] Modify,
        "rollback|promote|alias" [""] Modify, "logs|inspect|ls|list|whoami|link|login|dev|build|pull|project|teams|switch|domains|certs" [""] Observe }
    "netlify ntl" => "netlify" Platform ["--site -s"] {
        "sites:delete" [""] Destroy, "env:list" [""] Observe secrets, "env:get" [""] Observe secrets, "env:unset|env:set|env:import" [""] Modify, "deploy" [""] Modify, "dev|build|status|login|link|open|functions:list|sites:list|logs" [""] Observe }
    "wrangler" => "cloudflare" Platform ["--env -e --config -c --name"] {
        "delete" [""] Destroy, "d1 execute" ["--remote"] Execute, "d1 execute|migrations" ["--local"] Modify, "d1 execute" [""] Modify, "d1 delete" [""] Destroy, "d1|kv|r2|queues|secret|versions|deployments list|info" [""] Observe, "kv|r2|queues * list|get|info" [""] Observe, "kv:key|kv:namespace|kv:bulk delete" [""] Destroy, "kv namespace|key|bulk delete" [""] Destroy,
        "r2 bucket|object delete" [""] Destroy, "secret put|delete" [""] Modify, "deploy|publish" [""] Modify, "dev|tail|whoami|login|types|init|generate|pages" [""] Observe }
    "gcloud" => "gcloud" Platform ["--project --region --zone --location --format --filter --account"] {
        "auth print-access-token|print-identity-token" [""] Observe secrets, "auth application-default print-access-token" [""] Observe secrets, "* * get-auth-string|get-key-string" [""] Observe secrets, "* * * get-auth-string|get-key-string" [""] Observe secrets, "secrets versions access" [""] Observe secrets, "projects delete" [""] Destroy,
        "* set-iam-policy|add-iam-policy-binding|remove-iam-policy-binding" [""] GrantAccess, "* * set-iam-policy|add-iam-policy-binding" [""] GrantAccess, "iam service-accounts keys create" [""] MintCredential,
        "config|auth|info|version|components|init|topic|help" [""] Observe, "compute ssh|scp" [""] Execute, "* list|describe" [""] Observe, "* * list|describe" [""] Observe }
    "gsutil" => "gcloud" Platform ["-o -h"] { "rm|rb" [""] Destroy, "rsync" ["-n"] Observe, "rsync" ["-d"] Destroy, "mv" [""] Destroy, "ls|cat|stat|du|hash|version|help" [""] Observe, "cp|rsync" [""] Create, "iam|acl|defacl" [""] GrantAccess, "*" [""] Modify }
    "bq" => "bigquery" Platform ["--project_id --location --format --dataset_id"] { "rm" [""] Destroy, "query" [""] Execute, "ls|show|head|version" [""] Observe, "cp|mk|load|insert|extract|update" [""] Modify }
    "az" => "azure" Platform ["--name -n --resource-group -g --subscription -o --output --query --tag --vault-name --location -l"] {
        "keyvault secret show" [""] Observe secrets, "keyvault purge" [""] Destroy, "role assignment create" [""] GrantAccess, "ad sp create-for-rbac" [""] MintCredential, "account get-access-token" [""] Observe secrets, "* list-keys|list-admin-keys|list-connection-strings|show-connection-string" [""] Observe secrets,
        "* keys|credential|credentials|admin-key|query-key|connection-string list|show" [""] Observe secrets, "* * list-keys|list-connection-strings|list-publishing-profiles|list-publishing-credentials|show-connection-string" [""] Observe secrets,
        "* * keys|credential|credentials|connection-string|appsettings list|show" [""] Observe secrets, "* * * keys|connection-string list|show" [""] Observe secrets,
        "deployment * what-if|show|list" [""] Observe, "* list|show" [""] Observe, "* * list|show" [""] Observe,
        "login|logout|account|version|config|find|interactive" [""] Observe }
    "azd" => "azure" Platform ["-e --environment -C"] { "down" [""] Destroy, "up|deploy|provision" [""] Modify, "*" [""] Observe }
    "doctl" => "digitalocean" Platform ["--context -o --output --format"] { "databases connection" [""] Observe secrets, "databases user list|get|reset" [""] Observe secrets, "auth" [""] Observe }
    "gh" => "github" Service ["-R --repo -t --title -b --body --json -q --jq -L --limit -B --base -H --head -l --label -a --assignee -F --body-file -m --milestone"] {
        "* list|view|status|watch|diff|checks|download|ls" [""] Observe, "repo delete" [""] Destroy, "repo edit" ["--visibility"] GrantAccess, "repo edit" ["--delete-branch-on-merge --enable-merge-commit"] Modify, "repo create" ["--public"] GrantAccess, "repo archive|rename" [""] Execute, "repo deploy-key" [""] GrantAccess,
        "repo create|fork|clone" [""] Create, "pr merge" [""] Execute, "release delete" [""] Destroy, "release create|upload|edit" [""] Execute, "secret set|delete" [""] Execute, "variable delete" [""] Execute, "variable set" [""] Modify, "workflow run|enable|disable" [""] Create, "run rerun|cancel" [""] Create,
        "run delete" [""] Destroy, "auth token" [""] Observe secrets, "auth" [""] Observe, "ssh-key|gpg-key add" [""] GrantAccess, "gist create" ["--public -p"] GrantAccess, "gist delete" [""] Destroy, "issue|pr close|comment|create|edit|reopen|ready|review|checkout|lock|unlock|pin|develop|update-branch" [""] Create,
        "issue delete|transfer" [""] Destroy, "label delete" [""] Destroy, "cache delete" [""] Modify, "codespace delete" [""] Destroy, "alias|config|extension|browse|search|status|completion" [""] Observe, "label|project|gist|codespace" [""] Create }
    "glab" => "gitlab" Service ["-R --repo -t --title -d --description"] { "repo|project delete" [""] Destroy, "mr merge" [""] Execute, "release create|delete" [""] Execute, "mr|issue create|note|update|close" [""] Create }
    "eas expo-cli" => "expo" Service [""] { "build|submit|update" [""] Create, "project:delete" [""] Destroy }
    "firebase" => "firebase" Platform ["--project -P --token --only"] { "firestore:delete" [""] Destroy, "database:remove" [""] Destroy, "database:set" [""] Destroy, "functions:delete" [""] Destroy, "hosting:disable" [""] Destroy, "projects:delete" [""] Destroy, "deploy" [""] Modify, "auth:export|functions:config:get|functions:secrets:access" [""] Observe secrets, "functions:list|functions:log|apps:list|hosting:sites:list|emulators:start|emulators:exec|serve|login|use|projects:list|init" [""] Observe }
    "stripe" => "stripe" Platform ["--api-key -d"] { "refunds create" [""] Spend, "charges create" [""] Spend, "payouts create" [""] Spend, "listen|login|logs|status|config|events|samples|version" [""] Observe, "trigger" [""] Create, "* delete|cancel" [""] Destroy, "* list|retrieve" [""] Observe }
    "pscale" => "planetscale" Platform ["--org"] { "database|branch delete" [""] Destroy, "* list|show|diff|ls" [""] Observe, "password create" [""] MintCredential, "shell|connect" [""] Execute }
    "neon neonctl" => "neon" Platform ["--project-id --org-id"] { "* list|get|schema-diff" [""] Observe, "projects|branches|databases|roles delete" [""] Destroy, "branches reset|restore" [""] Destroy, "connection-string|cs" [""] Observe secrets }
    "render" => "render" Platform ["-o --output --resources"] { "services|projects|environments|postgres|keyvalue|disks delete" [""] Destroy, "deploys create|cancel" [""] Modify, "restart" [""] Modify, "psql|ssh|jobs" [""] Execute, "services|projects|environments|deploys|workspaces list|ls|show|get" [""] Observe, "services|logs|login|whoami|workspace|projects|environments|deploys|workspaces" [""] Observe }
    "turso" => "turso" Platform [""] { "db|group destroy" [""] Destroy, "db shell" [""] Execute, "db tokens" [""] MintCredential }
    "rclone" => "rclone" Platform ["--config"] { "*" ["-n"] Observe, "sync|delete|purge|deletefile|cleanup|rmdirs|move|moveto" [""] Destroy, "copy|copyto|mkdir" [""] Create, "*" [""] Observe }
    "s3cmd" => "s3" Platform ["--config -c"] { "*" ["-n"] Observe, "del|rm|rb|mv|expire" [""] Destroy, "sync" ["--delete-removed"] Destroy, "ls|la|info|du" [""] Observe, "setacl|setpolicy" [""] GrantAccess, "put|cp|get|sync|mb" [""] Create }
    "s5cmd mc" => "s3" Platform ["--config -c"] { "del|rm|rb|mv|expire" [""] Destroy, "sync|mirror" ["--delete-removed --remove --delete"] Destroy, "ls|info|du|cat|stat" [""] Observe, "setacl|setpolicy|anonymous" [""] GrantAccess, "put|cp|get|sync|mb|mirror" [""] Create }
    "restic borg pgbackrest kopia duplicity velero" => "backup" Platform ["-r --repo --stanza"] { "forget|prune" ["-n"] Observe, "forget|prune|delete|stanza-delete|expire|compact|unlock" [""] WeakenRecovery, "backup delete" [""] WeakenRecovery, "snapshots|list|info|check|stats|diff|find|ls|version|verify" [""] Observe, "backup|create|init" [""] Create, "*" [""] Execute }
    "ansible ansible-playbook" => "ansible" Platform ["-i --inventory -l --limit -e --extra-vars"] { "*" ["--syntax-check --list-hosts --list-tasks"] Observe, "*" [""] Execute }
    "ansible-inventory ansible-doc ansible-lint ansible-config" => "ansible" Here ["-i --inventory"] { "*" [""] Observe, "" [""] Observe }
    "vault bao" => "vault" Platform ["-address -namespace"] { "kv get" [""] Observe secrets, "read" [""] Observe secrets, "kv delete|destroy|metadata" [""] Destroy, "delete" [""] Destroy, "token create" [""] MintCredential, "status|login|version|kv list|list" [""] Observe, "secrets disable" [""] Destroy, "policy write" [""] GrantAccess }
    "pass bw gopass" => "secrets" Here [""] { "show|get" [""] Observe secrets, "list|ls|status|sync|login|unlock" [""] Observe, "rm|delete" [""] Destroy }
    "security" => "keychain" Here [""] { "find-generic-password|find-internet-password|dump-keychain" [""] Observe secrets, "*" [""] Modify }
    "systemctl service launchctl" => "system" Here ["-u --unit"] { "status|list-units|is-active|show|list|is-enabled|cat|list-timers" [""] Observe, "*" [""] Modify, "* status" [""] Observe }
    "nft" => "system" Here ["-f"] { "list|describe|monitor" [""] Observe, "" ["-c --check"] Observe, "" [""] Modify }
    "zfs zpool" => "zfs" Here [""] { "destroy" ["-n"] Observe, "*" ["-h"] Observe, "destroy|rollback|labelclear" [""] Destroy, "list|get|status|iostat" [""] Observe, "*" [""] Modify }
    "doppler" => "doppler" Platform ["-p --project -c --config"] { "secrets set|delete|upload" [""] Modify, "secrets" [""] Observe secrets, "*" [""] Observe }
    "gpg gpg2" => "gpg" Here [""] { "" ["--export-secret-keys --export-secret-subkeys"] Observe secrets, "" ["--delete-secret-keys --delete-secret-and-public-key"] Destroy, "" [""] Observe }
    "celery" => "celery" Platform ["-A --app -b --broker --workdir -n -Q -l -c"] { "purge" [""] Destroy, "amqp queue.delete|queue.purge" [""] Destroy, "inspect|status|report|events|list|help|result|worker|beat|flower" [""] Observe, "multi|call|control|shell" [""] Execute }
    "op" => "1password" Platform ["--vault --account --format"] { "read|inject" [""] Observe secrets, "item|document get" [""] Observe secrets, "item|document|vault|user|group|account|service-account|connect|events-api list" [""] Observe, "vault|user|group|account get" [""] Observe, "item|document|vault|user|group|account|connect delete|forget" [""] Destroy, "vault|group grant|revoke" [""] GrantAccess, "vault|group user grant|revoke|list" [""] GrantAccess, "service-account|connect create" [""] MintCredential, "whoami|signin|signout|completion|update" [""] Observe }
    "age rage" => "age" Here ["-i -o -r"] { "" ["-d --decrypt"] Observe secrets, "" [""] Observe }
    "pg_dump pg_dumpall mysqldump mongodump mongoexport pg_basebackup" => "dump" Platform [""] { "" [""] Observe }
    "lerna changeset" => "npm" Service [""] { "publish" [""] Execute, "*" [""] Observe }
    "np semantic-release release-it" => "npm" Service [""] { "" [""] Execute }
    "tmutil timeshift snapper vssadmin" => "backup" Here [""] { "delete|deletelocalsnapshots|disable|Delete" [""] Destroy, "*" [""] Observe }
}

/// The tool that is called `program`.
pub fn tool(program: &str) -> Option<&'static Tool> {
    let named = TOOLS.iter().find(|(names, _)| names.split(' ').any(|name| name == program));
    named.map(|(_, tool)| tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(call: &str, expect: Effect) {
        let words: Vec<&str> = call.split(' ').collect();
        let (program, rest) = words.split_first().unwrap();
        let (flags, words): (Vec<&str>, Vec<&str>) =
            rest.iter().partition(|word| word.starts_with("--"));
        let has = |flag: &str| {
            let value = format!("{flag}=");
            flags.iter().any(|own| *own == flag || own.starts_with(&value) && flag != "--")
        };
        let meaning = tool(program).unwrap().meaning(&words, &has);
        assert_eq!(meaning.effect, expect, "{call}");
    }

    #[test]
    fn a_verb_that_no_row_names_is_what_its_words_say() {
        check("doctl compute droplet list", Observe);
        check("doctl compute droplet delete web", Destroy);
        check("gcloud compute instances describe web", Observe);
        check("az backup plan delete", Destroy);
        check("doctl", Observe);
        check("doctl account status", Observe);
        check("gcloud app logs tail", Observe);
        check("doctl frobnicate --help", Observe);
    }

    #[test]
    fn words_that_stand_for_the_rest_excuse_none_that_destroys() {
        check("doppler projects delete shop", Destroy);
        check("doppler configs", Observe);
        check("celery purge", Destroy);
        check("celery worker", Observe);
        check("celery call shop.wipe", Execute);
        check("celery inspect active", Observe);
        check("op service-account create ci", MintCredential);
        check("op vault user grant", GrantAccess);
        check("op vault list", Observe);
    }

    #[test]
    fn whichever_tool_it_is_its_words_say_that_it_wipes_a_database() {
        for (words, expect) in [
            ("db:drop", true),
            ("flywayClean", true),
            ("liquibase:dropAll", true),
            ("schema:drop", true),
            ("ef database drop", true),
            ("sql:drop", true),
            ("migrate:refresh", true),
            ("run migration fresh", true),
            ("clean", false),
            ("generate migration DropUsers", false),
            ("ef migrations add DropUsers", false),
            ("test drop_table", false),
            ("db:migrate", false),
            ("migration:list", false),
            ("cache clear", false),
        ] {
            let all: Vec<&str> = words.split(' ').collect();
            assert_eq!(wipes(&all), expect, "{words}");
        }
    }

    #[test]
    fn a_tool_that_nobody_knows_may_look() {
        for (words, expect) in [
            ("ecs DescribeInstances", true),
            ("rdb instance list", true),
            ("site:info shop", true),
            ("db:list", true),
            ("job status api", true),
            ("build", true),
            ("frobnicate status", false),
            ("frobnicate", false),
            ("clusters delete prod", false),
        ] {
            let all: Vec<&str> = words.split(' ').collect();
            assert_eq!(looks(&all), expect, "{words}");
        }
    }

    #[test]
    fn a_rehearsal_that_is_switched_off_is_none() {
        check("kubectl delete ns web --dry-run", Observe);
        check("kubectl delete ns web --dry-run=server", Observe);
        check("kubectl delete ns web --dry-run=none", Destroy);
        check("kubectl delete ns web -- --dry-run", Destroy);
        check("helm uninstall web --dry-run=false", Destroy);
    }

    #[test]
    fn a_verb_that_no_word_explains_is_code_that_nobody_sees() {
        check("doctl frobnicate web", Execute);
        check("gh frobnicate", Execute);
        check("kubectl frobnicate pods", Execute);
        check("doctl frobnicate web-1 status", Execute);
        check("doctl frobnicate -- --help", Execute);
        check("doctl frobnicate status", Execute);
    }
}
