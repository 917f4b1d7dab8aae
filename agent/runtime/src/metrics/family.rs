//! What can be told of one metric, and the two ways to tell it.

use std::fmt::{self, Display, Formatter, Write};

use serde::Serialize;
use serde_json::{Map, json as object};

use super::histogram::Snapshot;

/// A metric.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) points: Points,
}

pub(super) enum Points {
    /// It only grows.
    Counter(Vec<Row>),
    /// It goes up and down.
    Gauge(Vec<Row>),
    Histogram(Snapshot),
}

pub(super) struct Row {
    label: Option<(&'static str, &'static str)>,
    value: Value,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum Value {
    Count(u64),
    Amount(f64),
}

impl Family {
    pub(super) fn counter(name: &'static str, help: &'static str, count: u64) -> Self {
        let points = Points::Counter(vec![Row::plain(Value::Count(count))]);
        Self { name, help, points }
    }

    /// Without a row when nobody knows.
    pub(super) fn gauge(name: &'static str, help: &'static str, count: Option<u64>) -> Self {
        let rows = count.map(|count| Row::plain(Value::Count(count)));
        let points = Points::Gauge(rows.into_iter().collect());
        Self { name, help, points }
    }
}

impl Row {
    pub(super) fn plain(value: Value) -> Self {
        Self { label: None, value }
    }

    pub(super) fn of(label: &'static str, is: &'static str, count: u64) -> Self {
        Self {
            label: Some((label, is)),
            value: Value::Count(count),
        }
    }
}

impl Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 2^52 millionths, which are billions, a few do not matter"
    )]
    pub(super) fn millionths(count: u64) -> Self {
        Self::Amount(count as f64 / 1e6)
    }
}

impl Display for Value {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(formatter),
            Self::Amount(amount) => amount.fmt(formatter),
        }
    }
}

impl Points {
    fn kind(&self) -> &'static str {
        match self {
            Self::Counter(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// The text format of Prometheus, version 0.0.4. No label needs escaping: all are ours.
pub(super) fn text(families: &[Family]) -> String {
    let mut text = String::with_capacity(8192);
    for family in families {
        // Writing to a `String` cannot fail.
        let _ = write_family(&mut text, family);
    }
    text
}

fn write_family(text: &mut String, Family { name, help, points }: &Family) -> fmt::Result {
    let kind = points.kind();
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
    match points {
        Points::Counter(rows) | Points::Gauge(rows) => {
            for Row { label, value } in rows {
                match label {
                    Some((label, is)) => writeln!(text, "{name}{{{label}=\"{is}\"}} {value}")?,
                    None => writeln!(text, "{name} {value}")?,
                }
            }
            Ok(())
        }
        Points::Histogram(seen) => {
            for bucket in &seen.buckets {
                let (bound, count) = (bucket.up_to_seconds, bucket.count);
                writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}")?;
            }
            let (sum, count) = (seen.sum_seconds, seen.count);
            writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}")?;
            writeln!(text, "{name}_sum {sum}\n{name}_count {count}")
        }
    }
}

/// An object with one field for each metric.
pub(super) fn json(families: &[Family]) -> serde_json::Value {
    let field = |family: &Family| {
        let mut of_family = match &family.points {
            Points::Counter(rows) | Points::Gauge(rows) => {
                let rows: Vec<_> = rows.iter().map(row).collect();
                object!({ "values": rows })
            }
            Points::Histogram(seen) => {
                let buckets = seen.buckets.iter().map(|bucket| {
                    object!({ "up_to_seconds": bucket.up_to_seconds, "count": bucket.count })
                });
                let buckets: Vec<_> = buckets.collect();
                object!({
                    "buckets": buckets,
                    "sum_seconds": seen.sum_seconds,
                    "count": seen.count,
                })
            }
        };
        of_family["kind"] = family.points.kind().into();
        (family.name.to_owned(), of_family)
    };
    families.iter().map(field).collect::<Map<_, _>>().into()
}

fn row(Row { label, value }: &Row) -> serde_json::Value {
    let labels: Map<_, _> = label
        .iter()
        .map(|(label, is)| ((*label).to_owned(), (*is).into()))
        .collect();
    object!({ "labels": labels, "value": value })
}
