//! A disk without room, in the middle of a turn.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use http_body_util::Full;
use hyper::{Request, StatusCode};
use rivetos_protocol::Outcome;
use support::agent::Home;
use support::client;
use support::fake::Fake;
use support::rows::Store;

/// A file system of one mebibyte.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this process may not mount anything.
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"]);
        let mounted = mount
            .arg(&at)
            .output()
            .is_ok_and(|out| out.status.success());
        mounted.then_some(Self(at))
    }

    /// Leaves not a byte.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let mut unmount = Command::new("umount");
        // What is left is unmounted with the container or the machine that the test ran on.
        let _ = unmount.arg("-l").arg(&self.0).status();
    }
}

async fn health(port: u16) -> (StatusCode, String) {
    let request = Request::get("/health").header("host", "a");
    let response = client::request(port, request.body(Full::default()).unwrap()).await;
    (response.status(), client::text(response).await)
}

fn say(line: &str) {
    let mut pipe = std::io::stderr();
    writeln!(pipe, "{line}").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_finds_the_disk_full_goes_on_when_there_is_room() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let Some(disk) = SmallDisk::mount(home.path("data")) else {
        return say("SKIPPED: a full disk: no file system can be mounted here");
    };
    let agent = home.start().await;
    let mut frames = client::stream(home.port, "1", "hello").await;
    let asked = fake.asked().await;
    let filler = disk.fill();
    let long = "It is a fine day. ".repeat(8000);
    asked.say(&long).done("stop");
    let reply = frames.done().await;
    assert_eq!(reply.outcome, Outcome::Failed);
    assert_eq!(reply.response, long, "nothing that was said is lost");
    let reason = reply.reason.unwrap();
    assert!(reason.contains("disk of the store is full"), "{reason}");
    let (status, report) = health(home.port).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(report.contains("disk of the store is full"), "{report}");

    std::fs::remove_file(filler).unwrap();
    fake.asked().await.say("Good morning.").done("stop");
    let reply = client::send(home.port, "1", "hello").await;
    assert_eq!(reply.response, "Good morning.");
    assert_eq!(health(home.port).await.0, StatusCode::OK);
    let rows = Store::Sqlite.rows(&home);
    assert_eq!((rows.open_turns(), rows.replies()), (0, 1));
    fake.all_was_well().await;
    drop((agent, rows));
}
