//! The datahub, and the logins that agents have in it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use rivetos_config::{AgentName, Datahub, DatahubAddress, SecretRef, Tls};

use crate::model::{
    ContainerSpec, Desired, FarSecret, FileContent, HealthCheck, ImageSource, Kind, Layout, Limits,
    MountMode, PublishedPort, ResourceId, RestartPolicy, RoleSpec, Spec,
};

use super::desired::{given, id, resource};
use super::docker::{
    Engine, SECRETS, STOP_GRACE_SECONDS, TMPFS_OPTIONS, limits, log, mount, native, native_name,
};
use super::resolve::{AgentSpec, FleetSpec, Reach, datahub_target, protection};

const DATA: &str = "/var/lib/postgresql/data";
const PASSWORD_FILE: &str = "postgres_password";
const DATABASE: &str = "rivetos";
const PORT: u16 = 5432;
/// Postgres initialises an empty volume in well under this time on slow disks, in seconds.
const START_SECONDS: u32 = 30;
/// Where Postgres has its socket, and how that is kept in memory.
const SOCKET: (&str, &str) = ("/var/run/postgresql", "mode=1777,size=1m");
/// The datahub's connections and workers are processes. How much memory it needs depends on the
/// data, and a database that is killed for it takes every agent's memory down.
pub const DATAHUB_LIMITS: Limits = Limits {
    memory_bytes: None,
    milli_cpus: None,
    pids: Some(1024),
};
/// The entry point of the Postgres images starts as root: it reads the password, gives the data
/// folder to `postgres` and becomes that user.
const CAPABILITIES: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

/// What an agent on another target checks the datahub's certificate against.
const CA_FILE: &str = "postgres_ca.pem";
/// How such an agent connects, as libpq's `PGSERVICEFILE` has it; all but the password.
const SERVICE_FILE: &str = "postgres_service.conf";
const CERTIFICATE_FILE: &str = "server.crt";
const KEY_FILE: &str = "server.key";
const ACCESS_FILE: &str = "pg_hba.conf";

/// Who may connect how. The engine hands connections from outside on under an address of the
/// fleet's own network wherever it forwards them itself (IPv6, from its own host, without root),
/// so that the sender's address proves nothing: whatever comes over a network needs TLS. The
/// superuser is needed on the socket alone.
const ACCESS: &str = "\
local   all all                  trust
host    all all      127.0.0.1/32 scram-sha-256
host    all all      ::1/128      scram-sha-256
hostssl all postgres all          reject
hostssl all all      all          scram-sha-256
";

/// Postgres takes its key only from a file of its own user, who has another number in each image;
/// files in volumes of ours belong to the agents' user. So the entry point's root copies them to
/// where nothing survives a restart, and becomes `postgres` as ever.
const START: &str = "\
for file in server.crt server.key pg_hba.conf; do
  install -o postgres -g postgres -m 0600 /run/secrets/$file /var/run/postgresql/$file
done
exec docker-entrypoint.sh postgres \\
  -c ssl=on \\
  -c ssl_cert_file=/var/run/postgresql/server.crt \\
  -c ssl_key_file=/var/run/postgresql/server.key \\
  -c hba_file=/var/run/postgresql/pg_hba.conf \\
  -c password_encryption=scram-sha-256
";

/// The login of an agent in the datahub, and the name of its schema.
pub fn role_name(agent: &AgentName) -> String {
    format!("agent_{}", agent.as_str().replace('-', "_"))
}

/// The datahub on its engine.
pub(super) fn resources(engine: &Engine<'_>, datahub: &Datahub) -> Vec<Desired> {
    let reference = engine.spec.datahub_image(datahub);
    let name = "datahub";
    let image_id = id(Kind::Image, name);
    let image = engine.image(image_id.clone(), reference.clone(), ImageSource::Registry);
    let protection = protection(datahub.protect);
    let volume = engine.data_volume(id(Kind::Volume, name), name, protection);
    let mut secrets = BTreeMap::from([(PASSWORD_FILE.to_owned(), FileContent::Generated)]);
    if let Some(address) = &datahub.address {
        secrets.extend(server_files(engine.spec, &address.tls));
    }
    let carrier = (image_id, reference.clone());
    let secret = engine.files((id(Kind::Secret, name), name), secrets, carrier);
    let container = container(engine, datahub, reference, [&volume, &secret]);
    let after = [&image, &volume, &secret].map(|foundation| foundation.id.clone());
    let after = after.into_iter().chain([engine.network_id()]);
    let spec = Spec::Container(Box::new(container));
    let main = engine.resource(main_id(), spec, after);
    vec![image, volume, secret, main]
}

/// What Postgres needs to take connections from other hosts.
fn server_files(spec: &FleetSpec, tls: &Tls) -> BTreeMap<String, FileContent> {
    let access = FileContent::Text {
        text: ACCESS.to_owned(),
    };
    BTreeMap::from([
        (CERTIFICATE_FILE.to_owned(), file(spec, &tls.cert)),
        (KEY_FILE.to_owned(), file(spec, &tls.key)),
        (ACCESS_FILE.to_owned(), access),
    ])
}

fn file(spec: &FleetSpec, path: &Path) -> FileContent {
    given(spec, &SecretRef::File(path.to_owned()))
}

/// The image's own user: its entry point prepares the data folder as root and then runs as
/// `postgres`.
fn container(
    engine: &Engine<'_>,
    datahub: &Datahub,
    image: String,
    [data, secret]: [&Desired; 2],
) -> ContainerSpec {
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    ContainerSpec {
        native_name: engine.native("datahub"),
        hostname: "datahub".to_owned(),
        image,
        image_id: None,
        command: match datahub.address {
            Some(_) => ["sh", "-euc", START].map(str::to_owned).to_vec(),
            None => Vec::new(),
        },
        env: BTreeMap::from([
            own("POSTGRES_USER", "postgres"),
            own("POSTGRES_DB", DATABASE),
            // Images differ in where they would keep it, and elsewhere it is lost with the
            // container.
            own("PGDATA", DATA),
            own(
                "POSTGRES_PASSWORD_FILE",
                &format!("{SECRETS}/{PASSWORD_FILE}"),
            ),
        ]),
        user: None,
        init: true,
        read_only_root: true,
        tmpfs: [("/tmp", TMPFS_OPTIONS), SOCKET]
            .map(|(path, options)| own(path, options))
            .into(),
        mounts: BTreeMap::from([
            mount(DATA, data, MountMode::ReadWrite),
            mount(SECRETS, secret, MountMode::ReadOnly),
        ]),
        network: engine.network_name(),
        published: published(engine.spec, datahub),
        cap_drop: vec!["ALL".to_owned()],
        cap_add: CAPABILITIES.map(str::to_owned).to_vec(),
        security_opt: vec!["no-new-privileges:true".to_owned()],
        limits: limits(datahub.resources, DATAHUB_LIMITS),
        log: Some(log()),
        restart: RestartPolicy::UnlessStopped,
        stop_grace_seconds: STOP_GRACE_SECONDS,
        health: Some(HealthCheck {
            command: ["pg_isready", "-U", "postgres", "-d", DATABASE]
                .map(str::to_owned)
                .to_vec(),
            interval_seconds: 5,
            timeout_seconds: 3,
            retries: 5,
            start_seconds: START_SECONDS,
        }),
    }
}

/// On loopback for this host, and on its address for the others.
fn published(spec: &FleetSpec, datahub: &Datahub) -> Vec<PublishedPort> {
    let at = |ip: IpAddr, host_port: u16| PublishedPort {
        host_ip: ip.to_string(),
        host_port,
        container_port: PORT,
    };
    let loopback = spec.deployment.docker.postgres_port;
    let loopback = loopback.map(|port| at([127, 0, 0, 1].into(), port));
    let address = datahub.address.as_ref();
    let address = address.map(|address| at(address.bind, address.port));
    let ports: BTreeSet<PublishedPort> = loopback.into_iter().chain(address).collect();
    ports.into_iter().collect()
}

/// What `agent` needs among its secrets, which it finds in the folder `secrets`, to use its login.
pub(super) fn login_files(
    spec: &FleetSpec,
    agent: &AgentSpec,
    secrets: &Path,
) -> BTreeMap<String, FileContent> {
    let mut files = BTreeMap::new();
    let address = match spec.reach(agent) {
        Reach::Never => return files,
        Reach::Near => None,
        Reach::Far(address) => Some(address),
    };
    files.insert(PASSWORD_FILE.to_owned(), FileContent::Generated);
    if let Some(address) = address {
        let text = service(address, &role_name(&agent.born), &secrets.join(CA_FILE));
        files.insert(SERVICE_FILE.to_owned(), FileContent::Text { text });
        files.insert(CA_FILE.to_owned(), file(spec, &address.tls.ca));
    }
    files
}

fn service(address: &DatahubAddress, role: &str, ca: &Path) -> String {
    let DatahubAddress { host, port, .. } = address;
    format!(
        "[datahub]\nhost={host}\nport={port}\ndbname={DATABASE}\nuser={role}\n\
         sslmode=verify-full\nsslrootcert={}\n",
        ca.display()
    )
}

/// The login of an agent whose secret is `secret`; `far` says on which target, if not beside the
/// datahub.
pub(super) fn role(
    spec: &FleetSpec,
    (name, agent): (&AgentName, &AgentSpec),
    secret: &Desired,
    far: Option<FarSecret>,
) -> Desired {
    let role = Spec::Role(RoleSpec {
        datahub: native(spec, "datahub"),
        database: DATABASE.to_owned(),
        role: role_name(&agent.born),
        secret: secret.id.clone(),
        secret_native_name: native_name(secret),
        password_file: PASSWORD_FILE.to_owned(),
        far,
    });
    let after = [main_id(), secret.id.clone()];
    let id = id(Kind::Role, name);
    resource(&spec.fleet, (id, agent.born.as_str()), role, after)
}

/// Adds the logins of agents that are on other targets than the datahub.
pub(super) fn add_far_roles(spec: &FleetSpec, layout: &mut Layout) {
    let mut roles = Vec::new();
    for (name, agent) in &spec.agents {
        let secret = layout
            .get(&agent.target)
            .and_then(|set| set.resources.get(&id(Kind::Secret, name)));
        if let (Reach::Far(_), Some(secret)) = (spec.reach(agent), secret) {
            let far = FarSecret {
                target: agent.target.clone(),
                made: None,
            };
            roles.push(role(spec, (name, agent), secret, Some(far)));
        }
    }
    if let Some(set) = layout.get_mut(&datahub_target()) {
        let roles = roles.into_iter().map(|role| (role.id.clone(), role));
        set.resources.extend(roles);
    }
}

fn main_id() -> ResourceId {
    id(Kind::Datahub, "main")
}
