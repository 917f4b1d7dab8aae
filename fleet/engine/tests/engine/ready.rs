//! Waiting for nodes.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::agent::{Script, connect, start};
use futures_util::stream;
use rivetos_engine::{Event, EventKind, Events, Expected, LOG_LINES_SHOWN, Readiness, wait_ready};
use rivetos_fleet::model::{Kind, ResourceId, Uid};
use rivetos_fleet::port::{AccessError, LogOptions, NodeAccess};
use tokio::net::TcpStream;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);

/// Nodes by their ports; a node without one does not run.
struct Nodes(BTreeMap<ResourceId, Option<u16>>);

impl NodeAccess for Nodes {
    type Stream = TcpStream;
    type Lines = stream::Iter<std::vec::IntoIter<Result<String, AccessError>>>;

    async fn connect(&self, node: &ResourceId) -> Result<TcpStream, AccessError> {
        match self.0[node] {
            Some(port) => Ok(connect(port).await),
            None => Err(AccessError::NotRunning(node.clone())),
        }
    }

    async fn logs(&self, _: &ResourceId, options: LogOptions) -> Result<Self::Lines, AccessError> {
        let tail = options.tail.unwrap();
        let lines: Vec<_> = (100 - tail..100)
            .map(|line| Ok(format!("line {line}")))
            .collect();
        Ok(stream::iter(lines))
    }
}

fn node(name: &str) -> ResourceId {
    ResourceId::new(Kind::Agent, name)
}

/// Waits for nodes of the uid `uid`, of which some report something else.
async fn wait(
    ports: &[(&str, Option<u16>)],
    version: Option<&str>,
    deadline: Duration,
) -> (BTreeMap<ResourceId, Readiness>, Vec<EventKind>) {
    let nodes = Nodes(
        ports
            .iter()
            .map(|(name, port)| (node(name), *port))
            .collect(),
    );
    let expected = Expected {
        uid: Uid("uid".to_owned()),
        version: version.map(str::to_owned),
    };
    let expected = nodes
        .0
        .keys()
        .map(|node| (node.clone(), expected.clone()))
        .collect();
    let seen = Mutex::new(Vec::new());
    let sink = |event: &Event| seen.lock().unwrap().push(event.kind.clone());
    let readiness = wait_ready(&nodes, &expected, deadline, &Events::new(&sink)).await;
    (readiness, seen.into_inner().unwrap())
}

fn script(uid: &str, looks_until_ready: usize) -> Script {
    Script {
        uid: uid.to_owned(),
        looks_until_ready,
        ..Script::default()
    }
}

#[track_caller]
fn last_seen(readiness: &Readiness) -> &str {
    match readiness {
        Readiness::NotReady { last, .. } => last,
        Readiness::Ready(report) => panic!("it is ready: {report:?}"),
    }
}

#[tokio::test]
async fn nodes_are_waited_for_until_they_take_work() {
    let ports = [
        ("a", Some(start(script("uid", 0)).await)),
        ("b", Some(start(script("uid", 3)).await)),
    ];
    let (readiness, events) = wait(&ports, Some("0.1.0"), LONG).await;
    assert!(
        readiness
            .values()
            .all(|node| matches!(node, Readiness::Ready(_))),
        "{readiness:?}"
    );
    let ready = |name| EventKind::NodeReady { node: node(name) };
    let starting = EventKind::NodeWaiting {
        node: node("b"),
        last: "starting: opening the store".to_owned(),
    };
    let told: Vec<&EventKind> = events.iter().filter(|event| **event != starting).collect();
    assert_eq!(told, [&ready("a"), &ready("b")]);
    assert_eq!(events.len(), 3, "what did not change is told once");
}

#[tokio::test]
async fn a_node_that_is_not_ready_is_told_with_its_last_words() {
    let ports = [
        ("a", Some(start(script("uid", usize::MAX)).await)),
        ("b", None),
    ];
    let (readiness, events) = wait(&ports, None, SHORT).await;
    assert_eq!(
        last_seen(&readiness[&node("a")]),
        "starting: opening the store"
    );
    assert_eq!(last_seen(&readiness[&node("b")]), "agent/b does not run");
    let Readiness::NotReady { log, .. } = &readiness[&node("b")] else {
        unreachable!()
    };
    assert_eq!(log.len(), LOG_LINES_SHOWN);
    assert_eq!(log.last().map(String::as_str), Some("line 99"));
    let ended = |event: &&EventKind| matches!(event, EventKind::NodeNotReady { .. });
    assert_eq!(events.iter().filter(ended).count(), 2);
}

#[tokio::test]
async fn a_node_that_does_not_run_is_not_waited_for() {
    let begin = std::time::Instant::now();
    let (readiness, _) = wait(&[("a", None)], None, LONG).await;
    assert_eq!(last_seen(&readiness[&node("a")]), "agent/a does not run");
    assert!(begin.elapsed() < LONG / 2);
}

#[tokio::test]
async fn whoever_else_answers_is_not_the_node() {
    let ports = [("a", Some(start(script("other", 0)).await))];
    let (readiness, _) = wait(&ports, None, SHORT).await;
    assert_eq!(
        last_seen(&readiness[&node("a")]),
        "another agent answers in its place: `a`"
    );
    let ports = [("a", Some(start(script("uid", 0)).await))];
    let (readiness, _) = wait(&ports, Some("0.2.0"), SHORT).await;
    assert_eq!(
        last_seen(&readiness[&node("a")]),
        "version 0.1.0 answers instead of 0.2.0"
    );
}
