//! The local target as a description.

use rivetos_fleet::model::{DesiredSet, Kind, ResourceId, Spec};
use serde::Serialize;

use crate::files::{Given, generated, given};
use crate::text::{RenderError, Template};

const README: Template = Template {
    path: "templates/local/README.md.j2",
    source: include_str!("../../../templates/local/README.md.j2"),
};

/// What the template sees.
#[derive(Debug, Serialize)]
struct Local {
    fleet: String,
    processes: Vec<Process>,
}

#[derive(Debug, Serialize)]
struct Process {
    name: String,
    /// Folder of its configuration, relative to the rendered one.
    config: String,
    folder: String,
    command: String,
    given: Vec<Given>,
    generated: Vec<String>,
}

/// `README.md`
pub(crate) fn readme(set: &DesiredSet) -> Result<String, RenderError> {
    let processes = set.resources.values().filter_map(|desired| {
        let Spec::Process(process) = &desired.spec else {
            return None;
        };
        let name = desired.id.name.clone();
        let mut command = vec![process.program.display().to_string()];
        command.extend(process.args.iter().cloned());
        let secrets = match set
            .resources
            .get(&ResourceId::new(Kind::Secret, &name))
            .map(|secret| &secret.spec)
        {
            Some(Spec::Files(files)) => (given(files, ""), generated(files, "")),
            Some(_) | None => (Vec::new(), Vec::new()),
        };
        Some(Process {
            config: ResourceId::new(Kind::Config, &name).to_string(),
            name,
            folder: process.folder.display().to_string(),
            command: command.join(" "),
            given: secrets.0,
            generated: secrets.1,
        })
    });
    README.render(Local {
        fleet: set.fleet.to_string(),
        processes: processes.collect(),
    })
}
