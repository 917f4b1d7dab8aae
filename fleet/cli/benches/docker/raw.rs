//! The calls that the provider makes, without the provider.

use std::collections::HashMap;

use bollard::Docker;
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, Mount, MountType, MountVolumeOptions,
    NetworkCreateRequest, VolumeCreateRequest,
};
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateContainerOptionsBuilder, ListContainersOptionsBuilder,
    ListImagesOptions, ListVolumesOptions, RemoveContainerOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use futures_util::{StreamExt, stream};
use rivetos_fleet::label;
use rivetos_fleet::model::{
    ContainerSpec, Desired, DesiredSet, FileContent, HealthCheck, Kind, MountMode, Spec,
};

const AT_ONCE: usize = 8;

const STAND_IN: &str = "#!/bin/sh\n[ \"$1\" != run ] || exec sleep infinity\n";
const DOCKERFILE: &str = r#"FROM debian:trixie-slim
COPY rivetos-agent /usr/local/bin/rivetos-agent
ENTRYPOINT ["/usr/local/bin/rivetos-agent"]
"#;

/// A client of the engine.
pub(crate) async fn connect(host: &str) -> Docker {
    let docker = Docker::connect_with_host(host).unwrap();
    docker.negotiate_version().await.unwrap()
}

/// Makes an image whose program stands in for the agent: it waits, and is well.
pub(crate) async fn build_stand_in(docker: &Docker, reference: &str) {
    let files = [
        ("Dockerfile", 0o644, DOCKERFILE),
        ("rivetos-agent", 0o755, STAND_IN),
    ];
    let mut context = tar::Builder::new(Vec::new());
    for (name, mode, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(text.len() as u64);
        context
            .append_data(&mut header, name, text.as_bytes())
            .unwrap();
    }
    let body = bollard::body_full(context.into_inner().unwrap().into());
    let options = BuildImageOptionsBuilder::new().t(reference).rm(true);
    let mut said = Box::pin(docker.build_image(options.build(), None, Some(body)));
    while let Some(line) = said.next().await {
        line.unwrap();
    }
}

/// Four lists, and one inspect for each container of `fleet`.
pub(crate) async fn look(docker: &Docker, fleet: &str) {
    let all = ListContainersOptionsBuilder::new().all(true).build();
    let (containers, networks, volumes, images) = tokio::join!(
        docker.list_containers(Some(all)),
        docker.list_networks(None),
        docker.list_volumes(None::<ListVolumesOptions>),
        docker.list_images(None::<ListImagesOptions>),
    );
    networks.unwrap();
    volumes.unwrap();
    images.unwrap();
    let own = containers.unwrap().into_iter().filter(|container| {
        let labels = container.labels.as_ref();
        labels
            .and_then(|labels| labels.get(label::FLEET))
            .map(String::as_str)
            == Some(fleet)
    });
    stream::iter(own)
        .for_each_concurrent(AT_ONCE, |container| async move {
            docker
                .inspect_container(&container.id.unwrap(), None)
                .await
                .unwrap();
        })
        .await;
}

/// Everything that `infra up` makes for a fleet without a datahub, one agent after the other,
/// eight at a time.
pub(crate) async fn up(docker: &Docker, set: &DesiredSet) {
    for desired in set.resources.values() {
        if let Spec::Network(network) = &desired.spec {
            let _ = docker.inspect_network(&network.native_name, None).await;
            let request = NetworkCreateRequest {
                name: network.native_name.clone(),
                labels: Some(labels(set, desired)),
                ..NetworkCreateRequest::default()
            };
            docker.create_network(request).await.unwrap();
        }
    }
    let agents = set
        .resources
        .values()
        .filter(|desired| desired.id.kind == Kind::Agent);
    stream::iter(agents)
        .for_each_concurrent(AT_ONCE, |agent| async move {
            for id in &agent.after {
                make_volume(docker, set, &set.resources[id]).await;
            }
            if let Spec::Container(spec) = &agent.spec {
                make_agent(docker, set, agent, spec).await;
            }
        })
        .await;
}

fn labels(set: &DesiredSet, desired: &Desired) -> HashMap<String, String> {
    label::labels(&set.fleet, desired).into_iter().collect()
}

async fn make_volume(docker: &Docker, set: &DesiredSet, desired: &Desired) {
    if let Spec::Volume(volume) = &desired.spec {
        let request = VolumeCreateRequest {
            name: Some(volume.native_name.clone()),
            labels: Some(labels(set, desired)),
            ..VolumeCreateRequest::default()
        };
        docker.create_volume(request).await.unwrap();
    }
    let Spec::Files(files) = &desired.spec else {
        return;
    };
    let name = format!("{}-carrier", files.native_name);
    let body = ContainerCreateBody {
        image: files.carrier_image.clone(),
        entrypoint: Some(vec!["/never-started".into()]),
        host_config: Some(HostConfig {
            network_mode: Some("none".into()),
            mounts: Some(vec![Mount {
                target: Some("/carry".into()),
                source: Some(files.native_name.clone()),
                typ: Some(MountType::VOLUME),
                volume_options: Some(MountVolumeOptions {
                    no_copy: Some(true),
                    labels: Some(labels(set, desired)),
                    ..MountVolumeOptions::default()
                }),
                ..Mount::default()
            }]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    docker.create_container(Some(options), body).await.unwrap();
    docker.inspect_volume(&files.native_name).await.unwrap();
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in &files.files {
        let bytes = match content {
            FileContent::Text { text } => text.as_bytes(),
            FileContent::Given { .. } | FileContent::Generated => &[b'x'; 64],
        };
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o400);
        header.set_uid(1000);
        header.set_gid(1000);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, path, bytes).unwrap();
    }
    let body = bollard::body_full(archive.into_inner().unwrap().into());
    let options = UploadToContainerOptionsBuilder::new()
        .path("/carry")
        .build();
    docker
        .upload_to_container(&name, Some(options), body)
        .await
        .unwrap();
    docker.inspect_container(&name, None).await.unwrap();
    let options = RemoveContainerOptionsBuilder::new().force(true).build();
    docker.remove_container(&name, Some(options)).await.unwrap();
}

async fn make_agent(docker: &Docker, set: &DesiredSet, agent: &Desired, spec: &ContainerSpec) {
    let mounts = spec.mounts.iter().map(|(path, mount)| Mount {
        target: Some(path.clone()),
        source: Some(mount.volume.clone()),
        typ: Some(MountType::VOLUME),
        read_only: Some(mount.mode == MountMode::ReadOnly),
        ..Mount::default()
    });
    let body = ContainerCreateBody {
        image: Some(spec.image.clone()),
        hostname: Some(spec.hostname.clone()),
        healthcheck: spec.health.as_ref().map(health),
        user: spec.user.clone(),
        cmd: Some(spec.command.clone()),
        labels: Some(labels(set, agent)),
        host_config: Some(HostConfig {
            init: Some(spec.init),
            readonly_rootfs: Some(spec.read_only_root),
            network_mode: Some(spec.network.clone()),
            cap_drop: Some(spec.cap_drop.clone()),
            security_opt: Some(spec.security_opt.clone()),
            tmpfs: Some(spec.tmpfs.clone().into_iter().collect()),
            mounts: Some(mounts.collect()),
            memory: spec.limits.memory_bytes.map(u64::cast_signed),
            pids_limit: spec.limits.pids.map(i64::from),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new()
        .name(&spec.native_name)
        .build();
    let id = docker
        .create_container(Some(options), body)
        .await
        .unwrap()
        .id;
    docker.start_container(&id, None).await.unwrap();
    docker.inspect_container(&id, None).await.unwrap();
}

fn health(check: &HealthCheck) -> HealthConfig {
    let nanos = |seconds: u32| Some(i64::from(seconds) * 1_000_000_000);
    let command = ["CMD".to_owned()].into_iter().chain(check.command.clone());
    HealthConfig {
        test: Some(command.collect()),
        interval: nanos(check.interval_seconds),
        timeout: nanos(check.timeout_seconds),
        retries: Some(i64::from(check.retries)),
        start_period: nanos(check.start_seconds),
        start_interval: None,
    }
}
