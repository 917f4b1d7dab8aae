//! An engine that is reached over ssh: a server of this test's own, on the loopback.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::live::{Live, PREVIEW, Parts, UP};
use crate::run::{Fate, Run};
use crate::world::skipped;

/// How long the server may take to listen.
const START_MAX: Duration = Duration::from_secs(10);

/// Keys of the host and of the person, and what each knows of the other.
const KEYS: &str = r#"
ssh-keygen -q -t ed25519 -N "" -f host
ssh-keygen -q -t ed25519 -N "" -f stranger
ssh-keygen -q -t ed25519 -N "" -f id
cp id.pub authorized_keys
known() { printf '[127.0.0.1]:%s %s\n' "$1" "$(cat "$2.pub")"; }
known "$PORT" host >known_hosts
known "$PORT" stranger >other_hosts
"#;

/// A server that lets one key in, in front of the engine under test; gone at the end.
struct Server {
    folder: TempDir,
    port: u16,
    program: PathBuf,
    running: Option<Child>,
}

impl Server {
    /// Says so and returns nothing where there can be none. Containers on `engine` are what its
    /// sessions see.
    fn start(engine: &str) -> Option<Self> {
        let program = Path::new("/usr/sbin/sshd");
        if !program.exists() {
            skipped("an engine over ssh: there is no /usr/sbin/sshd");
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut server = Self {
            folder: tempfile::tempdir().unwrap(),
            port,
            program: program.to_owned(),
            running: None,
        };
        let made = Command::new("sh")
            .args(["-ec", KEYS])
            .env("PORT", port.to_string())
            .current_dir(server.folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        server.write(engine);
        if server.begin() {
            return Some(server);
        }
        let log = fs::read_to_string(server.file("log")).unwrap();
        skipped(&format!("an engine over ssh: {}", log.trim()));
        None
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, engine: &str) {
        let file = |name: &str| self.file(name).display().to_string();
        let server = format!(
            "ListenAddress 127.0.0.1:{}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nMaxStartups 100\n\
             SetEnv DOCKER_HOST={engine}\n",
            self.port,
            file("host"),
            file("authorized_keys"),
        );
        fs::write(self.file("sshd_config"), server).unwrap();
        let bin = self.file("bin");
        fs::create_dir(&bin).unwrap();
        // The client reads the settings of whoever runs it, wherever `HOME` points.
        let client = format!(
            "#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n",
            file("ssh_config")
        );
        fs::write(bin.join("ssh"), client).unwrap();
        fs::set_permissions(bin.join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
        self.know("known_hosts");
    }

    /// The person knows the hosts in this file.
    fn know(&self, hosts: &str) {
        let client = format!(
            "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\n",
            self.file("id").display(),
            self.file(hosts).display()
        );
        fs::write(self.file("ssh_config"), client).unwrap();
    }

    /// Whether it listens now.
    fn begin(&mut self) -> bool {
        let log = fs::File::create(self.file("log")).unwrap();
        let mut child = Command::new(&self.program)
            .args(["-D", "-e", "-f"])
            .arg(self.file("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let until = Instant::now() + START_MAX;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if child.try_wait().unwrap().is_some() || Instant::now() > until {
                return false;
            }
            std::thread::yield_now();
        }
        self.running = Some(child);
        true
    }

    /// Ends it and every session.
    fn end(&mut self) {
        if let Some(mut child) = self.running.take() {
            let id = child.id();
            // Each has a session of its own, so no group has them all.
            let sessions = format!("/proc/{id}/task/{id}/children");
            let sessions = fs::read_to_string(sessions).unwrap_or_default();
            child.kill().unwrap();
            child.wait().unwrap();
            // One of them may have ended meanwhile.
            let _ = Command::new("kill")
                .arg("-KILL")
                .args(sessions.split_whitespace())
                .stderr(Stdio::null())
                .status();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// A fleet of `ada` and others on the engine behind `server`; nothing of it is there yet.
fn fleet(server: &Server, name: &str, agents: &[&str]) -> Live {
    let mut live = Live::on(&format!("ssh://127.0.0.1:{}", server.port), name);
    let path = std::env::var("PATH").unwrap();
    let bin = server.file("bin").display().to_string();
    live.world.set("PATH", &format!("{bin}:{path}"));
    let agents: Vec<(&str, &str)> = agents.iter().map(|name| (*name, "rehearsal")).collect();
    live.write_parts(&Parts {
        agents: &agents,
        deployment: "",
        ..Parts::default()
    });
    live
}

#[test]
fn an_engine_over_ssh_is_an_engine() {
    let Some(near) = Live::new("ssh-near") else {
        return;
    };
    let Some(server) = Server::start(near.host()) else {
        return;
    };
    near.build();
    let live = fleet(&server, "ssh", &["ada"]);
    let plan = live.must(2, &PREVIEW);
    assert!(plan.contains("agent/ada will be created"), "{plan}");
    live.comes_up();
    let said = live.must(0, &["chat", "ada", "-m", "run: uname -a"]);
    assert!(said.contains("Linux"), "{said}");

    let name = format!("{}-ada", live.fleet);
    near.docker(&["kill", &name]);
    let plan = live.must(2, &PREVIEW);
    assert!(plan.contains("exited with code 137"), "{plan}");
    live.comes_up();

    // A host that is not who it was is not talked to.
    server.know("other_hosts");
    let said = live.must(3, &PREVIEW);
    assert!(said.contains("Host key verification failed"), "{said}");
    server.know("known_hosts");
    live.must(0, &["infra", "destroy", "--yes"]);
}

#[test]
fn a_host_that_goes_in_the_middle_of_a_run() {
    let Some(near) = Live::new("ssh-gone") else {
        return;
    };
    let Some(mut server) = Server::start(near.host()) else {
        return;
    };
    near.build();
    let live = fleet(&server, "ssh-gone", &["ada", "b", "c", "d", "e", "f"]);
    let mut run = Run::begin(&live, &UP);
    let fate = run.until(|moments| {
        let mut agents = moments.iter().filter(|moment| moment.kind == "agent");
        agents.any(|moment| moment.what == "done")
    });
    assert_eq!(fate, Fate::Reached);
    server.end();
    let ended = run.end();
    assert_eq!(ended.code, Some(4), "{}", ended.snapshot());

    // Nothing is known of what is there, so nothing is planned.
    for args in [&PREVIEW, &UP] {
        let said = live.must(3, args);
        assert!(!said.contains("will be created"), "{said}");
    }
    assert!(server.begin());
    live.comes_up();
}
