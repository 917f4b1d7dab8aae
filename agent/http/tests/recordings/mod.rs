//! Recordings of real endpoints. Which of them concern a codec is told by the path of the request,
//! never by the name of the file.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where they are.
const ROOT: &str = "RIVETOS_MODEL_STREAMS";

/// One recorded exchange.
#[derive(Debug, Deserialize)]
pub(crate) struct Exchange {
    /// What was asked.
    pub(crate) when: When,
    /// What was answered.
    pub(crate) then: Then,
    /// `VENDOR/FILE`, with the number of the exchange where the file has several.
    #[serde(skip)]
    pub(crate) name: String,
}

/// The request of an [`Exchange`].
#[derive(Debug, Deserialize)]
pub(crate) struct When {
    /// Of the URL.
    pub(crate) path: String,
    /// As it was sent.
    #[serde(default)]
    pub(crate) body: Option<String>,
}

/// The answer of an [`Exchange`].
#[derive(Debug, Deserialize)]
pub(crate) struct Then {
    /// The HTTP status.
    pub(crate) status: u16,
    /// As it came.
    #[serde(default)]
    pub(crate) body: Option<String>,
}

/// The recorded exchanges that `concerns` takes by the path of their request, ordered by name;
/// `None` and a line that says so when there are no recordings at all.
pub(crate) fn recordings(concerns: impl Fn(&str) -> bool) -> Option<Vec<Exchange>> {
    let root = root();
    let mut found = Vec::new();
    for path in files(&root) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let exchanges = serde_saphyr::from_multiple::<Exchange>(&text)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let several = exchanges.len() > 1;
        for (index, mut exchange) in exchanges.into_iter().enumerate() {
            let number = if several {
                format!("#{}", index + 1)
            } else {
                String::new()
            };
            exchange.name = format!("{name}{number}");
            if concerns(&exchange.when.path) {
                found.push(exchange);
            }
        }
    }
    if found.is_empty() {
        // Through a handle: the test harness captures what the macros print.
        let place = root.display();
        let mut stderr = std::io::stderr();
        writeln!(stderr, "SKIPPED: no recorded model streams at {place}").unwrap();
        return None;
    }
    Some(found)
}

/// What [`ROOT`] names, or the folder that lies beside the project or further up.
fn root() -> PathBuf {
    if let Some(root) = std::env::var_os(ROOT) {
        return root.into();
    }
    let shared = |folder: &Path| folder.join("shared/data/model-streams");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = manifest.ancestors().map(shared).find(|root| root.is_dir());
    found.unwrap_or_else(|| shared(manifest))
}

/// All recordings, in the order of their names.
fn files(root: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                found.insert(path);
            }
        }
    }
    found
}
