//! From the fleet's file to its targets: those that it names, and those that the fleet was on.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use rivetos_fleet::model::{Inventories, Kind, Layout, Owner, Plan, TargetId, look_also_at};
use rivetos_fleet::port::InfraProvider;
use rivetos_provider_docker::{ComposeFile, DockerEngine, DockerProvider, EngineAddress};
use rivetos_provider_local::{LocalProvider, LocalSettings};
use rivetos_render::render;
use thiserror::Error;

use super::engine;
use super::load::{Fleet, LoadError};
use super::memory::{Chooser, Chosen, Memory};
use crate::exit::Exit;
use crate::output::{Edge, Failure, Printer};
use crate::target::Target;
use crate::targets::Targets;

/// Why the targets of a fleet are of no use.
#[derive(Debug, Error)]
enum ReachError {
    #[error("{first} and {second} are one and the same Docker engine")]
    SameEngine {
        first: TargetId,
        second: TargetId,
        addresses: [String; 2],
    },
    #[error("the plan changes something on {target}, which cannot be reached: {why}")]
    Unreached { target: TargetId, why: String },
    #[error("the fleet was never on {0}, or its file names that engine")]
    NothingToForget(TargetId),
}

impl Edge for ReachError {
    fn exit(&self) -> Exit {
        match self {
            Self::SameEngine { .. } | Self::NothingToForget(_) => Exit::Usage,
            Self::Unreached { .. } => Exit::Blocked,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::SameEngine {
                first,
                second,
                addresses: [one, other],
            } => vec![format!("{first} is {one}"), format!("{second} is {other}")],
            Self::Unreached { .. } | Self::NothingToForget(_) => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::SameEngine { second, .. } => vec![match second.host() {
                Some(host) => format!(
                    "each would take what the other one has for left over: take `{host}` out of \
                     `deployment.docker.hosts`, or give it the address of another engine"
                ),
                None => "give one of them the address of another engine".to_owned(),
            }],
            Self::Unreached { .. } => {
                vec!["see that it answers, then make the plan again".to_owned()]
            }
            Self::NothingToForget(_) => Vec::new(),
        }
    }
}

/// What the fleet has to do with an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tie {
    /// Its file names it, or the environment does.
    Named,
    /// It was there before.
    Left,
    /// It is the default engine, and nothing says that the fleet was ever there.
    Guessed,
}

/// An engine that may be asked.
struct Candidate {
    id: TargetId,
    chosen: Chosen,
    tie: Tie,
}

/// An engine that answered.
struct Reached {
    candidate: Candidate,
    engine: DockerEngine,
}

impl Fleet {
    /// All targets of the fleet, reached at once: those that its file names, those that it was on
    /// before, and, when something of the fleet is there, this host and the default engine on it.
    /// One of several that does not answer is no failure: what is on it cannot be seen then.
    pub(crate) async fn targets(&mut self, printer: Printer) -> Result<Targets, Failure> {
        let candidates = self.candidates(printer)?;
        let left = candidates.iter().filter(|one| one.tie == Tie::Left);
        look_also_at(&mut self.layout, left.map(|one| one.id.clone()));
        let connections = candidates.into_iter().map(|one| async move {
            // Nobody named that one, so nobody needs a word about it.
            let printer = (one.tie == Tie::Named).then_some(printer);
            let engine = engine::connect(&one.chosen.address, printer).await;
            (one, engine)
        });
        let mut engines = Vec::new();
        let mut unreached = BTreeMap::new();
        let mut first = None;
        for (candidate, engine) in join_all(connections).await {
            match engine {
                Ok(engine) => engines.push(Reached { candidate, engine }),
                Err(_) if candidate.tie == Tie::Guessed => {}
                Err(error) => {
                    let failure = Failure::from(error);
                    unreached.insert(candidate.id.clone(), why(&candidate, &failure));
                    first = first.or(Some(failure));
                }
            }
        }
        let mut reached = BTreeMap::new();
        let mut named = BTreeMap::new();
        for Reached { candidate, engine } in told_apart(engines).await? {
            let target = self.on(&candidate.id, engine);
            let Candidate { id, chosen, tie } = candidate;
            match tie {
                Tie::Named => {
                    named.insert(id.clone(), chosen);
                }
                Tie::Left => {}
                Tie::Guessed => {
                    if !self.is_on(&target).await {
                        continue;
                    }
                    look_also_at(&mut self.layout, [id.clone()]);
                    named.insert(id.clone(), chosen);
                }
            }
            reached.insert(id, target);
        }
        // One that is another one's second address is looked at once.
        self.layout.retain(|id, set| {
            !set.resources.is_empty()
                || *id == TargetId::local()
                || reached.contains_key(id)
                || unreached.contains_key(id)
        });
        let here = self.here()?;
        let local = TargetId::local();
        if self.layout.contains_key(&local) || self.is_on(&here).await {
            look_also_at(&mut self.layout, [local.clone()]);
            reached.insert(local, here);
        }
        match first {
            Some(failure) if reached.is_empty() => Err(failure),
            Some(_) | None => {
                let engines = named
                    .into_iter()
                    .filter(|(id, _)| reached.contains_key(id))
                    .collect();
                Ok(Targets::new(&self.layout, (reached, unreached), engines))
            }
        }
    }

    /// The target of an agent.
    pub(crate) async fn target_of(&self, agent: &str, printer: Printer) -> Result<Target, Failure> {
        self.has_agent(agent)?;
        let named = self.spec.agents().find(|name| name.as_str() == agent);
        let local = TargetId::local();
        let id = named
            .and_then(|name| self.spec.target_of(name))
            .unwrap_or(&local);
        if *id == local {
            return self.here();
        }
        let engine = engine::connect(&self.chosen(id).address, Some(printer)).await?;
        Ok(self.on(id, engine))
    }

    /// Sees that `plan` works on nothing but what answered, and keeps in mind where that is.
    pub(crate) fn works_on(&self, targets: &Targets, plan: &Plan) -> Result<(), Failure> {
        let touched: BTreeSet<&TargetId> = plan.steps.iter().map(|step| &step.target).collect();
        if let Some((target, why)) = touched
            .iter()
            .find_map(|target| Some((target, targets.unreached(target)?)))
        {
            return Err(ReachError::Unreached {
                target: (*target).clone(),
                why: why.to_owned(),
            }
            .into());
        }
        let engines = targets.engines();
        let engines = engines.filter(|(id, _)| touched.contains(id));
        let engines = engines.map(|(id, chosen)| (id.clone(), chosen.clone()));
        Ok(Memory::read(&self.home)?.keep(engines.collect())?)
    }

    /// Stops looking at engines that the file no longer names and that have nothing of the fleet.
    pub(crate) fn forget_empty(&self, seen: &Inventories) -> Result<(), Failure> {
        let mut memory = Memory::read(&self.home)?;
        for (id, chosen) in memory.left(&self.named()) {
            let is_empty = |one: &rivetos_fleet::model::Inventory| {
                one.errors.is_empty() && !one.observed.iter().any(is_own)
            };
            if seen.get(&id).is_some_and(is_empty) {
                memory.forget(&chosen.address.host)?;
            }
        }
        Ok(())
    }

    /// The address of an engine that the fleet was on and that its file no longer names.
    pub(crate) fn left_at(&self, target: &TargetId) -> Result<String, Failure> {
        let mut left = Memory::read(&self.home)?.left(&self.named());
        match left.remove(target) {
            Some(chosen) => Ok(chosen.address.host),
            None => Err(ReachError::NothingToForget(target.clone()).into()),
        }
    }

    /// Stops looking at the engine at `address`, whatever is on it.
    pub(crate) fn forget(&self, address: &str) -> Result<(), Failure> {
        Ok(Memory::read(&self.home)?.forget(address)?)
    }

    /// The engines that the fleet's file names.
    fn named(&self) -> BTreeMap<TargetId, Chosen> {
        let mut targets = self.spec.targets();
        targets.remove(&TargetId::local());
        targets
            .into_iter()
            .map(|id| {
                let chosen = self.chosen(&id);
                (id, chosen)
            })
            .collect()
    }

    fn candidates(&self, printer: Printer) -> Result<Vec<Candidate>, Failure> {
        let named = self.named();
        let default = TargetId::docker(None);
        let mut left = Memory::read(&self.home)?.left(&named);
        if named.contains_key(&default) {
            // Whoever names another engine in the environment may want a second fleet, not a move.
            left.retain(|id, chosen| {
                let elsewhere = chosen.by == Chooser::Environment
                    && named.get(&default).map(|one| one.by) == Some(Chooser::Environment);
                if elsewhere {
                    printer.talk(format_args!(
                        "{} the fleet was on the engine at {} too, which DOCKER_HOST does not name \
                         now: nothing there is looked at; `rivetos infra forget {id}` ends this \
                         warning",
                        printer.err().yellow("warning:"),
                        chosen.address.host
                    ));
                }
                !elsewhere
            });
        }
        let guess = self.chosen(&default);
        let is_known = [&named, &left].iter().any(|known| {
            known.contains_key(&default) || known.values().any(|one| one.address == guess.address)
        });
        let guess = (!is_known && is_here(&guess.address)).then_some((default, guess));
        let ties = [(Tie::Named, named), (Tie::Left, left)];
        let ties = ties
            .into_iter()
            .chain([(Tie::Guessed, guess.into_iter().collect())]);
        Ok(ties
            .flat_map(|(tie, engines)| {
                let all = engines.into_iter();
                all.map(move |(id, chosen)| Candidate { id, chosen, tie })
            })
            .collect())
    }

    /// The engine that the file or the environment calls `id`.
    fn chosen(&self, id: &TargetId) -> Chosen {
        let docker = &self.spec.deployment().docker;
        let by_environment = id.host().is_none() && docker.host.is_none();
        Chosen {
            address: engine::of(docker, id, &self.beside),
            by: if by_environment {
                Chooser::Environment
            } else {
                Chooser::File
            },
        }
    }

    fn on(&self, id: &TargetId, engine: DockerEngine) -> Target {
        let fleet = self.spec.fleet().clone();
        let provider = DockerProvider::new(engine, fleet, self.secrets.clone());
        Target::Docker(provider.with_compose(self.compose_file(id)))
    }

    fn here(&self) -> Result<Target, Failure> {
        Ok(Target::Local(LocalProvider::new(LocalSettings {
            fleet: self.spec.fleet().clone(),
            home: self.home.folder().to_owned(),
            supervisor: env::current_exe().map_err(|source| LoadError::Home {
                path: PathBuf::from("/proc/self/exe"),
                source,
            })?,
            environment: env::vars_os().collect(),
            secrets: self.secrets.clone(),
        })))
    }

    /// The fleet's part of one engine as Compose reads it, made when somebody wants it.
    fn compose_file(&self, id: &TargetId) -> ComposeFile {
        let part = self.layout.get_key_value(id);
        let layout: Layout = part
            .map(|(id, set)| (id.clone(), set.clone()))
            .into_iter()
            .collect();
        ComposeFile::new(move || render(&layout).ok()?.remove("compose.yaml"))
    }

    /// Whether anything of the fleet is there.
    async fn is_on(&self, target: &Target) -> bool {
        let Some(any) = self.layout.values().next() else {
            return false;
        };
        let seen = target.observe(&any.without_resources()).await;
        seen.observed.iter().any(is_own)
    }
}

fn is_own(object: &rivetos_fleet::model::Observed) -> bool {
    object.owner == Owner::Ours && object.id.kind != Kind::Image
}

/// Whether the engine is a socket of this host, so that asking it costs nothing.
fn is_here(address: &EngineAddress) -> bool {
    let socket = address.host.strip_prefix("unix://");
    socket.is_some_and(|path| Path::new(path).exists())
}

fn why(candidate: &Candidate, failure: &Failure) -> String {
    let line = failure.line();
    match candidate.tie {
        Tie::Left => format!(
            "{line} (the fleet was there before; when that engine is gone for good, `rivetos infra \
             forget {}`)",
            candidate.id
        ),
        Tie::Named | Tie::Guessed => line,
    }
}

/// The engines, each of them once. Two names of the file for one engine are refused: under each
/// of them everything of the other one would look left over.
async fn told_apart(engines: Vec<Reached>) -> Result<Vec<Reached>, Failure> {
    if engines.len() < 2 {
        return Ok(engines);
    }
    let identities = engines.iter().map(|one| one.engine.identity());
    let identities = join_all(identities).await;
    let mut apart: Vec<Reached> = Vec::with_capacity(engines.len());
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    // Those that the file names come first.
    for (one, identity) in engines.into_iter().zip(identities) {
        let Some(identity) = identity? else {
            apart.push(one);
            continue;
        };
        let Some(first) = known.get(&identity).and_then(|at| apart.get(*at)) else {
            known.insert(identity, apart.len());
            apart.push(one);
            continue;
        };
        if one.candidate.tie == Tie::Named {
            let address = |reached: &Reached| reached.candidate.chosen.address.host.clone();
            return Err(ReachError::SameEngine {
                addresses: [address(first), address(&one)],
                first: first.candidate.id.clone(),
                second: one.candidate.id,
            }
            .into());
        }
    }
    Ok(apart)
}
