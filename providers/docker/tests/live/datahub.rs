//! The datahub and its logins.

use std::net::TcpListener;

use bollard::query_parameters::{RemoveContainerOptionsBuilder, RemoveVolumeOptions};
use rivetos_fleet::port::ApplyErrorKind;

use crate::world::{Wish, World, names};

impl World {
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
    let (read, text) = world.sql("ada", "SELECT text FROM agent_max.note").await;
    assert!(!read && text.contains("permission denied"), "{text}");

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
    let secret = world.name("ada-secret");
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
    world
        .make(&more, rivetos_fleet::model::Kind::Secret, "max")
        .await
        .unwrap();
    let error = world
        .make(&more, rivetos_fleet::model::Kind::Role, "max")
        .await
        .unwrap_err();
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
