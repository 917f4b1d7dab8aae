//! A datahub that agents on another engine and on this host use over TLS.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::live::{Live, PREVIEW};
use crate::live_hosts::Engine;
use crate::world::skipped;

const IMAGE: &str = "pgvector/pgvector:pg17";
/// An authority.
const AUTHORITY: &str = "
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem
";
/// A certificate of it for the host `$1`.
const CERTIFICATE: &str = "
openssl req -newkey rsa:2048 -nodes -subj /CN=datahub -keyout hub.key -out hub.csr
printf 'subjectAltName=IP:%s\\n' \"$1\" >hub.ext
openssl x509 -req -in hub.csr -days 2 -CA ca.pem -CAkey ca.key -CAcreateserial \
    -extfile hub.ext -out hub.pem
";
/// Everything but the agent whose image is none of ours: its secret and its login are made.
const UP: [&str; 6] = [
    "infra",
    "up",
    "--yes",
    "--no-wait",
    "--exclude",
    "agent/max",
];
const ASK: &str = "SELECT current_user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// A fleet whose datahub is on one engine and whose agents are elsewhere.
struct Far {
    live: Live,
    nas: Engine,
    /// An address of this host that containers of both engines can reach.
    host: String,
    port: u16,
    /// The first of the ports of agents on this host; other tests run meanwhile.
    first_port: u16,
}

impl Far {
    /// Says so and returns nothing where there can be none.
    fn new(name: &str, first_port: u16) -> Option<Self> {
        let live = Live::new(name)?;
        let nas = Engine::start()?;
        let Some(host) = own_address() else {
            skipped("a datahub over TLS: this host has no address but loopback");
            return None;
        };
        // The agents' engine has Postgres's programs from the other one.
        let bring = format!(
            "docker --host '{}' save {IMAGE} | docker --host 'unix://{}' load",
            live.host(),
            nas.socket
        );
        let brought = Command::new("sh").args(["-ec", &bring]).output().unwrap();
        assert!(brought.status.success(), "{brought:?}");
        let free = TcpListener::bind((host.as_str(), 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let far = Self {
            live,
            nas,
            host,
            port,
            first_port,
        };
        far.openssl(AUTHORITY);
        far.openssl(CERTIFICATE);
        far.write();
        Some(far)
    }

    fn openssl(&self, script: &str) {
        let made = Command::new("sh")
            .args(["-ec", script, "sh", &self.host])
            .current_dir(self.live.world.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    fn write(&self) {
        let Self {
            live,
            nas,
            host,
            port,
            first_port,
        } = self;
        let last_port = first_port + 9;
        live.world.write(&format!(
            "fleet: {}
runtime: {{ default_agent: ada }}
agents:
  ada: {{ provider: rehearsal, deploy: {{ target: local }} }}
  max: {{ provider: rehearsal, deploy: {{ host: nas, image: \"{IMAGE}\" }} }}
providers: {{ rehearsal: {{}} }}
deployment:
  target: docker
  docker: {{ host: \"{}\", hosts: {{ nas: {} }} }}
  local: {{ port_range: {first_port}-{last_port} }}
  datahub: {{ address: \"{host}:{port}\", tls: {{ ca: ca.pem, cert: hub.pem, key: hub.key }} }}
",
            live.fleet,
            live.host(),
            nas.described("ca.pem")
        ));
    }

    /// The folder of the secrets of `ada`, who is on this host.
    fn adas_secrets(&self) -> PathBuf {
        self.live.folder().join("agents/ada/secret")
    }

    /// The volume of the secrets of `max`, who is on the other engine.
    fn maxs_secrets(&self) -> String {
        let filter = format!("name={}-max-secret-", self.live.fleet);
        self.nas
            .docker(&["volume", "ls", "--quiet", "--filter", &filter])
    }

    /// Asks with the credentials of `ada` and nothing else, as `more` changes them.
    fn as_ada(&self, more: &str, sql: &str) -> Result<String, String> {
        let secrets = self.adas_secrets().display().to_string();
        ask(self.live.host(), (&secrets, &secrets), (more, sql))
    }

    /// [`Far::as_ada`] for `max`, from the engine that he is on.
    fn as_max(&self, more: &str, sql: &str) -> Result<String, String> {
        let engine = format!("unix://{}", self.nas.socket);
        let secrets = self.maxs_secrets();
        ask(&engine, (&secrets, "/run/secrets"), (more, sql))
    }

    /// Both agents can use their logins, and nobody gets in otherwise.
    fn both_are_served(&self) {
        assert_eq!(self.as_ada("", ASK).as_deref(), Ok("agent_ada|t"));
        assert_eq!(self.as_max("", ASK).as_deref(), Ok("agent_max|t"));
        for (more, why) in [
            ("sslmode=disable", "no encryption"),
            ("user=postgres", "rejects connection"),
            ("user=agent_ada", "password authentication failed"),
            // The same server, under a name that its certificate is not for.
            ("host=nobody hostaddr=HOST", "does not match host name"),
        ] {
            let more = more.replace("HOST", &self.host);
            let said = self.as_max(&more, ASK).unwrap_err();
            assert!(said.contains(why), "{more}: {said}");
        }
    }

    fn password_of_ada(&self) -> String {
        fs::read_to_string(self.adas_secrets().join("postgres_password")).unwrap()
    }

    fn password_of_max(&self) -> String {
        let mount = format!("{}:/s:ro", self.maxs_secrets());
        let run = ["run", "--rm", "--volume", &mount, "--entrypoint", "cat"];
        self.nas
            .docker(&[&run[..], &[IMAGE, "/s/postgres_password"]].concat())
    }

    /// Everything that the engines and this host's disk tell to whoever asks.
    fn told(&self) -> String {
        let fleet = &self.live.fleet;
        [
            told_by(fleet, |args| self.live.docker_said(args)),
            told_by(fleet, |args| self.nas.docker(args)),
            text_below(&self.live.folder(), &self.adas_secrets()),
        ]
        .concat()
    }
}

/// Asks the datahub from a container of `engine` that has the folder or volume `secrets` at `path`.
fn ask(
    engine: &str,
    (secrets, path): (&str, &str),
    (more, sql): (&str, &str),
) -> Result<String, String> {
    let ask = format!(
        "export PGSERVICEFILE={path}/postgres_service.conf
         export PGPASSWORD=\"$(cat {path}/postgres_password)\"
         exec psql -X -A -t \"service=datahub $1\" -c \"$2\""
    );
    let mount = format!("{secrets}:{path}:ro");
    let output = Command::new("docker")
        .args(["--host", engine, "run", "--rm", "--network", "host"])
        .args(["--volume", &mount, "--entrypoint", "sh", IMAGE])
        .args(["-ec", &ask, "sh", more, sql])
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Everything that an engine tells of a fleet to whoever asks.
fn told_by(fleet: &str, docker: impl Fn(&[&str]) -> String) -> String {
    let filter = format!("label=io.rivetos.fleet={fleet}");
    let containers = docker(&["container", "ls", "--all", "--quiet", "--filter", &filter]);
    let volumes = docker(&["volume", "ls", "--quiet", "--filter", &filter]);
    let mut told = String::new();
    for container in containers.lines() {
        told += &docker(&["container", "inspect", container]);
        told += &docker(&["container", "logs", container]);
        told += &docker(&["container", "top", container, "-o", "pid,args"]);
    }
    for volume in volumes.lines() {
        told += &docker(&["volume", "inspect", volume]);
    }
    told
}

/// Every text below `folder` that is not in `except`.
fn text_below(folder: &Path, except: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path == except {
            continue;
        }
        if path.is_dir() {
            text += &text_below(&path, except);
        } else if let Ok(bytes) = fs::read(&path) {
            text += &String::from_utf8_lossy(&bytes);
        }
    }
    text
}

/// What others reach this host by. Nothing is sent.
fn own_address() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback()).then(|| ip.to_string())
}

#[test]
fn agents_elsewhere_use_the_datahub_over_tls() {
    let Some(far) = Far::new("far", 46_200) else {
        return;
    };
    let live = &far.live;
    let mut said = live.must(2, &PREVIEW);
    said += &live.must(0, &UP);
    far.both_are_served();
    let changes = live.must(2, &PREVIEW);
    assert!(changes.contains("Plan: 1 to create."), "{changes}");
    let sql = "CREATE TABLE note AS SELECT 'mine' AS text";
    assert_eq!(far.as_max("", sql).as_deref(), Ok("SELECT 1"));

    // Passwords are where they are used and nowhere else.
    let passwords = [far.password_of_ada(), far.password_of_max()];
    said += &far.told();
    for password in &passwords {
        assert_eq!(password.len(), 64);
        assert!(!said.contains(password.as_str()), "a password is shown");
    }

    // Another certificate: the datahub is swapped, and nobody's password changes.
    far.openssl(CERTIFICATE);
    let renewed = live.must(0, &UP);
    assert!(renewed.contains("replaced datahub/main"), "{renewed}");
    assert!(!renewed.contains("role/"), "{renewed}");
    far.both_are_served();
    assert_eq!(passwords, [far.password_of_ada(), far.password_of_max()]);

    // Secrets that are lost are made anew, and the datahub takes the new ones.
    fs::remove_dir_all(far.adas_secrets()).unwrap();
    far.nas.docker(&["volume", "rm", &far.maxs_secrets()]);
    live.must(0, &UP);
    far.both_are_served();
    assert_ne!(passwords, [far.password_of_ada(), far.password_of_max()]);

    // So does one that was taken down and kept its data.
    live.must(0, &["infra", "destroy", "--yes"]);
    live.must(0, &UP);
    far.both_are_served();
    let kept = far.as_max("", "SELECT text FROM note");
    assert_eq!(kept.as_deref(), Ok("mine"));
}

#[test]
fn a_certificate_that_postgres_does_not_take_changes_nothing() {
    let Some(far) = Far::new("far-bad", 46_210) else {
        return;
    };
    far.live.must(0, &UP);
    let good = fs::read(far.live.world.path().join("hub.pem")).unwrap();
    far.openssl(CERTIFICATE);
    fs::write(far.live.world.path().join("hub.pem"), good).unwrap();
    let said = far.live.must(4, &UP);
    assert!(said.contains("datahub/main"), "{said}");
    // The one that was there is back, and looks at its data before it takes connections.
    let datahub = format!("{}-datahub", far.live.fleet);
    let ready = "until pg_isready --quiet --host=127.0.0.1; do sleep 0.1; done";
    let wait = ["exec", &datahub, "timeout", "60", "sh", "-c", ready];
    far.live.docker(&wait);
    far.both_are_served();
}
