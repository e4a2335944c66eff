//! Servers that are wrong on purpose, each in a way that was exploited: the differential test finds
//! more than native in every one of them, and nothing in the right one.

#[path = "../attacks/mod.rs"]
mod attacks;
#[path = "differential/compare.rs"]
mod compare;
#[path = "differential/reviewed.rs"]
mod reviewed;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use compare::{Judge, Restricted, script};
use serde_json::json;
use tests::probe::{How, Probe};
use tests::{Mountpoint, Running, inside, tree};

const CHECKED_STORE: &str = "/devices/virtual/net/lo/mtu";

/// What is more than native in a server that is wrong in this way: path and request, for root without
/// capabilities.
fn more_of(how: &str) -> BTreeSet<(String, String)> {
    let _pointers = Restricted::pointers();
    let place = Mountpoint::new();
    let mut server = Command::new(env!("CARGO_BIN_EXE_wrong-sysfs"));
    server.arg(how).arg(place.path()).stdin(Stdio::null());
    let mut server = Running::start(server.env_remove("RUST_LOG"));
    server.expect("mounted");

    let config = std::fs::read_dir("/sys/bus/pci/devices").expect("PCI devices");
    let config = config.flatten().map(|d| d.path().join("config"));
    let real = config.map(|c| c.canonicalize().expect("a configuration space"));
    let mut paths: BTreeSet<String> = real
        .map(|c| c.display().to_string().replacen("/sys", "", 1))
        .collect();
    assert!(!paths.is_empty(), "no PCI device");
    let text = "/devices/virtual/mem/null/dev";
    paths.extend([CHECKED_STORE.into(), text.into()]);
    // what it has already: the host's own is not for a test to change
    let mtu = std::fs::read_to_string("/sys/class/net/lo/mtu").expect("mtu of lo");
    let written = BTreeMap::from([(CHECKED_STORE.into(), mtu.trim())]);

    let me = std::process::id() as i32;
    let at = |root: &str| tree::beside(me, false, &script(root, "bare=True", &written), &[]);
    let mut native = Probe::of(at("/mnt/sys"));
    let mut view = Probe::of(at(&place.path().display().to_string()));
    assert_eq!(native.who, view.who, "credentials differ");

    // a privileged opener first: whatever was read once, the kernel may read by itself
    let mut root = Command::new(inside::PYTHON);
    let place_of = place.path().display().to_string();
    root.args(["-c", &script(&place_of, "", &BTreeMap::new())]);
    let mut root = Probe::of(root);
    root.order(&json!({ "hold": paths }));
    root.order(&json!({"release": true}));

    let mut judge = Judge::new(how, &[]);
    judge.compare(&mut native, &mut view, &paths, How::All);
    let more = judge.more().into_iter();
    more.map(|d| (d.path.clone(), d.request.clone())).collect()
}

/// The same comparison finds nothing where nothing is wrong.
#[test]
fn the_right_server_gives_no_more() {
    assert_eq!(more_of("right"), BTreeSet::new());
}

#[track_caller]
fn reads_configuration(how: &str) {
    let more = more_of(how);
    for request in ["read 0", "read 64", "read again", "splice", "stream"] {
        let found = |(path, what): &(String, String)| path.ends_with("/config") && what == request;
        assert!(more.iter().any(found), "{how}, {request}: {more:?}");
    }
}

#[test]
fn one_that_reads_as_root_is_found() {
    reads_configuration("root-reader");
}

#[test]
fn one_that_lets_the_kernel_read_everything_is_found() {
    reads_configuration("privileged-backing");
}

#[test]
fn one_that_writes_whatever_is_opened_is_found() {
    let more = more_of("no-mode-check");
    for request in ["write", "write rw", "write reopened"] {
        let found = (CHECKED_STORE.to_string(), request.to_string());
        assert!(more.contains(&found), "{request}: {more:?}");
    }
}
