//! Numbers and spans in the JSON of OTLP 1.x (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

use holdpoint_core::Timestamp;
use serde_json::{Value, json};

use super::{
    family::{Family, Points},
    spans::{Span, Spans},
};

/// What was counted since the beginning is told each time (`AGGREGATION_TEMPORALITY_CUMULATIVE`).
const CUMULATIVE: u8 = 2;
/// A span of the gateway's own work (`SPAN_KIND_INTERNAL`).
const INTERNAL: u8 = 1;
/// What came to nothing (`STATUS_CODE_ERROR`).
const ERROR: u8 = 2;

/// An `ExportMetricsServiceRequest` of what was counted from `since` to `now`.
pub(super) fn metrics(families: &[Family], since: Timestamp, now: Timestamp) -> Value {
    let times = json!({"startTimeUnixNano": nanos(since), "timeUnixNano": nanos(now)});
    let metrics: Vec<Value> = families.iter().map(|family| metric(family, &times)).collect();
    json!({"resourceMetrics": [{
        "resource": resource(),
        "scopeMetrics": [{"scope": scope(), "metrics": metrics}],
    }]})
}

fn metric(family: &Family, times: &Value) -> Value {
    let numbers = |points: &[(Vec<(&str, &str)>, u64)]| -> Vec<Value> {
        let point = |(labels, value): &(Vec<(&str, &str)>, u64)| {
            with(times, json!({"attributes": attributes(labels), "asInt": value.to_string()}))
        };
        points.iter().map(point).collect()
    };
    let told = json!({"name": family.name, "description": family.help});
    match &family.points {
        Points::Counter(points) => with(
            &told,
            json!({"unit": "1", "sum": {
                "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": numbers(points),
            }}),
        ),
        Points::Gauge(points) => {
            with(&told, json!({"unit": "1", "gauge": {"dataPoints": numbers(points)}}))
        }
        Points::Seconds(histogram) => {
            let (bounds, counts) = histogram.buckets();
            let all: u64 = counts.iter().sum();
            let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
            let point = json!({
                "count": all.to_string(), "sum": histogram.sum(),
                "bucketCounts": counts, "explicitBounds": bounds,
            });
            with(
                &told,
                json!({"unit": "s", "histogram": {
                    "aggregationTemporality": CUMULATIVE, "dataPoints": [with(times, point)],
                }}),
            )
        }
    }
}

/// An `ExportTraceServiceRequest` of `spans`, by a gateway that has `seed`: one trace for each
/// message, in which its answer and its hold belong to its decision.
pub(super) fn traces(spans: &[Span], seed: &[u8; 32]) -> Value {
    let span = |span: &Span| {
        let (trace, id) = Spans::ids(seed, span.index, span.name);
        let (_, decision) = Spans::ids(seed, span.index, "decision");
        let mut labels = attributes(&span.labels);
        labels.push(json!({
            "key": "holdpoint.ledger.index", "value": {"intValue": span.index.to_string()},
        }));
        let failed = span.labels.contains(&("outcome", "failed"));
        let parent = if span.name == "decision" { String::new() } else { decision };
        json!({
            "traceId": trace, "spanId": id, "parentSpanId": parent, "name": span.name, "kind": INTERNAL,
            "startTimeUnixNano": nanos(span.began), "endTimeUnixNano": nanos(span.ended),
            "attributes": labels, "status": {"code": if failed { ERROR } else { 0 }},
        })
    };
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({"resourceSpans": [{
        "resource": resource(),
        "scopeSpans": [{"scope": scope(), "spans": spans}],
    }]})
}

fn resource() -> Value {
    json!({"attributes": [{"key": "service.name", "value": {"stringValue": "holdpoint"}}]})
}

fn scope() -> Value {
    json!({"name": "holdpoint", "version": env!("CARGO_PKG_VERSION")})
}

fn attributes(labels: &[(&str, &str)]) -> Vec<Value> {
    let one = |(label, word): &(&str, &str)| json!({"key": format!("holdpoint.{label}"), "value": {"stringValue": word}});
    labels.iter().map(one).collect()
}

/// 64 bits are text in this JSON.
fn nanos(at: Timestamp) -> String {
    (u128::from(at.0) * 1_000_000).to_string()
}

/// Both together.
fn with(one: &Value, other: Value) -> Value {
    let parts = [one.clone(), other];
    let parts = parts.into_iter().filter_map(|part| match part {
        Value::Object(part) => Some(part),
        _ => None,
    });
    Value::Object(parts.flatten().collect())
}
