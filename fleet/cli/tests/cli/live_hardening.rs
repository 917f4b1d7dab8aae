//! What a container may do, as the engine and the kernel have it.

use serde_json::{Value, json};

use crate::live::Live;

fn inspect(live: &Live, name: &str) -> Value {
    let all = live.docker(&["inspect", &live.container_id(name)]);
    let mut all: Value = serde_json::from_str(&all).unwrap();
    all[0].take()
}

/// Logs are rotated, no privileges come later, and nothing of the host is inside.
fn every_container(seen: &Value) {
    let host = &seen["HostConfig"];
    let options = host["SecurityOpt"].as_array().unwrap();
    assert!(options.contains(&json!("no-new-privileges:true")), "{host}");
    assert_eq!(host["Privileged"], false);
    assert_eq!(host["PidMode"], "");
    assert_eq!(host["PublishAllPorts"], false);
    limited(host, "PidsLimit");
    let log = &host["LogConfig"]["Config"];
    assert!(
        log["max-size"].is_string() && log["max-file"].is_string(),
        "{host}"
    );
    let mounts = seen["Mounts"].as_array().unwrap();
    assert!(
        mounts.iter().all(|mount| mount["Type"] != "bind"),
        "{mounts:?}"
    );
}

fn limited(host: &Value, limit: &str) {
    let given = host[limit].as_u64().unwrap_or_default();
    assert!(given > 0, "{limit}: {host}");
}

#[test]
fn containers_may_do_what_they_need_and_no_more() {
    let Some(live) = Live::new("hardening") else {
        return;
    };
    live.build();
    live.write(&[("ada", "one")]);
    live.comes_up();

    let ada = inspect(&live, "ada");
    every_container(&ada);
    assert_eq!(ada["Config"]["User"], "1000:1000");
    let host = &ada["HostConfig"];
    limited(host, "Memory");
    limited(host, "CpuQuota");
    assert_eq!(host["ReadonlyRootfs"], true);
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    assert!(
        host["CapAdd"].as_array().is_none_or(Vec::is_empty),
        "{host}"
    );
    assert_eq!(host["Init"], true);
    assert_eq!(ada["NetworkSettings"]["Ports"], json!({}));
    let status = live.docker(&["exec", &live.container_id("ada"), "cat", "/proc/1/status"]);
    for line in [
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(status.contains(line), "{line} is not in:\n{status}");
    }

    let datahub = inspect(&live, "datahub");
    every_container(&datahub);
    let networks = datahub["NetworkSettings"]["Networks"].as_object().unwrap();
    assert_eq!(networks.keys().collect::<Vec<_>>(), [&live.fleet]);
    let published = datahub["HostConfig"]["PortBindings"].as_object();
    assert!(
        published.is_none_or(serde_json::Map::is_empty),
        "{published:?}"
    );
}
