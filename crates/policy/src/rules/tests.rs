use super::*;
use crate::Cpus;

const FILE: &str = r#"
version: 1
containers:
  - match: { name: "steam-*", label: { app: games } }
    policy: pads
  - match: { id: ["0a*", "0b*"] }
    policy: minimal
  - match: { name: "**" , label: { tier: "*" } }
    policy: disks
policies:
  pads:
    rules:
      - name: joysticks
        match: { subsystem: [input, hidraw] }
        show: rw
  disks:
    base: [pads, all]
    rules:
      - match: { subsystem: block }
        show: ro
      - name: pages
        path: /kernel/mm/**
        show: ro
"#;

fn container(name: &str, id: &str, labels: &[(&str, &str)]) -> Container {
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Container {
        name: name.to_owned(),
        id: id.to_owned(),
        labels,
        ..Container::default()
    }
}

#[test]
fn own_rules_come_first_then_each_bases() {
    let rules = Rules::parse("/etc/x.yaml", FILE).unwrap();
    assert_eq!(rules.names(), ["pads", "disks"]);
    let order = |name: &str| -> Vec<String> {
        rules
            .policy(name)
            .unwrap()
            .devices
            .iter()
            .map(|rule| rule.refer.to_string())
            .collect()
    };
    assert_eq!(
        order("pads"),
        [
            "pads/joysticks (/etc/x.yaml:13)",
            "minimal/standard nodes (builtin:minimal:27)",
            "minimal/terminals (builtin:minimal:32)",
            "minimal/processors and memory (builtin:minimal:37)",
        ]
    );
    assert_eq!(
        order("disks"),
        [
            "disks (/etc/x.yaml:19)",
            "pads/joysticks (/etc/x.yaml:13)",
            "minimal/standard nodes (builtin:minimal:27)",
            "minimal/terminals (builtin:minimal:32)",
            "minimal/processors and memory (builtin:minimal:37)",
            "all/every device (builtin:all:8)",
        ]
    );
    let (rule, show) = rules
        .policy("disks")
        .map(|policy| {
            policy
                .path_rule(b"/kernel/mm/x")
                .map(|(rule, show)| (rule.to_string(), show))
                .unwrap()
        })
        .unwrap();
    assert_eq!(
        (rule.as_str(), show),
        ("disks/pages (/etc/x.yaml:21)", crate::Show::Ro)
    );
}

#[test]
fn a_container_gets_what_is_asked_for_or_bound() {
    let rules = Rules::parse("x", FILE).unwrap();
    let chosen = |use_: Option<&str>, container: &Container| {
        rules
            .select(use_, container)
            .map(|policy| policy.name().to_owned())
    };
    let steam = container("steam-1", "ff", &[("app", "games")]);
    assert_eq!(chosen(None, &steam).unwrap(), "pads");
    assert_eq!(chosen(Some("all"), &steam).unwrap(), "all");
    assert_eq!(chosen(Some("disks"), &steam).unwrap(), "disks");
    assert_eq!(
        chosen(None, &container("steam-1", "0b1", &[("app", "office")])).unwrap(),
        "minimal"
    );
    assert_eq!(
        chosen(None, &container("a/b", "ff", &[("tier", "x")])).unwrap(),
        "disks"
    );
    // the file says who gets what, and this one is not among them
    assert_eq!(
        chosen(None, &container("steam-1", "ff", &[])).unwrap(),
        "minimal"
    );
    let two = "version: 1\npolicies: { a: { base: [] }, b: { base: [] } }\n";
    let error = Rules::parse("x", two)
        .unwrap()
        .select(None, &Container::default())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing says which policy to use, there are a, b, minimal, all, storage, serial, gamepads, desktop, gpu, camera"
    );
    let error = chosen(Some("pad"), &steam).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no policy `pad`, did you mean `pads`? there are pads, disks, minimal, all, storage, serial, gamepads, desktop, gpu, camera"
    );
    let error = chosen(Some("x"), &steam).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no policy `x`, there are pads, disks, minimal, all, storage, serial, gamepads, desktop, gpu, camera"
    );
}

#[test]
fn the_only_policy_needs_no_binding() {
    let rules = Rules::parse("x", "version: 1\npolicies:\n  p: { base: [] }\n").unwrap();
    assert_eq!(
        rules.select(None, &Container::default()).unwrap().name(),
        "p"
    );
    assert!(rules.policy("p").unwrap().devices.is_empty());
    let none = Rules::parse("x", "version: 1\n").unwrap();
    assert_eq!(none.names(), Vec::<&str>::new());
    assert_eq!(
        none.select(None, &Container::default())
            .unwrap_err()
            .to_string(),
        "nothing says which policy to use, there are minimal, all, storage, serial, gamepads, desktop, gpu, camera"
    );
    assert_eq!(
        none.select(Some("minimal"), &Container::default())
            .unwrap()
            .name(),
        "minimal"
    );
}

#[test]
fn who_does_not_say_which_processors_has_its_bases() {
    let rules = Rules::parse(
        "x",
        "version: 1\npolicies:\n  own: { cpus: cgroup }\n  silent: { base: [] }\n  host: { cpus: host, base: [own] }\n  \
         through: { base: [minimal, silent, own, host] }\n  deep: { base: [through, host] }\n  after: { base: [host, own] }\n",
    )
    .unwrap();
    for (name, cpus) in [
        ("minimal", Cpus::Host),
        ("own", Cpus::Cgroup),
        ("silent", Cpus::Host),
        ("host", Cpus::Host),
        ("through", Cpus::Cgroup),
        ("deep", Cpus::Cgroup),
        ("after", Cpus::Host),
    ] {
        assert_eq!(rules.policy(name).unwrap().cpus(), cpus, "{name}");
    }
}

#[test]
fn limits_that_a_policy_does_not_say_are_its_bases_then_the_default() {
    let rules = Rules::parse(
        "x",
        "version: 1\npolicies:\n  none: { limits: { inodes: 0, bytes: 0 } }\n  some: { limits: { bytes: 64K } }\n  \
         half: { base: [minimal, some, none] }\n  big: { base: [none], limits: { inodes: \"70000\", bytes: 2G } }\n  \
         plain: { limits: { bytes: 1000 } }\n",
    )
    .unwrap();
    for (name, inodes, bytes) in [
        ("minimal", 4096, 16 << 20),
        ("none", 0, 0),
        ("some", 4096, 64 << 10),
        ("half", 0, 64 << 10),
        ("big", 70_000, 2 << 30),
        ("plain", 4096, 1000),
    ] {
        let limits = rules.policy(name).unwrap().limits();
        assert_eq!(limits, Limits { inodes, bytes }, "{name}");
    }
}

#[test]
fn only_a_policy_that_names_owners_needs_the_containers_files() {
    let names = |node: &str| {
        let text = format!(
            "version: 1\npolicies:\n  p:\n    rules:\n      - match: {{ subsystem: tty }}\n        \
             show: rw\n        node: {{ {node} }}\n"
        );
        let rules = Rules::parse("x", &text).unwrap_or_else(|errors| panic!("{errors}"));
        rules.policy("p").unwrap().names_owners()
    };
    assert!(names("uid: games") && names("uid: 1, gid: dialout"));
    assert!(!names("uid: 1, gid: \"20\"") && !names("mode: \"0660\""));
}
