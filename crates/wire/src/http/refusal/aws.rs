//! Refusals in the error shapes of AWS's protocols: clients print `message` behind the code.
//! Sources: the error parsers of botocore and the Smithy specifications of the protocols.

use bytes::Bytes;

use super::{Problem, shape::Shape};
use crate::http::{aws, content, message::Message};

/// The media type of AWS's CBOR protocol.
const CBOR: &str = "application/cbor";

/// The shape that the sender of `message` reads, if it goes to an API of AWS.
pub(super) fn shape(message: &Message) -> Option<Shape> {
    let endpoint = aws::endpoint(message)?;
    let media = content::media_type(message);
    let is = |name: &str| endpoint.name == name;
    let smithy = message.header("smithy-protocol").any(|value| value.as_ref() == b"rpc-v2-cbor");
    Some(if endpoint.is_s3() {
        Shape::AwsS3
    } else if is("ec2") {
        Shape::AwsEc2
    } else if smithy || media == CBOR {
        Shape::AwsCbor
    } else if media == "application/x-www-form-urlencoded"
        || message.target.contains("Action=")
        || ["s3-control", "cloudfront", "route53"].iter().any(|name| is(name))
    {
        Shape::AwsQuery
    } else {
        Shape::AwsJson
    })
}

/// Headers of the JSON and CBOR protocols.
pub(super) fn headers(shape: Shape, problem: &Problem<'_>) -> Vec<(&'static str, String)> {
    match shape {
        Shape::AwsJson => vec![("x-amzn-errortype", code(problem.status).to_owned())],
        Shape::AwsCbor => vec![("smithy-protocol", "rpc-v2-cbor".to_owned())],
        _ => Vec::new(),
    }
}

/// The CBOR protocol's error: a map of two texts (RFC 8949 §3.1).
pub(super) fn cbor(problem: &Problem<'_>) -> (&'static str, Bytes) {
    let mut bytes = vec![0xA2];
    for text in ["__type", code(problem.status), "message", &problem.detail] {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        bytes.push(0x7A);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    (CBOR, Bytes::from(bytes))
}

/// The code by which AWS clients know that it is of no use to try again, or that it is.
pub(super) fn code(status: u16) -> &'static str {
    if status == 503 { "ServiceUnavailable" } else { "AccessDeniedException" }
}

/// AWS's XML errors.
pub(super) fn xml(shape: Shape, problem: &Problem<'_>) -> String {
    let code = code(problem.status);
    let message = escaped(&problem.detail);
    let id = escaped(&problem.refusal.reference);
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    let body = match shape {
        Shape::AwsS3 => format!("<Error>{error}<RequestId>{id}</RequestId></Error>"),
        Shape::AwsEc2 => format!(
            "<Response><Errors><Error>{error}</Error></Errors><RequestID>{id}</RequestID></Response>"
        ),
        _ => format!(
            "<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>{id}</RequestId></ErrorResponse>"
        ),
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}")
}

/// Text for XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
