//! The agent's image on an engine.

mod binary;
mod context;
mod empty;
mod transfer;

pub(crate) use empty::{EMPTY_IMAGE, ensure_empty_image};
pub use transfer::ImageMove;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use bollard::models::{BuildInfo, ImageInspect};
use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::StreamExt;
use thiserror::Error;

use crate::DockerEngine;
use crate::error::{found, said};

const VERSION: &str = "io.rivetos.version";
const COMMIT: &str = "io.rivetos.commit";
const BINARY: &str = "io.rivetos.binary-sha256";
const VARIANT: &str = "io.rivetos.variant";
const OCI_VERSION: &str = "org.opencontainers.image.version";
const OCI_REVISION: &str = "org.opencontainers.image.revision";

/// What stands for the commit of a tree with changes that are not committed.
const DIRTY: &str = "dirty";

/// The first API with `--start-interval` (engine 25).
const API_START_INTERVAL: (usize, usize) = (1, 44);

/// How much of a failing step's output is shown, in lines.
const TAIL_LINES: usize = 20;

/// What to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequest {
    /// The agent's program.
    pub binary: PathBuf,
    /// The image's name, `repository:tag`.
    pub reference: String,
    /// What is in the image besides the program.
    pub variant: ImageVariant,
    /// The program's version.
    pub version: String,
    /// What it was built from.
    pub commit: Commit,
}

/// What is in an image besides the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageVariant {
    /// Debian with CA certificates, git and curl.
    Slim,
    /// CA certificates only.
    Scratch,
}

/// What a program was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    /// Exactly this commit.
    Clean(String),
    /// A tree with changes that are not committed.
    Dirty,
}

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// Its name, `repository:tag`.
    pub reference: String,
    /// Its id on the engine.
    pub id: String,
    /// Its size there, in bytes.
    pub size_bytes: u64,
    /// Whether it was there already.
    pub reused: bool,
}

impl DockerEngine {
    /// The image of that name, if it was built from exactly that commit: then nothing needs to be
    /// compiled or built.
    pub async fn image_of_commit(
        &self,
        reference: &str,
        variant: ImageVariant,
        commit: &str,
    ) -> Result<Option<BuiltImage>, BuildError> {
        let live = look(self, reference).await?;
        Ok(live.and_then(|live| {
            let same =
                is_labelled(&live, COMMIT, commit) && is_labelled(&live, VARIANT, variant.as_str());
            same.then(|| built(reference, &live, true))
        }))
    }
}

/// Builds the image unless the engine has it already: one of the same commit and variant, or, of a
/// tree with changes, one with the very same program. `progress` gets the builder's lines.
///
/// # Guarantees
/// - A program for another architecture than the engine's is refused before anything changes.
/// - An image that is reused keeps its id, so no plan changes.
pub async fn ensure_image(
    engine: &DockerEngine,
    request: &BuildRequest,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<BuiltImage, BuildError> {
    let program = binary::read(&request.binary).await?;
    if program.architecture != engine.architecture {
        return Err(BuildError::WrongArchitecture {
            path: request.binary.clone(),
            binary: program.architecture.to_owned(),
            engine: engine.architecture.clone(),
        });
    }
    if let Some(live) = look(engine, &request.reference).await?
        && is_reusable(&live, request, &program.sha256)
    {
        return Ok(built(&request.reference, &live, true));
    }
    let context = context::pack(
        &program.bytes,
        request.variant,
        knows_start_interval(engine),
    )
    .map_err(|source| BuildError::Context { source })?;
    build(engine, request, &program.sha256, context, progress).await?;
    match look(engine, &request.reference).await? {
        Some(live) => Ok(built(&request.reference, &live, false)),
        None => Err(BuildError::Engine {
            what: format!("building `{}`", request.reference),
            said: "it said nothing, and there is no such image".to_owned(),
        }),
    }
}

async fn build(
    engine: &DockerEngine,
    request: &BuildRequest,
    sha256: &str,
    context: Vec<u8>,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<(), BuildError> {
    let options = BuildImageOptionsBuilder::new()
        .t(&request.reference)
        .labels(&labels(request, sha256))
        .rm(true)
        .forcerm(true)
        .build();
    let body = bollard::body_full(context.into());
    let mut messages = std::pin::pin!(engine.docker.build_image(options, None, Some(body)));
    let mut tail: VecDeque<String> = VecDeque::with_capacity(TAIL_LINES);
    while let Some(message) = messages.next().await {
        let message = message.map_err(|error| {
            let output = tail
                .iter()
                .fold(said(&error), |all, line| all + "\n  | " + line);
            engine_said(&request.reference, output)
        })?;
        tell(&message, &mut tail, progress);
    }
    Ok(())
}

/// Shows which step of the Dockerfile begins; what the step itself says is kept for a failure.
fn tell(message: &BuildInfo, tail: &mut VecDeque<String>, progress: &mut (dyn FnMut(&str) + Send)) {
    let lines = message
        .stream
        .iter()
        .chain(&message.status)
        .flat_map(|text| text.lines());
    for line in lines.map(str::trim_end).filter(|line| !line.is_empty()) {
        if line.starts_with("Step ") {
            tail.clear();
            progress(line);
        } else {
            if tail.len() == TAIL_LINES {
                tail.pop_front();
            }
            tail.push_back(line.to_owned());
        }
    }
}

fn labels(request: &BuildRequest, sha256: &str) -> HashMap<&'static str, String> {
    let commit = request.commit.as_str();
    HashMap::from([
        (VERSION, request.version.clone()),
        (COMMIT, commit.to_owned()),
        (BINARY, sha256.to_owned()),
        (VARIANT, request.variant.as_str().to_owned()),
        (OCI_VERSION, request.version.clone()),
        (OCI_REVISION, commit.to_owned()),
    ])
}

fn is_reusable(live: &ImageInspect, request: &BuildRequest, sha256: &str) -> bool {
    let same_source = match &request.commit {
        Commit::Clean(commit) => is_labelled(live, COMMIT, commit),
        Commit::Dirty => is_labelled(live, BINARY, sha256),
    };
    same_source && is_labelled(live, VARIANT, request.variant.as_str())
}

fn is_labelled(live: &ImageInspect, label: &str, value: &str) -> bool {
    let labels = live
        .config
        .as_ref()
        .and_then(|config| config.labels.as_ref());
    labels
        .and_then(|labels| labels.get(label))
        .is_some_and(|found| found == value)
}

async fn look(engine: &DockerEngine, reference: &str) -> Result<Option<ImageInspect>, BuildError> {
    found(engine.docker.inspect_image(reference).await)
        .map_err(|error| engine_said(reference, said(&error)))
}

fn engine_said(reference: &str, said: String) -> BuildError {
    BuildError::Engine {
        what: format!("building `{reference}`"),
        said,
    }
}

fn built(reference: &str, live: &ImageInspect, reused: bool) -> BuiltImage {
    BuiltImage {
        reference: reference.to_owned(),
        id: live.id.clone().unwrap_or_default(),
        size_bytes: live
            .size
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or_default(),
        reused,
    }
}

fn knows_start_interval(engine: &DockerEngine) -> bool {
    engine.api >= API_START_INTERVAL
}

impl ImageVariant {
    /// As on the image's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slim => "slim",
            Self::Scratch => "scratch",
        }
    }
}

impl Commit {
    /// As on the image's label.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Clean(commit) => commit,
            Self::Dirty => DIRTY,
        }
    }
}

/// Why there is no image.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The program cannot be read.
    #[error("the agent's program `{path}` cannot be read", path = path.display())]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no Linux program of a known architecture.
    #[error("`{path}` is not a Linux program of a known architecture", path = path.display())]
    NotAProgram {
        /// What was given.
        path: PathBuf,
    },
    /// It is for another machine than the engine's.
    #[error(
        "`{path}` is for {binary} and the engine runs on {engine}",
        path = path.display()
    )]
    WrongArchitecture {
        /// What was given.
        path: PathBuf,
        /// The program's architecture.
        binary: String,
        /// The engine's.
        engine: String,
    },
    /// What the builder needs could not be packed.
    #[error("packing the build context failed")]
    Context {
        /// What the system said.
        source: std::io::Error,
    },
    /// The engine said no.
    #[error("{what}: {said}")]
    Engine {
        /// What was tried.
        what: String,
        /// Its answer.
        said: String,
    },
}

impl BuildError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { .. } | Self::NotAProgram { .. } => {
                Some("build the agent for Linux first, or name its program")
            }
            Self::WrongArchitecture { .. } => Some("build the agent for the engine's architecture"),
            Self::Engine { said, .. } if said.contains("no space left on device") => {
                Some("free disk space on the engine's host")
            }
            Self::Context { .. } | Self::Engine { .. } => None,
        }
    }
}
