//! Waits until nodes take work.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, Stream};
use futures_util::{StreamExt, future};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use rivetos_fleet::model::{ResourceId, Uid};
use rivetos_fleet::port::{AccessError, LogOptions, NodeAccess};
use rivetos_protocol::{AgentStatus, HealthReport};

use crate::client::{AgentClient, ClientError};
use crate::event::{EventKind, Events};

/// How many of its last log lines a node that is not ready is shown with.
pub const LOG_LINES_SHOWN: usize = 10;

/// Agents are ready within some 30 ms, so the first pause is of that size.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// The longest single look at a node.
const LOOK_MAX: Duration = Duration::from_secs(5);
/// How often in a row a node must be seen not to run until it is given up: nobody starts it again.
/// One that is about to be started again is unreachable instead.
const GONE_LOOKS_MAX: u32 = 3;
/// Looks at once: on container targets each one is a process on the host.
const LOOKS_AT_ONCE_MAX: usize = 8;

/// What a node must say of itself to be the one that was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The uid that the fleet gave it.
    pub uid: Uid,
    /// The version of its program, where it matters.
    pub version: Option<String>,
}

/// How the wait for one node ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It takes work.
    Ready(Box<HealthReport>),
    /// It did not in time.
    NotReady {
        /// What was last seen of it.
        last: String,
        /// Its last log lines, at most [`LOG_LINES_SHOWN`], oldest first.
        log: Vec<String>,
    },
}

/// Looks at every node again and again until it is ready, does not run any more, or `deadline` has
/// passed since the call. All nodes are waited for at once. Dropping the future ends the wait.
pub async fn wait_ready<A>(
    access: &A,
    nodes: &BTreeMap<ResourceId, Expected>,
    deadline: Duration,
    events: &Events<'_>,
) -> BTreeMap<ResourceId, Readiness>
where
    A: NodeAccess,
    A::Stream: AsyncRead + AsyncWrite + Unpin,
    A::Lines: Stream<Item = Result<String, AccessError>> + Unpin,
{
    let until = Instant::now() + deadline;
    let looks = Semaphore::new(LOOKS_AT_ONCE_MAX);
    let mut waits: FuturesUnordered<_> = nodes
        .iter()
        .map(|(node, expected)| {
            let looks = &looks;
            let said = |last: &str| {
                events.emit(EventKind::NodeWaiting {
                    node: node.clone(),
                    last: last.to_owned(),
                });
            };
            let wait = Wait { until, looks, said };
            async move { (node, wait_for(access, (node, expected), wait).await) }
        })
        .collect();
    let mut readiness = BTreeMap::new();
    while let Some((node, result)) = waits.next().await {
        events.emit(match &result {
            Readiness::Ready(_) => EventKind::NodeReady { node: node.clone() },
            Readiness::NotReady { last, .. } => EventKind::NodeNotReady {
                node: node.clone(),
                last: last.clone(),
            },
        });
        readiness.insert(node.clone(), result);
    }
    readiness
}

/// The bounds of the wait for one node, and who hears of it.
struct Wait<'a, S> {
    until: Instant,
    looks: &'a Semaphore,
    said: S,
}

async fn wait_for<A, S>(
    access: &A,
    (node, expected): (&ResourceId, &Expected),
    wait: Wait<'_, S>,
) -> Readiness
where
    S: Fn(&str),
    A: NodeAccess,
    A::Stream: AsyncRead + AsyncWrite + Unpin,
    A::Lines: Stream<Item = Result<String, AccessError>> + Unpin,
{
    let Wait { until, looks, said } = wait;
    let mut last = "there was no time to look".to_owned();
    let mut pause = PAUSE_FIRST;
    let mut gone = 0;
    while Instant::now() < until && gone < GONE_LOOKS_MAX {
        let attempt = async {
            let _permit = looks.acquire().await;
            timeout(LOOK_MAX, look(access, node, expected)).await
        };
        let seen = match timeout_at(until, attempt).await {
            Ok(Ok(Ok(report))) => return Readiness::Ready(Box::new(report)),
            Ok(Ok(Err(Unready::Gone(seen)))) => {
                gone += 1;
                seen
            }
            Ok(Ok(Err(Unready::Yet(seen)))) => {
                gone = 0;
                seen
            }
            Ok(Err(_)) => format!("no answer within {} s", LOOK_MAX.as_secs()),
            Err(_) => break,
        };
        if seen != last {
            said(&seen);
            last = seen;
        }
        sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
    let log = timeout(LOOK_MAX, last_lines(access, node))
        .await
        .unwrap_or_default();
    Readiness::NotReady { last, log }
}

/// What is the matter with a node.
enum Unready {
    /// It does not run.
    Gone(String),
    /// Anything else: it may be ready in a moment.
    Yet(String),
}

/// One look at a node: its report when it is the expected one and ready, else what is the matter.
async fn look<A>(
    access: &A,
    node: &ResourceId,
    expected: &Expected,
) -> Result<HealthReport, Unready>
where
    A: NodeAccess,
    A::Stream: AsyncRead + AsyncWrite + Unpin,
{
    let stream = access.connect(node).await.map_err(|error| match error {
        AccessError::Absent(_) | AccessError::NotRunning(_) => Unready::Gone(error.to_string()),
        AccessError::Unreachable { .. } => Unready::Yet(error.to_string()),
    })?;
    let report = ask(stream).await.map_err(|e| Unready::Yet(e.to_string()))?;
    judge(report, expected).map_err(Unready::Yet)
}

async fn ask<S>(stream: S) -> Result<HealthReport, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    AgentClient::new(stream).await?.health().await
}

/// The report of the expected node when it is ready, else what is the matter.
fn judge(report: HealthReport, expected: &Expected) -> Result<HealthReport, String> {
    if report.uid.as_ref() != Some(&expected.uid.0) {
        return Err(format!(
            "another agent answers in its place: `{}`",
            report.agent
        ));
    }
    if let Some(version) = expected
        .version
        .as_ref()
        .filter(|version| **version != report.version)
    {
        return Err(format!(
            "version {} answers instead of {version}",
            report.version
        ));
    }
    match report.status {
        AgentStatus::Ready => Ok(report),
        AgentStatus::Starting | AgentStatus::Draining | AgentStatus::Degraded => {
            Err(described(&report))
        }
    }
}

fn described(report: &HealthReport) -> String {
    let status = match report.status {
        AgentStatus::Starting => "starting",
        AgentStatus::Ready => "ready",
        AgentStatus::Draining => "draining",
        AgentStatus::Degraded => "degraded",
    };
    if report.reason.is_empty() {
        status.to_owned()
    } else {
        format!("{status}: {}", report.reason)
    }
}

async fn last_lines<A>(access: &A, node: &ResourceId) -> Vec<String>
where
    A: NodeAccess,
    A::Lines: Stream<Item = Result<String, AccessError>> + Unpin,
{
    let options = LogOptions {
        tail: Some(LOG_LINES_SHOWN),
        ..LogOptions::default()
    };
    let Ok(lines) = access.logs(node, options).await else {
        return Vec::new();
    };
    lines
        .filter_map(|line| future::ready(line.ok()))
        .take(LOG_LINES_SHOWN)
        .collect()
        .await
}
