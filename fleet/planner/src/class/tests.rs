use super::*;

#[test]
fn classes_are_ordered_from_the_mildest_to_the_strongest() {
    let order = [
        Class::Meta,
        Class::Live,
        Class::Restart,
        Class::Recreate,
        Class::Replace,
    ];
    assert!(order.is_sorted());
}

#[test]
fn a_running_container_takes_limits_restart_policy_and_network_and_nothing_else() {
    for field in ["memory", "cpus", "pids", "restart", "network"] {
        assert_eq!(container(field), Class::Live, "{field}");
    }
    for field in ["image", "image_id", "env.A", "mount./data", "user", "spec"] {
        assert_eq!(container(field), Class::Recreate, "{field}");
    }
}

#[test]
fn only_the_protection_of_a_volume_can_change_without_losing_its_data() {
    assert_eq!(volume("protect"), Class::Meta);
    assert_eq!(volume("name"), Class::Replace);
}
