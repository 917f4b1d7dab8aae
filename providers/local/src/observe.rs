//! Looks at everything of the fleet on this host.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rivetos_fleet::label::Identity;
use rivetos_fleet::model::{
    Desired, DesiredSet, ErrorScope, Field, Fields, FileContent, FilesSpec, Fingerprint, Inventory,
    InventoryError, Kind, Life, Observed, Owner, Protection, ResourceId, Spec, VolumeSpec,
};

use crate::folder::{self, Found};
use crate::ports;
use crate::process::ProcessId;
use crate::provider::LocalSettings;
use crate::record::{Phase, ProcessRecord, State};
use crate::restarts::FAST_FAILURES_MAX;

/// Folders of an agent that carry labels of their own.
const FOLDERS: [(&str, Kind); 3] = [
    ("config", Kind::Config),
    ("secret", Kind::Secret),
    ("data", Kind::Volume),
];

/// Everything that is there, and what could not be seen.
pub(crate) fn observe(settings: &LocalSettings, desired: &DesiredSet) -> Inventory {
    let mut inventory = Inventory::default();
    let mut places = match places_of_agents(&settings.home) {
        Ok(places) => places,
        Err(error) => {
            inventory.errors.push(InventoryError {
                scope: ErrorScope::Target,
                message: format!("`{}` cannot be listed: {error}", settings.home.display()),
            });
            BTreeMap::new()
        }
    };
    places.extend(desired.resources.values().filter_map(place_of));
    for (path, place) in &places {
        match look(settings, path, place) {
            Ok(found) => inventory.observed.extend(found),
            Err(error) => inventory.errors.push(InventoryError {
                scope: ErrorScope::Resource(place.id.clone()),
                message: format!("`{}` cannot be read: {error}", path.display()),
            }),
        }
    }
    inventory
        .observed
        .extend(desired.resources.values().filter_map(program));
    match ports::listening() {
        Ok(mut ports) => {
            for port in inventory.observed.iter().filter_map(port_held) {
                ports.remove(&port);
            }
            inventory.facts.ports_in_use = ports;
        }
        Err(error) => inventory.errors.push(InventoryError {
            scope: ErrorScope::Kind(Kind::Agent),
            message: format!("the ports in use cannot be listed: {error}"),
        }),
    }
    inventory
}

/// A path where an object of the fleet is or should be.
struct Place {
    /// The address that the path stands for.
    id: ResourceId,
    /// Whether the fleet wants an object there; only then is a foreign one in the way.
    wanted: bool,
}

fn places_of_agents(home: &Path) -> io::Result<BTreeMap<PathBuf, Place>> {
    let mut places = BTreeMap::new();
    let entries = match fs::read_dir(home.join("agents")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(places),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut add = |path: PathBuf, kind| {
            places.insert(
                path,
                Place {
                    id: ResourceId::new(kind, &name),
                    wanted: false,
                },
            );
        };
        for (part, kind) in FOLDERS {
            add(entry.path().join(part), kind);
        }
        add(entry.path(), Kind::Agent);
    }
    Ok(places)
}

fn place_of(desired: &Desired) -> Option<(PathBuf, Place)> {
    let path = match &desired.spec {
        Spec::Volume(volume) => PathBuf::from(&volume.native_name),
        Spec::Files(files) => PathBuf::from(&files.native_name),
        Spec::Process(process) => process.folder.clone(),
        Spec::Network(_) | Spec::Image(_) | Spec::Container(_) | Spec::Role(_) => return None,
    };
    Some((
        path,
        Place {
            id: desired.id.clone(),
            wanted: true,
        },
    ))
}

fn look(settings: &LocalSettings, path: &Path, place: &Place) -> io::Result<Option<Observed>> {
    if place.id.kind == Kind::Agent {
        return look_at_agent(settings, path, place);
    }
    let (labels, fingerprint) = match folder::look(path)? {
        Found::Nothing => return Ok(None),
        Found::Unlabelled => return Ok(foreign(path, place)),
        Found::Labelled {
            labels,
            fingerprint,
        } => (labels, fingerprint),
    };
    let identity = Identity::from_labels(&labels, &settings.fleet);
    let native_name = path.display().to_string();
    let mut fields = if place.id.kind == Kind::Volume {
        Spec::Volume(VolumeSpec {
            native_name,
            protection: protection(&identity),
        })
        .fields()
    } else {
        Fields::from([("name".to_owned(), Field::text(native_name))])
    };
    fields.extend(files_on_disk(path, &identity.files)?);
    let seen = Seen {
        fields,
        life: Life::Present,
        fingerprint,
    };
    Ok(Some(observed(path, place, identity, seen)))
}

/// The fields of the files that are really there: a text is hashed again, of a secret only the
/// presence is seen.
fn files_on_disk(folder: &Path, labelled: &Fields) -> io::Result<Fields> {
    let mut fields = Fields::new();
    for (name, field) in labelled {
        let Some(relative) = name.strip_prefix(&FilesSpec::field_path("")) else {
            continue;
        };
        let file = folder::inside(folder, relative)?;
        let is_text = matches!(field, Field::Text(value) if value.starts_with("sha256:"));
        let seen = if is_text {
            fs::read(&file).map(|bytes| {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                FileContent::Text { text }.field()
            })
        } else {
            fs::metadata(&file).map(|_| field.clone())
        };
        match seen {
            Ok(field) => {
                fields.insert(name.clone(), field);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(fields)
}

fn look_at_agent(
    settings: &LocalSettings,
    folder: &Path,
    place: &Place,
) -> io::Result<Option<Observed>> {
    match fs::symlink_metadata(folder) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Ok(foreign(folder, place)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let Some(record) = ProcessRecord::read(folder)? else {
        return Ok(None);
    };
    let identity = Identity::from_labels(&record.labels, &settings.fleet);
    let seen = Seen {
        life: life(State::read(folder)?.as_ref()),
        fingerprint: folder::fingerprint(&ProcessRecord::path(folder))?,
        fields: Spec::Process(record.process).fields(),
    };
    Ok(Some(observed(folder, place, identity, seen)))
}

/// An agent whose supervisor lives counts as running: between two starts it will be there again
/// in a moment, and whether it takes work is told by its readiness.
pub(crate) fn life(state: Option<&State>) -> Life {
    let Some(state) = state else {
        return Life::Incomplete("it was never started".to_owned());
    };
    let last_exit = state
        .last_exit
        .as_ref()
        .map_or_else(String::new, |exit| format!("; last it {exit}"));
    match state.phase {
        Phase::Supervising if state.supervisor.is_alive() => Life::Running,
        Phase::Supervising if state.agent.is_some_and(ProcessId::is_alive) => {
            Life::Stopped("its supervisor is gone, the agent itself still runs".to_owned())
        }
        Phase::Supervising => Life::Stopped(format!("its supervisor is gone{last_exit}")),
        Phase::GaveUp => Life::Stopped(format!(
            "gave up after {FAST_FAILURES_MAX} fast failures{last_exit}"
        )),
        Phase::Stopped => Life::Stopped("it was told to stop".to_owned()),
    }
}

/// The port that an agent of ours holds itself. It is not in the agent's own way, even when nobody
/// supervises the agent any more: whoever starts it again ends what is left of it first.
fn port_held(object: &Observed) -> Option<u16> {
    if object.owner != Owner::Ours || object.id.kind != Kind::Agent {
        return None;
    }
    let folder = Path::new(&object.native_id);
    let agent = State::read(folder).ok()??.agent?;
    let port = ProcessRecord::read(folder).ok()??.process.port?;
    agent.is_alive().then_some(port)
}

/// The program that agents run. Its content is compared as a field of each agent; here counts
/// only that it is there.
fn program(desired: &Desired) -> Option<Observed> {
    let Spec::Image(image) = &desired.spec else {
        return None;
    };
    // A name without a path stands for a program that was not found.
    let path = Some(Path::new(&image.reference)).filter(|path| path.is_absolute())?;
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
        return None;
    }
    Some(Observed {
        id: desired.id.clone(),
        uid: Some(desired.uid.clone()),
        native_id: image.reference.clone(),
        native_name: image.reference.clone(),
        owner: Owner::Ours,
        spec_hash: Some(desired.spec.hash()),
        fields: desired.spec.fields(),
        life: Life::Present,
        born: Fields::new(),
        predecessor: None,
        protection: Protection::None,
        fingerprint: Fingerprint::default(),
    })
}

struct Seen {
    fields: Fields,
    life: Life,
    fingerprint: Fingerprint,
}

fn observed(path: &Path, place: &Place, identity: Identity, seen: Seen) -> Observed {
    let ours = identity.owner == Owner::Ours;
    let protection = protection(&identity);
    Observed {
        id: identity
            .id
            .filter(|_| ours)
            .unwrap_or_else(|| place.id.clone()),
        uid: identity.uid,
        native_id: path.display().to_string(),
        native_name: path.display().to_string(),
        owner: identity.owner,
        spec_hash: identity.spec_hash,
        fields: seen.fields,
        life: seen.life,
        born: identity.live,
        predecessor: None,
        protection,
        fingerprint: seen.fingerprint,
    }
}

/// What the folder's own label says.
fn protection(identity: &Identity) -> Protection {
    if identity.live.get("protect") == Some(&Field::text("true")) {
        Protection::Protected
    } else {
        Protection::None
    }
}

/// The folder that may become `resource`: `None` when there is none.
pub(crate) fn look_up(
    settings: &LocalSettings,
    resource: &ResourceId,
    path: &Path,
) -> io::Result<Option<Observed>> {
    let place = Place {
        id: resource.clone(),
        wanted: true,
    };
    look(settings, path, &place)
}

fn foreign(path: &Path, place: &Place) -> Option<Observed> {
    place.wanted.then(|| Observed {
        id: place.id.clone(),
        uid: None,
        native_id: path.display().to_string(),
        native_name: path.display().to_string(),
        owner: Owner::Foreign,
        spec_hash: None,
        fields: Fields::new(),
        life: Life::Present,
        born: Fields::new(),
        predecessor: None,
        protection: Protection::None,
        fingerprint: Fingerprint::default(),
    })
}
