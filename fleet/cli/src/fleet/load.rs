//! From the command line to what should be.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rivetos_config::{AgentName, Config};
use rivetos_engine::FleetHome;
use rivetos_fleet::model::{Desired, Inventories, Kind, Layout, Plan, TargetId};
use rivetos_fleet::{
    BuildInfo, Context, FleetId, FleetKey, FleetSpec, Note, OptionsError, PlanOptions, SecretRef,
    SecretResolver, Severity, Teardown, check_spec, desired, plan, plan_destroy,
};
use thiserror::Error;

use super::file::{FleetFile, Secrets};
use super::{files, locate, program, seed};
use crate::commands::version::{COMMIT, VERSION};
use crate::exit::Exit;
use crate::output::{Edge, Failure, Printer};
use crate::secrets::OperatorSecrets;
use crate::settings::Globals;
use crate::targets::Targets;

/// A fleet whose file was read without a problem.
pub(crate) struct Fleet {
    /// Its file, complete with what the file does not say.
    pub(crate) spec: FleetSpec,
    /// What should be.
    pub(crate) layout: Layout,
    /// What is kept of it on this machine.
    pub(crate) home: FleetHome,
    /// The agent that is talked to unless another one is named.
    pub(crate) default_agent: AgentName,
    /// Finds the secrets that its file names.
    pub(crate) secrets: Arc<OperatorSecrets>,
    /// The folder of its file.
    pub(super) beside: PathBuf,
}

/// Why there is no fleet.
#[derive(Debug, Error)]
pub(super) enum LoadError {
    #[error("`{}` cannot be deployed", path.display())]
    NoFleet {
        path: PathBuf,
        source: rivetos_fleet::ResolveError,
    },
    #[error("`{}` cannot be deployed", path.display())]
    Denied { path: PathBuf, notes: Vec<Note> },
    #[error("fleet `{fleet}` has no agent `{name}`")]
    NoAgent {
        fleet: FleetId,
        name: String,
        agents: Vec<String>,
    },
    #[error("the folder `{}` cannot be used", path.display())]
    Home { path: PathBuf, source: io::Error },
}

impl Edge for LoadError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoFleet { .. } | Self::NoAgent { .. } | Self::Denied { .. } => Exit::Usage,
            Self::Home { .. } => Exit::Failed,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Denied { notes, .. } => notes.iter().map(ToString::to_string).collect(),
            Self::NoFleet { .. } | Self::NoAgent { .. } | Self::Home { .. } => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoFleet { .. } => vec!["add `deployment: { target: docker }`".into()],
            Self::NoAgent { agents, .. } => vec![format!("its agents are: {}", agents.join(", "))],
            Self::Denied { notes, .. } => notes.iter().filter_map(Note::fix).collect(),
            Self::Home { .. } => Vec::new(),
        }
    }
}

impl Edge for rivetos_engine::HomeError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

impl Edge for OptionsError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![self.fix()]
    }
}

impl Edge for rivetos_provider_docker::ConnectError {
    fn exit(&self) -> Exit {
        Exit::Blocked
    }

    fn hints(&self) -> Vec<String> {
        vec![self.hint().to_owned()]
    }
}

impl Fleet {
    /// Reads the fleet's file and completes it. Warnings go to the printer.
    pub(crate) fn load(globals: &Globals, printer: Printer) -> Result<Self, Failure> {
        Self::complete(globals, Secrets::Needed, printer)
    }

    /// [`Fleet::load`] for what makes nothing: secrets that are not at hand are no problem.
    pub(crate) fn load_without_secrets(
        globals: &Globals,
        printer: Printer,
    ) -> Result<Self, Failure> {
        Self::complete(globals, Secrets::NotNeeded, printer)
    }

    fn complete(globals: &Globals, secrets: Secrets, printer: Printer) -> Result<Self, Failure> {
        let file = locate::locate(globals.config.as_deref(), &globals.home)?.path;
        let FleetFile {
            mut config,
            secrets: resolver,
            ..
        } = FleetFile::read(&file, secrets).inspect(|read| read.warn(printer))?;
        let root = std::path::absolute(&globals.home).map_err(|source| LoadError::Home {
            path: globals.home.clone(),
            source,
        })?;
        let home = FleetHome::open(&root, &config.fleet)?;
        let beside = file.parent().unwrap_or(Path::new("."));
        files::find(&mut config, beside, secrets)?;
        let context = Context {
            build: BuildInfo {
                version: VERSION.to_owned(),
                commit: COMMIT.to_owned(),
            },
            home: home.folder().to_owned(),
            program: if runs_here(&config) {
                let found = program::find(globals.agent_bin.as_deref());
                match secrets {
                    Secrets::Needed => found?,
                    // A fleet can be seen and taken down without the program that it runs.
                    Secrets::NotNeeded => found.unwrap_or_default(),
                }
            } else {
                None
            },
            seed: match &config.runtime.workspace {
                Some(folder) => seed::read(&beside.join(folder))?,
                None => BTreeMap::new(),
            },
            digests: digests(&config, &resolver, &home.key()?),
        };
        let spec = FleetSpec::resolve(&config, context).map_err(|source| LoadError::NoFleet {
            path: file.clone(),
            source,
        })?;
        deny(check_spec(&spec), &file, printer)?;
        let layout = desired(&spec);
        Ok(Self {
            spec,
            layout,
            home,
            default_agent: config.runtime.default_agent,
            secrets: resolver,
            beside: beside.to_owned(),
        })
    }

    /// Refuses the name of an agent that the fleet does not have.
    pub(crate) fn has_agent(&self, name: &str) -> Result<(), Failure> {
        if self.spec.agents().any(|agent| agent.as_str() == name) {
            return Ok(());
        }
        let agents = self.spec.agents().map(ToString::to_string).collect();
        let (fleet, name) = (self.spec.fleet().clone(), name.to_owned());
        Err(LoadError::NoAgent {
            fleet,
            name,
            agents,
        }
        .into())
    }

    /// The agents, and where each should be.
    pub(crate) fn agents(&self) -> impl Iterator<Item = (&TargetId, &Desired)> {
        let all = self.layout.iter().flat_map(|(target, set)| {
            let resources = set.resources.values();
            resources.map(move |desired| (target, desired))
        });
        all.filter(|(_, desired)| desired.id.kind == Kind::Agent)
    }

    /// Looks at the target and plans. Refuses options that name what is not there.
    pub(crate) async fn plan(
        &self,
        targets: &Targets,
        options: &PlanOptions,
    ) -> Result<(Plan, Inventories), OptionsError> {
        let seen = targets.look(&self.layout).await;
        options.check(&self.layout, &seen)?;
        let plan = plan(self.spec.fleet(), &self.layout, &seen, options);
        Ok((plan, seen))
    }

    /// Looks at the targets and plans how the fleet goes.
    pub(crate) async fn plan_down(
        &self,
        targets: &Targets,
        teardown: &Teardown,
    ) -> (Plan, Inventories) {
        let seen = targets.look(&self.layout).await;
        let plan = plan_destroy(self.spec.fleet(), &self.layout, &seen, teardown);
        (plan, seen)
    }
}

/// The fleet of the file, and what is kept of it on this machine.
pub(crate) fn home_of(globals: &Globals) -> Result<(FleetId, FleetHome), Failure> {
    let file = locate::locate(globals.config.as_deref(), &globals.home)?;
    let fleet = FleetFile::read(&file.path, Secrets::NotNeeded)?
        .config
        .fleet;
    let root = std::path::absolute(&globals.home).map_err(|source| LoadError::Home {
        path: globals.home.clone(),
        source,
    })?;
    let home = FleetHome::open(&root, &fleet)?;
    Ok((fleet, home))
}

/// Whether an agent is a process of this host.
fn runs_here(config: &Config) -> bool {
    let fleet = config
        .deployment
        .as_ref()
        .map(|deployment| deployment.target);
    let mut agents = config
        .agents
        .values()
        .map(|agent| agent.deploy.target.or(fleet));
    agents.any(|target| target == Some(rivetos_config::Target::Local))
}

/// Shows what may not be meant, and refuses what cannot be done.
pub(crate) fn deny(notes: Vec<Note>, file: &Path, printer: Printer) -> Result<(), Failure> {
    let (denied, warned): (Vec<Note>, Vec<Note>) = notes
        .into_iter()
        .partition(|note| note.severity() == Severity::Deny);
    for note in warned {
        printer.talk(format_args!("{} {note}", printer.err().yellow("warning:")));
        if let Some(fix) = note.fix() {
            printer.talk(format_args!("{} {fix}", printer.err().bold("hint:")));
        }
    }
    if denied.is_empty() {
        return Ok(());
    }
    Err(LoadError::Denied {
        path: file.to_owned(),
        notes: denied,
    }
    .into())
}

/// Digests of the secrets that are at hand; of the others nothing is known.
fn digests(
    config: &Config,
    secrets: &OperatorSecrets,
    key: &FleetKey,
) -> BTreeMap<SecretRef, String> {
    let given = files::given(config).into_iter();
    given
        .filter_map(|secret| {
            let value = secrets.resolve(&secret).ok()?;
            let digest = key.digest(&value);
            Some((secret, digest))
        })
        .collect()
}
