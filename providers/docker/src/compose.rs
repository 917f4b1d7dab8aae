//! What makes Docker Compose take a fleet's containers, networks and volumes for those of its own
//! project.
//!
//! Nothing here is ever read back: what an object is stands on our own labels.

use std::collections::BTreeMap;
use std::fmt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rivetos_fleet::model::{ContainerSpec, Desired, Kind};
use rivetos_fleet::{FleetId, label};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::DockerProvider;

const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";
const NUMBER: &str = "com.docker.compose.container-number";
const ONE_OFF: &str = "com.docker.compose.oneoff";
const CONFIG_HASH: &str = "com.docker.compose.config-hash";
const IMAGE: &str = "com.docker.compose.image";
const NETWORK: &str = "com.docker.compose.network";
const VOLUME: &str = "com.docker.compose.volume";

/// How long Compose may take to read a file.
const DEADLINE: Duration = Duration::from_secs(20);

/// The fleet as a compose file, and what Compose says of it.
///
/// A container is up to date for Compose when it bears the hash of its service, and only Compose
/// itself knows how that is computed. So it is asked, once per run and not before a container is
/// made.
#[derive(Clone)]
pub struct ComposeFile(Arc<Inner>);

struct Inner {
    text: Box<dyn Fn() -> Option<String> + Send + Sync>,
    hashes: OnceCell<BTreeMap<String, String>>,
}

impl ComposeFile {
    /// The file that `text` gives when it is needed.
    pub fn new(text: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            text: Box::new(text),
            hashes: OnceCell::new(),
        }))
    }

    /// The hash of a service, where Compose is installed.
    async fn hash(&self, service: &str) -> Option<&str> {
        let ask = async || match (self.0.text)() {
            Some(text) => ask(text).await.unwrap_or_default(),
            None => BTreeMap::new(),
        };
        let hashes = self.0.hashes.get_or_init(ask).await;
        hashes.get(service).map(String::as_str)
    }
}

impl fmt::Debug for ComposeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ComposeFile")
    }
}

/// What `docker compose` says of the services of a file; nothing where it is not installed.
async fn ask(text: String) -> Option<BTreeMap<String, String>> {
    let mut child = Command::new("docker")
        .args(["compose", "--file", "-", "config", "--hash", "*"])
        // The folder may hold an `.env`, which is not this fleet's.
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let answer = async {
        stdin.write_all(text.as_bytes()).await.ok()?;
        drop(stdin);
        child.wait_with_output().await.ok()
    };
    let output = tokio::time::timeout(DEADLINE, answer).await.ok()??;
    output.status.success().then(|| hashes(&output.stdout))
}

/// Lines of a service and its hash in hex; what else somebody prints is none of it.
fn hashes(lines: &[u8]) -> BTreeMap<String, String> {
    let lines = String::from_utf8_lossy(lines);
    let pairs = lines.lines().filter_map(|line| {
        let (service, hash) = line.trim_end().split_once(' ')?;
        let is_hash = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        (!service.is_empty() && is_hash).then(|| (service.to_owned(), hash.to_owned()))
    });
    pairs.collect()
}

/// The labels of a new container: ours, and those by which Compose knows it. Without Compose its hash is one that Compose never computes: it
/// makes the container again instead of failing over its name.
pub(crate) async fn container_labels(
    provider: &DockerProvider,
    desired: &Desired,
    spec: &ContainerSpec,
) -> BTreeMap<String, String> {
    let fleet = &provider.fleet;
    let service = spec.hostname.as_str();
    let known = match &provider.compose {
        Some(file) => file.hash(service).await.map(str::to_owned),
        None => None,
    };
    let hash = known.unwrap_or_else(|| format!("rivetos-{}", desired.spec.hash()));
    let mut labels = BTreeMap::from([
        (PROJECT.to_owned(), fleet.to_string()),
        (SERVICE.to_owned(), service.to_owned()),
        (NUMBER.to_owned(), "1".to_owned()),
        (ONE_OFF.to_owned(), "False".to_owned()),
        (CONFIG_HASH.to_owned(), hash),
    ]);
    if let Some(image) = &spec.image_id {
        labels.insert(IMAGE.to_owned(), image.clone());
    }
    labels.extend(label::labels(fleet, desired));
    labels
}

/// The labels of a network or a data volume; others are external to the file.
pub(crate) fn labels(fleet: &FleetId, kind: Kind, native_name: &str) -> BTreeMap<String, String> {
    let own = match kind {
        Kind::Network => NETWORK,
        Kind::Volume => VOLUME,
        Kind::Image | Kind::Config | Kind::Secret | Kind::Datahub | Kind::Role | Kind::Agent => {
            return BTreeMap::new();
        }
    };
    BTreeMap::from([
        (PROJECT.to_owned(), fleet.to_string()),
        (own.to_owned(), native_name.to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::fuzz;

    #[test]
    fn fuzz_only_a_service_and_its_hash_are_read() {
        let words = ["\nada ", "0123456789abcdef", "datahub ", "WARN[0000] "];
        fuzz("compose", &words, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            for (service, hash) in hashes(bytes) {
                let line = format!("{service} {hash}");
                assert!(text.lines().any(|said| said.trim_end() == line), "{line}");
                assert!(!service.is_empty() && !hash.is_empty(), "{text}");
                assert!(!hash.contains(|c: char| !c.is_ascii_hexdigit()), "{hash}");
            }
            // What follows is read as if it stood alone.
            let after = [bytes, b"\nada 0123"].concat();
            assert_eq!(hashes(&after).get("ada").map(String::as_str), Some("0123"));
        });
    }
}
