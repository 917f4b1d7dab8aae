//! Where agents run and what they may use.

use crate::check;

#[test]
fn engines() {
    check(
        r#"#REST
deployment:
  target: docker
  docker:
    host: ssh://
    tls: {ca: a}
    hosts:
      Nas: {host: "ssh://nas"}
      a: {}
      b: {host: "ssh://-oProxyCommand=x", tls: {ca: a, cert: b, key: c}}
      c: {host: "ssh://op@nas", tls: {ca: a, cert: b, key: c}}
      d: {host: "ssh://nas:0"}
      e: {host: "ssh://op:pw@nas"}
  image: {registry: "a/b:1"}
"#,
        "
f.yaml:6:11: deployment.docker.host: an engine's address starts with unix://, tcp:// or ssh://
  hint: for example unix:///var/run/docker.sock, tcp://127.0.0.1:2375 or ssh://operator@nas
f.yaml:7:5: deployment.docker.tls.cert: this key is missing
f.yaml:7:5: deployment.docker.tls.key: this key is missing
f.yaml:9:7: deployment.docker.hosts.Nas: `N` is not possible in a name: use lower-case letters, digits and hyphens
f.yaml:10:7: deployment.docker.hosts.a.host: this key is missing
f.yaml:11:17: deployment.docker.hosts.b.host: this is not an address for ssh
  hint: for example ssh://operator@nas or ssh://nas:2222
f.yaml:12:33: deployment.docker.hosts.c.tls: this is for an address of tcp:// only
  hint: remove it, or write `host: tcp://…`
f.yaml:13:17: deployment.docker.hosts.d.host: this is not an address for ssh
  hint: for example ssh://operator@nas or ssh://nas:2222
f.yaml:14:17: deployment.docker.hosts.e.host: this is not an address for ssh
  hint: for example ssh://operator@nas or ssh://nas:2222
f.yaml:15:21: deployment.image.registry: this is not a registry
  hint: for example registry.example:5000/team
",
    );
    check(
        "#REST
deployment: {target: docker, docker: {tls: {ca: a, cert: b, key: c}}}
",
        "
f.yaml:3:39: deployment.docker.tls: this is for an address of tcp:// only
  hint: remove it, or write `host: tcp://…`
",
    );
}

#[test]
fn hosts_of_agents() {
    check(
        "agents:
  ada: {provider: rehearsal, deploy: {host: nass}}
  max: {provider: rehearsal, deploy: {host: other, target: docker}}
  eve: {provider: rehearsal, deploy: {host: broken}}
runtime: {default_agent: ada}
providers: {rehearsal: {}}
deployment: {target: docker, docker: {hosts: {nas: {host: ssh://nas}, broken: {}}}}
",
        r#"
f.yaml:2:45: agents.ada.deploy.host: "nass" is not one of `deployment.docker.hosts`
  hint: did you mean `nas`? There are: broken, nas
f.yaml:3:45: agents.max.deploy.host: "other" is not one of `deployment.docker.hosts`
  hint: there are: broken, nas
f.yaml:7:71: deployment.docker.hosts.broken.host: this key is missing
"#,
    );
    check(
        "agents: {ada: {provider: rehearsal, deploy: {host: nas}}}
providers: {rehearsal: {}}
deployment: {target: docker}
",
        r#"
f.yaml:1:52: agents.ada.deploy.host: "nas" is not one of `deployment.docker.hosts`
  hint: there are none: write `nas: {host: ssh://…}` there
"#,
    );
}

#[test]
fn what_is_for_containers_only() {
    check(
        "agents:
  ada: {provider: rehearsal, deploy: {host: nas, resources: {pids: 64}, image: x, protect: true}}
  max: {provider: rehearsal, deploy: {target: docker, resources: {pids: 64}}}
  eve: {provider: rehearsal, deploy: {target: manual, host: nas}}
runtime: {default_agent: ada}
providers: {rehearsal: {}}
deployment: {target: local, datahub: {}, docker: {network: n}}
",
        "
f.yaml:2:39: agents.ada.deploy.host: this is not possible with `target: local`
  hint: remove it, or write `target: docker` beside it
f.yaml:2:50: agents.ada.deploy.resources: this is not possible with `target: local`
  hint: remove it, or write `target: docker` beside it
f.yaml:2:73: agents.ada.deploy.image: this is not possible with `target: local`
  hint: remove it, or write `target: docker` beside it
f.yaml:4:47: agents.eve.deploy.target: `manual` is not in this version
  hint: possible: docker, local
",
    );
    check(
        "agents: {ada: {provider: rehearsal, deploy: {target: local}}}
providers: {rehearsal: {}}
",
        "
warning: f.yaml:1:37: agents.ada.deploy: this has no effect without `deployment`
  hint: remove it
",
    );
}

#[test]
fn amounts() {
    check(
        "#REST
deployment: {target: docker, docker: {resources: {memory: lots, cpus: 0, pids: 1}}}
",
        r#"
f.yaml:3:59: deployment.docker.resources.memory: "lots" is not an amount of memory
  hint: for example 512m or 2g
f.yaml:3:71: deployment.docker.resources.cpus: 0 is not between 0.01 and 4096
f.yaml:3:80: deployment.docker.resources.pids: 1 is not between 32 and 4194304
"#,
    );
    check(
        r#"#REST
deployment: {target: docker, docker: {resources: {memory: 5m, cpus: "2", pids: }}}
"#,
        r#"
f.yaml:3:59: deployment.docker.resources.memory: the memory of a container is between 6m and 1024t
f.yaml:3:69: deployment.docker.resources.cpus: this is the text "2", but a number is needed
  hint: write it without quotes
f.yaml:3:78: deployment.docker.resources.pids: there is no value, but a whole number is needed
"#,
    );
    check(
        r#"#REST
deployment: {target: docker, docker: {resources: {memory: "${CANARY}", cpus: 5000}}}
"#,
        r#"
f.yaml:3:59: deployment.docker.resources.memory: "${CANARY}" is not an amount of memory
  hint: for example 512m or 2g
f.yaml:3:78: deployment.docker.resources.cpus: 5000 is not between 0.01 and 4096
"#,
    );
    check(
        "#REST
deployment: {target: docker, docker: {resources: {memory: 1.5, pids: 99999999}}}
",
        "
f.yaml:3:59: deployment.docker.resources.memory: this is the number 1.5, but an amount of memory is needed
  hint: for example 512m or 2g
f.yaml:3:70: deployment.docker.resources.pids: 99999999 is not between 32 and 4194304
",
    );
    check(
        "#REST
deployment: {target: docker, docker: {resources: {memory: 99999999999999999t}}}
",
        "
f.yaml:3:59: deployment.docker.resources.memory: the memory of a container is between 6m and 1024t
",
    );
    check(
        "#REST
deployment: {target: docker, docker: {resources: {memory: -5}}}
",
        "
f.yaml:3:59: deployment.docker.resources.memory: the memory of a container is between 6m and 1024t
",
    );
}

#[test]
fn first_names() {
    check(
        "agents:
  ada: {provider: rehearsal, was: max}
  max: {provider: rehearsal, was: max}
  eve: {provider: rehearsal, was: eva}
  ivy: {provider: rehearsal, was: eva}
  tom: {provider: rehearsal, was: Thomas}
runtime: {default_agent: ada}
providers: {rehearsal: {}}
",
        "
f.yaml:2:35: agents.ada.was: agent `max` is still there
  hint: `was` is the name that the agent had first and nobody has now
f.yaml:3:35: agents.max.was: agent `max` is still there
  hint: `was` is the name that the agent had first and nobody has now
f.yaml:5:35: agents.ivy.was: another agent was `eva` already
f.yaml:6:35: agents.tom.was: `T` is not possible in a name: use lower-case letters, digits and hyphens
",
    );
}

#[test]
fn the_address_of_the_datahub() {
    check(
        "#REST
deployment: {target: docker, datahub: {address: 'db.lan:5432'}}
",
        "
f.yaml:3:40: deployment.datahub.address: passwords would cross the network for everybody to read without `tls`
  hint: add `tls: {ca: …, cert: …, key: …}` beside it
f.yaml:3:40: deployment.datahub.address: this is a name, and an engine publishes on an IP address
  hint: add `bind: IP` beside it, with the address of the engine's host to publish on
",
    );
    check(
        "#REST
deployment: {target: docker, datahub: {bind: 10.0.0.5, tls: {ca: a, cert: b}}}
",
        "
f.yaml:3:40: deployment.datahub.bind: this is for a datahub with an `address` only
  hint: remove it, or write `address: HOST:PORT`, which agents of other hosts use
f.yaml:3:56: deployment.datahub.tls.key: this key is missing
f.yaml:3:56: deployment.datahub.tls: this is for a datahub with an `address` only
  hint: remove it, or write `address: HOST:PORT`, which agents of other hosts use
",
    );
    for (address, message) in [
        ("db", "\"db\" is not of the form HOST:PORT"),
        ("10.0.0.5:0", "\"10.0.0.5:0\" is not of the form HOST:PORT"),
        (
            "10.0.0:5432",
            "\"10.0.0:5432\" is not of the form HOST:PORT",
        ),
        (
            "fd00::5:5432",
            "\"fd00::5:5432\" is not of the form HOST:PORT",
        ),
        ("-db:5432", "\"-db:5432\" is not of the form HOST:PORT"),
    ] {
        check(
            &format!(
                "#REST
deployment: {{target: docker, datahub: {{address: '{address}', tls: {{ca: a, cert: b, key: c}}}}}}
"
            ),
            &format!(
                "
f.yaml:3:49: deployment.datahub.address: {message}
  hint: for example db.home.lan:5432, 192.168.1.5:5432 or [fd00::5]:5432
"
            ),
        );
    }
    check(
        "#REST
deployment: {target: docker, datahub: {address: '0.0.0.0:5432', tls: {ca: a, cert: b, key: c}}}
",
        "
f.yaml:3:49: deployment.datahub.address: nobody can connect to this address
  hint: write what agents connect to here, and this as `bind`
",
    );
}
