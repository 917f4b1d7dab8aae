//! A fleet from the text of its file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rivetos_config::parse;
use rivetos_fleet::{BuildInfo, Context, FleetSpec, ResolveError};

/// The fleet of a sound file, without program, seed and secrets.
pub(crate) fn resolve(text: &str) -> Result<FleetSpec, ResolveError> {
    let config = parse(text, "rivet.config.yaml", &BTreeMap::new())
        .unwrap_or_else(|problems| panic!("{problems:?}\n{text}"))
        .config;
    let context = Context {
        build: BuildInfo {
            version: "0.1.0".to_owned(),
            commit: "0123456789ab".to_owned(),
        },
        home: PathBuf::from("/fleets/home"),
        program: None,
        seed: BTreeMap::new(),
        digests: BTreeMap::new(),
    };
    FleetSpec::resolve(&config, context)
}
