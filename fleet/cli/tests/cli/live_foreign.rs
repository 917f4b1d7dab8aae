//! What somebody else made, and bears names of the fleet or uses what is the fleet's.

use crate::live::{Live, PREVIEW, Parts, UP};

/// A fleet of `ada` without a datahub, not yet up.
fn fleet(name: &str) -> Option<Live> {
    let live = Live::new(name)?;
    live.build();
    live.write_parts(&Parts {
        deployment: "",
        ..Parts::default()
    });
    Some(live)
}

#[test]
fn what_bears_a_name_of_the_fleet_blocks_and_is_not_touched() {
    let Some(live) = fleet("namesake") else {
        return;
    };
    let container = format!("{}-ada", live.fleet);
    let volume = format!("{}-ada-data", live.fleet);
    let create = ["create", "--name", &container, "debian:trixie-slim", "true"];
    let strangers: [(&str, &str, &[&str]); 3] = [
        ("container", &container, &create),
        ("network", &live.fleet, &["network", "create", &live.fleet]),
        ("volume", &volume, &["volume", "create", &volume]),
    ];
    for (kind, name, make) in strangers {
        live.docker(make);
        let inspect = [kind, "inspect", name];
        let before = live.docker(&inspect);
        for args in [&PREVIEW, &UP] {
            let said = live.must(3, args);
            assert!(
                said.contains(name),
                "{args:?} does not name {name}:\n{said}"
            );
        }
        assert_eq!(live.docker(&inspect), before, "the {kind} was touched");
        let made = ["container", "volume", "network"].map(|kind| live.ours(kind));
        assert_eq!(made.concat(), Vec::<String>::new(), "made beside a {kind}");
        live.docker(&[kind, "rm", name]);
    }
    live.comes_up();
}

#[test]
fn a_network_that_somebody_else_uses_stays_and_it_is_said_why() {
    let Some(live) = fleet("guest") else {
        return;
    };
    live.comes_up();
    let guest = format!("guest-of-{}", live.fleet);
    let run = [
        "run",
        "--detach",
        "--rm",
        "--name",
        &guest,
        "--network",
        &live.fleet,
    ];
    live.docker(&[&run[..], &["debian:trixie-slim", "sleep", "infinity"]].concat());
    let endpoint = [
        "inspect",
        "--format",
        "{{.State.Running}} {{range .NetworkSettings.Networks}}{{.EndpointID}}{{end}}",
        &guest,
    ];
    let before = live.docker(&endpoint);

    let said = live.must(4, &["infra", "destroy", "--yes"]);
    assert!(
        said.contains(&format!("is still used by {guest}")),
        "{said}"
    );
    assert_eq!(live.docker(&endpoint), before, "the guest was touched");
    assert_eq!(live.ours("container"), Vec::<String>::new());
    assert_eq!(live.ours("volume"), [format!("{}-ada-data", live.fleet)]);

    live.docker(&["rm", "--force", &guest]);
    live.must(0, &["infra", "destroy", "--yes"]);
    assert_eq!(live.ours("network"), Vec::<String>::new());
}
