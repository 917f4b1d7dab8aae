//! Streams and logs of a running node.

use futures_util::StreamExt;
use rivetos_fleet::model::{Kind, ResourceId};
use rivetos_fleet::port::{AccessError, Follow, LogOptions, NodeAccess};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{Wish, World};

#[tokio::test]
async fn bytes_go_both_ways_and_refusals_are_told() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    let node = ResourceId::new(Kind::Agent, "ada");
    let absent = world.provider.connect(&node).await.unwrap_err();
    assert_eq!(absent, AccessError::Absent(node.clone()));
    world.up(&desired).await;

    // More than one frame and every byte value: nothing of the engine's framing gets in.
    let sent: Vec<u8> = (0..=u8::MAX).cycle().take(200_000).collect();
    let (mut read, mut write) = tokio::io::split(world.provider.connect(&node).await.unwrap());
    let feed = async {
        write.write_all(&sent).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let mut received = Vec::new();
    let ((), size) = tokio::join!(feed, read.read_to_end(&mut received));
    size.unwrap();
    assert!(
        received == sent,
        "{} of {} bytes",
        received.len(),
        sent.len()
    );

    world
        .output("ada", &["touch", "/var/lib/rivetos/refuse"])
        .await;
    let mut stream = world.provider.connect(&node).await.unwrap();
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.to_string(), "the agent does not answer");

    world
        .docker
        .stop_container(&world.name("ada"), None)
        .await
        .unwrap();
    let stopped = world.provider.connect(&node).await.unwrap_err();
    assert_eq!(stopped, AccessError::NotRunning(node));
    world.finish(&desired).await;
}

#[tokio::test]
async fn logs_come_line_by_line() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    world.up(&desired).await;
    let node = ResourceId::new(Kind::Agent, "ada");
    let follow = LogOptions {
        follow: Follow::Yes,
        ..LogOptions::default()
    };
    let lines = world.provider.logs(&node, follow).await.unwrap();
    let mut first: Vec<String> = lines.take(3).map(Result::unwrap).collect().await;
    first.sort();
    assert_eq!(first, ["first line", "last line", "to standard error"]);

    let options = LogOptions {
        tail: Some(1),
        ..LogOptions::default()
    };
    let lines = world.provider.logs(&node, options).await.unwrap();
    assert_eq!(lines.count().await, 1);
    let options = LogOptions {
        since_unix_s: Some(i64::from(i32::MAX)),
        ..LogOptions::default()
    };
    let lines = world.provider.logs(&node, options).await.unwrap();
    assert_eq!(lines.count().await, 0);
    world.finish(&desired).await;
}
