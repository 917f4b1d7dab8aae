//! A fleet and its world, as stories and properties use them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rivetos_config::parse;
use rivetos_fleet::model::{DesiredSet, Spec};
use rivetos_fleet::{BuildInfo, Context, FleetSpec, Program, SecretRef, desired};
use rivetos_sim::SimWorld;

/// What the secrets of every story are; must never be seen.
pub(crate) const CANARY: &str = "canary-4711";

/// What the operator's side knows: the text of the configuration and digests of secrets.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    pub(crate) text: String,
    pub(crate) commit: String,
    pub(crate) digests: BTreeMap<SecretRef, String>,
}

impl Operator {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            commit: "0123456789ab".to_owned(),
            digests: BTreeMap::from([(SecretRef::Env("KEY".to_owned()), "d1".to_owned())]),
        }
    }

    /// The configuration, laid out.
    pub(crate) fn desired(&self) -> DesiredSet {
        let environment = BTreeMap::from([("KEY".to_owned(), CANARY.to_owned())]);
        let config = parse(&self.text, "rivet.config.yaml", &environment)
            .unwrap_or_else(|problems| panic!("{problems:?}\n{}", self.text))
            .config;
        let context = Context {
            build: BuildInfo {
                version: "0.1.0".to_owned(),
                commit: self.commit.clone(),
            },
            home: PathBuf::from("/home/op/.rivetos/fleets/home"),
            program: Some(Program {
                path: PathBuf::from("/usr/bin/rivetos-agent"),
                digest: "00112233aabbccdd".to_owned(),
            }),
            seed: BTreeMap::from([("CORE.md".to_owned(), "Be kind.\n".to_owned())]),
            digests: self.digests.clone(),
        };
        desired(&FleetSpec::resolve(&config, context).unwrap())
    }

    /// Makes every image that the fleet wants, as `rivetos build` and earlier pulls do.
    pub(crate) fn build_images(&self, world: &SimWorld) {
        for wanted in self.desired().resources.values() {
            if let Spec::Image(image) = &wanted.spec {
                world.build_image(&image.reference);
            }
        }
    }
}
