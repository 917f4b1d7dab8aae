//! `providers:`

use std::collections::BTreeMap;

use rivetos_types::id::check_dns_label;

use crate::model::Provider;

use super::field::Field;
use super::provider::{provider, unusable};
use super::reader::Reader;
use super::section::Section;

/// `providers:`. An entry that cannot be used is reported and still there by its name, so that
/// the agents that use it are not reported as well.
pub(super) fn providers(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
) -> Option<BTreeMap<String, Provider>> {
    let entries = Section::open(reader, field)?.entries();
    if entries.is_empty() {
        field.problem(
            reader,
            "there is no provider here, but at least one is needed",
            None,
        );
    }
    let mut providers = BTreeMap::new();
    for (key, field) in entries {
        // The name becomes part of file names.
        if let Err(error) = check_dns_label(&key.name) {
            reader.problem(key.at, &field.path, error.to_string(), None);
        }
        let provider = provider(reader, &field, &key.name).unwrap_or_else(unusable);
        providers.insert(key.name.clone(), provider);
    }
    Some(providers)
}
