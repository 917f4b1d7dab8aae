//! What has no order has none in a plan.

use proptest::prelude::*;
use rivetos_fleet::model::{InventoryError, Plan};
use rivetos_fleet::{DataFate, PlanOptions, Teardown, plan, plan_destroy};
use serde_json::Value;

use super::{config, make_scope, scope, seen_by, tale};
use crate::tale::fleet_id;

/// The same configuration with the keys of every map in another order.
fn reordered(text: &str, seed: u64) -> String {
    reordered_value(&serde_saphyr::from_str(text).unwrap(), seed)
}

fn reordered_value(value: &Value, seed: u64) -> String {
    let Value::Object(map) = value else {
        return value.to_string();
    };
    let mut entries: Vec<String> = map
        .iter()
        .map(|(key, value)| format!("{key}: {}", reordered_value(value, seed)))
        .collect();
    shuffle(&mut entries, seed);
    format!("{{{}}}", entries.join(", "))
}

proptest! {
    #![proptest_config(config(48))]

    /// The order of keys and of agents in the configuration, together with that of what is seen:
    /// every byte of the plan and of the rendered files is the same.
    #[test]
    fn the_order_of_a_configuration_means_nothing(tale in tale(), seed in any::<u64>()) {
        let mut other = tale.clone();
        other.operator.text = reordered(&tale.operator.text, seed);
        let (layout, seen) = seen_by(&tale);
        let (other_layout, mut other_seen) = seen_by(&other);
        for inventory in other_seen.values_mut() {
            shuffle(&mut inventory.observed, seed);
        }
        let written = |layout, seen| {
            let plan = plan(&fleet_id(), layout, seen, &PlanOptions::default());
            (serde_json::to_string(&plan).unwrap(), plan.to_string())
        };
        prop_assert_eq!(written(&layout, &seen), written(&other_layout, &other_seen));
        let rendered = |layout| rivetos_render::render(layout).unwrap();
        prop_assert_eq!(rendered(&layout), rendered(&other_layout));
    }

    /// The order of an inventory means nothing, not a byte of the plan depends on it, and a plan
    /// survives being written down, also with words in it that a later version may add.
    #[test]
    fn the_order_of_an_inventory_means_nothing(
        tale in tale(),
        seed in any::<u64>(),
        scopes in prop::collection::vec(scope(), 0..3),
    ) {
        let (layout, mut seen) = seen_by(&tale);
        for (number, scope) in scopes.into_iter().enumerate() {
            let (target, scope) = make_scope(&layout, scope);
            let message = format!("error {number}");
            let errors = &mut seen.get_mut(&target).unwrap().errors;
            errors.push(InventoryError { scope, message });
        }
        let mut shuffled = seen.clone();
        for inventory in shuffled.values_mut() {
            shuffle(&mut inventory.observed, seed);
            shuffle(&mut inventory.errors, seed);
        }
        let options = PlanOptions::default();
        let json = |seen| {
            serde_json::to_value(plan(&fleet_id(), &layout, seen, &options)).unwrap()
        };
        prop_assert_eq!(json(&seen).to_string(), json(&shuffled).to_string());

        let teardown = Teardown { data: DataFate::DeleteAll, ..Teardown::default() };
        let destroy = |seen| plan_destroy(&fleet_id(), &layout, seen, &teardown);
        prop_assert_eq!(destroy(&seen), destroy(&shuffled));

        let plan = plan(&fleet_id(), &layout, &seen, &options);
        let mut written = json(&seen);
        let again: Plan = serde_json::from_value(written.clone()).unwrap();
        prop_assert_eq!(&plan, &again);
        written["of_a_later_version"] = true.into();
        for step in written["steps"].as_array_mut().unwrap() {
            step["of_a_later_version"] = true.into();
        }
        let again: Plan = serde_json::from_value(written).unwrap();
        prop_assert_eq!(&plan, &again);
    }
}

/// Fisher and Yates with a linear congruential generator.
fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for i in (1..items.len()).rev() {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let j = usize::try_from(seed >> 33).unwrap() % (i + 1);
        items.swap(i, j);
    }
}
