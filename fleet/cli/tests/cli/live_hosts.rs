//! A fleet on two engines, the second of which is reached over TLS.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::live::{Live, PREVIEW, UP};
use crate::world::skipped;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/dockerd.sh");

/// Everything that both sides need, and an authority that nobody knows.
const CERTIFICATES: &str = r#"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stranger -keyout other.key -out other.pem
made() {
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
    printf '%s\n' "$2" >"$1.ext"
    openssl x509 -req -in "$1.csr" -days 2 -CA ca.pem -CAkey ca.key -CAcreateserial \
        -extfile "$1.ext" -out "$1.pem"
}
made engine 'subjectAltName=IP:127.0.0.1
extendedKeyUsage=serverAuth'
made operator 'extendedKeyUsage=clientAuth'
"#;

/// An engine of its own that listens with TLS; gone at the end.
pub(crate) struct Engine {
    folder: TempDir,
    port: u16,
    pub(crate) socket: String,
}

impl Engine {
    /// Says so and returns nothing where there can be none.
    pub(crate) fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("sh")
            .args(["-ec", CERTIFICATES])
            .current_dir(folder.path())
            .output();
        if !made.is_ok_and(|made| made.status.success()) {
            skipped("a fleet on two engines: openssl makes no certificates here");
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let file = |name: &str| folder.path().join(name).display().to_string();
        let started = Command::new(SCRIPT)
            .args(["start", &file("docker")])
            .args(["--host", &format!("tcp://127.0.0.1:{port}"), "--tlsverify"])
            .args(["--tlscacert", &file("ca.pem")])
            .args([
                "--tlscert",
                &file("engine.pem"),
                "--tlskey",
                &file("engine.key"),
            ])
            .output()
            .unwrap();
        if !started.status.success() {
            let why = String::from_utf8_lossy(&started.stderr).into_owned();
            skipped(&format!("a fleet on two engines: {why}"));
            return None;
        }
        let socket = String::from_utf8(started.stdout).unwrap().trim().to_owned();
        Some(Self {
            folder,
            port,
            socket,
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a configuration says of it when it trusts the authority `ca`.
    pub(crate) fn described(&self, ca: &str) -> String {
        let [ca, cert, key] = [ca, "operator.pem", "operator.key"].map(|name| self.file(name));
        format!(
            "{{ host: \"tcp://127.0.0.1:{}\", tls: {{ ca: {}, cert: {}, key: {} }} }}",
            self.port,
            ca.display(),
            cert.display(),
            key.display()
        )
    }

    pub(crate) fn docker(&self, args: &[&str]) -> String {
        let output = Command::new("docker")
            .args(["--host", &format!("unix://{}", self.socket)])
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "docker {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = Command::new(SCRIPT)
            .arg("stop")
            .arg(self.folder.path().join("docker"))
            .output();
    }
}

/// The file of a fleet with `ada` on the default engine and `max` on the other one.
fn write(live: &Live, nas: &str, model: &str) {
    let default = std::env::var("RIVETOS_TEST_DOCKER_HOST").unwrap();
    live.world.write(&format!(
        "fleet: {}
runtime: {{ default_agent: ada }}
agents:
  ada: {{ provider: rehearsal, model: {model} }}
  max: {{ provider: rehearsal, deploy: {{ host: nas }} }}
providers: {{ rehearsal: {{}} }}
deployment:
  target: docker
  docker:
    host: \"{default}\"
    hosts: {{ nas: {nas} }}
",
        live.fleet
    ));
}

#[test]
fn a_fleet_lives_on_two_engines() {
    let Some(live) = Live::new("hosts") else {
        return;
    };
    let Some(nas) = Engine::start() else { return };
    let reached = nas.described("ca.pem");
    write(&live, &reached, "one");
    live.build();

    let plan = live.must(2, &PREVIEW);
    assert!(plan.contains("image/agent@nas"), "{plan}");
    live.must(0, &UP);
    live.must(0, &PREVIEW);
    let image = ["inspect", "--format", "{{.Image}}"];
    let (ada, max) = (format!("{}-ada", live.fleet), format!("{}-max", live.fleet));
    assert_eq!(
        live.docker(&[&image[..], &[ada.as_str()]].concat()),
        nas.docker(&[&image[..], &[max.as_str()]].concat())
    );
    let said = live.must(0, &["chat", "max", "-m", "run: uname -a"]);
    assert!(said.contains("Linux"), "{said}");

    // One engine does not answer: what is on it is blocked, the rest is planned.
    write(
        &live,
        "{ host: \"unix:///nonexistent/docker.sock\" }",
        "two",
    );
    let plan = live.must(3, &PREVIEW);
    assert!(
        plan.contains("agent/ada") && plan.contains("agent/max"),
        "{plan}"
    );
    write(&live, &nas.described("other.pem"), "two");
    let plan = live.must(3, &PREVIEW);
    assert!(plan.contains("certificate"), "{plan}");

    write(&live, &reached, "one");
    live.must(0, &PREVIEW);
    live.must(0, &["infra", "destroy", "--yes"]);
    assert_eq!(live.ours("container"), Vec::<String>::new());
    assert_eq!(nas.docker(&["ps", "--all", "--quiet"]), "");
}

#[test]
fn the_environment_names_an_engine_as_for_docker_itself() {
    let Some(mut live) = Live::new("by-environment") else {
        return;
    };
    let Some(engine) = Engine::start() else {
        return;
    };
    let folder = engine.file("client");
    fs::create_dir(&folder).unwrap();
    let put = |from: &str, to: &str| fs::copy(engine.file(from), folder.join(to)).unwrap();
    put("ca.pem", "ca.pem");
    put("operator.pem", "cert.pem");
    put("operator.key", "key.pem");
    set(&mut live, engine.port, &folder);
    live.world.write(&format!(
        "fleet: {}
agents:
  ada: {{ provider: rehearsal }}
providers: {{ rehearsal: {{}} }}
deployment: {{ target: docker }}
",
        live.fleet
    ));
    live.must(0, &["infra", "destroy", "--yes"]);
    put("other.pem", "ca.pem");
    let said = live.must(3, &["infra", "destroy", "--yes"]);
    assert!(said.contains("does not come from `ca`"), "{said}");
}

fn set(live: &mut Live, port: u16, folder: &Path) {
    let host = format!("tcp://127.0.0.1:{port}");
    live.world.set("DOCKER_HOST", &host);
    live.world.set("DOCKER_TLS_VERIFY", "1");
    live.world
        .set("DOCKER_CERT_PATH", &folder.display().to_string());
}
