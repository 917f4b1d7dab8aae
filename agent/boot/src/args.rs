//! The command line. Six commands and four options: written by hand, because a parser library
//! would be a tenth of the program.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

/// Where the configuration is unless the caller or `RIVETOS_CONFIG` says otherwise.
const DEFAULT_CONFIG: &str = "/etc/rivetos/rivet.config.yaml";

pub(crate) const HELP: &str = "\
An agent of a RivetOS fleet.

Usage: rivetos-agent <COMMAND> [OPTIONS]

Commands:
  run      Work until SIGTERM or SIGINT [--config FILE] [--listen IP:PORT] [--uid UID]
  health   Exit with 0 when the agent on this machine is ready [--config FILE]
  connect  Connect standard input and output to the agent on this machine [--config FILE]
  version  Print the version [--output text|json]

Model providers of a configuration, an agent's or a fleet's [--config FILE]:
  provider status [PROVIDER]      Ask whether they answer; costs nothing [--output text|json]
  provider test PROVIDER [MODEL]  Ask a model for one word; costs a little [--output text|json]
  provider models PROVIDER        List the models [--output text|json]
  provider pull PROVIDER MODEL    Let a server of Ollama fetch a model [--output text|json]
  login PROVIDER                  Log in where the configuration has `login` instead of a key

The configuration is --config, else $RIVETOS_CONFIG, else /etc/rivetos/rivet.config.yaml.
$RIVETOS_LOG_LEVEL (error, warn, info, debug, trace) and $RIVETOS_LOG_FORMAT (text, json) set how
it logs.
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Run(RunArgs),
    Health { config: PathBuf },
    Connect { config: PathBuf },
    Version { json: bool },
    Provider(ProviderArgs),
    Login { config: PathBuf, provider: String },
    Help,
}

/// `provider`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProviderArgs {
    pub(crate) config: PathBuf,
    pub(crate) json: bool,
    pub(crate) action: ProviderAction,
}

/// What is wanted of providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProviderAction {
    /// Of one, or of all.
    Status(Option<String>),
    Test(String, Option<String>),
    Models(String),
    Pull(String, String),
}

/// `run`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunArgs {
    pub(crate) config: PathBuf,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) uid: Option<String>,
}

/// What is wrong with a command line.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum UsageError {
    #[error("a command is missing: run, health, connect, version, provider or login")]
    NoCommand,
    #[error("there is no command `{0}`: use run, health, connect, version, provider or login")]
    UnknownCommand(String),
    #[error("`{command}` has no option `{option}`")]
    UnknownOption { command: String, option: String },
    #[error("`{0}` needs a value")]
    NoValue(String),
    #[error("`{command}` is used so: {wanted}")]
    Words {
        command: &'static str,
        wanted: &'static str,
    },
    #[error("`{option}` cannot be `{value}`: {wanted}")]
    BadValue {
        option: &'static str,
        value: String,
        wanted: &'static str,
    },
}

/// What the words behind `provider` can be.
const PROVIDER_USE: &str =
    "provider status [PROVIDER] | test PROVIDER [MODEL] | models PROVIDER | pull PROVIDER MODEL";

/// What followed the command as it was written; which of it a command has is checked first.
#[derive(Default)]
struct Options {
    words: Vec<String>,
    config: Option<OsString>,
    listen: Option<OsString>,
    uid: Option<OsString>,
    output: Option<OsString>,
}

pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Command, UsageError> {
    let mut args = args;
    let command = args.next().ok_or(UsageError::NoCommand)?;
    let command = command.to_string_lossy().into_owned();
    let known: &[&str] = match command.as_str() {
        "run" => &["--config", "--listen", "--uid"],
        "health" | "connect" => &["--config"],
        "version" => &["--output"],
        "provider" => &["WORDS", "--config", "--output"],
        "login" => &["WORDS", "--config"],
        "-h" | "--help" | "help" => return Ok(Command::Help),
        _ => return Err(UsageError::UnknownCommand(command)),
    };
    let options = options(&command, known, args)?;
    let config = || {
        let given = options
            .config
            .clone()
            .or_else(|| std::env::var_os("RIVETOS_CONFIG"));
        given.map_or_else(|| PathBuf::from(DEFAULT_CONFIG), PathBuf::from)
    };
    Ok(match command.as_str() {
        "health" => Command::Health { config: config() },
        "connect" => Command::Connect { config: config() },
        "version" => Command::Version {
            json: is_json(options.output)?,
        },
        "provider" => Command::Provider(ProviderArgs {
            config: config(),
            action: provider(&options.words)?,
            json: is_json(options.output)?,
        }),
        "login" => Command::Login {
            config: config(),
            provider: match options.words.as_slice() {
                [provider] => provider.clone(),
                _ => {
                    return Err(UsageError::Words {
                        command: "login",
                        wanted: "login PROVIDER",
                    });
                }
            },
        },
        _ => Command::Run(RunArgs {
            config: config(),
            listen: options.listen.as_ref().map(address).transpose()?,
            uid: options.uid.map(|uid| uid.to_string_lossy().into_owned()),
        }),
    })
}

fn provider(words: &[String]) -> Result<ProviderAction, UsageError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let owned = str::to_owned;
    Ok(match words.as_slice() {
        ["status"] => ProviderAction::Status(None),
        ["status", provider] => ProviderAction::Status(Some(owned(provider))),
        ["test", provider] => ProviderAction::Test(owned(provider), None),
        ["test", provider, model] => ProviderAction::Test(owned(provider), Some(owned(model))),
        ["models", provider] => ProviderAction::Models(owned(provider)),
        ["pull", provider, model] => ProviderAction::Pull(owned(provider), owned(model)),
        _ => {
            return Err(UsageError::Words {
                command: "provider",
                wanted: PROVIDER_USE,
            });
        }
    })
}

fn options(
    command: &str,
    known: &[&str],
    mut args: impl Iterator<Item = OsString>,
) -> Result<Options, UsageError> {
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy().into_owned();
        if known.contains(&"WORDS") && !text.starts_with('-') {
            options.words.push(text);
            continue;
        }
        let (name, inline) = match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(OsString::from(value))),
            None => (text, None),
        };
        if !name.starts_with('-') || !known.contains(&name.as_str()) {
            let command = command.to_owned();
            return Err(UsageError::UnknownOption {
                command,
                option: name,
            });
        }
        let place = match name.as_str() {
            "--config" => &mut options.config,
            "--listen" => &mut options.listen,
            "--uid" => &mut options.uid,
            _ => &mut options.output,
        };
        *place = Some(
            inline
                .or_else(|| args.next())
                .ok_or(UsageError::NoValue(name))?,
        );
    }
    Ok(options)
}

fn address(value: &OsString) -> Result<SocketAddr, UsageError> {
    let value = value.to_string_lossy().into_owned();
    let wanted = "an address and a port, for example 127.0.0.1:3100";
    value.parse().map_err(|_| UsageError::BadValue {
        option: "--listen",
        value,
        wanted,
    })
}

fn is_json(value: Option<OsString>) -> Result<bool, UsageError> {
    let value = value.map_or_else(|| "text".to_owned(), |v| v.to_string_lossy().into_owned());
    match value.as_str() {
        "json" => Ok(true),
        "text" => Ok(false),
        _ => Err(UsageError::BadValue {
            option: "--output",
            value,
            wanted: "text or json",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, UsageError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn commands_and_options() {
        let run = RunArgs {
            config: "a.yaml".into(),
            listen: Some("127.0.0.1:1".parse().unwrap()),
            uid: Some("u".into()),
        };
        for line in [
            "run --config a.yaml --listen 127.0.0.1:1 --uid u",
            "run --uid=u --listen=127.0.0.1:1 --config=a.yaml",
        ] {
            assert_eq!(parsed(line), Ok(Command::Run(run.clone())));
        }
        assert_eq!(
            parsed("health --config x"),
            Ok(Command::Health { config: "x".into() })
        );
        assert_eq!(parsed("version"), Ok(Command::Version { json: false }));
        assert_eq!(
            parsed("version --output json"),
            Ok(Command::Version { json: true })
        );
        assert_eq!(parsed("--help"), Ok(Command::Help));
        assert_eq!(
            parsed("provider test --config x far meta/large:free --output=json"),
            Ok(Command::Provider(ProviderArgs {
                config: "x".into(),
                json: true,
                action: ProviderAction::Test("far".into(), Some("meta/large:free".into())),
            }))
        );
        assert_eq!(
            parsed("login --config x claude"),
            Ok(Command::Login {
                config: "x".into(),
                provider: "claude".into()
            })
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, message) in [
            (
                "",
                "a command is missing: run, health, connect, version, provider or login",
            ),
            (
                "start",
                "there is no command `start`: use run, health, connect, version, provider or login",
            ),
            ("health --uid x", "`health` has no option `--uid`"),
            ("run --config", "`--config` needs a value"),
            ("run now", "`run` has no option `now`"),
            ("login", "`login` is used so: login PROVIDER"),
            (
                "provider test",
                "`provider` is used so: provider status [PROVIDER] | test PROVIDER [MODEL] | \
                 models PROVIDER | pull PROVIDER MODEL",
            ),
            (
                "run --listen 3100",
                "`--listen` cannot be `3100`: an address and a port, for example 127.0.0.1:3100",
            ),
            (
                "version --output yaml",
                "`--output` cannot be `yaml`: text or json",
            ),
        ] {
            assert_eq!(parsed(line).unwrap_err().to_string(), message, "{line:?}");
        }
    }
}
