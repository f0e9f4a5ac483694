//! Hosts, names and meanings.

use holdpoint_core::{
    Effect::{self, *},
    Reversibility,
};

use super::{
    Parameters, endpoint, meaning, rules,
    service::{service, services},
};

/// Names and values.
struct Said<'a>(&'a [(&'a str, &'a str)]);

impl Parameters for Said<'_> {
    fn values(&self, name: &str) -> Vec<&str> {
        let own = |pair: &&(&str, &str)| pair.0 == name.trim_start_matches('*');
        self.0.iter().filter(own).map(|(_, value)| *value).collect()
    }
}

fn effect(service_name: &str, operation: &str, said: &[(&str, &str)]) -> Effect {
    let named = service(service_name).unwrap().operation(operation);
    meaning(service_name, operation, named, &Said(said)).effect
}

#[test]
fn the_table_is_in_order_and_every_name_is_found() {
    let names: Vec<&str> = services().iter().map(|service| service.name).collect();
    assert!(names.is_sorted() && names.len() > 400, "{}", names.len());
    for (service_name, operation) in [
        ("rds", "DeleteDBInstance"),
        ("ec2", "AcceptAddressTransfer"),
        ("ec2", "WithdrawByoipCidr"),
    ] {
        let found = service(service_name).unwrap().operation(operation);
        assert_eq!(found.map(|named| named.name), Some(operation));
    }
    assert_eq!(service("rds").unwrap().operation("DeleteDBInstances"), None);
    assert_eq!(service("rds").unwrap().operation(""), None);
    assert_eq!(service("nothing"), None);
}

#[test]
fn what_was_written_by_hand_is_about_operations_that_exist() {
    let missing = |(service_name, pattern): &(&'static str, &'static str)| {
        assert!(service(service_name).is_some(), "{service_name}");
        // A row for several services is not true of all of them.
        let named = |operation: &str| match pattern.strip_suffix('*') {
            Some(begin) => operation.starts_with(begin),
            None => operation == *pattern,
        };
        let alike = rules::services_of(pattern);
        !alike.iter().any(|it| it.names().any(|(name, _)| named(name)))
    };
    let missing: Vec<_> = rules::names().into_iter().filter(missing).collect();
    assert_eq!(missing, []);
}

#[test]
fn hosts_name_services() {
    let check = |host: &str, name: &str, region: Option<&str>, bucket: Option<&str>| {
        let found = endpoint(host).unwrap_or_else(|| panic!("{host}"));
        assert_eq!(found.name, name, "{host}");
        assert_eq!(found.region.as_deref(), region, "{host}");
        assert_eq!(found.bucket.as_deref(), bucket, "{host}");
    };
    let west = Some("eu-west-1");
    check("rds.eu-west-1.amazonaws.com", "rds", west, None);
    check("iam.amazonaws.com", "iam", None, None);
    check("ec2-fips.us-gov-west-1.amazonaws.com", "ec2", Some("us-gov-west-1"), None);
    check("s3.amazonaws.com", "s3", None, None);
    check("s3-eu-west-1.amazonaws.com", "s3", west, None);
    check("my.bucket.s3.dualstack.eu-west-1.amazonaws.com", "s3", west, Some("my.bucket"));
    check("my-bucket.s3.amazonaws.com", "s3", None, Some("my-bucket"));
    check("123456789012.s3-control.eu-west-1.amazonaws.com", "s3-control", west, None);
    check("api.ecr.eu-west-1.amazonaws.com", "api.ecr", west, None);
    check("123456789012.ddb.eu-west-1.amazonaws.com", "ddb", west, None);
    check("eu-west-1.queue.amazonaws.com", "queue", west, None);
    check("ec2.eu-west-1.api.aws", "ec2", west, None);
    check("rds.cn-north-1.amazonaws.com.cn", "rds", Some("cn-north-1"), None);
    check("brandnew.eu-west-1.amazonaws.com", "brandnew", west, None);
    for host in [
        "shop-123.eu-west-1.elb.amazonaws.com",
        "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com",
        "abc.execute-api.eu-west-1.amazonaws.com",
        "amazonaws.com.evil.example",
        "evilamazonaws.com",
    ] {
        assert_eq!(endpoint(host), None, "{host}");
    }
    let rds = endpoint("rds.eu-west-1.amazonaws.com").unwrap();
    assert!(rds.signs_as("rds", "eu-west-1"));
    assert!(!rds.signs_as("s3", "eu-west-1") && !rds.signs_as("rds", "us-east-1"));
}

#[test]
fn rest_is_told_by_method_path_and_query() {
    let check = |name: &str, method: &str, path: &str, query: &[&str], expect: &[&str]| {
        let segments: Vec<String> =
            path.split('/').skip(1).map(str::to_owned).filter(|it| !it.is_empty()).collect();
        let found = service(name).unwrap().route(method, &segments, |asked| query.contains(&asked));
        let found: Vec<&str> = found.iter().map(|named| named.name).collect();
        assert_eq!(found, expect, "{method} {path}");
    };
    check("lambda", "DELETE", "/2015-03-31/functions/f", &[], &["DeleteFunction"]);
    check("lambda", "POST", "/2015-03-31/functions/f/invocations", &[], &["Invoke"]);
    check("s3", "DELETE", "/b/a/b/c", &[], &["DeleteObject"]);
    check("s3", "POST", "/b", &["delete"], &["DeleteObjects"]);
    check("s3", "PUT", "/b/k", &["partNumber", "uploadId"], &["UploadPart", "UploadPartCopy"]);
    check("s3", "GET", "/b", &["list-type=2", "list-type"], &["ListObjectsV2"]);
    check("lambda", "PATCH", "/2015-03-31/functions/f", &[], &[]);
}

#[test]
fn what_the_verb_hides_is_known() {
    for (service, operation, said, expect) in [
        ("rds", "DeleteDBInstance", &[][..], Destroy),
        ("rds", "DescribeDBInstances", &[], Observe),
        ("rds", "ModifyDBInstance", &[("BackupRetentionPeriod", "0")], WeakenRecovery),
        ("rds", "ModifyDBInstance", &[("BackupRetentionPeriod", "30")], Modify),
        ("rds", "ModifyDBInstance", &[("DeletionProtection", "false")], WeakenRecovery),
        ("rds", "DeleteDBSnapshot", &[], WeakenRecovery),
        ("ec2", "TerminateInstances", &[], Destroy),
        ("ec2", "TerminateInstances", &[("DryRun", "true")], Observe),
        ("ec2", "TerminateInstances", &[("DryRun", "false")], Destroy),
        ("ec2", "RunInstances", &[], Spend),
        ("ec2", "AuthorizeSecurityGroupIngress", &[], GrantAccess),
        ("s3", "PutBucketLifecycleConfiguration", &[("Expiration", "")], Destroy),
        ("s3", "PutBucketVersioning", &[("Status", "Suspended")], WeakenRecovery),
        ("s3", "PutBucketVersioning", &[("Status", "Enabled")], Modify),
        ("sts", "AssumeRole", &[], MintCredential),
        ("sts", "GetCallerIdentity", &[], Observe),
        ("iam", "CreateAccessKey", &[], MintCredential),
        ("iam", "AttachUserPolicy", &[], GrantAccess),
        ("cloudformation", "DeleteStack", &[], Destroy),
        ("cloudformation", "UpdateStack", &[], Execute),
        ("ssm", "SendCommand", &[], Execute),
        ("lambda", "Invoke", &[], Execute),
        ("backup", "DeleteRecoveryPoint", &[], WeakenRecovery),
        ("logs", "DeleteLogGroup", &[], Destroy),
        ("eks", "TagResource", &[], Modify),
        ("eks", "NobodyKnowsThis", &[], Execute),
        ("ivs", "StartViewerSessionRevocation", &[], Create),
    ] {
        assert_eq!(effect(service, operation, said), expect, "{service}:{operation} {said:?}");
    }
}

#[test]
fn a_window_is_as_long_as_the_message_says() {
    let check = |service_name: &str, operation: &str, said: &[(&str, &str)], expect| {
        let named = service(service_name).unwrap().operation(operation);
        let found = meaning(service_name, operation, named, &Said(said)).reversibility;
        assert_eq!(found, expect, "{operation} {said:?}");
    };
    let days = |days: u64| Reversibility::Window(days * 86_400);
    check("kms", "ScheduleKeyDeletion", &[("PendingWindowInDays", "7")], days(7));
    check("kms", "ScheduleKeyDeletion", &[], days(30));
    check("secretsmanager", "DeleteSecret", &[], days(30));
    let forced = [("ForceDeleteWithoutRecovery", "true")];
    check("secretsmanager", "DeleteSecret", &forced, Reversibility::None);
    check("rds", "DeleteDBInstance", &[("SkipFinalSnapshot", "true")], Reversibility::None);
    let kept = [("FinalDBSnapshotIdentifier", "last")];
    check("rds", "DeleteDBInstance", &kept, Reversibility::Inverse);
}

#[test]
fn nothing_that_takes_away_is_taken_for_less() {
    let taking = ["Delete", "Terminate", "Purge", "BatchDelete", "Destroy", "Wipe"];
    for service in services() {
        for (operation, _) in service.names() {
            if !taking.iter().any(|verb| operation.starts_with(verb)) {
                continue;
            }
            let named = service.operation(operation);
            let found = meaning(service.name, operation, named, &Said(&[])).effect;
            let marked = [("sqs", "DeleteMessage"), ("sqs", "DeleteMessageBatch")];
            let harmless = operation.contains("Tag") || operation == "DeleteRetentionPolicy";
            let expect = found >= Remove || harmless || marked.contains(&(service.name, operation));
            assert!(expect, "{}:{operation} {found}", service.name);
        }
    }
}
