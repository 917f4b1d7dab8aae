//! The datahub and its logins.

use std::net::TcpListener;

use bollard::query_parameters::{RemoveContainerOptionsBuilder, RemoveVolumeOptions};
use rivetos_fleet::model::{Kind, ResourceId};
use rivetos_fleet::port::{AccessError, ApplyErrorKind};
use rivetos_provider_docker::DatahubError;

use crate::world::{Wish, World, names};

/// What an agent must not get at.
const FORBIDDEN: [&str; 7] = [
    "SELECT text FROM agent_max.note",
    "INSERT INTO agent_max.note VALUES ('theirs')",
    "CREATE TABLE agent_max.mine (n int)",
    "CREATE TABLE public.mine (n int)",
    "CREATE SCHEMA mine",
    "SET ROLE agent_max",
    "DROP SCHEMA agent_max CASCADE",
];

impl World {
    /// Runs SQL as the server's own superuser.
    async fn superuser_sql(&self, sql: &str) -> String {
        let command = [
            "psql",
            "--username=postgres",
            "--dbname=rivetos",
            "--tuples-only",
            "--no-align",
            "--command",
            sql,
        ];
        let (done, text) = self.exec(&self.name("datahub"), "postgres", &command).await;
        assert!(done, "{sql}: {text}");
        text
    }

    async fn ada_is_kept_out(&self) {
        for sql in FORBIDDEN {
            let (done, text) = self.sql("ada", sql).await;
            let refused = text.contains("permission denied") || text.contains("must be owner");
            assert!(!done && refused, "{sql}: {text}");
        }
    }

    /// Runs SQL as an agent's login, over TCP with the password of its own secret.
    async fn sql(&self, agent: &str, sql: &str) -> (bool, String) {
        let password = self
            .output(agent, &["cat", "/run/secrets/postgres_password"])
            .await;
        let url = format!("postgresql://agent_{agent}:{password}@127.0.0.1/rivetos");
        let command = [
            "psql",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            &url,
            "--command",
            sql,
        ];
        self.exec(&self.name("datahub"), "postgres", &command).await
    }
}

#[tokio::test]
async fn every_agent_has_a_schema_that_others_cannot_read() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada", "max"]).with_datahub());
    world.up(&desired).await;
    for agent in ["ada", "max"] {
        let (done, text) = world
            .sql(agent, "CREATE TABLE note AS SELECT 'mine' AS text")
            .await;
        assert!(done, "{text}");
        let (_, owner) = world
            .sql(
                agent,
                "SELECT schemaname FROM pg_tables WHERE tablename = 'note'",
            )
            .await;
        assert!(owner.contains(&format!("agent_{agent}")), "{owner}");
    }
    world.ada_is_kept_out().await;

    // One more agent later, and one whose secret is made anew: data stays and passwords work.
    let desired = world.desired(&Wish::agents(&["ada", "max", "zoe"]).with_datahub());
    let done = world.up(&desired).await;
    assert!(done.contains(&"role/zoe#ensure".to_owned()), "{done:?}");
    assert!(
        !done
            .iter()
            .any(|step| step.contains("ada") || step.contains("datahub")),
        "{done:?}"
    );
    let force = RemoveContainerOptionsBuilder::new().force(true).build();
    world
        .docker
        .remove_container(&world.name("ada"), Some(force))
        .await
        .unwrap();
    let secret = World::files(&desired, Kind::Secret, "ada");
    world
        .docker
        .remove_volume(&secret, None::<RemoveVolumeOptions>)
        .await
        .unwrap();
    let done = world.up(&desired).await;
    assert_eq!(
        done,
        ["secret/ada#create", "role/ada#ensure", "agent/ada#create"]
    );
    let (read, text) = world.sql("ada", "SELECT text FROM note").await;
    assert!(read, "{text}");
    assert_eq!(text, "mine");

    // A datahub that is down is started, and its logins are made sure of afterwards.
    world
        .docker
        .stop_container(&world.name("datahub"), None)
        .await
        .unwrap();
    let plan = world.plan(&desired).await;
    assert_eq!(
        names(&plan),
        [
            "datahub/main#start",
            "role/ada#ensure",
            "role/max#ensure",
            "role/zoe#ensure"
        ]
    );
    world.up(&desired).await;
    let (read, text) = world.sql("max", "SELECT text FROM note").await;
    assert!(read, "{text}");
    world.finish(&desired).await;
}

#[tokio::test]
async fn a_backup_brings_schemas_back_with_their_rights() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada", "max"]).with_datahub());
    let node = ResourceId::new(Kind::Datahub, "main");
    let absent = world.provider.datahub(&node).await.unwrap_err();
    assert_eq!(absent, AccessError::Absent(node.clone()));
    world.up(&desired).await;
    let datahub = world.provider.datahub(&node).await.unwrap();
    assert_eq!(datahub.stored().await.unwrap(), 0);
    for agent in ["ada", "max"] {
        let sql = "CREATE TABLE note AS SELECT n, repeat(md5(n::text), 40) AS text \
                   FROM generate_series(1, 5000) n";
        let (done, text) = world.sql(agent, sql).await;
        assert!(done, "{text}");
    }
    let mut backup = Vec::new();
    datahub.back_up(&mut backup).await.unwrap();
    let contents = datahub.contents(&mut &backup[..]).await.unwrap();
    assert_eq!(contents.schemas, ["agent_ada", "agent_max"]);

    // What came later goes, what went comes back, and a login of later keeps its own.
    for sql in ["DROP TABLE note", "CREATE TABLE later (n int)"] {
        assert!(world.sql("ada", sql).await.0, "{sql}");
    }
    let more = world.desired(&Wish::agents(&["ada", "max", "zoe"]).with_datahub());
    world.up(&more).await;
    assert!(world.sql("zoe", "CREATE TABLE own (n int)").await.0);
    datahub.restore(&mut &backup[..], &contents).await.unwrap();
    let (_, count) = world.sql("ada", "SELECT count(*) FROM note").await;
    assert_eq!(count, "5000");
    assert!(!world.sql("ada", "SELECT * FROM later").await.0);
    assert!(world.sql("zoe", "SELECT * FROM own").await.0);
    world.ada_is_kept_out().await;
    assert_eq!(names(&world.plan(&more).await), Vec::<String>::new());

    // One that ends early, wherever it does, changes nothing.
    world
        .superuser_sql("UPDATE agent_max.note SET text = 'now' WHERE n = 1")
        .await;
    for part in [1, backup.len() / 3, backup.len() - 100] {
        let error = datahub
            .restore(&mut &backup[..part], &contents)
            .await
            .unwrap_err();
        assert!(matches!(error, DatahubError::Refused { .. }), "{error}");
        let (_, kept) = world.sql("max", "SELECT text FROM note WHERE n = 1").await;
        assert_eq!(kept, "now", "cut after {part} bytes");
    }
    assert!(datahub.contents(&mut &b"PGDMPnonsense"[..]).await.is_err());
    world.finish(&more).await;
}

#[tokio::test]
async fn logins_that_others_made_are_left_alone() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]).with_datahub());
    world.up(&desired).await;
    let sql = "CREATE ROLE agent_max LOGIN";
    let command = ["psql", "--username=postgres", "--command", sql];
    let (done, text) = world
        .exec(&world.name("datahub"), "postgres", &command)
        .await;
    assert!(done, "{text}");
    let more = world.desired(&Wish::agents(&["ada", "max"]).with_datahub());
    let plan = world.plan(&more).await;
    let foreign: Vec<&str> = plan
        .report
        .foreign
        .iter()
        .map(|foreign| foreign.native_name.as_str())
        .collect();
    assert_eq!(foreign, ["agent_max"]);
    world.make(&more, Kind::Secret, "max").await.unwrap();
    let error = world.make(&more, Kind::Role, "max").await.unwrap_err();
    assert_eq!(error.kind, ApplyErrorKind::Refused, "{error:?}");
    world.finish(&more).await;
}

#[tokio::test]
async fn a_taken_port_is_named_and_the_next_run_converges() {
    let Some(world) = World::new().await else {
        return;
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut wish = Wish::agents(&["ada"]).with_datahub();
    wish.postgres_port = Some(port);
    let desired = world.desired(&wish);
    let plan = world.plan(&desired).await;
    let (step, error) = world.apply(&plan).await.unwrap_err();
    assert_eq!(step.id.0, "datahub/main#create");
    assert!(
        error.message.contains(&format!("port {port} is taken")),
        "{error:?}"
    );
    assert!(error.hint.is_some());
    drop(taken);
    world.up(&desired).await;
    world.finish(&desired).await;
}

#[tokio::test]
async fn another_server_takes_the_place_of_the_first_and_has_its_data() {
    let Some(world) = World::new().await else {
        return;
    };
    let mut wish = Wish::agents(&["ada", "max"]).with_datahub();
    let before = world.desired(&wish);
    world.up(&before).await;
    for agent in ["ada", "max"] {
        let (done, text) = world
            .sql(agent, "CREATE TABLE note AS SELECT 'mine' AS text")
            .await;
        assert!(done, "{text}");
    }
    let id = async || world.inspect("datahub").await.id.unwrap();
    let read = async |agent| world.sql(agent, "SELECT text FROM note").await;
    let (first, mine) = (id().await, (true, "mine".to_owned()));

    // One that cannot start gives way to the first.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    wish.postgres_port = Some(taken.local_addr().unwrap().port());
    let published = world.desired(&wish);
    let (step, error) = world
        .apply(&world.plan(&published).await)
        .await
        .unwrap_err();
    assert_eq!(step.id.0, "datahub/main#swap");
    assert!(error.message.starts_with("rolled back: "), "{error:?}");
    // It starts again, and its logins are found as they were.
    let done = world.up(&before).await;
    assert!(!done.iter().any(|step| step.contains("main")), "{done:?}");
    assert_eq!(id().await, first);
    assert_eq!(read("ada").await, mine);

    drop(taken);
    let done = world.up(&published).await;
    assert!(done.contains(&"datahub/main#swap".to_owned()), "{done:?}");
    assert_ne!(id().await, first);
    for agent in ["ada", "max"] {
        assert_eq!(read(agent).await, mine, "{agent}");
    }
    world.ada_is_kept_out().await;
    world.finish(&published).await;
}
