//! Single objects: made, seen, repaired, removed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::world::{World, kill, runs, wait};
use futures_util::StreamExt;
use rivetos_fleet::model::{FileContent, Kind, Life, Owner, ResourceId, Spec};
use rivetos_fleet::port::{AccessError, Applied, ApplyErrorKind, LogOptions, NodeAccess};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::test]
async fn what_was_created_is_observed_as_it_was_wanted() {
    let world = World::new();
    world.create_all().await;
    let inventory = world.observe().await;
    assert_eq!(inventory.observed.len(), world.desired.resources.len());
    for object in &inventory.observed {
        let desired = &world.desired.resources[&object.id];
        assert_eq!(object.fields, desired.spec.fields(), "{}", object.id);
        assert_eq!(object.spec_hash, Some(desired.spec.hash()), "{}", object.id);
        assert_eq!(object.uid.as_ref(), Some(&desired.uid), "{}", object.id);
        assert_eq!(object.owner, Owner::Ours, "{}", object.id);
        let life = if object.id.kind == Kind::Agent {
            Life::Running
        } else {
            Life::Present
        };
        assert_eq!(object.life, life, "{}", object.id);
    }
    for kind in [Kind::Volume, Kind::Config, Kind::Secret, Kind::Agent] {
        assert_eq!(world.create(kind).await, Ok(Applied::AlreadySo), "{kind}");
    }
}

#[tokio::test]
async fn delivered_files_are_for_the_owner_alone() {
    let world = World::new();
    world.create(Kind::Config).await.unwrap();
    world.create(Kind::Secret).await.unwrap();
    let folder = world.folder();
    let read = |path: &str| fs::read_to_string(folder.join(path)).unwrap();
    assert_eq!(read("config/workspace/CORE.md"), "agents: {}\n");
    assert_eq!(read("secret/key"), "canary-4711");
    let token = read("secret/agent_token");
    assert!(
        token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{token}"
    );
    let mode = |path: &str| {
        fs::metadata(folder.join(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(
        (
            mode("secret"),
            mode("secret/key"),
            mode("config/workspace/CORE.md")
        ),
        (0o700, 0o400, 0o400)
    );
    let labels = read("secret/.rivetos.json");
    assert!(
        !labels.contains("canary") && !labels.contains(&token),
        "{labels}"
    );
}

#[tokio::test]
async fn destroying_an_agent_ends_it_and_leaves_its_data() {
    let world = World::new();
    world.create_all().await;
    let data = world.folder().join("data/store.db");
    fs::write(&data, "everything").unwrap();
    // Only then is the stand-in ready to end in an orderly way.
    wait(async || {
        world
            .log()
            .contains("started")
            .then_some(())
            .ok_or(world.log())
    })
    .await;
    let pids = ["supervisor", "agent"].map(|who| world.pid(who).unwrap());
    let agent = world.see(Kind::Agent).await.unwrap();
    assert_eq!(world.remove(&agent).await, Ok(Applied::Changed));
    assert_eq!(pids.map(runs), [false, false]);
    assert!(
        world.log().contains("1970-01-01T00:00:09Z stopped\n"),
        "{}",
        world.log()
    );
    assert_eq!(world.remove(&agent).await, Ok(Applied::AlreadySo));
    for kind in [Kind::Config, Kind::Secret] {
        let object = world.see(kind).await.unwrap();
        assert_eq!(world.remove(&object).await, Ok(Applied::Changed));
    }
    assert_eq!(fs::read_to_string(&data).unwrap(), "everything");

    let volume = world.see(Kind::Volume).await.unwrap();
    assert_eq!(world.remove(&volume).await, Ok(Applied::Changed));
    assert!(
        !world.folder().exists(),
        "nothing is left when the data goes too"
    );
}

#[tokio::test]
async fn an_agent_sees_nothing_of_the_operators_environment() {
    let world = World::new();
    world.create_all().await;
    let log = wait(async || {
        let log = world.log();
        if log.contains("canary") {
            Ok(log)
        } else {
            Err(log)
        }
    })
    .await;
    assert!(
        log.contains("started with run --listen 127.0.0.1:43100\n"),
        "{log}"
    );
    assert!(log.contains("canary \n"), "{log}");
}

#[tokio::test]
async fn a_killed_agent_is_started_again() {
    let world = World::new();
    world.create_all().await;
    let first = world.pid("agent").unwrap();
    kill(first);
    wait(async || match world.pid("agent") {
        Some(pid) if pid != first && runs(pid) => Ok(()),
        other => Err(format!("agent {other:?}, log:\n{}", world.log())),
    })
    .await;
    assert!(
        world
            .log()
            .contains("supervisor: the agent was killed by signal 9\n")
    );
    assert_eq!(world.see(Kind::Agent).await.unwrap().life, Life::Running);
}

#[tokio::test]
async fn a_killed_supervisor_is_seen_and_start_repairs_it() {
    let world = World::new();
    world.create_all().await;
    let orphan = world.pid("agent").unwrap();
    kill(world.pid("supervisor").unwrap());
    let stopped = wait(async || {
        let agent = world.see(Kind::Agent).await.unwrap();
        if agent.life == Life::Running {
            Err("running".to_owned())
        } else {
            Ok(agent)
        }
    })
    .await;
    let still_runs = "its supervisor is gone, the agent itself still runs";
    assert_eq!(stopped.life, Life::Stopped(still_runs.to_owned()));
    assert!(runs(orphan));

    assert_eq!(world.start(&stopped).await, Ok(Applied::Changed));
    assert!(!runs(orphan), "it would hold the port");
    let running = world.see(Kind::Agent).await.unwrap();
    assert_eq!(running.life, Life::Running);
    assert_eq!(
        running.fingerprint, stopped.fingerprint,
        "it is the same agent"
    );
    assert_eq!(world.start(&running).await, Ok(Applied::AlreadySo));
}

#[tokio::test]
async fn a_recycled_pid_is_neither_taken_for_ours_nor_killed() {
    let world = World::new();
    world.create_all().await;
    let agent = world.see(Kind::Agent).await.unwrap();
    let (supervisor, process) = (
        world.pid("supervisor").unwrap(),
        world.pid("agent").unwrap(),
    );
    kill(supervisor);
    kill(process);
    let path = world.folder().join("state.json");
    let mut state: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for who in ["supervisor", "agent"] {
        state[who]["pid"] = std::process::id().into();
    }
    fs::write(&path, state.to_string()).unwrap();
    let seen = world.see(Kind::Agent).await.unwrap();
    assert_eq!(
        seen.life,
        Life::Stopped("its supervisor is gone".to_owned())
    );
    // This test would not survive it otherwise.
    assert_eq!(world.remove(&agent).await, Ok(Applied::Changed));
}

#[tokio::test]
async fn an_agent_that_was_never_started_is_incomplete() {
    let world = World::new();
    world.create_all().await;
    let agent = world.see(Kind::Agent).await.unwrap();
    world.remove(&agent).await.unwrap();
    // As a run leaves it that is cut off between the description and the start.
    let labels =
        rivetos_fleet::label::labels(&world.desired.fleet, &world.desired.resources[&agent.id]);
    let Spec::Process(process) = &world.desired.resources[&agent.id].spec else {
        unreachable!()
    };
    let record = serde_json::json!({ "labels": labels, "process": process });
    fs::write(world.folder().join("process.json"), record.to_string()).unwrap();
    let seen = world.see(Kind::Agent).await.unwrap();
    assert_eq!(
        seen.life,
        Life::Incomplete("it was never started".to_owned())
    );
    assert_eq!(world.remove(&seen).await, Ok(Applied::Changed));
    assert_eq!(world.create(Kind::Agent).await, Ok(Applied::Changed));
}

#[tokio::test]
async fn a_supervisor_that_cannot_work_is_an_error_with_its_last_words() {
    let world = World::new();
    fs::write(
        world.home.path().join("supervisor"),
        "#!/bin/sh\necho no room >&2; exit 3\n",
    )
    .unwrap();
    let error = world.create(Kind::Agent).await.unwrap_err();
    assert_eq!(error.kind, ApplyErrorKind::Failed);
    assert!(error.message.contains("exit status: 3"), "{error}");
    assert!(error.message.ends_with("agent.log`: no room"), "{error}");
}

#[tokio::test]
async fn an_agent_that_does_not_stay_up_is_told_by_its_log() {
    let world = World::new();
    world.stand_in("#!/bin/sh\necho bad config; exit 78\n");
    world.create_all().await;
    wait(async || {
        let log = world.log();
        let told = log.contains("bad config\n") && log.contains("the agent exited with code 78\n");
        told.then_some(()).ok_or(log)
    })
    .await;
    let agent = world.see(Kind::Agent).await.unwrap();
    assert_eq!(agent.life, Life::Running, "it is about to be started again");
    wait(async || {
        let error = world.provider.connect(&agent.id).await.unwrap_err();
        let error = error.to_string();
        let told = error.contains("it exited with code 78 and is started again in a moment");
        told.then_some(()).ok_or(error)
    })
    .await;
    assert_eq!(world.remove(&agent).await, Ok(Applied::Changed));
}

#[tokio::test]
async fn foreign_files_are_reported_and_never_touched() {
    let world = World::new();
    let path = world.folder().join("config");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("mine"), "mine").unwrap();
    let seen = world.see(Kind::Config).await.unwrap();
    assert_eq!(seen.owner, Owner::Foreign);
    for result in [world.create(Kind::Config).await, world.remove(&seen).await] {
        assert_eq!(result.unwrap_err().kind, ApplyErrorKind::Refused);
    }
    assert_eq!(fs::read_to_string(path.join("mine")).unwrap(), "mine");
}

#[tokio::test]
async fn what_changed_since_the_plan_is_refused() {
    let world = World::new();
    world.create(Kind::Config).await.unwrap();
    let planned = world.see(Kind::Config).await.unwrap();
    world.remove(&planned).await.unwrap();
    world.create(Kind::Config).await.unwrap();
    let error = world.remove(&planned).await.unwrap_err();
    assert_eq!(error.kind, ApplyErrorKind::Refused, "{error}");
    assert!(world.see(Kind::Config).await.is_some());
}

#[tokio::test]
async fn files_changed_by_hand_are_drift() {
    let world = World::new();
    world.create(Kind::Config).await.unwrap();
    world.create(Kind::Secret).await.unwrap();
    let config = world.folder().join("config/rivet.config.yaml");
    fs::remove_file(&config).unwrap();
    fs::write(&config, "other").unwrap();
    fs::remove_file(world.folder().join("secret/key")).unwrap();
    let config = world.see(Kind::Config).await.unwrap().fields;
    let wanted = &world.desired.resources[&ResourceId::new(Kind::Config, "a")]
        .spec
        .fields();
    assert_ne!(
        config["files.rivet.config.yaml"],
        wanted["files.rivet.config.yaml"]
    );
    assert_eq!(
        config["files.workspace/CORE.md"],
        wanted["files.workspace/CORE.md"]
    );
    let secret = world.see(Kind::Secret).await.unwrap().fields;
    assert!(!secret.contains_key("files.key") && secret.contains_key("files.agent_token"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_filled_is_not_there() {
    for content in [
        (
            "key",
            FileContent::Given {
                secret: rivetos_fleet::SecretRef::Env("NONE".to_owned()),
                digest: None,
            },
        ),
        ("../key", FileContent::Generated),
        ("/tmp/key", FileContent::Generated),
    ] {
        let mut world = World::new();
        let id = ResourceId::new(Kind::Secret, "a");
        let desired = world.desired.resources.get_mut(&id).unwrap();
        let Spec::Files(files) = &mut desired.spec else {
            unreachable!()
        };
        files.files = [(content.0.to_owned(), content.1)].into();
        assert_eq!(
            world.create(Kind::Secret).await.unwrap_err().kind,
            ApplyErrorKind::Failed
        );
        assert_eq!(world.see(Kind::Secret).await, None);
    }
}

#[tokio::test]
async fn an_agent_is_reached_with_its_own_token_and_its_log_is_read() {
    let mut world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let id = ResourceId::new(Kind::Agent, "a");
    let desired = world.desired.resources.get_mut(&id).unwrap();
    let Spec::Process(process) = &mut desired.spec else {
        unreachable!()
    };
    process.port = Some(port);
    assert_eq!(
        world.provider.connect(&id).await.unwrap_err(),
        AccessError::Absent(id.clone())
    );
    assert!(world.observe().await.facts.ports_in_use.contains(&port));
    world.create_all().await;

    let token = fs::read_to_string(world.folder().join("secret/agent_token")).unwrap();
    let agent = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let expected = rivetos_protocol::operator_handshake(&token);
        let mut received = vec![0; expected.len()];
        stream.read_exact(&mut received).await.unwrap();
        assert_eq!(String::from_utf8(received).unwrap(), expected);
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            .await
            .unwrap();
        let mut question = [0; 4];
        stream.read_exact(&mut question).await.unwrap();
        stream.write_all(b"pong").await.unwrap();
        question
    };
    let operator = async {
        let mut stream = world.provider.connect(&id).await.unwrap();
        stream.write_all(b"ping").await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        answer
    };
    assert_eq!(tokio::join!(agent, operator), (*b"ping", *b"pong"));

    wait(async || {
        world
            .log()
            .contains("canary")
            .then_some(())
            .ok_or(world.log())
    })
    .await;
    let options = LogOptions {
        since_unix_s: Some(7),
        tail: Some(2),
        ..LogOptions::default()
    };
    let lines = world.provider.logs(&id, options).await.unwrap();
    let lines: Vec<String> = lines.map(Result::unwrap).collect().await;
    let expected = format!("1970-01-01T00:00:07Z started with run --listen 127.0.0.1:{port}");
    assert_eq!(lines, [expected, "canary ".to_owned()]);
}
