//! `rivetos build`

use std::fs;
use std::path::{Path, PathBuf};

use rivetos_config::{Image, Variant};
use rivetos_provider_docker::{
    BuildError, BuildRequest, BuiltImage, Commit, DockerEngine, ImageVariant, ensure_image,
};
use serde::Serialize;

use super::version::{COMMIT, VERSION};
use crate::build::{Source, Tree, beside, compile, lock_image};
use crate::exit::Exit;
use crate::fleet::{Product, Recipe, engine};
use crate::output::{Edge, Failure, Format, Printer};
use crate::settings::{Build, Globals};

#[derive(Serialize)]
struct BuildReport {
    schema_version: u32,
    version: String,
    commit: String,
    dirty: bool,
    program: Option<ProgramReport>,
    image: Option<ImageReport>,
}

#[derive(Serialize)]
struct ProgramReport {
    path: PathBuf,
    size_bytes: u64,
}

#[derive(Serialize)]
struct ImageReport {
    reference: String,
    id: String,
    size_bytes: u64,
    reused: bool,
}

impl Edge for BuildError {
    fn exit(&self) -> Exit {
        match self {
            Self::WrongArchitecture { .. } => Exit::Blocked,
            Self::Unreadable { .. }
            | Self::NotAProgram { .. }
            | Self::Context { .. }
            | Self::Engine { .. } => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        self.hint().map(str::to_owned).into_iter().collect()
    }
}

/// Builds the agent, and its image where the fleet runs on an engine.
pub(crate) async fn run(
    globals: &Globals,
    build: &Build,
    printer: Printer,
) -> Result<Exit, Failure> {
    let source = Source::find(build.source.as_deref())?;
    let recipe = Recipe::read(globals, printer)?;
    let (products, mut wanted) = match recipe {
        Some(recipe) => (recipe.products, recipe.image),
        None => (vec![without_file(printer).await], Image::default()),
    };
    if let Some(variant) = build.variant {
        wanted.variant = variant;
    }
    let (mut program, mut image) = (None, None);
    for product in products {
        match product {
            Product::Program => program = Some(local_program(&source, printer).await?),
            Product::Image(address) => {
                let engine = engine::connect(&address, Some(printer)).await?;
                image = Some(agent_image(&engine, &source, &wanted, printer).await?);
            }
        }
    }
    if program.is_none() && image.is_none() {
        printer.talk("every agent has an image of its own: there is nothing to build");
    }
    show(report(source, program, image), printer);
    Ok(Exit::Ok)
}

/// What is built when there is no fleet: the image where there is an engine, else the program.
async fn without_file(printer: Printer) -> Product {
    let address = engine::of_environment();
    match engine::connect(&address, None).await {
        Ok(_) => Product::Image(address),
        Err(error) => {
            printer.talk(format_args!("no image is made: {error}"));
            Product::Program
        }
    }
}

/// Compiles the agent and puts it beside this program.
pub(crate) async fn local_program(source: &Source, printer: Printer) -> Result<PathBuf, Failure> {
    printer.talk("compiling the agent; the first time takes some minutes");
    let program = compile(source).await?;
    Ok(beside(&program).unwrap_or_else(|error| {
        printer.talk(format_args!(
            "the agent cannot be put beside `rivetos` ({error}); name it with `--agent-bin {}`",
            program.display()
        ));
        program
    }))
}

/// Makes sure that `engine` has the image of `source`.
pub(crate) async fn agent_image(
    engine: &DockerEngine,
    source: &Source,
    wanted: &Image,
    printer: Printer,
) -> Result<BuiltImage, Failure> {
    let variant = match wanted.variant {
        Variant::Slim => ImageVariant::Slim,
        Variant::Scratch => ImageVariant::Scratch,
    };
    let reference = reference(source, wanted);
    if wanted.tag.is_none()
        && (source.version.as_str(), source.commit.as_str()) != (VERSION, COMMIT)
    {
        printer.talk(format_args!(
            "{} this `rivetos` is {VERSION} ({COMMIT}) and plans for the image of that commit; \
             set `deployment.image.tag` or use the `rivetos` of the same source",
            printer.err().yellow("warning:")
        ));
    }
    let commit = match source.tree {
        Tree::Clean => {
            let there = engine
                .image_of_commit(&reference, variant, &source.commit)
                .await?;
            if let Some(image) = there {
                return Ok(image);
            }
            Commit::Clean(source.commit.clone())
        }
        Tree::Dirty => Commit::Dirty,
    };
    printer.talk("compiling the agent; the first time takes some minutes");
    let binary = compile(source).await?;
    let _lock = lock_image(&binary).await?;
    let version = source.version.clone();
    let request = BuildRequest {
        binary,
        reference,
        variant,
        version,
        commit,
    };
    let style = printer.err();
    let mut progress = |line: &str| printer.talk(style.dim(format_args!("  {line}")));
    Ok(ensure_image(engine, &request, &mut progress).await?)
}

/// The name under which the plan looks for the image.
fn reference(source: &Source, wanted: &Image) -> String {
    let repository = wanted.agent_repository();
    let suffix = match wanted.variant {
        Variant::Slim => "",
        Variant::Scratch => "-scratch",
    };
    match &wanted.tag {
        Some(tag) => format!("{repository}:{tag}"),
        None => format!("{repository}:{}-{}{suffix}", source.version, source.commit),
    }
}

fn report(source: Source, program: Option<PathBuf>, image: Option<BuiltImage>) -> BuildReport {
    let size = |path: &Path| {
        fs::metadata(path)
            .map(|file| file.len())
            .unwrap_or_default()
    };
    BuildReport {
        schema_version: 1,
        version: source.version,
        commit: source.commit,
        dirty: source.tree == Tree::Dirty,
        program: program.map(|path| ProgramReport {
            size_bytes: size(&path),
            path,
        }),
        image: image.map(|image| {
            let BuiltImage {
                reference,
                id,
                size_bytes,
                reused,
            } = image;
            ImageReport {
                reference,
                id,
                size_bytes,
                reused,
            }
        }),
    }
}

fn show(report: BuildReport, printer: Printer) {
    if printer.format() == Format::Json {
        printer.json(&report);
        return;
    }
    if let Some(program) = report.program {
        printer.data(format_args!(
            "{}  {}",
            program.path.display(),
            megabytes(program.size_bytes)
        ));
    }
    if let Some(image) = report.image {
        let how = if image.reused { "reused" } else { "built" };
        let ImageReport {
            reference,
            id,
            size_bytes,
            ..
        } = image;
        printer.data(format_args!(
            "{reference}  {id}  {}  {how}",
            megabytes(size_bytes)
        ));
    }
}

/// With one digit after the point.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
