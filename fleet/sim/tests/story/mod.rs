//! A fleet and its world, as stories and properties use them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rivetos_config::parse;
use rivetos_fleet::model::{ImageSource, Layout, Spec, TargetId, look_also_at};
use rivetos_fleet::{BuildInfo, Context, FleetKey, FleetSpec, Program, Secret, SecretRef, desired};
use rivetos_sim::SimFleet;

/// What every value of a secret begins with; must never be seen.
pub(crate) const CANARY: &str = "canary-4711";
/// The one secret of a story.
const KEY: &str = "KEY";
/// What proves who a story's datahub is, and what that is checked against.
const CERTIFICATE: [&str; 2] = ["hub.pem", "hub.key"];
const AUTHORITY: &str = "ca.pem";

/// What the operator's side knows: the text of the configuration and the secret.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    pub(crate) text: String,
    pub(crate) commit: String,
    /// The value of the secret.
    secret: String,
    /// What the files of the datahub's certificate hold.
    certificate: String,
    /// Absent: it was lost.
    key: Option<FleetKey>,
    /// Targets that the fleet was on.
    pub(crate) before: BTreeSet<TargetId>,
}

impl Operator {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            commit: "0123456789ab".to_owned(),
            secret: CANARY.to_owned(),
            certificate: CANARY.to_owned(),
            key: Some(FleetKey::new([7; 32])),
            before: BTreeSet::new(),
        }
    }

    /// The secret has another value now.
    pub(crate) fn rotate(&mut self, value: &str) {
        self.secret = format!("{CANARY}-{value}");
    }

    /// The datahub gets another certificate of the same authority.
    pub(crate) fn certify(&mut self, value: &str) {
        self.certificate = format!("{CANARY}-{value}");
    }

    /// The fleet's key is gone.
    pub(crate) fn lose_key(&mut self) {
        self.key = None;
    }

    /// The fleet's key; another one once it was lost.
    pub(crate) fn key(&self) -> FleetKey {
        self.key.clone().unwrap_or_else(|| FleetKey::new([8; 32]))
    }

    fn digests(&self) -> BTreeMap<SecretRef, String> {
        let Some(key) = &self.key else {
            return BTreeMap::new();
        };
        let file = |name: &str| SecretRef::File(PathBuf::from(name));
        let certificate = CERTIFICATE.map(|name| (file(name), self.certificate.as_str()));
        let others = [
            (SecretRef::Env(KEY.to_owned()), self.secret.as_str()),
            (file(AUTHORITY), CANARY),
        ];
        certificate
            .into_iter()
            .chain(others)
            .map(|(secret, value)| (secret, key.digest(&Secret::from(value))))
            .collect()
    }

    /// The configuration, laid out.
    pub(crate) fn desired(&self) -> Layout {
        let environment = BTreeMap::from([(KEY.to_owned(), self.secret.clone())]);
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
            digests: self.digests(),
        };
        let mut layout = desired(&FleetSpec::resolve(&config, context).unwrap());
        look_also_at(&mut layout, self.before.clone());
        layout
    }

    /// Makes the agents' image on the first engine that wants it and every other image wherever
    /// it is wanted, as `rivetos build` and earlier pulls do.
    pub(crate) fn build_images(&self, fleet: &SimFleet) {
        let mut built = BTreeSet::new();
        for (target, set) in self.desired() {
            for wanted in set.resources.values() {
                if let Spec::Image(image) = &wanted.spec
                    && (image.source != ImageSource::Built || built.insert(image.reference.clone()))
                {
                    fleet.at(&target).build_image(&image.reference);
                }
            }
        }
    }
}
