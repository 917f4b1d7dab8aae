//! The command line as clap reads it. Nothing but [`crate::settings`] sees these types.

pub(crate) mod config;
pub(crate) mod provider;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rivetos_fleet::model::{ResourceId, TargetId};

/// Plans, deploys and talks to fleets of agents.
#[derive(Debug, Parser)]
#[command(
    name = "rivetos",
    disable_version_flag = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Globals {
    /// The fleet's file [default: the first of ./rivet.config.yaml, ./config.yaml,
    /// ~/.rivetos/rivet.config.yaml, ~/.rivetos/config.yaml]
    #[arg(long, global = true, value_name = "FILE", env = "RIVETOS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The shape of what goes to standard output
    #[arg(long, global = true, value_name = "SHAPE", default_value = "text")]
    pub(crate) output: OutputArg,
    /// Do not ask before changing something
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// End with 2 when a preview has changes
    #[arg(long, global = true)]
    pub(crate) detailed_exitcode: bool,
    /// The agent's program on the target `local` [default: `rivetos-agent` beside `rivetos`, else
    /// on the PATH]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) agent_bin: Option<PathBuf>,
    /// No colours, even on a terminal (also: `NO_COLOR`)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OutputArg {
    /// For people
    Text,
    /// One JSON document
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look at a fleet's infrastructure and change it
    #[command(subcommand)]
    Infra(InfraCommand),
    /// Look after the fleet's Postgres
    #[command(subcommand)]
    Datahub(DatahubCommand),
    /// Look at the fleet's file itself, check it, edit it
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Look at the model providers of the fleet's file, ask them
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    /// Show which models are asked, or write another one into the fleet's file
    Model {
        /// A provider of the file
        #[arg(value_name = "PROVIDER")]
        provider: Option<String>,
        /// The model that it is to ask for; comments and layout of the file stay
        #[arg(value_name = "MODEL", requires = "provider")]
        model: Option<String>,
    },
    /// Log in to a provider that has `login` instead of a key
    Login {
        /// Its name in the fleet's file
        #[arg(value_name = "PROVIDER")]
        provider: String,
    },
    /// Build the agent and its image from source
    Build(BuildArgs),
    /// Talk to an agent
    Chat(ChatArgs),
    /// Show the log of an agent
    Logs(LogsArgs),
    /// Show the version of this program
    Version,
    /// From nothing to a talking fleet: write an example, build, bring it up, chat
    Quickstart(QuickstartArgs),
    /// What the target `local` runs in the background
    #[command(subcommand, hide = true)]
    Local(LocalCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum InfraCommand {
    /// Show what `up` would do, and change nothing
    Preview(PreviewArgs),
    /// Make the fleet what its file says
    Up(UpArgs),
    /// Take the fleet down; its data stays
    Destroy(DestroyArgs),
    /// Show what runs
    Status,
    /// Show what was done, by whom, and how it ended
    History(HistoryArgs),
    /// Draw the fleet as its file describes it, without asking any target
    Graph(GraphArgs),
    /// Make an object that is nobody's the fleet's, as it is
    Adopt {
        /// What it becomes, for example `volume/opus`
        #[arg(value_name = "ADDRESS")]
        id: ResourceId,
        /// Its name or id on the target, or the path of the folder
        #[arg(value_name = "NATIVE-ID")]
        native: String,
    },
    /// Make an object of the fleet nobody's, as it is; or stop looking at an engine
    Forget {
        /// What it is, for example `volume/opus`; or an engine that the fleet was on and that its
        /// file no longer names, for example `docker/nas`
        #[arg(value_name = "ADDRESS", value_parser = forgotten)]
        what: Forgotten,
    },
    /// Take the fleet's lock away from a run that does not come back
    Unlock {
        /// The id of the lock, as the run that was refused says it
        id: String,
    },
    /// Write the fleet's deployment as text files, without asking any target
    Render(RenderArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// Look at a world that a file describes instead of the fleet's targets
    #[arg(long, value_name = "sim:FILE", value_parser = world_file)]
    pub(crate) against: Option<PathBuf>,
    /// Ask no target: the plan for a fleet of which nothing is there yet
    #[arg(long, conflicts_with = "against")]
    pub(crate) offline: bool,
    /// Draw the plan instead of writing it
    #[arg(long, value_name = "KIND")]
    pub(crate) graph: Option<DrawingArg>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Only what is no longer as it was made, not what the file changes
    #[arg(long)]
    pub(crate) drift_only: bool,
    #[command(flatten)]
    pub(crate) teardown: TeardownArgs,
    /// Write the plan as JSON into this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) json_into: Option<PathBuf>,
    /// Keep the plan in this file for `infra up FILE`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["against", "offline"])]
    pub(crate) out: Option<PathBuf>,
}

/// A plan in the other direction.
#[derive(Debug, Args)]
pub(crate) struct TeardownArgs {
    /// Show what `destroy` would do instead
    #[arg(long, conflicts_with_all = ["offline", "target", "exclude", "replace", "drift_only"])]
    pub(crate) destroy: bool,
    /// With --destroy: delete the data too
    #[arg(long, requires = "destroy")]
    pub(crate) delete_data: bool,
    /// Data that may be deleted although it is protected, for example volume/ada
    #[arg(long, value_name = "ADDRESS", requires = "delete_data")]
    pub(crate) unprotect: Vec<ResourceId>,
}

/// Which part of a fleet is meant.
#[derive(Debug, Args)]
pub(crate) struct PartArgs {
    /// Only this, for example agent/ada, and what it needs
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) target: Vec<ResourceId>,
    /// Not this, and not what needs it
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) exclude: Vec<ResourceId>,
    /// Make this again although it is as it should be
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) replace: Vec<ResourceId>,
}

/// What the fleet forgets.
#[derive(Debug, Clone)]
pub(crate) enum Forgotten {
    /// Something of its own.
    Object(ResourceId),
    /// Where it was.
    Engine(TargetId),
}

fn forgotten(text: &str) -> Result<Forgotten, String> {
    match text.strip_prefix("docker") {
        Some("") => Ok(Forgotten::Engine(TargetId::docker(None))),
        Some(rest) if rest.starts_with('/') => {
            Ok(Forgotten::Engine(TargetId::docker(rest.get(1..))))
        }
        Some(_) | None => text.parse().map(Forgotten::Object),
    }
}

/// Takes the file out of `sim:FILE`.
fn world_file(text: &str) -> Result<PathBuf, String> {
    match text.strip_prefix("sim:") {
        Some(file) if !file.is_empty() => Ok(PathBuf::from(file)),
        Some(_) | None => Err("it is not of the form sim:FILE".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// The kind of picture
    #[arg(long, value_name = "KIND", default_value = "svg")]
    pub(crate) graph: DrawingArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DrawingArg {
    /// For Graphviz
    Dot,
    /// For Markdown
    Mermaid,
    /// For a browser
    Svg,
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// A plan of `infra preview --out`, carried out as it is or not at all
    #[arg(value_name = "PLAN", conflicts_with_all = ["target", "exclude", "replace"])]
    pub(crate) plan: Option<PathBuf>,
    /// The fleet's name, instead of typing it, where the plan deletes data
    #[arg(long, value_name = "NAME", requires = "plan")]
    pub(crate) confirm: Option<String>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// How long to wait until every agent is ready
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) timeout: u64,
    /// Return as soon as every step is done
    #[arg(long)]
    pub(crate) no_wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DestroyArgs {
    /// Delete the data too; asks for the fleet's name
    #[arg(long)]
    pub(crate) delete_data: bool,
    /// The fleet's name, instead of typing it
    #[arg(long, value_name = "NAME", requires = "delete_data")]
    pub(crate) confirm: Option<String>,
    /// Data that may be deleted although it is protected, for example volume/ada
    #[arg(long, value_name = "ADDRESS", requires = "delete_data")]
    pub(crate) unprotect: Vec<ResourceId>,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Show the steps of this run
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// The most runs to list
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// The folder to write into; made when it is not there
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DatahubCommand {
    /// Write a backup, with its checksum beside it, and see that it can be restored
    Backup {
        /// The file; never overwritten [default: the fleet's name and the time in UTC, `.dump`]
        file: Option<PathBuf>,
    },
    /// Put a backup back, in one transaction
    Restore {
        /// The file; its checksum is expected beside it, in `FILE.sha256`
        file: PathBuf,
        /// The fleet's name, instead of typing it, where data is replaced
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// Ask the datahub in SQL
    Psql {
        /// Arguments to psql
        #[arg(last = true)]
        args: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The source tree [default: the workspace around the current folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
    /// What the image is made of [default: what the fleet's file says, else slim]
    #[arg(long)]
    pub(crate) variant: Option<VariantArg>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum VariantArg {
    /// Debian with git and curl
    Slim,
    /// The program alone; no shell tool
    Scratch,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// The agent's name
    pub(crate) agent: String,
    /// Say this, print the reply and leave
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// The conversation to go on with [default: the one of this user on this machine]
    #[arg(long, value_name = "NAME")]
    pub(crate) session: Option<String>,
    /// Send this file with the first message: an image, a PDF, a text or a sound; repeatable
    #[arg(short, long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    /// Write the files of replies to this folder, under new names
    #[arg(long, value_name = "FOLDER")]
    pub(crate) save: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The agent's name
    pub(crate) agent: String,
    /// Go on as new lines come
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only lines since then: an age such as 10m, or a moment such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Only the last lines
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub(crate) lines: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct QuickstartArgs {
    /// Say this, print the reply and leave
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Take the fleet down again afterwards; its data stays
    #[arg(long)]
    pub(crate) destroy: bool,
    /// Where the agents run [default: docker when an engine answers, else local]
    #[arg(long)]
    pub(crate) target: Option<TargetArg>,
    /// The folder for the example; its name is the fleet's
    #[arg(long, value_name = "DIR", default_value = "my-fleet")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TargetArg {
    /// Containers of a Docker engine
    Docker,
    /// Processes of this machine
    Local,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LocalCommand {
    /// Run one agent and start it again when it ends
    Supervise {
        /// The agent's folder
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
