//! A whole fleet as a folder of texts.

use std::collections::BTreeMap;

use rivetos_fleet::model::{DesiredSet, FileContent, Layout, Spec};

use crate::text::RenderError;
use crate::{compose, local};

/// The texts that describe a fleet, by path relative to a folder, with `/`.
///
/// Equal fleets give equal bytes. Secrets are there by name only. Containers give a
/// `compose.yaml`; every target gives a `README.md` and the files of each agent's configuration as
/// `config/<agent>/…`. The texts of several targets are in a folder each, named like the target.
pub fn render(layout: &Layout) -> Result<BTreeMap<String, String>, RenderError> {
    let mut texts = BTreeMap::new();
    for (target, set) in layout {
        let folder = if layout.len() == 1 {
            String::new()
        } else {
            format!("{}/", target.as_str().replace('/', "-"))
        };
        let own = one_target(set)?;
        texts.extend(
            own.into_iter()
                .map(|(path, text)| (folder.clone() + &path, text)),
        );
    }
    Ok(texts)
}

fn one_target(set: &DesiredSet) -> Result<BTreeMap<String, String>, RenderError> {
    let mut texts = BTreeMap::new();
    for desired in set.resources.values() {
        let Spec::Files(files) = &desired.spec else {
            continue;
        };
        for (path, content) in &files.files {
            if let FileContent::Text { text } = content {
                texts.insert(format!("{}/{path}", desired.id), text.clone());
            }
        }
    }
    let on_this_host = set
        .resources
        .values()
        .any(|desired| matches!(desired.spec, Spec::Process(_)));
    if on_this_host {
        texts.insert("README.md".to_owned(), local::readme(set)?);
    } else {
        texts.insert("README.md".to_owned(), compose::readme(set)?);
        texts.insert("compose.yaml".to_owned(), compose::file(set)?);
    }
    Ok(texts)
}
