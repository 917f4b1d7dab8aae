//! From the command line to what was asked for. Each set of arguments is taken apart field by field,
//! so that a forgotten one does not compile.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rivetos_config::{Target, Variant};
use rivetos_fleet::port::LeaseId;
use rivetos_fleet::{PlanOptions, Scope, Teardown};
use rivetos_render::Drawing;

use super::{
    Afterwards, Build, Chat, Command, Consent, DataFate, DatahubCommand, Destroy, Globals, Goal,
    History, Logs, Preview, Quickstart, Settings, SettingsError, Up, World,
};
use crate::args;
use crate::commands::claim::Change;
use crate::exit::Exit;
use crate::moment::parse_moment;
use crate::output::Format;

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
        args::Command::Provider(command) => resolve_provider(command),
        args::Command::Model { provider, model } => Command::Model { provider, model },
        args::Command::Login { provider } => Command::AskAgent {
            args: vec!["login".to_owned(), provider],
        },
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
                attach,
                save,
            } = chat;
            Command::Chat(Chat {
                agent,
                message,
                session,
                attach,
                save,
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

fn resolve_provider(command: args::provider::ProviderCommand) -> Command {
    use args::provider::ProviderCommand as Asked;
    let mut args = vec!["provider".to_owned()];
    match command {
        Asked::List => return Command::Providers,
        Asked::Status { provider } => {
            args.push("status".to_owned());
            args.extend(provider);
        }
        Asked::Test { provider, model } => {
            args.extend(["test".to_owned(), provider]);
            args.extend(model);
        }
        Asked::Models { provider } => args.extend(["models".to_owned(), provider]),
        Asked::Pull { provider, model } => args.extend(["pull".to_owned(), provider, model]),
    }
    Command::AskAgent { args }
}

fn resolve_infra(command: args::InfraCommand) -> Command {
    match command {
        args::InfraCommand::Preview(preview) => Command::Preview(resolve_preview(preview)),
        args::InfraCommand::Up(up) => {
            let args::UpArgs {
                plan,
                confirm,
                part,
                timeout,
                no_wait,
            } = up;
            Command::Up(Up {
                saved: plan,
                confirmed: confirm,
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
        args::InfraCommand::Forget { what } => match what {
            args::Forgotten::Object(id) => Command::Claim {
                id,
                change: Change::Forget,
            },
            args::Forgotten::Engine(target) => Command::ForgetEngine { target },
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
        teardown,
        json_into,
        out,
    } = preview;
    let args::TeardownArgs {
        destroy,
        delete_data,
        unprotect,
    } = teardown;
    let scope = if drift_only { Scope::Drift } else { Scope::All };
    let goal = if destroy {
        Goal::Down(Teardown {
            data: if delete_data {
                rivetos_fleet::DataFate::DeleteAll
            } else {
                rivetos_fleet::DataFate::Keep
            },
            unprotect: unprotect.into_iter().collect(),
        })
    } else {
        Goal::Up(resolve_part(part, scope))
    };
    Preview {
        world: match against {
            Some(file) => World::Described(file),
            None if offline => World::Empty,
            None => World::Live,
        },
        drawing: graph.map(resolve_drawing),
        goal,
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
