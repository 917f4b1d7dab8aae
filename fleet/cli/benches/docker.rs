//! What looking and bringing up cost on a real engine, beside the same calls made raw.
//!
//! `DOCKER_HOST=unix:///… cargo bench -p rivetos --bench docker`
//!
//! Uses the fleets `bench-look` and `bench-up` of that engine, whose agents are a stand-in that
//! only waits, and removes them again. Figures are medians over runs in turn. With
//! `RIVETOS_TEST_COMPOSE` naming the program of Compose, its `up` without changes takes its turn
//! beside the preview. The engine needs `debian:trixie-slim`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark stops at the first thing that is wrong, and prints"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use rivetos_engine::{Events, Options, PARALLEL_DEFAULT, RunHeader, RunJournal, execute};
use rivetos_fleet::model::{Inventories, Layout, Plan, TargetId};
use rivetos_fleet::port::InfraProvider;
use rivetos_fleet::{
    Approval, BuildInfo, Context, DataFate, FleetSpec, PlanOptions, Secret, SecretError, SecretRef,
    SecretResolver, Teardown, desired, plan, plan_destroy,
};
use rivetos_provider_docker::{DockerEngine, DockerProvider, EngineAddress};
use tokio::sync::Notify;

#[path = "docker/project.rs"]
mod project;
#[path = "docker/raw.rs"]
mod raw;

use project::Project;

/// The stand-in for the agent.
const IMAGE: &str = "rivetos-bench:1";
const LOOK_AGENTS: usize = 100;
const LOOK_ROUNDS: usize = 21;
const UP_AGENTS: usize = 100;
const UP_ROUNDS: usize = 3;

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
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = raw::connect(&host).await;
        raw::build_stand_in(&client, IMAGE).await;
        look(&host, &client).await;
        up(&host, &client).await;
    });
}

impl Bench {
    async fn new(host: &str, fleet: &str, agents: usize) -> Self {
        let (repository, tag) = IMAGE.rsplit_once(':').unwrap();
        let mut text = format!(
            "fleet: {fleet}\nruntime: {{ default_agent: a0 }}\nproviders: {{ rehearsal: {{}} }}\n\
             deployment: {{ target: docker, image: {{ agent_image: {repository}, tag: \"{tag}\" }} }}\n\
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

async fn look(host: &str, client: &Docker) {
    let bench = Bench::new(host, "bench-look", LOOK_AGENTS).await;
    bench.destroy().await;
    bench.up().await;
    let project = Project::up(host);
    let (mut ours, mut same, mut compose) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..LOOK_ROUNDS {
        let began = Instant::now();
        let plan = bench.plan().await;
        ours.push(began.elapsed());
        assert!(plan.steps.is_empty(), "{:?}", plan.steps);
        let began = Instant::now();
        raw::look(client, "bench-look").await;
        same.push(began.elapsed());
        compose.extend(project.as_ref().map(Project::up_again));
    }
    report(
        "preview of 100 agents without changes",
        median(ours),
        median(same),
    );
    if !compose.is_empty() {
        println!(
            "`docker compose up` of 100 services without changes: {:.3} s",
            median(compose).as_secs_f64()
        );
    }
    drop(project);
    bench.destroy().await;
}

async fn up(host: &str, client: &Docker) {
    let bench = Bench::new(host, "bench-up", UP_AGENTS).await;
    let (mut ours, mut same) = (Vec::new(), Vec::new());
    for _ in 0..UP_ROUNDS {
        bench.destroy().await;
        ours.push(bench.up().await);
        bench.destroy().await;
        // What is made raw bears the same labels, so it goes the same way.
        let began = Instant::now();
        raw::up(client, &bench.desired).await;
        same.push(began.elapsed());
    }
    bench.destroy().await;
    report("up of 100 agents", median(ours), median(same));
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
