//! What was asked for: flags and environment, resolved. Each set of arguments is taken apart
//! field by field, so that a forgotten one does not compile.

mod config;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rivetos_config::{Target, Variant};
use rivetos_fleet::model::ResourceId;
use rivetos_fleet::port::LeaseId;
use rivetos_fleet::{PlanOptions, Scope};
use rivetos_render::Drawing;
use thiserror::Error;

use crate::args;
use crate::commands::claim::Change;
use crate::exit::Exit;
use crate::moment::{MomentError, parse_moment};
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

/// `infra preview`
#[derive(Debug, Clone)]
pub(crate) struct Preview {
    /// What is looked at.
    pub(crate) world: World,
    /// A picture of this kind instead of words.
    pub(crate) drawing: Option<Drawing>,
    /// What is wanted of the plan.
    pub(crate) options: PlanOptions,
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
            | Self::Build(_)
            | Self::Chat(_)
            | Self::Logs(_)
            | Self::Version
            | Self::Quickstart(_)
            | Self::Claim { .. }
            | Self::Unlock { .. }
            | Self::History(_)
            | Self::Supervise { .. } => false,
        }
    }
}

impl Settings {
    /// What `cli` asks for in this process's environment.
    pub(crate) fn resolve(cli: args::Cli) -> Result<Self, SettingsError> {
        let args::Cli { globals, command } = cli;
        let args::Globals {
            config,
            output,
            yes,
            detailed_exitcode,
            agent_bin,
            no_color,
        } = globals;
        let globals = Globals {
            config,
            format: match output {
                args::OutputArg::Text => Format::Text,
                args::OutputArg::Json => Format::Json,
            },
            consent: if yes { Consent::Given } else { Consent::Ask },
            pending: if detailed_exitcode {
                Exit::ChangesPending
            } else {
                Exit::Ok
            },
            agent_bin,
            // https://no-color.org: any value but the empty one.
            colour: !no_color && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            home: home()?,
        };
        let command = resolve_command(command)?;
        if globals.format == Format::Json && command.draws() {
            return Err(SettingsError::PictureAsJson);
        }
        Ok(Self { globals, command })
    }
}

fn home() -> Result<PathBuf, SettingsError> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    folder("RIVETOS_HOME")
        .map(PathBuf::from)
        .or_else(|| folder("HOME").map(|home| PathBuf::from(home).join(".rivetos")))
        .ok_or(SettingsError::NoHome)
}

fn resolve_command(command: args::Command) -> Result<Command, SettingsError> {
    Ok(match command {
        args::Command::Infra(infra) => resolve_infra(infra),
        args::Command::Datahub(datahub) => resolve_datahub(datahub),
        args::Command::Config(command) => Command::Config(command.into()),
        args::Command::Build(build) => {
            let args::BuildArgs { source, variant } = build;
            let variant = variant.map(|variant| match variant {
                args::VariantArg::Slim => Variant::Slim,
                args::VariantArg::Scratch => Variant::Scratch,
            });
            Command::Build(Build { source, variant })
        }
        args::Command::Chat(chat) => {
            let args::ChatArgs {
                agent,
                message,
                session,
            } = chat;
            Command::Chat(Chat {
                agent,
                message,
                session,
            })
        }
        args::Command::Logs(logs) => Command::Logs(resolve_logs(logs)?),
        args::Command::Version => Command::Version,
        args::Command::Quickstart(quickstart) => {
            Command::Quickstart(resolve_quickstart(quickstart))
        }
        args::Command::Local(args::LocalCommand::Supervise { folder }) => {
            Command::Supervise { folder }
        }
    })
}

fn resolve_infra(command: args::InfraCommand) -> Command {
    match command {
        args::InfraCommand::Preview(preview) => Command::Preview(resolve_preview(preview)),
        args::InfraCommand::Up(up) => {
            let args::UpArgs {
                plan,
                part,
                timeout,
                no_wait,
            } = up;
            Command::Up(Up {
                saved: plan,
                options: resolve_part(part, Scope::All),
                wait: (!no_wait).then_some(Duration::from_secs(timeout)),
            })
        }
        args::InfraCommand::Destroy(destroy) => {
            let args::DestroyArgs {
                delete_data,
                confirm,
                unprotect,
            } = destroy;
            let data = if delete_data {
                DataFate::Delete { confirmed: confirm }
            } else {
                DataFate::Keep
            };
            Command::Destroy(Destroy {
                data,
                unprotect: unprotect.into_iter().collect(),
            })
        }
        args::InfraCommand::Status => Command::Status,
        args::InfraCommand::History(history) => {
            let args::HistoryArgs { run, limit } = history;
            Command::History(History { run, limit })
        }
        args::InfraCommand::Graph(graph) => {
            let args::GraphArgs { graph } = graph;
            Command::Graph {
                drawing: resolve_drawing(graph),
            }
        }
        args::InfraCommand::Adopt { id, native } => Command::Claim {
            id,
            change: Change::Adopt { native },
        },
        args::InfraCommand::Forget { id } => Command::Claim {
            id,
            change: Change::Forget,
        },
        args::InfraCommand::Unlock { id } => Command::Unlock { id: LeaseId(id) },
        args::InfraCommand::Render(render) => {
            let args::RenderArgs { out } = render;
            Command::Render { out }
        }
    }
}

fn resolve_preview(preview: args::PreviewArgs) -> Preview {
    let args::PreviewArgs {
        against,
        offline,
        graph,
        part,
        drift_only,
        json_into,
        out,
    } = preview;
    let scope = if drift_only { Scope::Drift } else { Scope::All };
    Preview {
        world: match against {
            Some(file) => World::Described(file),
            None if offline => World::Empty,
            None => World::Live,
        },
        drawing: graph.map(resolve_drawing),
        options: resolve_part(part, scope),
        json_into,
        out,
    }
}

fn resolve_drawing(drawing: args::DrawingArg) -> Drawing {
    match drawing {
        args::DrawingArg::Dot => Drawing::Dot,
        args::DrawingArg::Mermaid => Drawing::Mermaid,
        args::DrawingArg::Svg => Drawing::Svg,
    }
}

fn resolve_datahub(datahub: args::DatahubCommand) -> Command {
    match datahub {
        args::DatahubCommand::Backup { file } => Command::Datahub(DatahubCommand::Backup { file }),
        args::DatahubCommand::Restore { file, confirm } => {
            Command::Datahub(DatahubCommand::Restore {
                file,
                confirmed: confirm,
            })
        }
        args::DatahubCommand::Psql { args } => Command::Psql { args },
    }
}

fn resolve_part(part: args::PartArgs, scope: Scope) -> PlanOptions {
    let args::PartArgs {
        target,
        exclude,
        replace,
    } = part;
    PlanOptions {
        only: target.into_iter().collect(),
        except: exclude.into_iter().collect(),
        replace: replace.into_iter().collect(),
        scope,
    }
}

fn resolve_logs(logs: args::LogsArgs) -> Result<Logs, SettingsError> {
    use rivetos_fleet::port::{Follow, LogOptions};

    let args::LogsArgs {
        agent,
        follow,
        since,
        lines,
    } = logs;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let since_unix_s = since
        .map(|text| parse_moment(&text, now))
        .transpose()
        .map_err(SettingsError::Since)?;
    let follow = if follow { Follow::Yes } else { Follow::No };
    Ok(Logs {
        agent,
        options: LogOptions {
            tail: lines,
            since_unix_s,
            follow,
        },
    })
}

fn resolve_quickstart(quickstart: args::QuickstartArgs) -> Quickstart {
    let args::QuickstartArgs {
        message,
        destroy,
        target,
        dir,
    } = quickstart;
    Quickstart {
        message,
        afterwards: if destroy {
            Afterwards::Destroy
        } else {
            Afterwards::Keep
        },
        target: target.map(|target| match target {
            args::TargetArg::Docker => Target::Docker,
            args::TargetArg::Local => Target::Local,
        }),
        dir,
    }
}
