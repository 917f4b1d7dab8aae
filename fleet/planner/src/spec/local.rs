//! A fleet as supervised processes of this host.

use std::path::{Path, PathBuf};

use rivetos_config::{AgentName, Placement};

use crate::model::{
    Desired, FilesSpec, ImageSource, ImageSpec, Kind, ProcessSpec, ResourceId, Spec, TargetId, Uid,
    VolumeSpec,
};

use super::datahub;
use super::desired::{CONFIG_FILE, TOKEN_FILE, config_files, id, resource, secret_files};
use super::resolve::{AgentSpec, FleetSpec, Reach};

/// What stands for the agent's program where it was not found.
const PROGRAM_NAME: &str = "rivetos-agent";

/// Where an agent finds its things.
pub(super) fn placement(home: &Path, agent: &AgentName) -> Placement {
    let folder = folder(home, agent);
    Placement {
        workspace: folder.join("data/workspace"),
        store: folder.join("data/store.db"),
        secrets: folder.join("secret"),
        token_file: TOKEN_FILE.to_owned(),
    }
}

/// Everything the fleet is on this host.
pub(super) fn resources(spec: &FleetSpec) -> Vec<Desired> {
    let mut resources = vec![program(spec)];
    let here = spec
        .agents
        .iter()
        .filter(|(_, agent)| agent.target == TargetId::local());
    for (name, one) in here {
        resources.extend(agent(spec, name, one));
    }
    resources
}

fn folder(home: &Path, agent: &AgentName) -> PathBuf {
    home.join("agents").join(agent.as_str())
}

/// The engines of the fleet have an image each that is called like this.
fn program_id(spec: &FleetSpec) -> ResourceId {
    if spec.targets().len() > 1 {
        id(Kind::Image, "agent@local")
    } else {
        id(Kind::Image, "agent")
    }
}

fn program_path(spec: &FleetSpec) -> PathBuf {
    match &spec.context.program {
        Some(program) => program.path.clone(),
        None => PathBuf::from(PROGRAM_NAME),
    }
}

fn program(spec: &FleetSpec) -> Desired {
    let reference = program_path(spec).display().to_string();
    let image = Spec::Image(ImageSpec {
        reference,
        source: ImageSource::Program,
    });
    let id = program_id(spec);
    let born = id.name.clone();
    resource(&spec.fleet, (id, &born), image, [])
}

fn agent(spec: &FleetSpec, name: &AgentName, own: &AgentSpec) -> Vec<Desired> {
    let AgentSpec { files, born, .. } = own;
    let folder = folder(&spec.context.home, born);
    let path = |part: &str| folder.join(part).display().to_string();
    let make = |id: ResourceId, part: Spec| resource(&spec.fleet, (id, born.as_str()), part, []);
    let files_at = |native_name, files| {
        Spec::Files(FilesSpec {
            native_name,
            files,
            carrier_image: None,
        })
    };
    let (volume, config, secret) = (
        id(Kind::Volume, name),
        id(Kind::Config, name),
        id(Kind::Secret, name),
    );
    let agent = id(Kind::Agent, name);
    let process = process(
        spec,
        &folder,
        &Uid::derive(&spec.fleet, &id(Kind::Agent, born)),
    );
    let mut after = vec![
        program_id(spec),
        volume.clone(),
        config.clone(),
        secret.clone(),
    ];
    let mut secrets = secret_files(spec, files);
    secrets.extend(datahub::login_files(spec, own, &folder.join("secret")));
    if spec.reach(own) != Reach::Never {
        after.push(id(Kind::Role, name));
    }
    vec![
        make(
            volume,
            Spec::Volume(VolumeSpec {
                native_name: path("data"),
                protection: own.protection,
            }),
        ),
        make(config, files_at(path("config"), config_files(spec, files))),
        make(secret, files_at(path("secret"), secrets)),
        resource(
            &spec.fleet,
            (agent, born.as_str()),
            Spec::Process(process),
            after,
        ),
    ]
}

/// The arguments carry the identity that the agent reports about itself.
fn process(spec: &FleetSpec, folder: &Path, uid: &Uid) -> ProcessSpec {
    let config = folder
        .join("config")
        .join(CONFIG_FILE)
        .display()
        .to_string();
    let program = spec.context.program.as_ref();
    ProcessSpec {
        folder: folder.to_owned(),
        program: program_path(spec),
        program_digest: program
            .map(|program| program.digest.clone())
            .unwrap_or_default(),
        args: vec![
            "run".to_owned(),
            "--config".to_owned(),
            config,
            "--uid".to_owned(),
            uid.to_string(),
        ],
        port: None,
    }
}
