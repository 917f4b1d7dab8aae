//! What was asked for: flags and environment, resolved.

mod config;
mod resolve;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use rivetos_config::{Target, Variant};
use rivetos_fleet::model::{ResourceId, TargetId};
use rivetos_fleet::port::LeaseId;
use rivetos_fleet::{PlanOptions, Teardown};
use rivetos_render::Drawing;
use thiserror::Error;

use crate::commands::claim::Change;
use crate::exit::Exit;
use crate::moment::MomentError;
use crate::output::{Edge, Format};

pub(crate) use config::{ConfigAction, Defaults};

/// A whole command line.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What every command knows.
    pub(crate) globals: Globals,
    /// What to do.
    pub(crate) command: Command,
}

/// What every command knows.
#[derive(Debug, Clone)]
pub(crate) struct Globals {
    /// The fleet's file, when it was named.
    pub(crate) config: Option<PathBuf>,
    /// The shape of standard output.
    pub(crate) format: Format,
    /// Whether changes were agreed to beforehand.
    pub(crate) consent: Consent,
    /// How a preview with changes ends.
    pub(crate) pending: Exit,
    /// The agent's program, when it was named.
    pub(crate) agent_bin: Option<PathBuf>,
    /// Whether the person wants colours.
    pub(crate) colour: bool,
    /// `$RIVETOS_HOME`, else `~/.rivetos`.
    pub(crate) home: PathBuf,
}

/// Whether changes were agreed to beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// `--yes`.
    Given,
    /// The person is asked.
    Ask,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// `infra preview`
    Preview(Preview),
    /// `infra up`
    Up(Up),
    /// `infra destroy`
    Destroy(Destroy),
    /// `infra status`
    Status,
    /// `infra history`
    History(History),
    /// `infra graph`
    Graph {
        /// The kind of picture.
        drawing: Drawing,
    },
    /// `infra adopt` and `infra forget`
    Claim {
        /// The address.
        id: ResourceId,
        /// What becomes of the object there.
        change: Change,
    },
    /// `infra forget` of an engine
    ForgetEngine {
        /// What the fleet's file called it.
        target: TargetId,
    },
    /// `infra unlock`
    Unlock {
        /// The lock.
        id: LeaseId,
    },
    /// `infra render`
    Render {
        /// The folder to write into.
        out: PathBuf,
    },
    /// `datahub`
    Datahub(DatahubCommand),
    /// `datahub psql`
    Psql {
        /// More arguments to psql.
        args: Vec<String>,
    },
    /// `config …`
    Config(ConfigAction),
    /// `provider list`
    Providers,
    /// What needs a plugin of the agent: these arguments to its program.
    AskAgent {
        /// As they are given here, too.
        args: Vec<String>,
    },
    /// `model`
    Model {
        /// Which one.
        provider: Option<String>,
        /// What it is to ask for from now on.
        model: Option<String>,
    },
    /// `build`
    Build(Build),
    /// `chat`
    Chat(Chat),
    /// `logs`
    Logs(Logs),
    /// `version`
    Version,
    /// `quickstart`
    Quickstart(Quickstart),
    /// `local supervise`
    Supervise {
        /// The agent's folder.
        folder: PathBuf,
    },
}

/// What a preview looks at.
#[derive(Debug, Clone)]
pub(crate) enum World {
    /// The fleet's targets.
    Live,
    /// What a file describes.
    Described(PathBuf),
    /// Targets on which nothing is but the images that the fleet wants.
    Empty,
}

/// What a plan is for.
#[derive(Debug, Clone)]
pub(crate) enum Goal {
    /// That the fleet, or a part of it, is what its file says.
    Up(PlanOptions),
    /// That the fleet is gone.
    Down(Teardown),
}

/// `infra preview`
#[derive(Debug, Clone)]
pub(crate) struct Preview {
    /// What is looked at.
    pub(crate) world: World,
    /// A picture of this kind instead of words.
    pub(crate) drawing: Option<Drawing>,
    /// What the plan is for.
    pub(crate) goal: Goal,
    /// Where the plan goes as JSON, too.
    pub(crate) json_into: Option<PathBuf>,
    /// Where the plan is kept.
    pub(crate) out: Option<PathBuf>,
}

/// `infra up`
#[derive(Debug, Clone)]
pub(crate) struct Up {
    /// A plan that was kept in a file.
    pub(crate) saved: Option<PathBuf>,
    /// `--confirm`: the fleet's name, for a kept plan that deletes data.
    pub(crate) confirmed: Option<String>,
    /// What is wanted of the plan.
    pub(crate) options: PlanOptions,
    /// How long to wait for readiness; absent: not at all.
    pub(crate) wait: Option<Duration>,
}

/// `infra destroy`
#[derive(Debug, Clone)]
pub(crate) struct Destroy {
    /// What becomes of the data.
    pub(crate) data: DataFate,
    /// Protected data that may be deleted.
    pub(crate) unprotect: BTreeSet<ResourceId>,
}

/// `infra history`
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// One run instead of a list.
    pub(crate) run: Option<String>,
    /// The most runs to list.
    pub(crate) limit: usize,
}

/// What becomes of the data of a fleet that is taken down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DataFate {
    /// It stays.
    Keep,
    /// It is deleted once the fleet's name was given.
    Delete {
        /// `--confirm`; absent: the person types it.
        confirmed: Option<String>,
    },
}

/// `datahub`
#[derive(Debug, Clone)]
pub(crate) enum DatahubCommand {
    /// `datahub backup`
    Backup {
        /// The file, when it was named.
        file: Option<PathBuf>,
    },
    /// `datahub restore`
    Restore {
        /// The file.
        file: PathBuf,
        /// `--confirm`; absent: the person types it.
        confirmed: Option<String>,
    },
}

/// `build`
#[derive(Debug, Clone)]
pub(crate) struct Build {
    /// The source tree, when it was named.
    pub(crate) source: Option<PathBuf>,
    /// What the image is made of, when it was said.
    pub(crate) variant: Option<Variant>,
}

/// `chat`
#[derive(Debug, Clone)]
pub(crate) struct Chat {
    /// The agent.
    pub(crate) agent: String,
    /// One message instead of a conversation.
    pub(crate) message: Option<String>,
    /// The conversation to go on with.
    pub(crate) session: Option<String>,
    /// Files that go with the first message.
    pub(crate) attach: Vec<PathBuf>,
    /// The folder that files of replies are written to.
    pub(crate) save: Option<PathBuf>,
}

/// `logs`
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    /// The agent.
    pub(crate) agent: String,
    /// Which part.
    pub(crate) options: rivetos_fleet::port::LogOptions,
}

/// `quickstart`
#[derive(Debug, Clone)]
pub(crate) struct Quickstart {
    /// One message instead of a conversation.
    pub(crate) message: Option<String>,
    /// Whether the fleet stays.
    pub(crate) afterwards: Afterwards,
    /// Where the agents run, when it was said.
    pub(crate) target: Option<Target>,
    /// The folder of the example.
    pub(crate) dir: PathBuf,
}

/// What becomes of the example fleet after the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It goes on running.
    Keep,
    /// It is taken down.
    Destroy,
}

/// Why a command line makes no sense although clap took it.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// `--since`
    #[error("option `--since` is not understood")]
    Since(#[source] MomentError),
    /// Two shapes for one output.
    #[error("a picture has its own shape: `--output json` does not go with it")]
    PictureAsJson,
    /// No home folder.
    #[error("there is no home folder: neither `RIVETOS_HOME` nor `HOME` is set")]
    NoHome,
}

impl Edge for SettingsError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::Since(_) => "write an age such as `10m` or a moment such as \
                               `2026-01-31T12:00:00Z`"
                .into(),
            Self::PictureAsJson => "leave one of the two out".into(),
            Self::NoHome => "set `RIVETOS_HOME` to a folder for keys, journals and history".into(),
        }]
    }
}

impl Command {
    /// Whether a picture goes to standard output.
    fn draws(&self) -> bool {
        match self {
            Self::Preview(preview) => preview.drawing.is_some(),
            Self::Graph { .. } => true,
            Self::Up(_)
            | Self::Destroy(_)
            | Self::Status
            | Self::Render { .. }
            | Self::Datahub(_)
            | Self::Psql { .. }
            | Self::Config(_)
            | Self::Providers
            | Self::AskAgent { .. }
            | Self::Model { .. }
            | Self::Build(_)
            | Self::Chat(_)
            | Self::Logs(_)
            | Self::Version
            | Self::Quickstart(_)
            | Self::Claim { .. }
            | Self::ForgetEngine { .. }
            | Self::Unlock { .. }
            | Self::History(_)
            | Self::Supervise { .. } => false,
        }
    }
}
