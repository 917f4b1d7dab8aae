//! The agent's image.

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptions,
};
use futures_util::TryStreamExt;
use rivetos_provider_docker::{
    BuildError, BuildRequest, Commit, DockerEngine, EngineAddress, ImageVariant, ensure_image,
};

use crate::world::World;

/// Any program of this machine.
const PROGRAM: &str = "/bin/true";

async fn engine() -> DockerEngine {
    let host = std::env::var("RIVETOS_TEST_DOCKER_HOST").unwrap();
    DockerEngine::connect(&EngineAddress::plain(host.as_str()))
        .await
        .unwrap()
}

fn request(world: &World, commit: Commit) -> BuildRequest {
    BuildRequest {
        binary: PROGRAM.into(),
        reference: format!("rivetos-live-build:{}", world.fleet),
        variant: ImageVariant::Scratch,
        version: "0.0.1".to_owned(),
        commit,
    }
}

#[tokio::test]
async fn the_same_commit_is_built_once() {
    let Some(world) = World::new().await else {
        return;
    };
    let engine = engine().await;
    let mut request = request(&world, Commit::Clean("abc".to_owned()));
    let mut lines = 0;
    let first = ensure_image(&engine, &request, &mut |_| lines += 1)
        .await
        .unwrap();
    assert!(!first.reused && lines > 0);
    let again = ensure_image(&engine, &request, &mut |_| {}).await.unwrap();
    assert!(again.reused);
    assert_eq!(again.id, first.id);
    let known = engine
        .image_of_commit(&request.reference, ImageVariant::Scratch, "abc")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(known.id, first.id);

    request.commit = Commit::Dirty;
    assert!(
        ensure_image(&engine, &request, &mut |_| {})
            .await
            .unwrap()
            .reused
    );
    let folder = tempfile::tempdir().unwrap();
    let mut changed = std::fs::read(PROGRAM).unwrap();
    changed.push(0);
    request.binary = folder.path().join("program");
    std::fs::write(&request.binary, changed).unwrap();
    let rebuilt = ensure_image(&engine, &request, &mut |_| {}).await.unwrap();
    assert!(!rebuilt.reused);
    assert_ne!(rebuilt.id, first.id);
    world
        .docker
        .remove_image(&request.reference, None::<RemoveImageOptions>, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_program_for_another_machine_is_refused() {
    let Some(world) = World::new().await else {
        return;
    };
    let engine = engine().await;
    let folder = tempfile::tempdir().unwrap();
    let mut program = std::fs::read(PROGRAM).unwrap();
    // PowerPC is no answer either way; RISC-V is not what tests run on.
    program[18] = 0xf3;
    program[19] = 0;
    let mut request = request(&world, Commit::Dirty);
    request.binary = folder.path().join("program");
    std::fs::write(&request.binary, program).unwrap();
    let error = ensure_image(&engine, &request, &mut |_| {})
        .await
        .unwrap_err();
    assert!(
        matches!(&error, BuildError::WrongArchitecture { binary, .. } if binary == "riscv64"),
        "{error:?}"
    );
    assert!(!engine.has_image(&request.reference).await);
}

#[tokio::test]
async fn a_fresh_data_volume_belongs_to_the_agent() {
    let Some(world) = World::new().await else {
        return;
    };
    let engine = engine().await;
    let request = request(&world, Commit::Dirty);
    ensure_image(&engine, &request, &mut |_| {}).await.unwrap();
    let name = world.name("probe");
    let body = ContainerCreateBody {
        image: Some(request.reference.clone()),
        host_config: Some(HostConfig {
            mounts: Some(vec![Mount {
                target: Some("/var/lib/rivetos".to_owned()),
                source: Some(name.clone()),
                typ: Some(MountType::VOLUME),
                ..Mount::default()
            }]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    world
        .docker
        .create_container(Some(options), body)
        .await
        .unwrap();
    for (path, owner) in [("/var/lib/rivetos", 1000), ("/tmp", 0)] {
        let options = DownloadFromContainerOptionsBuilder::new()
            .path(path)
            .build();
        let archive: Vec<bytes::Bytes> = world
            .docker
            .download_from_container(&name, Some(options))
            .try_collect()
            .await
            .unwrap();
        let archive = archive.concat();
        let mut archive = tar::Archive::new(&archive[..]);
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.header().uid().unwrap(), owner, "{path}");
        if path == "/tmp" {
            assert_eq!(entry.header().mode().unwrap() & 0o7777, 0o1777);
        }
    }
    let options = RemoveContainerOptionsBuilder::new().force(true).build();
    world
        .docker
        .remove_container(&name, Some(options))
        .await
        .unwrap();
    let none = None::<bollard::query_parameters::RemoveVolumeOptions>;
    world.docker.remove_volume(&name, none).await.unwrap();
    world
        .docker
        .remove_image(&request.reference, None::<RemoveImageOptions>, None)
        .await
        .unwrap();
}
