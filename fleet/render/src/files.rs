//! The secrets of a files resource, by name.

use rivetos_config::SecretRef;
use rivetos_fleet::model::{FileContent, FilesSpec};
use serde::Serialize;

/// A secret of the operator: the file it is delivered as and where it comes from.
#[derive(Debug, Serialize)]
pub(crate) struct Given {
    pub(crate) file: String,
    /// In words.
    pub(crate) source: String,
    /// The environment variable that holds it, or else
    pub(crate) variable: Option<String>,
    /// the file that holds it.
    pub(crate) path: Option<String>,
}

/// The given secrets among `files`, each below `folder`.
pub(crate) fn given(files: &FilesSpec, folder: &str) -> Vec<Given> {
    let secrets = files
        .files
        .iter()
        .filter_map(|(path, content)| match content {
            FileContent::Given { secret, .. } => Some((path, secret)),
            FileContent::Text { .. } | FileContent::Generated => None,
        });
    secrets
        .map(|(path, secret)| {
            let (variable, source_path) = match secret {
                SecretRef::Env(name) => (Some(name.clone()), None),
                SecretRef::File(path) => (None, Some(path.display().to_string())),
                SecretRef::Written(path) => (Some(variable_for(path)), None),
            };
            Given {
                file: format!("{folder}{path}"),
                source: secret.to_string(),
                variable,
                path: source_path,
            }
        })
        .collect()
}

/// The variable that whoever uses the rendered files gives a secret in that stands in the fleet's
/// file.
fn variable_for(path: &str) -> String {
    path.to_ascii_uppercase().replace(['.', '-'], "_")
}

/// The generated secrets among `files`, each below `folder`.
pub(crate) fn generated(files: &FilesSpec, folder: &str) -> Vec<String> {
    let is_generated = |content: &FileContent| match content {
        FileContent::Generated => true,
        FileContent::Text { .. } | FileContent::Given { .. } => false,
    };
    files
        .files
        .iter()
        .filter(|(_, content)| is_generated(content))
        .map(|(path, _)| format!("{folder}{path}"))
        .collect()
}
