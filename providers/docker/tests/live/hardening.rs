//! What containers may not do, and limits that change behind our back.

use bollard::models::{ContainerInspectResponse, ContainerUpdateBody};
use rivetos_fleet::model::{Change, Class, Field, Reason};

use crate::world::{Wish, World};

impl World {
    pub(crate) async fn inspect(&self, suffix: &str) -> ContainerInspectResponse {
        let name = self.name(suffix);
        self.docker.inspect_container(&name, None).await.unwrap()
    }

    async fn kernel_says(&self, suffix: &str, user: &str, line: &str) -> String {
        let command = ["cat", "/proc/self/status"];
        let (_, status) = self.exec(&self.name(suffix), user, &command).await;
        let value = status.lines().find_map(|told| told.strip_prefix(line));
        value.unwrap_or(&status).trim().to_owned()
    }
}

#[tokio::test]
async fn containers_have_what_they_need_and_no_more() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]).with_datahub());
    world.up(&desired).await;
    for (container, user) in [("ada", "1000:1000"), ("datahub", "postgres")] {
        assert_eq!(
            world.kernel_says(container, user, "NoNewPrivs:").await,
            "1",
            "{container}"
        );
        let none = "0000000000000000";
        let capabilities = world.kernel_says(container, user, "CapEff:").await;
        assert_eq!(capabilities, none, "{container}");
        let name = world.name(container);
        let (written, text) = world.exec(&name, "0", &["touch", "/usr/x"]).await;
        assert!(!written && text.contains("Read-only"), "{text}");
        let (_, init) = world.exec(&name, user, &["cat", "/proc/1/comm"]).await;
        assert_eq!(init, "docker-init", "{container}");
        let host = world.inspect(container).await.host_config.unwrap();
        let log = host.log_config.unwrap();
        assert_eq!(log.typ.as_deref(), Some("json-file"));
        assert_eq!(log.config.unwrap()["max-size"], "10m");
        assert!(host.pids_limit > Some(0), "{container}");
        assert!(host.port_bindings.unwrap_or_default().is_empty());
    }
    // In all of the datahub's container, beside what Postgres itself has.
    let bounding = world.kernel_says("datahub", "0", "CapBnd:").await;
    assert_eq!(bounding, "00000000000000cb");
    let host = world.inspect("ada").await.host_config.unwrap();
    assert_eq!(
        (host.memory, host.memory_swap),
        (Some(1 << 30), Some(1 << 30))
    );
    world.finish(&desired).await;
}

#[tokio::test]
async fn limits_that_somebody_changed_show_as_drift() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    world.up(&desired).await;
    let smaller = ContainerUpdateBody {
        memory: Some(512 << 20),
        ..ContainerUpdateBody::default()
    };
    world
        .docker
        .update_container(&world.name("ada"), smaller)
        .await
        .unwrap();
    let plan = world.plan(&desired).await;
    let reasons: Vec<&Reason> = plan.steps.iter().flat_map(|step| &step.reasons).collect();
    let expected = Reason::Drifted(Change {
        field: "memory".to_owned(),
        before: Some(Field::text("512m")),
        after: Some(Field::text("1g")),
        class: Class::Live,
    });
    assert!(
        reasons.iter().all(|reason| **reason == expected),
        "{reasons:?}"
    );
    let before = world.inspect("ada").await.id;
    assert_eq!(world.up(&desired).await, ["agent/ada#update"]);
    assert_eq!(world.inspect("ada").await.id, before);
    let host = world.inspect("ada").await.host_config.unwrap();
    assert_eq!(host.memory, Some(1 << 30));
    world.finish(&desired).await;
}
