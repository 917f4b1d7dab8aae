//! `rivetos logs`

use futures_util::{Stream, StreamExt};
use rivetos_fleet::model::{Kind, ResourceId};
use rivetos_fleet::port::{AccessError, NodeAccess};
use thiserror::Error;
use tokio::signal;

use crate::exit::Exit;
use crate::output::{Edge, Failure, Printer};
use crate::settings::Logs;

/// Why there is no log.
#[derive(Debug, Error)]
#[error("the log of {node} cannot be read")]
struct LogsError {
    node: ResourceId,
    source: AccessError,
}

impl Edge for LogsError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }

    fn hints(&self) -> Vec<String> {
        match self.source {
            AccessError::Absent(_) => vec!["`rivetos infra status` lists what there is".into()],
            AccessError::NotRunning(_) | AccessError::Unreachable { .. } => Vec::new(),
        }
    }
}

/// Prints the log of an agent until it ends or Ctrl-C.
pub(crate) async fn run<A>(access: &A, logs: &Logs, printer: Printer) -> Result<Exit, Failure>
where
    A: NodeAccess,
    A::Lines: Stream<Item = Result<String, AccessError>> + Unpin,
{
    let node = ResourceId::new(Kind::Agent, logs.agent.as_str());
    let failed = |source| LogsError {
        node: node.clone(),
        source,
    };
    let mut lines = access.logs(&node, logs.options).await.map_err(failed)?;
    loop {
        tokio::select! {
            line = lines.next() => match line {
                Some(line) => printer.data(line.map_err(failed)?),
                None => return Ok(Exit::Ok),
            },
            _ = signal::ctrl_c() => return Ok(Exit::Interrupted),
        }
    }
}
