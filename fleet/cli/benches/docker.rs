//! What looking and bringing up cost on a real engine, beside the same calls made raw.
//!
//! `DOCKER_HOST=unix:///… cargo bench -p rivetos --bench docker`
//!
//! Uses the fleets `bench-look` and `bench-up` of that engine and removes them again. The image of
//! the agent is built first if it is not there. Figures are medians over pairs of runs, in turn.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark stops at the first thing that is wrong, and prints"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rivetos_engine::{Events, Options, PARALLEL_DEFAULT, RunHeader, RunJournal, execute};
use rivetos_fleet::model::{Inventories, Layout, Plan, TargetId};
use rivetos_fleet::port::InfraProvider;
use rivetos_fleet::{
    Approval, BuildInfo, Context, DataFate, FleetSpec, PlanOptions, Secret, SecretError, SecretRef,
    SecretResolver, Teardown, desired, plan, plan_destroy,
};
use rivetos_provider_docker::{DockerEngine, DockerProvider, EngineAddress};
use tokio::sync::Notify;

#[path = "docker/raw.rs"]
mod raw;

const LOOK_AGENTS: usize = 100;
const LOOK_PAIRS: usize = 21;
const UP_AGENTS: usize = 50;
const UP_PAIRS: usize = 3;

struct NoSecrets;

impl SecretResolver for NoSecrets {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        Err(SecretError::Missing(secret.clone()))
    }
}

struct Bench {
    provider: DockerProvider,
    desired: rivetos_fleet::model::DesiredSet,
    journals: tempfile::TempDir,
}

fn main() {
    let Ok(host) = std::env::var("DOCKER_HOST") else {
        eprintln!("SKIPPED: DOCKER_HOST names no engine");
        return;
    };
    let image = agent_image();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        look(&host, &image).await;
        up(&host, &image).await;
    });
}

/// The reference of the agent's image, built if it is not there.
fn agent_image() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rivetos"))
        .args(["build", "--output", "json"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report["image"]["reference"].as_str().unwrap().to_owned()
}

impl Bench {
    async fn new(host: &str, fleet: &str, agents: usize, image: &str) -> Self {
        let (repository, tag) = image.rsplit_once(':').unwrap();
        let mut text = format!(
            "fleet: {fleet}\nruntime: {{ default_agent: a0 }}\nproviders: {{ rehearsal: {{}} }}\n\
             deployment: {{ target: docker, image: {{ agent_image: {repository}, tag: {tag} }} }}\n\
             agents:\n"
        );
        for agent in 0..agents {
            let _ = writeln!(text, "  a{agent}: {{ provider: rehearsal }}");
        }
        let environment = BTreeMap::<String, String>::new();
        let config = rivetos_config::parse(&text, "bench", &environment).unwrap();
        let context = Context {
            build: BuildInfo {
                version: "0".into(),
                commit: "bench".into(),
            },
            home: "/nonexistent".into(),
            program: None,
            seed: BTreeMap::new(),
            digests: BTreeMap::new(),
        };
        let spec = FleetSpec::resolve(&config.config, context).unwrap();
        let engine = DockerEngine::connect(&EngineAddress::plain(host))
            .await
            .unwrap();
        let provider = DockerProvider::new(engine, spec.fleet().clone(), Arc::new(NoSecrets));
        Self {
            provider,
            desired: desired(&spec).pop_first().unwrap().1,
            journals: tempfile::tempdir().unwrap(),
        }
    }

    /// Makes the fleet what it should be; the time is that of the execution alone.
    async fn up(&self) -> Duration {
        let plan = self.plan().await;
        self.execute(plan, Approval::Yes).await
    }

    async fn scene(&self) -> (Layout, Inventories) {
        let target = TargetId::docker(None);
        let layout = Layout::from([(target.clone(), self.desired.clone())]);
        let seen = self.provider.observe(&self.desired).await;
        (layout, Inventories::from([(target, seen)]))
    }

    async fn plan(&self) -> Plan {
        let (layout, seen) = self.scene().await;
        plan(&self.desired.fleet, &layout, &seen, &PlanOptions::default())
    }

    async fn destroy(&self) {
        let (layout, seen) = self.scene().await;
        let fleet = self.desired.fleet.clone();
        let teardown = Teardown {
            data: DataFate::DeleteAll,
            ..Teardown::default()
        };
        let plan = plan_destroy(&fleet, &layout, &seen, &teardown);
        let consent = Approval::YesWithDataLoss {
            fleet: fleet.to_string(),
        };
        self.execute(plan, consent).await;
    }

    async fn execute(&self, plan: rivetos_fleet::model::Plan, approval: Approval) -> Duration {
        assert!(plan.report.blocked.is_empty(), "{:?}", plan.report);
        let approved = plan.approve(approval).unwrap();
        let journal = RunJournal::begin(self.journals.path(), &RunHeader::default()).unwrap();
        let events = Events::new(&|_| {});
        let options = Options {
            parallel: PARALLEL_DEFAULT,
            interrupted: &|| false,
            alarm: &Notify::new(),
            events: &events,
        };
        let began = Instant::now();
        let report = execute(&self.provider, &approved, &journal, options).await;
        let took = began.elapsed();
        assert!(report.is_complete(), "{report:?}");
        took
    }
}

async fn look(host: &str, image: &str) {
    let bench = Bench::new(host, "bench-look", LOOK_AGENTS, image).await;
    bench.destroy().await;
    bench.up().await;
    let ours = async || {
        let plan = bench.plan().await;
        assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    };
    let client = raw::connect(host).await;
    let raw = async || raw::look(&client, "bench-look").await;
    let (ours, raw) = pairs(LOOK_PAIRS, ours, raw).await;
    report("preview of 100 containers", ours, raw);
    bench.destroy().await;
}

async fn up(host: &str, image: &str) {
    let bench = Bench::new(host, "bench-up", UP_AGENTS, image).await;
    let client = raw::connect(host).await;
    let (mut ours, mut same) = (Vec::new(), Vec::new());
    for _ in 0..UP_PAIRS {
        bench.destroy().await;
        ours.push(bench.up().await);
        bench.destroy().await;
        // What is made raw bears the same labels, so it goes the same way.
        let began = Instant::now();
        raw::up(&client, &bench.desired).await;
        same.push(began.elapsed());
    }
    bench.destroy().await;
    report("up of 50 agents", median(ours), median(same));
}

async fn pairs<A: Future<Output = ()>, B: Future<Output = ()>>(
    count: usize,
    mut a: impl FnMut() -> A,
    mut b: impl FnMut() -> B,
) -> (Duration, Duration) {
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let began = Instant::now();
        a().await;
        of_a.push(began.elapsed());
        let began = Instant::now();
        b().await;
        of_b.push(began.elapsed());
    }
    (median(of_a), median(of_b))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn report(what: &str, ours: Duration, raw: Duration) {
    println!(
        "{what}: {:.3} s; the same calls raw: {:.3} s; ratio {:.2}",
        ours.as_secs_f64(),
        raw.as_secs_f64(),
        ours.as_secs_f64() / raw.as_secs_f64()
    );
}
