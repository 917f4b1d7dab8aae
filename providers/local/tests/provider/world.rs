//! A fleet of one agent below a temporary folder, with a shell script in the agent's place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rivetos_fleet::model::{
    Action, Desired, DesiredSet, FileContent, FilesSpec, ImageSource, ImageSpec, Inventory, Kind,
    Observed, Op, ProcessSpec, Reason, ResourceId, Risk, Spec, Step, StepId, Uid, VolumeSpec,
};
use rivetos_fleet::port::{Applied, ApplyError, InfraProvider, Progress};
use rivetos_fleet::{FleetId, PortRange, Secret, SecretError, SecretRef, SecretResolver};
use rivetos_provider_local::{LocalProvider, LocalSettings};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Longer than anything here takes on a busy machine.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Names the folder to the test that is run as a supervisor.
pub(crate) const SUPERVISED: &str = "SUPERVISED_FOLDER";

/// Names the address to the test that is run as an agent that listens.
pub(crate) const LISTENS_AT: &str = "LISTENS_AT";

/// What the stand-in does unless a test says otherwise.
const STAND_IN: &str = "#!/bin/sh
echo \"1970-01-01T00:00:07Z started with $*\"
echo \"canary $CANARY\" >&2
trap 'echo 1970-01-01T00:00:09Z stopped; exit 0' TERM
while :; do sleep 0.02; done
";

pub(crate) struct World {
    pub(crate) home: tempfile::TempDir,
    pub(crate) provider: LocalProvider,
    pub(crate) desired: DesiredSet,
}

struct OneSecret;

impl SecretResolver for OneSecret {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        match secret {
            SecretRef::Env(name) if name == "KEY" => Ok(Secret::from("canary-4711")),
            other => Err(SecretError::Missing(other.clone())),
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let supervisor = home.path().join("supervisor");
        let this = std::env::current_exe().unwrap();
        write_program(
            &supervisor,
            &format!(
                "#!/bin/sh\n{SUPERVISED}=\"$4\" exec '{}' --exact supervisor --nocapture\n",
                this.display()
            ),
        );
        write_program(&home.path().join("stand-in"), STAND_IN);
        let fleet: FleetId = "f".parse().unwrap();
        let provider = LocalProvider::new(LocalSettings {
            fleet: fleet.clone(),
            home: home.path().to_owned(),
            supervisor,
            environment: vec![
                ("PATH".into(), std::env::var_os("PATH").unwrap()),
                ("CANARY".into(), "canary-in-the-environment".into()),
            ],
            secrets: Arc::new(OneSecret),
        });
        let mut world = Self {
            provider,
            desired: DesiredSet {
                fleet,
                resources: BTreeMap::new(),
                port_range: PortRange {
                    first: 43_100,
                    last: 43_199,
                },
            },
            home,
        };
        world.fill();
        world
    }

    fn fill(&mut self) {
        let folder = |name: &str| self.folder().join(name).display().to_string();
        let program = self.home.path().join("stand-in");
        let volume = VolumeSpec {
            protection: rivetos_fleet::model::Protection::None,
            native_name: folder("data"),
        };
        let text = FileContent::Text {
            text: "agents: {}\n".to_owned(),
        };
        let given = FileContent::Given {
            secret: SecretRef::Env("KEY".to_owned()),
            digest: Some("abc".to_owned()),
        };
        let config = FilesSpec {
            native_name: folder("config"),
            files: BTreeMap::from([
                ("rivet.config.yaml".to_owned(), text.clone()),
                ("workspace/CORE.md".to_owned(), text),
            ]),
            carrier_image: None,
        };
        let secret = FilesSpec {
            native_name: folder("secret"),
            files: BTreeMap::from([
                ("agent_token".to_owned(), FileContent::Generated),
                ("key".to_owned(), given),
            ]),
            carrier_image: None,
        };
        let image = ImageSpec {
            reference: program.display().to_string(),
            source: ImageSource::Program,
        };
        let process = ProcessSpec {
            folder: self.folder(),
            program,
            program_digest: "0".repeat(16),
            args: vec!["run".to_owned()],
            port: Some(43_100),
        };
        for (kind, name, spec) in [
            (Kind::Volume, "a", Spec::Volume(volume)),
            (Kind::Config, "a", Spec::Files(config)),
            (Kind::Secret, "a", Spec::Files(secret)),
            (Kind::Image, "agent", Spec::Image(image)),
            (Kind::Agent, "a", Spec::Process(process)),
        ] {
            let id = ResourceId::new(kind, name);
            let uid = Uid::derive(&self.desired.fleet, &id);
            // The agent comes last and stands on all others.
            let after = match kind {
                Kind::Agent => self.desired.resources.keys().cloned().collect(),
                _ => BTreeSet::new(),
            };
            let desired = Desired {
                id: id.clone(),
                uid,
                spec,
                after,
            };
            self.desired.resources.insert(id, desired);
        }
    }

    /// The agent's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("agents/a")
    }

    /// Another program in the agent's place.
    pub(crate) fn stand_in(&self, script: &str) {
        write_program(&self.home.path().join("stand-in"), script);
    }

    /// The agent listens at the address that it is given.
    pub(crate) fn that_listens(&self) {
        let this = std::env::current_exe().unwrap();
        self.stand_in(&format!(
            "#!/bin/sh\n{LISTENS_AT}=\"$3\" exec '{}' --exact listener --nocapture\n",
            this.display()
        ));
    }

    pub(crate) async fn create(&self, kind: Kind) -> Result<Applied, ApplyError> {
        let desired = self
            .desired
            .resources
            .values()
            .find(|desired| desired.id.kind == kind);
        let desired = Box::new(desired.unwrap().clone());
        self.apply(kind, Op::Create { desired }).await
    }

    /// Makes everything.
    pub(crate) async fn create_all(&self) {
        for kind in [Kind::Volume, Kind::Config, Kind::Secret, Kind::Agent] {
            assert_eq!(self.create(kind).await, Ok(Applied::Changed), "{kind}");
        }
    }

    pub(crate) async fn remove(&self, object: &Observed) -> Result<Applied, ApplyError> {
        let op = Op::Remove {
            native_id: object.native_id.clone(),
            native_name: object.native_name.clone(),
            fingerprint: object.fingerprint.clone(),
        };
        self.apply(object.id.kind, op).await
    }

    pub(crate) async fn start(&self, object: &Observed) -> Result<Applied, ApplyError> {
        let op = Op::Start {
            native_id: object.native_id.clone(),
            fingerprint: object.fingerprint.clone(),
        };
        self.apply(object.id.kind, op).await
    }

    async fn apply(&self, kind: Kind, op: Op) -> Result<Applied, ApplyError> {
        let step = Step {
            target: rivetos_fleet::model::TargetId::local(),
            needs: rivetos_fleet::model::Privilege::User,
            cost: rivetos_fleet::model::Cost::Instant,
            id: StepId(format!("{kind}/a#step")),
            resource: ResourceId::new(kind, "a"),
            action: Action::Create,
            op,
            reasons: vec![Reason::Missing],
            risk: Risk::None,
            after: BTreeSet::new(),
        };
        self.provider.apply(&step, Progress::UNSEEN).await
    }

    pub(crate) async fn observe(&self) -> Inventory {
        let inventory = self.provider.observe(&self.desired).await;
        assert_eq!(inventory.errors, []);
        inventory
    }

    /// The object of `kind`, if it is there.
    pub(crate) async fn see(&self, kind: Kind) -> Option<Observed> {
        self.observe()
            .await
            .observed
            .into_iter()
            .find(|object| object.id.kind == kind)
    }

    /// The number of `who` (`supervisor` or `agent`) in the state file; `None` while there is none.
    pub(crate) fn pid(&self, who: &str) -> Option<i32> {
        let text = fs::read_to_string(self.folder().join("state.json")).ok()?;
        let state: serde_json::Value = serde_json::from_str(&text).unwrap();
        state[who]["pid"]
            .as_i64()
            .map(|pid| i32::try_from(pid).unwrap())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder().join("agent.log")).unwrap_or_default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for who in ["supervisor", "agent"] {
            if let Some(pid) = self.pid(who).and_then(Pid::from_raw)
                && pid != rustix::process::getpid()
            {
                let _ = kill_process(pid, Signal::KILL);
                let _ = kill_process_group(pid, Signal::KILL);
            }
        }
    }
}

pub(crate) fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// Whether the process runs; its remains do not count.
pub(crate) fn runs(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

/// Looks until `seen` gives a value; names the last thing it said otherwise.
pub(crate) async fn wait<T>(mut seen: impl AsyncFnMut() -> Result<T, String>) -> T {
    let until = Instant::now() + WAIT_MAX;
    loop {
        match seen().await {
            Ok(value) => return value,
            Err(last) => assert!(Instant::now() < until, "still: {last}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn write_program(path: &Path, text: &str) {
    // Another file each time: one that runs cannot be written.
    let draft = path.with_extension("draft");
    fs::write(&draft, text).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o700)).unwrap();
    fs::rename(draft, path).unwrap();
}
