//! A fleet on the engine under test, with stand-ins for the agent and for its operator.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bollard::Docker;
use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::StreamExt;
use rivetos_fleet::model::{
    DesiredSet, Inventories, Inventory, Kind, Layout, Op, Plan, ResourceId, Spec, Step, TargetId,
};
use rivetos_fleet::port::{Applied, ApplyError, InfraProvider, Progress};
use rivetos_fleet::{
    BuildInfo, Context, DataFate, FleetId, FleetSpec, PlanOptions, Secret, SecretError, SecretRef,
    SecretResolver, Teardown, desired, plan, plan_destroy,
};
use rivetos_provider_docker::{DockerEngine, DockerProvider, EngineAddress};
use tokio::sync::OnceCell;

/// The secret that the operator gives.
pub(crate) const GIVEN: &str = "given-canary-4711";

/// Stands in for the agent: runs until it is told to stop or has a certain model, echoes what is
/// sent over the bridge.
const STAND_IN: &str = r#"#!/bin/sh
case $1 in
run)
    echo "first line"
    echo "to standard error" >&2
    echo "last line"
    if grep -q model-that-ends /etc/rivetos/rivet.config.yaml; then exit 3; fi
    trap 'exit 0' TERM
    sleep infinity &
    wait $!
    ;;
health)
    if grep -q model-unwell /etc/rivetos/rivet.config.yaml; then
        echo "the provider does not answer" >&2
        exit 1
    fi
    ;;
connect)
    if [ -e /var/lib/rivetos/refuse ]; then
        echo "the agent does not answer" >&2
        exit 1
    fi
    exec cat
    ;;
esac
"#;

const DOCKERFILE: &str = r#"FROM debian:trixie-slim
RUN install --directory --owner=1000 --group=1000 /var/lib/rivetos
ENV FROM_IMAGE=yes
COPY rivetos-agent /usr/local/bin/rivetos-agent
ENTRYPOINT ["/usr/local/bin/rivetos-agent"]
"#;

const IMAGE: &str = "rivetos-live-test";
const TAG: &str = "1";

/// Whether the stand-in's image was built by this run.
static BUILT: OnceCell<()> = OnceCell::const_new();

pub(crate) struct Operator;

impl SecretResolver for Operator {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        match secret {
            SecretRef::Env(name) if name == "LIVE_TEST_KEY" => Ok(Secret::from(GIVEN)),
            other => Err(SecretError::Missing(other.clone())),
        }
    }
}

pub(crate) struct World {
    pub(crate) provider: DockerProvider,
    pub(crate) docker: Docker,
    pub(crate) fleet: FleetId,
}

/// What a test's configuration says besides the fixed parts.
#[derive(Clone)]
pub(crate) struct Wish {
    /// Agents and their models.
    pub(crate) agents: Vec<(&'static str, &'static str)>,
    pub(crate) datahub: bool,
    pub(crate) postgres_port: Option<u16>,
    /// Whether the agents' data is.
    pub(crate) protect: bool,
    /// What every agent may use, if not what is usual.
    pub(crate) resources: &'static str,
}

impl Wish {
    pub(crate) fn agents(names: &[&'static str]) -> Self {
        Self {
            agents: names.iter().map(|name| (*name, "model-1")).collect(),
            datahub: false,
            postgres_port: None,
            protect: false,
            resources: "{}",
        }
    }

    pub(crate) fn with_datahub(mut self) -> Self {
        self.datahub = true;
        self
    }

    pub(crate) fn with_model(mut self, agent: &str, model: &'static str) -> Self {
        for (name, own) in &mut self.agents {
            if *name == agent {
                *own = model;
            }
        }
        self
    }
}

impl Wish {
    fn text(&self, fleet: &FleetId) -> String {
        let agents: Vec<String> = self
            .agents
            .iter()
            .map(|(name, model)| {
                let deploy = format!(
                    "deploy: {{ protect: {}, resources: {} }}",
                    self.protect, self.resources
                );
                format!("  {name}: {{ provider: main, model: {model}, {deploy} }}")
            })
            .collect();
        let agents = agents.join("\n");
        let datahub = if self.datahub {
            "  datahub: { postgres: true }\n"
        } else {
            ""
        };
        let port = self.postgres_port.map_or_else(String::new, |port| {
            format!("  docker: {{ postgres_port: {port} }}\n")
        });
        format!(
            "fleet: {fleet}
runtime: {{ default_agent: {default} }}
agents:
{agents}
providers:
  main:
    kind: openai-compat
    model: m
    base_url: http://127.0.0.1:1/v1
    api_key: ${{LIVE_TEST_KEY}}
deployment:
  target: docker
  image: {{ agent_image: {IMAGE}, tag: \"{TAG}\" }}
{datahub}{port}",
            default = self.agents[0].0,
        )
    }
}

impl World {
    /// A fleet with nothing in it, or `None` (said on standard error) without an engine.
    pub(crate) async fn new() -> Option<Self> {
        let Ok(host) = std::env::var("RIVETOS_TEST_DOCKER_HOST") else {
            // Past the test harness, which keeps what is printed.
            let _ = writeln!(
                std::io::stderr(),
                "\nSKIPPED: a test on a Docker engine: RIVETOS_TEST_DOCKER_HOST is not set"
            );
            return None;
        };
        let engine = DockerEngine::connect(&EngineAddress::plain(host.as_str()))
            .await
            .unwrap();
        let docker = Docker::connect_with_unix(&host, 120, bollard::API_DEFAULT_VERSION)
            .unwrap()
            .negotiate_version()
            .await
            .unwrap();
        BUILT.get_or_init(|| build(&docker)).await;
        let mut random = [0; 4];
        getrandom::fill(&mut random).unwrap();
        let fleet: FleetId = format!("t{:08x}", u32::from_ne_bytes(random))
            .parse()
            .unwrap();
        let provider = DockerProvider::new(engine, fleet.clone(), Arc::new(Operator));
        Some(Self {
            provider,
            docker,
            fleet,
        })
    }

    pub(crate) fn name(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.fleet)
    }

    /// The name of the volume with the files of `kind/name`.
    pub(crate) fn files(desired: &DesiredSet, kind: Kind, name: &str) -> String {
        match &desired.resources[&ResourceId::new(kind, name)].spec {
            Spec::Files(files) => files.native_name.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn desired(&self, wish: &Wish) -> DesiredSet {
        let text = wish.text(&self.fleet);
        let environment = BTreeMap::from([("LIVE_TEST_KEY".to_owned(), GIVEN.to_owned())]);
        let parsed = rivetos_config::parse(&text, "test", &environment)
            .unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
        let context = Context {
            build: BuildInfo {
                version: "0".to_owned(),
                commit: "0".to_owned(),
            },
            home: PathBuf::from("/nonexistent"),
            program: None,
            seed: BTreeMap::from([("CORE.md".to_owned(), "core\n".to_owned())]),
            digests: BTreeMap::new(),
        };
        let mut layout = desired(&FleetSpec::resolve(&parsed.config, context).unwrap());
        layout.pop_first().unwrap().1
    }

    pub(crate) async fn observe(&self, desired: &DesiredSet) -> Inventory {
        let inventory = self.provider.observe(desired).await;
        assert_eq!(inventory.errors, []);
        inventory
    }

    pub(crate) async fn plan(&self, desired: &DesiredSet) -> Plan {
        let (layout, seen) = scene(desired, self.observe(desired).await);
        plan(&self.fleet, &layout, &seen, &PlanOptions::default())
    }

    /// Applies the steps in order. Stops at the first that fails.
    pub(crate) async fn apply(&self, plan: &Plan) -> Result<(), (Step, ApplyError)> {
        for step in &plan.steps {
            if let Err(error) = self.provider.apply(step, Progress::UNSEEN).await {
                return Err((step.clone(), error));
            }
        }
        Ok(())
    }

    /// Brings the fleet to `desired` and sees that nothing is left to do. Returns what was done.
    pub(crate) async fn up(&self, desired: &DesiredSet) -> Vec<String> {
        let plan = self.plan(desired).await;
        assert!(plan.report.blocked.is_empty(), "{:?}", plan.report.blocked);
        self.apply(&plan)
            .await
            .unwrap_or_else(|(step, error)| panic!("{}: {error:?}", step.id));
        let rest = self.plan(desired).await;
        assert_eq!(names(&rest), Vec::<String>::new(), "{:#?}", rest.steps);
        names(&plan)
    }

    /// Applies one step made by hand.
    pub(crate) async fn make(&self, desired: &DesiredSet, kind: Kind, name: &str) -> Outcome {
        let id = ResourceId::new(kind, name);
        let wanted = desired.resources[&id].clone();
        let step = Step {
            id: rivetos_fleet::model::StepId("by-hand".to_owned()),
            target: TargetId::docker(None),
            resource: id,
            action: rivetos_fleet::model::Action::Create,
            op: Op::Create {
                desired: Box::new(wanted),
            },
            reasons: vec![rivetos_fleet::model::Reason::Missing],
            risk: rivetos_fleet::model::Risk::None,
            needs: rivetos_fleet::model::Privilege::Engine,
            cost: rivetos_fleet::model::Cost::Seconds,
            after: [].into(),
        };
        self.provider.apply(&step, Progress::UNSEEN).await
    }

    /// Takes everything down, data too, and sees that nothing of the fleet is left.
    pub(crate) async fn finish(self, desired: &DesiredSet) {
        let plan = destroy(desired, self.observe(desired).await, DataFate::DeleteAll);
        self.apply(&plan)
            .await
            .unwrap_or_else(|(step, error)| panic!("{}: {error:?}", step.id));
        let left = self.observe(desired).await;
        let left: Vec<_> = left
            .observed
            .iter()
            .filter(|seen| !matches!(seen.id.kind, Kind::Image | Kind::Role))
            .map(|seen| &seen.native_name)
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Runs a program in a container and gives back what it printed on both outputs, and whether it
    /// succeeded.
    pub(crate) async fn exec(
        &self,
        container: &str,
        user: &str,
        command: &[&str],
    ) -> (bool, String) {
        let config = bollard::models::ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            user: Some(user.to_owned()),
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            ..bollard::models::ExecConfig::default()
        };
        let exec = self.docker.create_exec(container, config).await.unwrap();
        let mut text = String::new();
        if let bollard::exec::StartExecResults::Attached { mut output, .. } =
            self.docker.start_exec(&exec.id, None).await.unwrap()
        {
            while let Some(chunk) = output.next().await {
                text.push_str(&chunk.unwrap().to_string());
            }
        }
        let ended = self.docker.inspect_exec(&exec.id).await.unwrap();
        (ended.exit_code == Some(0), text.trim().to_owned())
    }

    /// What a program in an agent's container prints; it must succeed.
    pub(crate) async fn output(&self, agent: &str, command: &[&str]) -> String {
        let (success, text) = self.exec(&self.name(agent), "1000:1000", command).await;
        assert!(success, "{command:?}: {text}");
        text
    }
}

pub(crate) type Outcome = Result<Applied, ApplyError>;

pub(crate) fn names(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.id.0.clone()).collect()
}

async fn build(docker: &Docker) {
    let mut context = tar::Builder::new(Vec::new());
    for (name, mode, text) in [
        ("Dockerfile", 0o644, DOCKERFILE),
        ("rivetos-agent", 0o755, STAND_IN),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(text.len() as u64);
        context
            .append_data(&mut header, name, text.as_bytes())
            .unwrap();
    }
    let options = BuildImageOptionsBuilder::new()
        .t(&format!("{IMAGE}:{TAG}"))
        .rm(true)
        .build();
    let body = bollard::body_full(context.into_inner().unwrap().into());
    let mut messages = std::pin::pin!(docker.build_image(options, None, Some(body)));
    while let Some(message) = messages.next().await {
        message.unwrap();
    }
}

/// A fleet of this engine alone.
fn scene(desired: &DesiredSet, inventory: Inventory) -> (Layout, Inventories) {
    let target = TargetId::docker(None);
    let layout = Layout::from([(target.clone(), desired.clone())]);
    (layout, Inventories::from([(target, inventory)]))
}

/// The plan that takes the fleet down.
pub(crate) fn destroy(desired: &DesiredSet, inventory: Inventory, data: DataFate) -> Plan {
    let (layout, seen) = scene(desired, inventory);
    let teardown = Teardown {
        data,
        ..Teardown::default()
    };
    plan_destroy(&desired.fleet, &layout, &seen, &teardown)
}
