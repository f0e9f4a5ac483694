//! The shape of a refusal: what the client of a message prints, told by where it goes.
//! Sources: Cargo's errors: the Cargo Book, "Web API". `DENIED`: the error codes of the OCI
//! distribution specification. gRPC: "gRPC over HTTP2".
//! Go's module proxies: "Go Modules Reference", GOPROXY protocol.
//! `Status`: the Kubernetes client `@kubernetes/client-node` 2.0.1. What kubectl prints while it
//! discovers: tried with kubectl 1.32.
//! The shapes of AWS, Google, git and npm, and `UNAVAILABLE`, from common use.

use holdpoint_catalog::hosts::{self, Speaks};
use holdpoint_core::{Code, refusal::RefusalKind};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Problem, aws};
use crate::http::{content, grpc::Variant, interpret, message::Message, path};

/// The shape of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Problem details (RFC 9457).
    Problem,
    /// GraphQL over HTTP: `errors` with `extensions`.
    Graphql,
    /// AWS JSON protocols.
    AwsJson,
    /// AWS's RPC v2 protocol: CBOR.
    AwsCbor,
    /// AWS query protocol.
    AwsQuery,
    /// EC2's variant of the query protocol.
    AwsEc2,
    /// S3.
    AwsS3,
    /// The Kubernetes API: a `Status`.
    Kubernetes,
    /// What the Kubernetes API is made of: kubectl asks that first, and prints text, but nothing
    /// of a `Status`.
    KubernetesDiscovery,
    /// Google APIs (AIP-193).
    Google,
    /// Git's smart HTTP: plain text is printed behind `remote:` when references are asked for. A
    /// push that could be read is answered in its own protocol instead.
    Git,
    /// npm prints the field `error`.
    Npm,
    /// Cargo prints `errors[].detail`.
    Cargo,
    /// Go's module proxies: the `go` command prints what is plain text.
    GoModules,
    /// gRPC: a status and a text in the place of trailers, and no body.
    Grpc(Variant),
    /// Container registries (OCI distribution specification).
    Registry,
}

impl Shape {
    /// The shape that the sender of `message` reads.
    pub(super) fn of(message: &Message) -> Self {
        let host = message.host.as_str();
        let raw = message.raw_path();
        let identity = hosts::identity(host);
        let ends = |suffix: &str| raw.ends_with(suffix);
        if ends("/info/refs") || ends("/git-upload-pack") || ends("/git-receive-pack") {
            return Self::Git;
        }
        if let Some(variant) = Variant::of(message) {
            return Self::Grpc(variant);
        }
        if let Some(aws) = aws::shape(message) {
            return aws;
        }
        match identity.map(|identity| identity.provider) {
            Some("npm") => return Self::Npm,
            Some("crates") => return Self::Cargo,
            Some("oci") => return Self::Registry,
            Some("go") => return Self::GoModules,
            _ => {}
        }
        if identity.is_some_and(|identity| identity.speaks == Speaks::Graphql)
            || is_graphql(message)
        {
            return Self::Graphql;
        }
        if host.ends_with(".googleapis.com") {
            return Self::Google;
        }
        let agent = message.header_text("user-agent").unwrap_or_default();
        if let Some(shape) = of_registry(agent, raw) {
            return shape;
        }
        let kubernetes = ["kubectl/", "helm/", "Helm/", "k9s/", "kube"];
        let is_kubernetes = kubernetes.iter().any(|name| agent.starts_with(name));
        if is_kubernetes && is_discovery(raw) {
            return Self::KubernetesDiscovery;
        }
        if is_kubernetes || raw.starts_with("/apis/") || raw.starts_with("/api/v1/namespaces") {
            return Self::Kubernetes;
        }
        Self::Problem
    }

    /// The status of this shape's answers, where it is not that of the problem.
    pub(super) fn status(self, problem: &Problem<'_>) -> u16 {
        match self {
            Self::Grpc(_) => 200,
            _ => problem.status,
        }
    }

    /// Headers that this shape's clients read.
    pub(super) fn headers(self, problem: &Problem<'_>) -> Vec<(&'static str, String)> {
        match self {
            Self::AwsJson | Self::AwsCbor => aws::headers(self, problem),
            Self::Registry => {
                vec![("docker-distribution-api-version", "registry/2.0".to_owned())]
            }
            Self::Grpc(_) => vec![
                ("grpc-status", grpc_status(problem).to_string()),
                ("grpc-message", grpc_message(&problem.detail)),
            ],
            _ => Vec::new(),
        }
    }

    /// Media type and body.
    pub(super) fn body(self, problem: &Problem<'_>) -> (&'static str, String) {
        let json_media = "application/json";
        match self {
            Self::Problem => ("application/problem+json", text(&problem.fields())),
            Self::Graphql => {
                let error = json!({"message": problem.detail, "extensions": problem.fields()});
                (json_media, text(&json!({"errors": [error]})))
            }
            // CBOR is no text: its bytes are made in its own place.
            Self::AwsJson | Self::AwsCbor => {
                let body = json!({"__type": aws::code(problem.status), "message": problem.detail,
                    "Message": problem.detail});
                ("application/x-amz-json-1.1", text(&body))
            }
            Self::AwsQuery | Self::AwsEc2 | Self::AwsS3 => ("text/xml", aws::xml(self, problem)),
            Self::Kubernetes => (json_media, text(&kubernetes(problem))),
            Self::Google => (json_media, text(&google(problem))),
            Self::Grpc(variant) => (variant.media_type(), String::new()),
            Self::Git | Self::KubernetesDiscovery | Self::GoModules => {
                ("text/plain; charset=utf-8", format!("{}\n", problem.detail))
            }
            Self::Npm => {
                let code = problem.code();
                (json_media, text(&json!({"error": problem.detail, "code": code})))
            }
            Self::Cargo => (json_media, text(&json!({"errors": [{"detail": problem.detail}]}))),
            Self::Registry => {
                let code = if problem.status == 503 { "UNAVAILABLE" } else { "DENIED" };
                let error = json!({"code": code, "message": problem.detail,
                    "detail": problem.fields()});
                (json_media, text(&json!({"errors": [error]})))
            }
        }
    }
}

/// The status codes of gRPC. What may have happened is not `UNAVAILABLE`: clients try that again
/// by themselves.
fn grpc_status(problem: &Problem<'_>) -> u8 {
    match (problem.refusal.kind, problem.refusal.code()) {
        (_, Code::OutcomeUnknown) => 2,
        (RefusalKind::Deny, _) => 7,
        (RefusalKind::Hold | RefusalKind::Scheduled, _) => 9,
        (RefusalKind::Unavailable | RefusalKind::Upstream, _) => 14,
    }
}

/// A text for `grpc-message`: what is no printable ASCII, and `%`, percent-encoded.
fn grpc_message(text: &str) -> String {
    const ENCODED: &AsciiSet = &CONTROLS.add(b'%');
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Whether a message goes to a GraphQL endpoint, as far as its own words say.
fn is_graphql(message: &Message) -> bool {
    let typed = content::media_type(message).starts_with("application/graphql");
    let segments = path::segments(message.raw_path(), path::EncodedSlash::OfName);
    typed || segments.is_ok_and(|segments| interpret::is_graphql_path(&segments))
}

/// What the client of a package registry reads, wherever the registry is: teams have their own.
/// yarn and pnpm name npm after themselves.
fn of_registry(agent: &str, path: &str) -> Option<Shape> {
    const IMAGES: [&str; 5] = ["docker/", "containerd/", "buildkit/", "containers/", "skopeo/"];
    let is_module = || path.contains("/@v/") || path.ends_with("/@latest");
    if agent.starts_with("npm/") || agent.contains(" npm/") {
        Some(Shape::Npm)
    } else if agent.starts_with("cargo/") || agent.starts_with("cargo ") {
        Some(Shape::Cargo)
    } else if path.starts_with("/v2/") && IMAGES.iter().any(|name| agent.starts_with(name)) {
        Some(Shape::Registry)
    } else if agent.starts_with("Go-http-client/") && is_module() {
        Some(Shape::GoModules)
    } else {
        None
    }
}

/// Whether `path` tells what the API of a Kubernetes cluster is made of.
fn is_discovery(path: &str) -> bool {
    matches!(path.trim_end_matches('/'), "/api" | "/apis" | "/version")
        || path.starts_with("/openapi/")
}

fn text(value: &Value) -> String {
    value.to_string()
}

/// `Status` of the Kubernetes API (meta/v1).
fn kubernetes(problem: &Problem<'_>) -> Value {
    let reason = if problem.status == 503 { "ServiceUnavailable" } else { "Forbidden" };
    let cause = json!({"reason": problem.code(), "message": problem.detail});
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": problem.detail,
        "reason": reason,
        "details": {"causes": [cause]},
        "code": problem.status,
    })
}

/// Google's error model (AIP-193).
fn google(problem: &Problem<'_>) -> Value {
    let status = match problem.status {
        503 => "UNAVAILABLE",
        428 => "FAILED_PRECONDITION",
        _ => "PERMISSION_DENIED",
    };
    let detail = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": problem.code().to_ascii_uppercase(),
        "domain": "holdpoint",
        "metadata": {"hold": problem.refusal.hold.clone().unwrap_or_default(),
            "approve_with": problem.approve_with.clone().unwrap_or_default(),
            "retry": problem.retry},
    });
    json!({"error": {"code": problem.status, "message": problem.detail, "status": status,
        "details": [detail]}})
}
