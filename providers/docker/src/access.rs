//! Reaches running nodes through the engine: no port is published for it.

mod lines;
mod stream;

pub use lines::LogLines;
pub use stream::NodeStream;

use std::collections::HashMap;

use bollard::exec::StartExecResults;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum, ExecConfig};
use bollard::query_parameters::{ListContainersOptionsBuilder, LogsOptionsBuilder};
use rivetos_fleet::label::{self, Claim};
use rivetos_fleet::model::ResourceId;
use rivetos_fleet::port::{AccessError, Follow, LogOptions, NodeAccess};

use crate::DockerProvider;
use crate::claim::{Claims, is_claim};
use crate::error::said;

/// Bridges its own input and output to the agent beside it, as the operator.
const BRIDGE: [&str; 2] = ["/usr/local/bin/rivetos-agent", "connect"];

impl NodeAccess for DockerProvider {
    type Stream = NodeStream;
    type Lines = LogLines;

    async fn connect(&self, node: &ResourceId) -> Result<NodeStream, AccessError> {
        let container = self.find_running(node).await?;
        let docker = &self.engine.docker;
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(BRIDGE.map(str::to_owned).to_vec()),
            ..ExecConfig::default()
        };
        let unreachable = |error| unreachable(node, &error);
        let exec = docker
            .create_exec(&container, config)
            .await
            .map_err(unreachable)?;
        match docker
            .start_exec(&exec.id, None)
            .await
            .map_err(unreachable)?
        {
            StartExecResults::Attached { output, input } => Ok(NodeStream::new(output, input)),
            StartExecResults::Detached => Err(AccessError::Unreachable {
                node: node.clone(),
                cause: "the engine did not attach to the bridge".to_owned(),
            }),
        }
    }

    async fn logs(&self, node: &ResourceId, options: LogOptions) -> Result<LogLines, AccessError> {
        let container = self.find(node).await?.id.unwrap_or_default();
        let mut asked = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .follow(options.follow == Follow::Yes);
        if let Some(tail) = options.tail {
            asked = asked.tail(&tail.to_string());
        }
        if let Some(since) = options.since_unix_s {
            asked = asked.since(i32::try_from(since.max(0)).unwrap_or(i32::MAX));
        }
        Ok(LogLines::new(
            node.clone(),
            self.engine.docker.logs(&container, Some(asked.build())),
        ))
    }
}

impl DockerProvider {
    /// The id of a node's container, if it runs.
    pub(crate) async fn find_running(&self, node: &ResourceId) -> Result<String, AccessError> {
        let live = self.find(node).await?;
        match live.state {
            Some(ContainerSummaryStateEnum::RUNNING) => Ok(live.id.unwrap_or_default()),
            Some(ContainerSummaryStateEnum::RESTARTING) => Err(AccessError::Unreachable {
                node: node.clone(),
                cause: crash_loop(live.status.as_deref()),
            }),
            Some(
                ContainerSummaryStateEnum::EMPTY
                | ContainerSummaryStateEnum::CREATED
                | ContainerSummaryStateEnum::PAUSED
                | ContainerSummaryStateEnum::EXITED
                | ContainerSummaryStateEnum::REMOVING
                | ContainerSummaryStateEnum::STOPPING
                | ContainerSummaryStateEnum::DEAD,
            )
            | None => Err(AccessError::NotRunning(node.clone())),
        }
    }

    /// The container of a node, by its labels or by a claim. Of two of which one takes the other's
    /// place it is the one that runs.
    async fn find(&self, node: &ResourceId) -> Result<ContainerSummary, AccessError> {
        let labels = vec![
            format!("{}={}", label::MANAGED_BY, label::MANAGER),
            format!("{}={}", label::FLEET, self.fleet),
            format!("{}={node}", label::ADDR),
        ];
        let unreachable = |error| unreachable(node, &error);
        let list = self.list("label", labels).await.map_err(unreachable)?;
        let claims = Claims::among(&list, &self.fleet);
        let found = match claims.adopted() {
            Some(native) => self.list("id", vec![native.to_owned()]).await,
            None => Ok(list),
        };
        found
            .map_err(unreachable)?
            .into_iter()
            .filter(|one| {
                let labels = one.labels.as_ref();
                let id = one.id.as_deref().unwrap_or_default();
                !labels.is_some_and(is_claim) && !claims.says(id, Claim::Forget)
            })
            .max_by_key(|one| one.state == Some(ContainerSummaryStateEnum::RUNNING))
            .ok_or_else(|| AccessError::Absent(node.clone()))
    }

    async fn list(
        &self,
        filter: &str,
        values: Vec<String>,
    ) -> Result<Vec<ContainerSummary>, bollard::errors::Error> {
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&HashMap::from([(filter, values)]))
            .build();
        self.engine.docker.list_containers(Some(options)).await
    }
}

/// In the engine's own words, for example `Restarting (78) 4 seconds ago`.
fn crash_loop(status: Option<&str>) -> String {
    let status = status.unwrap_or_default();
    match status
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
    {
        Some((code, _)) => format!("it keeps ending, last with exit code {code}"),
        None => "it keeps ending".to_owned(),
    }
}

pub(crate) fn unreachable(node: &ResourceId, error: &bollard::errors::Error) -> AccessError {
    AccessError::Unreachable {
        node: node.clone(),
        cause: said(error),
    }
}
