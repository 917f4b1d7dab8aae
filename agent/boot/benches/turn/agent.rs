//! The program as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http_body_util::Full;
use hyper::{Request, StatusCode};
use tokio::net::TcpStream;

use crate::wire::handshake;

pub(crate) struct Home {
    pub(crate) program: PathBuf,
    config: PathBuf,
    pub(crate) port: u16,
}

impl Home {
    pub(crate) fn new(folder: &Path, endpoint_port: u16) -> Self {
        let program = std::env::var_os("RIVETOS_AGENT_BIN").map_or_else(
            || PathBuf::from(env!("CARGO_BIN_EXE_rivetos-agent")),
            PathBuf::from,
        );
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let config = folder.join("rivet.config.yaml");
        let text = format!(
            "runtime:\n  workspace: work\nagents:\n  opus:\n    provider: here\nproviders:\n  \
             here:\n    kind: openai-compat\n    model: m\n    base_url: \
             http://127.0.0.1:{endpoint_port}/v1\nchannels:\n  agent:\n    port: {port}\n    \
             secret: {{file: token}}\nmemory:\n  sqlite:\n    path: store.db\n"
        );
        std::fs::write(&config, text).unwrap();
        std::fs::write(folder.join("token"), "token").unwrap();
        Self {
            program,
            config,
            port,
        }
    }

    pub(crate) fn start(&self) -> Agent {
        let mut command = Command::new(&self.program);
        command
            .arg("run")
            .arg("--config")
            .arg(&self.config)
            .env("RIVETOS_LOG_LEVEL", "warn");
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        Agent {
            child,
            port: self.port,
        }
    }
}

pub(crate) struct Agent {
    child: Child,
    port: u16,
}

impl Agent {
    pub(crate) async fn ready(&self) {
        for _ in 0..20_000 {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)).await {
                let mut sender = handshake(stream).await;
                let request = Request::get("/health").header("host", "a");
                let response = sender
                    .send_request(request.body(Full::default()).unwrap())
                    .await;
                if response.is_ok_and(|response| response.status() == StatusCode::OK) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        panic!("the agent is not ready");
    }

    /// Bytes, by a name of `/proc/PID/status`.
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib * 1024
    }

    /// Processor time that it has used, in microseconds (`utime` and `stime` of
    /// `/proc/PID/stat`, in ticks of 10 ms).
    pub(crate) fn processor_us(&self) -> u64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks = fields.split(' ').skip(11).take(2);
        ticks
            .map(|ticks| ticks.parse::<u64>().unwrap())
            .sum::<u64>()
            * 10_000
    }

    /// How often its threads waited for something. Each time costs a wake-up, whose price depends
    /// on the machine; the number does not.
    pub(crate) fn sleeps(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let sleeps = tasks.map(|task| {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let mut lines = status.lines();
            let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            count.unwrap().trim().parse::<u64>().unwrap()
        });
        sleeps.sum()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // The next one needs the port.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
