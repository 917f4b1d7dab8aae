//! `rivetos quickstart`: from nothing to a talking fleet.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use rivetos_config::{NameError, Target};
use rivetos_fleet::PlanOptions;
use rivetos_provider_docker::{DockerEngine, EngineAddress};
use rivetos_render::{Model, Starter, starter};
use thiserror::Error;

use super::{build, chat, destroy, up};
use crate::build::Source;
use crate::exit::Exit;
use crate::fleet::{Fleet, Product, Recipe, engine};
use crate::output::{Edge, Failure, Printer};
use crate::settings::{Afterwards, Chat, Consent, DataFate, Destroy, Globals, Quickstart, Up};

/// How long Docker may take to show that it is of use.
const PROBE_MAX: Duration = Duration::from_secs(3);
/// How long the agents may take to be ready; a first start on Docker pulls the datahub.
const READY_MAX: Duration = Duration::from_mins(2);
/// What the example needs besides the agent itself.
const BASE_IMAGES: [&str; 2] = ["debian:trixie-slim", "pgvector/pgvector:pg17"];
/// Asked for where the endpoint is known and the model is not.
const OPENAI_MODEL_DEFAULT: &str = "gpt-4o-mini";
const FILE: &str = "rivet.config.yaml";

/// Why there is no example.
#[derive(Debug, Error)]
enum QuickstartError {
    #[error("the folder `{}` cannot name a fleet", dir.display())]
    Name { dir: PathBuf, source: NameError },
    #[error("`{}` cannot be written", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("`{}` is there already and is for another target", path.display())]
    OtherTarget { path: PathBuf },
}

impl Edge for QuickstartError {
    fn exit(&self) -> Exit {
        match self {
            Self::Name { .. } | Self::OtherTarget { .. } => Exit::Usage,
            Self::Write { .. } => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Name { .. } => {
                vec!["name it like a host: letters, digits and hyphens".into()]
            }
            Self::OtherTarget { .. } => {
                vec!["leave `--target` out, or choose another folder with `--dir`".into()]
            }
            Self::Write { .. } => Vec::new(),
        }
    }
}

/// Writes an example, builds, brings it up and talks to it.
pub(crate) async fn run(
    globals: &Globals,
    quickstart: Quickstart,
    printer: Printer,
) -> Result<Exit, Failure> {
    let Quickstart {
        message,
        afterwards,
        target,
        dir,
    } = quickstart;
    let file = dir.join(FILE);
    if file.exists() {
        printer.talk(format_args!("using {}", file.display()));
    } else {
        write_example(&dir, target, printer).await?;
    }
    let mut globals = Globals {
        config: Some(file.clone()),
        consent: Consent::Given,
        ..globals.clone()
    };
    if let Some(recipe) = Recipe::read(&globals, printer)? {
        if target.is_some_and(|target| target != recipe.target) {
            return Err(QuickstartError::OtherTarget { path: file }.into());
        }
        prepare(&mut globals, recipe, printer).await?;
    }
    let mut fleet = Fleet::load(&globals, printer)?;
    let targets = fleet.targets(printer).await?;
    let up = Up {
        saved: None,
        confirmed: None,
        options: PlanOptions::default(),
        wait: Some(READY_MAX),
    };
    let mut exit = up::bring_up(&fleet, &targets, (&globals, &up), printer).await?;
    if exit != Exit::Ok {
        return Ok(exit);
    }
    let chat = Chat {
        agent: fleet.default_agent.to_string(),
        message,
        session: None,
        attach: Vec::new(),
        save: None,
    };
    let talked = chat::run(&targets, &chat, &globals.home, printer).await;
    match afterwards {
        Afterwards::Keep => exit = exit.or(talked?),
        Afterwards::Destroy => {
            let keep = Destroy {
                data: DataFate::Keep,
                unprotect: BTreeSet::new(),
            };
            let down = destroy::take_down(&fleet, &targets, (&globals, &keep), printer).await;
            exit = exit.or(talked?).or(down?);
        }
    }
    Ok(exit)
}

async fn write_example(
    dir: &Path,
    target: Option<Target>,
    printer: Printer,
) -> Result<(), Failure> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let fleet = name.parse().map_err(|source| QuickstartError::Name {
        dir: dir.to_owned(),
        source,
    })?;
    let target = match target {
        Some(target) => target,
        None => match useless(&engine::of_environment()).await {
            None => Target::Docker,
            Some(why) => {
                printer.talk(format_args!("using processes of this machine: {why}"));
                Target::Local
            }
        },
    };
    let model = model();
    if model == Model::Rehearsal {
        printer.talk(
            "no model is configured (OPENAI_API_KEY and OPENAI_BASE_URL): the offline stand-in \
             `rehearsal` answers",
        );
    }
    let text = starter(&Starter {
        fleet,
        target,
        model,
    })?;
    let path = dir.join(FILE);
    fs::create_dir_all(dir)
        .and_then(|()| fs::write(&path, text))
        .map_err(|source| QuickstartError::Write {
            path: path.clone(),
            source,
        })?;
    printer.talk(format_args!("wrote {}", path.display()));
    Ok(())
}

/// Why Docker is of no use here; `None` when it is.
async fn useless(address: &EngineAddress) -> Option<String> {
    let probe = async {
        let engine = match DockerEngine::connect(address).await {
            Ok(engine) => engine,
            Err(error) => return Some(error.to_string()),
        };
        for image in BASE_IMAGES {
            if !engine.has_image(image).await && !engine.can_pull(image).await {
                return Some(format!("Docker has no image `{image}` and cannot pull it"));
            }
        }
        None
    };
    tokio::time::timeout(PROBE_MAX, probe)
        .await
        .unwrap_or_else(|_| Some("Docker did not answer in time".to_owned()))
}

fn model() -> Model {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(_), Some(base_url)) = (variable("OPENAI_API_KEY"), variable("OPENAI_BASE_URL"))
    else {
        return Model::Rehearsal;
    };
    Model::OpenaiCompat {
        model: variable("OPENAI_MODEL").unwrap_or_else(|| OPENAI_MODEL_DEFAULT.to_owned()),
        base_url: base_url.trim_end_matches('/').to_owned(),
        api_key_variable: Some("OPENAI_API_KEY".to_owned()),
    }
}

/// Builds what the fleet runs.
async fn prepare(globals: &mut Globals, recipe: Recipe, printer: Printer) -> Result<(), Failure> {
    for product in recipe.products {
        match product {
            Product::Image(address) => {
                let engine = engine::connect(&address, Some(printer)).await?;
                build::agent_image(&engine, &Source::find(None)?, &recipe.image, printer).await?;
            }
            Product::Program if globals.agent_bin.is_none() => {
                let program = build::local_program(&Source::find(None)?, printer).await?;
                globals.agent_bin = Some(program);
            }
            Product::Program => {}
        }
    }
    Ok(())
}
