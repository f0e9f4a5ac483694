//! Messages to AWS in every protocol: one operation, one meaning.

use bytes::Bytes;
use holdpoint_core::{
    Effect::{self, *},
    Message as _, Operation, Timestamp,
};
use proptest::prelude::*;

use super::{
    chunked::{self, PieceError, Pieces},
    sign::{Keys, sign},
    signature::{self, Scope, Stands},
};
use crate::{
    Unreadable,
    http::{
        Body, Message,
        coding::tests::gzip,
        credentials, interpret,
        json::Json,
        tests::{Fixture, message},
    },
};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.0");
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIAPHANTOMPHANTOM12/20261120/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=0123456789012345678901234567890123456789012345678901234567890123";

fn read(message: &Message) -> Result<Vec<Operation>, Unreadable> {
    interpret(message, &Fixture)
}

fn operations(line: &str, headers: &[(&str, &str)], body: &str) -> Vec<Operation> {
    read(&message(line, headers, body)).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn check(line: &str, headers: &[(&str, &str)], body: &str, name: &str, effect: Effect, id: &str) {
    let found = operations(line, headers, body);
    let strictest = found.iter().max_by_key(|operation| operation.effect).unwrap();
    let words = (strictest.name.as_str(), strictest.effect, strictest.resource.id.as_str());
    assert_eq!(words, (name, effect, id), "{line}");
}

#[test]
fn an_operation_has_one_name_in_every_protocol() {
    let rds = "POST https://rds.eu-west-1.amazonaws.com/";
    let kept = "Action=ModifyDBInstance&Version=2014-10-31&DBInstanceIdentifier=shop&BackupRetentionPeriod=";
    check(
        rds,
        &[FORM],
        &format!("{kept}0"),
        "aws:rds:ModifyDBInstance",
        WeakenRecovery,
        "aws:rds/shop",
    );
    check(rds, &[FORM], &format!("{kept}14"), "aws:rds:ModifyDBInstance", Modify, "aws:rds/shop");
    let arn =
        "Action=DeleteDBInstance&DBInstanceIdentifier=arn%3Aaws%3Ards%3Aeu-west-1%3A1%3Adb%3Ashop";
    check(rds, &[FORM], arn, "aws:rds:DeleteDBInstance", Destroy, "aws:rds/shop");
    check(
        "GET https://ec2.eu-west-1.amazonaws.com/?Action=TerminateInstances&InstanceId.1=i-1",
        &[],
        "",
        "aws:ec2:TerminateInstances",
        Destroy,
        "aws:ec2/i-1",
    );
    let dynamodb = "POST https://dynamodb.eu-west-1.amazonaws.com/";
    let target = ("x-amz-target", "DynamoDB_20120810.DeleteTable");
    check(
        dynamodb,
        &[JSON, target],
        "{\"TableName\":\"orders\"}",
        "aws:dynamodb:DeleteTable",
        Destroy,
        "aws:dynamodb/orders",
    );
    check(
        "DELETE https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/pay",
        &[],
        "",
        "aws:lambda:DeleteFunction",
        Destroy,
        "aws:lambda/pay",
    );
    check(
        "POST https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Apay/invocations",
        &[],
        "{}",
        "aws:lambda:Invoke",
        Execute,
        "aws:lambda/pay",
    );
}

#[test]
fn what_nobody_knows_runs_something_and_several_things_are_several_operations() {
    let dynamodb = "POST https://dynamodb.eu-west-1.amazonaws.com/";
    let unknown = ("x-amz-target", "DynamoDB_20120810.FrobnicateNothing");
    check(
        dynamodb,
        &[JSON, unknown],
        "{}",
        "aws:dynamodb:FrobnicateNothing",
        Execute,
        "aws:dynamodb/*",
    );
    check(
        "POST https://brandnew.eu-west-1.amazonaws.com/x",
        &[],
        "",
        "aws:unknown:unknown",
        Execute,
        "aws:unknown/*",
    );
    let get = ("x-amz-target", "secretsmanager.GetSecretValue");
    let secret = operations(
        "POST https://secretsmanager.eu-west-1.amazonaws.com/",
        &[JSON, get],
        "{\"SecretId\":\"db\"}",
    );
    assert!(secret[0].reveals_secrets && secret[0].known, "{secret:?}");
    let several = operations(
        "POST https://ec2.eu-west-1.amazonaws.com/",
        &[FORM],
        "Action=TerminateInstances&InstanceId.1=i-1&InstanceId.2=i-2",
    );
    assert_eq!(several.len(), 2);
}

#[test]
fn buckets_and_keys_are_one_in_host_and_path() {
    let west = "s3.eu-west-1.amazonaws.com";
    for (host, base) in [(format!("shop.{west}"), "/"), (west.to_owned(), "/shop/")] {
        let line = |method: &str, rest: &str| format!("{method} https://{host}{base}{rest}");
        for (method, rest, name, effect, id) in [
            ("DELETE", "a/b.json", "DeleteObject", Remove, "shop/a/b.json"),
            ("DELETE", "a/", "DeleteObject", Remove, "shop/a/"),
            ("DELETE", "a%2Fb?versionId=1", "DeleteObject", Destroy, "shop/a/b"),
            ("DELETE", "", "DeleteBucket", Destroy, "shop"),
            ("PUT", "a//b;c", "PutObject", Modify, "shop/a//b;c"),
            ("PUT", "a?partNumber=1&uploadId=x&x-id=UploadPart", "UploadPart", Create, "shop/a"),
            ("PUT", "?policy", "PutBucketPolicy", GrantAccess, "shop"),
            ("PUT", "?acl", "PutBucketAcl", GrantAccess, "shop"),
            ("PUT", "a?acl&tagging", "PutObjectAcl", GrantAccess, "shop/a"),
            ("GET", "?list-type=2&prefix=a", "ListObjectsV2", Observe, "shop"),
            ("GET", "?versioning", "GetBucketVersioning", Observe, "shop"),
            ("HEAD", "a", "HeadObject", Observe, "shop/a"),
        ] {
            let (name, id) = (format!("aws:s3:{name}"), format!("aws:s3/{id}"));
            check(&line(method, rest), &[], "", &name, effect, &id);
        }
        let lifecycle = |rule: &str| {
            format!("<LifecycleConfiguration><Rule>{rule}</Rule></LifecycleConfiguration>")
        };
        let put = "aws:s3:PutBucketLifecycleConfiguration";
        for (rule, effect) in [
            ("<Expiration><Days>1</Days></Expiration>", Destroy),
            ("<x:NoncurrentVersionExpiration xmlns:x=\"y\"/>", Destroy),
            ("<Transition><Days>1</Days></Transition>", WeakenRecovery),
        ] {
            let found = operations(&line("PUT", "?lifecycle"), &[], &lifecycle(rule));
            let own = found.iter().find(|operation| operation.name == put).unwrap();
            assert_eq!(own.effect, effect, "{rule}");
        }
        let versioning =
            "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
        check(
            &line("PUT", "?versioning"),
            &[],
            versioning,
            "aws:s3:PutBucketVersioning",
            WeakenRecovery,
            "aws:s3/shop",
        );
        let objects =
            "<Delete><Object><Key>a&amp;b</Key></Object><Object><Key>c</Key></Object></Delete>";
        let ids: Vec<String> = operations(&line("POST", "?delete"), &[], objects)
            .iter()
            .map(|operation| operation.resource.id.to_string())
            .collect();
        assert_eq!(ids, ["aws:s3/shop/a&b", "aws:s3/shop/c"]);
        let bypass = ("x-amz-bypass-governance-retention", "true");
        let found = operations(&line("DELETE", "a"), &[bypass], "");
        assert!(found.iter().any(|operation| operation.effect == WeakenRecovery));
        let public = ("x-amz-acl", "public-read");
        check(
            &line("PUT", "a"),
            &[public],
            "",
            "aws:s3:PutObjectAcl",
            GrantAccess,
            "aws:s3/shop/a",
        );
    }
}

#[test]
fn what_could_be_two_operations_or_cannot_be_signed_anew_is_refused() {
    let sqs = "POST https://sqs.eu-west-1.amazonaws.com/";
    let target = ("x-amz-target", "AmazonSQS.ReceiveMessage");
    let lambda = "GET https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions";
    let upload = ("content-type", "multipart/form-data; boundary=x");
    let two_a = (
        "authorization",
        "AWS4-ECDSA-P256-SHA256 Credential=AKIAPHANTOMPHANTOM12/20261120/s3/aws4_request, SignedHeaders=host, Signature=00",
    );
    let elsewhere = ("authorization", SIGNED);
    let modify = "POST https://rds.eu-west-1.amazonaws.com/?Action=ModifyDBInstance&DBInstanceIdentifier=shop";
    let kept = "BackupRetentionPeriod=0";
    let octets = ("content-type", "application/octet-stream");
    let doctype = "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>";
    for (line, headers, body, words) in [
        (sqs, vec![FORM, target], "Action=PurgeQueue", "several operations"),
        (sqs, vec![FORM], "Action=ListQueues&Action=PurgeQueue", "twice"),
        (
            "POST https://sqs.eu-west-1.amazonaws.com/?Action=ListQueues",
            vec![FORM],
            "action=PurgeQueue",
            "several",
        ),
        (sqs, vec![JSON, target], "[1]", "no JSON object"),
        (sqs, vec![("content-type", "application/cbor"), target], "\u{1}\u{1}", "CBOR"),
        (lambda, vec![target], "", "leave it out"),
        ("POST https://shop.s3.amazonaws.com/", vec![upload], "--x--", "upload with PUT"),
        ("GET https://shop.s3.amazonaws.com/a", vec![two_a], "", "version 4a"),
        (
            "GET https://rds.eu-west-1.amazonaws.com/?Action=ListTagsForResource",
            vec![elsewhere],
            "",
            "the signature is for s3",
        ),
        ("GET https://s3.us-east-1.amazonaws.com/shop", vec![elsewhere], "", "in eu-west-1"),
        ("PUT https://shop.s3.amazonaws.com/?lifecycle", vec![], doctype, "XML"),
        ("GET https://s3.amazonaws.com//shop", vec![], "", "bucket"),
        (modify, vec![octets], kept, "of a type that is not read"),
        (modify, vec![("content-type", "application/grpc")], kept, "of a type that is not read"),
        ("PUT https://shop.s3.amazonaws.com/a?X-Amz-Acl=public-read", vec![], "", "as a header"),
        (
            "PUT https://shop.s3.amazonaws.com/a?x-amz-copy-source=shop%2Fb",
            vec![],
            "",
            "as a header",
        ),
        ("DELETE https://s3.amazonaws.com/shop/%2e%2e/other", vec![], "", "resolved"),
    ] {
        let error = read(&message(line, &headers, body)).unwrap_err();
        assert!(error.text.contains(words), "{line}: {}", error.text);
    }
}

#[test]
fn uploads_stream_and_nothing_else_does() {
    let prefix = |line: &str| {
        let mut long = message(line, &[("content-encoding", "aws-chunked")], "");
        long.body = Body::Prefix(Bytes::from_static(b"beginning"));
        read(&long)
    };
    for line in [
        "PUT https://shop.s3.amazonaws.com/a",
        "PUT https://shop.s3.amazonaws.com/a?partNumber=1&uploadId=u",
    ] {
        assert!(prefix(line).is_ok(), "{line}");
    }
    for line in [
        "POST https://shop.s3.amazonaws.com/?delete",
        "PUT https://shop.s3.amazonaws.com/a?acl",
        "PUT https://shop.s3.amazonaws.com/?policy",
    ] {
        assert!(prefix(line).is_err(), "{line}");
    }
}

#[test]
fn a_signature_is_found_by_its_key_id_and_is_not_part_of_what_is_said() {
    let line = "GET https://shop.s3.eu-west-1.amazonaws.com/a";
    let later = SIGNED.replace("20261120", "20261121").replace("Signature=0", "Signature=f");
    let one = message(line, &[("authorization", SIGNED), ("x-amz-date", "20261120T000000Z")], "");
    let other = message(line, &[("authorization", &later), ("x-amz-date", "20261121T000000Z")], "");
    assert_eq!(one.digest(), other.digest());
    let stranger = SIGNED.replace("PHANTOMPHANTOM12", "STRANGERSTRANGER");
    assert_ne!(one.digest(), message(line, &[("authorization", &stranger)], "").digest());
    let presigned = |date: &str| {
        let url = format!(
            "{line}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAPHANTOMPHANTOM12%2F{date}%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date={date}T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00{date}"
        );
        message(&url, &[], "")
    };
    assert_eq!(presigned("20261120").digest(), presigned("20261121").digest());
    for signed in [one, presigned("20261120")] {
        let found = credentials::find(&signed);
        assert!(found.iter().any(|used| used.is(b"AKIAPHANTOMPHANTOM12")), "{found:?}");
        let place = credentials::ToldBy::Place;
        assert_eq!(found.iter().filter(|used| used.told_by == place).count(), 1);
        assert_eq!(signature::read(&signed).unwrap().key_id, "AKIAPHANTOMPHANTOM12");
    }
}

fn keys() -> Keys {
    Keys::read("AKIAREALREALREALREAL:Rea1Secret/Rea1Secret+Rea1SecretRea1Secr").unwrap()
}

fn seal(message: &mut Message) -> super::sign::Seal {
    let scope = Scope { region: "eu-west-1".into(), service: "s3".into() };
    sign(message, &scope, Stands::Header, &keys(), Timestamp(1_795_183_499_000)).unwrap()
}

fn pieces(contents: &[&str]) -> String {
    let piece =
        |data: &&str| format!("{:x};chunk-signature={}\r\n{data}\r\n", data.len(), "0".repeat(64));
    let last = format!("0;chunk-signature={}\r\n\r\n", "0".repeat(64));
    contents.iter().map(piece).collect::<String>() + &last
}

#[test]
fn a_compressed_body_is_signed_as_it_goes_out() {
    let line = "POST https://monitoring.eu-west-1.amazonaws.com/";
    let coded = gzip(b"Action=PutMetricData");
    let headers = [("authorization", SIGNED), ("content-encoding", "gzip"), FORM];
    let mut message =
        message(line, &headers, "").with_body(Body::Whole(coded.clone().into()), 1024);
    assert_eq!(message.body.bytes(), "Action=PutMetricData");
    drop(seal(&mut message));
    let said = message.header_text("x-amz-content-sha256").unwrap();
    assert_eq!(said, super::sign::digest(&coded));
}

#[test]
fn pieces_are_as_long_as_before_however_they_come() {
    let line = "PUT https://shop.s3.eu-west-1.amazonaws.com/a";
    let headers =
        [("authorization", SIGNED), ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")];
    let body = pieces(&["some content", "and more of it"]);
    let mut whole = message(line, &headers, &body);
    assert!(chunked::is_signed(&whole));
    let own = seal(&mut whole);
    chunked::sign_whole(&mut whole, own).unwrap();
    let signed = whole.body.bytes().clone();
    assert_eq!(signed.len(), body.len());
    assert_ne!(signed, body.as_bytes());
    for size in [1, 7, 64, 1000] {
        let mut pieces = Pieces::new(seal(&mut message(line, &headers, "")));
        let parts = body.as_bytes().chunks(size).map(|part| pieces.push(part).unwrap());
        assert_eq!(parts.collect::<Vec<_>>().concat(), signed, "{size}");
        assert_eq!(pieces.finish(), Ok(()));
    }
}

#[test]
fn what_is_not_in_pieces_is_not_signed() {
    let check = |body: &str, expect: PieceError| {
        let mut pieces =
            Pieces::new(seal(&mut message("PUT https://s3.amazonaws.com/b/a", &[], "")));
        let found = pieces.push(body.as_bytes()).and_then(|_| pieces.finish());
        assert_eq!(found, Err(expect), "{body}");
    };
    let good = pieces(&["some content"]);
    check("just content\r\n", PieceError::Malformed);
    check(good.strip_suffix("\r\n\r\n").unwrap(), PieceError::Ends);
    check(&format!("{good}more"), PieceError::Follows);
    check(&good.replace("some content", "some content!"), PieceError::Malformed);
    check(&format!("0{good}"), PieceError::Malformed);
    check(&format!("500000;chunk-signature={}\r\n", "0".repeat(64)), PieceError::TooLarge);
}

/// CBOR of what a test sends: maps, lists, texts, small numbers and truth values.
fn cbor(value: &Json) -> Vec<u8> {
    let head = |major: u8, length: usize| {
        [vec![major << 5 | 25], (length as u16).to_be_bytes().to_vec()].concat()
    };
    let text = |text: &str| [head(3, text.len()), text.as_bytes().to_vec()].concat();
    match value {
        Json::Object(fields) => {
            let fields = fields.iter().flat_map(|(name, value)| [text(name), cbor(value)].concat());
            [vec![0xBF], fields.collect(), vec![0xFF]].concat()
        }
        Json::Array(values) => {
            [head(4, values.len()), values.iter().flat_map(cbor).collect()].concat()
        }
        Json::String(own) => text(own),
        Json::Number(own) => head(0, own.parse().unwrap()),
        Json::Bool(own) => vec![if *own { 0xF5 } else { 0xF4 }],
        Json::Null => vec![0xF6],
    }
}

/// A service whose hosts take all three, operations, and the parameters that matter.
fn asked() -> impl Strategy<Value = (&'static str, &'static str, &'static str, Vec<String>, u16)> {
    let calls = [
        ("monitoring", "GraniteServiceVersion20100801", "DeleteAlarms", "AlarmNames"),
        ("monitoring", "GraniteServiceVersion20100801", "DescribeAlarms", "AlarmNames"),
        ("rds", "AmazonRDSv19", "ModifyDBInstance", "DBInstanceIdentifier"),
        ("sqs", "AmazonSQS", "PurgeQueue", "QueueUrl"),
        ("sqs", "AmazonSQS", "NobodyKnows", "QueueUrl"),
    ];
    let names = prop::collection::vec("[a-z]{1,8}", 1..4);
    (prop::sample::select(calls.to_vec()), names, 0..20_u16).prop_map(
        |((host, _, operation, parameter), mut names, number)| {
            if !parameter.ends_with('s') {
                names.truncate(1);
            }
            (host, operation, parameter, names, number)
        },
    )
}

proptest! {
    #[test]
    fn query_json_and_cbor_mean_the_same((host, operation, parameter, names, number) in asked()) {
        let url = format!("https://{host}.eu-west-1.amazonaws.com");
        let list: String = match parameter.ends_with('s') {
            true => names.iter().enumerate().map(|(at, name)| format!("&{parameter}.member.{}={name}", at + 1)).collect(),
            false => format!("&{parameter}={}", names[0]),
        };
        let form = format!("Action={operation}{list}&BackupRetentionPeriod={number}");
        let strings: Vec<Json> = names.iter().cloned().map(Json::String).collect();
        let value = if parameter.ends_with('s') { Json::Array(strings) } else { strings[0].clone() };
        let object = Json::Object(vec![
            (parameter.to_owned(), value),
            ("BackupRetentionPeriod".to_owned(), Json::Number(number.to_string())),
        ]);
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let quoted = if parameter.ends_with('s') { format!("[{}]", quoted.join(",")) } else { quoted[0].clone() };
        let json = format!("{{\"{parameter}\":{quoted},\"BackupRetentionPeriod\":{number}}}");
        let target = format!("Prefix.{operation}");
        let by_query = operations(&format!("GET {url}/?{form}"), &[], "");
        let by_form = operations(&format!("POST {url}/"), &[FORM], &form);
        let mut by_cbor = message(&format!("POST {url}/service/X/operation/{operation}"), &[("content-type", "application/cbor")], "");
        by_cbor.body = Body::Whole(cbor(&object).into());
        let by_cbor = read(&by_cbor).unwrap();
        prop_assert_eq!(&by_query, &by_form);
        prop_assert_eq!(&by_form, &by_cbor);
        let by_json = operations(&format!("POST {url}/service/X/operation/{operation}"), &[JSON], &json);
        prop_assert_eq!(&by_json, &by_cbor);
        // Under a target that is another service's, nothing is known: never less strict.
        let strange = operations(&format!("POST {url}/"), &[JSON, ("x-amz-target", &target)], &json);
        let strict = |found: &[Operation]| found.iter().map(|it| it.effect).max();
        prop_assert!(strict(&strange) >= strict(&by_json).filter(|effect| *effect <= Execute));
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = super::cbor::read(&bytes);
        let _ = super::xml::read(&bytes);
        let mut pieces = Pieces::new(seal(&mut message("PUT https://s3.amazonaws.com/b/a", &[], "")));
        let _ = pieces.push(&bytes);
    }
}
