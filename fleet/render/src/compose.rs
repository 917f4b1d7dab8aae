//! Container targets as a compose file.

mod context;

use rivetos_fleet::model::DesiredSet;

use crate::text::{RenderError, Template};

use context::Compose;

const FILE: Template = Template {
    path: "templates/compose/compose.yaml.j2",
    source: include_str!("../../../templates/compose/compose.yaml.j2"),
};
const README: Template = Template {
    path: "templates/compose/README.md.j2",
    source: include_str!("../../../templates/compose/README.md.j2"),
};

/// `compose.yaml`
pub(crate) fn file(set: &DesiredSet) -> Result<String, RenderError> {
    FILE.render(Compose::of(set))
}

/// `README.md`: the commands that make what the compose file takes for granted.
pub(crate) fn readme(set: &DesiredSet) -> Result<String, RenderError> {
    README.render(Compose::of(set))
}
