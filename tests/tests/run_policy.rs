//! Which policy `devns run` gives a container, by what is said of it.

use tests::Container;

const RULES: &str = r#"
version: 1
containers:
  - match: { image: "registry/games/*" }
    policy: image
  - match: { annotation: { io.example.seat: seat1 } }
    policy: annotation
  - match: { cgroup: "/devns/by-cgroup-*" }
    policy: cgroup
policies:
  image:
    base: []
    rules: [{ match: { subsystem: mem, devname: full }, show: rw }]
  annotation:
    base: []
    rules: [{ match: { subsystem: mem, devname: zero }, show: rw }]
  cgroup:
    base: []
    rules: [{ match: { subsystem: mem, devname: random }, show: rw }]
"#;

#[test]
fn image_annotation_and_cgroup_choose() {
    let base = || Container::new().rules(RULES);
    for (container, shown) in [
        (base().args(["--image", "registry/games/quake"]), "full"),
        (
            base().args(["--annotation", "io.example.seat=seat1"]),
            "zero",
        ),
        (base().name("by-cgroup"), "random"),
        // none of them: minimal, which shows all three
        (
            base().args(["--image", "registry/office"]),
            "full random zero",
        ),
    ] {
        let seen = container.sh("ls -d /sys/class/mem/* 2>/dev/null").ok();
        let names: Vec<&str> = seen
            .lines()
            .into_iter()
            .filter_map(|l| l.rsplit('/').next())
            .collect();
        let of_ours = ["full", "random", "zero"]
            .into_iter()
            .filter(|n| names.contains(n));
        assert_eq!(of_ours.collect::<Vec<_>>().join(" "), shown, "{seen}");
    }
    base()
        .args(["--annotation", "x"])
        .sh("true")
        .exits(125)
        .says("the annotation \"x\" is not K=V");
}

#[test]
fn warnings_are_logged_once() {
    let rules = "version: 1\npolicies:\n  p:\n    rules:\n      - { match: { subsystem: usb }, show: rw }\n      \
                 - { match: { subsystem: usb, driver: x }, show: ro }\n";
    let seen = Container::new().rules(rules).sh("true").ok();
    let logged: Vec<&str> = seen
        .stderr
        .lines()
        .filter(|l| l.contains("never decides"))
        .collect();
    assert_eq!(logged.len(), 1, "{seen}");
    assert!(
        logged[0].contains(".yaml:6: ") && logged[0].ends_with(".yaml:5)"),
        "{seen}"
    );
    assert!(!seen.stderr.contains("ioctl"), "{seen}");
}
