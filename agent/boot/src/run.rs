//! `rivetos-agent run`: from the configuration to a ready agent, and down again.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rivetos_channel_agent::AgentChannel;
use rivetos_core::redact::Redactor;
use rivetos_core::turn::Limits;
use rivetos_http::Http;
use rivetos_memory_sqlite::SqliteStore;
use rivetos_protocol::DRAIN_MS;
use rivetos_runtime::http::{operator_routes, routes, serve};
use rivetos_runtime::{Application, AuditBounds, AuditLog, Budget, Identity, Parts, Prices};
use rivetos_types::secret::{SecretRef, SecretResolver};
use rivetos_types::settings;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::RunArgs;
use crate::error::BootError;
use crate::models::{self, Logins};
use crate::secrets::ensure_token;
use crate::setup::Setup;
use crate::version::{COMMIT, VERSION};
use crate::{compose, logging, workspace};

/// How long running turns get after the first signal. Engines kill after 30 s.
const DRAIN: Duration = Duration::from_millis(DRAIN_MS);

/// Runs until the agent is told to end.
pub(crate) fn run(args: &RunArgs) -> Result<(), BootError> {
    let redactor = Arc::<Redactor>::default();
    logging::start(Arc::clone(&redactor));
    // The commands of the model run as the same user: without this they could read the agent's
    // environment and memory below `/proc`, and secrets with them.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| BootError::Runtime(error.into()))?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(BootError::Runtime)?
        .block_on(work(args, redactor))
}

async fn work(args: &RunArgs, redactor: Arc<Redactor>) -> Result<(), BootError> {
    let mut setup = Setup::read(&args.config, redactor)?;
    setup.listen = args.listen.unwrap_or(setup.listen);
    prepare_folders(&setup)?;
    // Found once before anything is written for others, so that it is known what must not be seen.
    setup
        .secrets
        .resolve(&setup.token)
        .map_err(BootError::Token)?;

    let mut signals = Signals::new().map_err(BootError::Runtime)?;
    let address = setup.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| BootError::Listen { address, source })?;
    let application = start(&setup, args.uid.clone()).await?;
    let channel = AgentChannel::new(
        Arc::new(application.clone()),
        setup.secrets.clone(),
        settings::AgentChannel {
            agent: setup.agent()?.0.to_owned(),
            bearer: setup.token.clone(),
            wait: setup.config.runtime.turn_timeout,
        },
    );
    let router = channel.with_operator(
        routes(application.clone(), channel.routes()),
        operator_routes(application.clone()),
    );
    application.listening();
    tracing::info!(%address, version = VERSION, commit = COMMIT, "listening");

    serve(listener, router, async {
        signals.next().await;
        tokio::select! {
            _ = application.drain(DRAIN) => {}
            () = signals.next() => tracing::warn!("told twice; open turns are left as they are"),
        }
    })
    .await;
    tracing::info!("stopped");
    Ok(())
}

fn prepare_folders(setup: &Setup) -> Result<(), BootError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| BootError::Folder { path, source }
    };
    workspace::seed(&setup.workspace, &setup.folder.join("workspace"))
        .map_err(failed(&setup.workspace))?;
    if let Some(folder) = setup.store.parent() {
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    if let (true, SecretRef::File(path)) = (setup.token_is_ours, &setup.token) {
        ensure_token(path).map_err(BootError::MakeToken)?;
    }
    Ok(())
}

async fn start(setup: &Setup, uid: Option<String>) -> Result<Application, BootError> {
    let (name, agent) = setup.agent()?;
    let http = Http::new();
    let logins = Logins::Own {
        folder: setup.data().to_owned(),
        from: setup.folder.clone(),
    };
    logins.adopt(&setup.config, agent);
    let asking = (
        setup.secrets.clone() as Arc<dyn SecretResolver>,
        http.clone(),
    );
    let models = models::models(&setup.config, agent, &logins, asking).await?;
    let store = SqliteStore::open(&setup.store).map_err(|source| {
        let path = setup.store.clone();
        BootError::OpenStore { path, source }
    })?;
    let audit = AuditLog::open(&setup.audit, AuditBounds::default()).map_err(|source| {
        let path = setup.audit.clone();
        BootError::Folder { path, source }
    })?;
    Ok(Application::start(Parts {
        identity: Identity {
            agent: name.to_owned(),
            uid,
            version: VERSION.to_owned(),
            commit: COMMIT.to_owned(),
        },
        store: Arc::new(store),
        models,
        tools: compose::tools(&agent.tools),
        workspace: setup.workspace.clone(),
        policies: compose::policies(agent),
        thinking: agent.thinking,
        prices: Prices::built_in().map_err(BootError::Prices)?,
        budget: Budget {
            day_micro_usd: agent.budget.day_micro_usd,
            month_micro_usd: agent.budget.month_micro_usd,
        },
        limits: Limits {
            turn_micro_usd_max: agent.budget.turn_micro_usd,
            ..Limits::new(&setup.config.runtime)
        },
        channels: Vec::new(),
        audit,
        collector: compose::collector(&setup.config.telemetry, &setup.secrets, http)?,
        redactor: setup.secrets.redactor(),
    }))
}

/// `SIGTERM` and `SIGINT`.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
