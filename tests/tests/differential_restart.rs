//! Never more than native (`differential.rs`) of a view whose server has ended, in order or by SIGKILL, and
//! was started anew in the same place: what the first let the kernel read by itself, for itself or for real
//! root, gives nobody anything in the second.
//!
//! Loop device 850 is this file's.

#[path = "../attacks/mod.rs"]
mod attacks;
#[path = "differential/compare.rs"]
mod compare;
#[path = "differential/reviewed.rs"]
mod reviewed;
#[path = "differential/sample.rs"]
mod sample;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use compare::{Judge, Restricted, script};
use nix::sys::signal::Signal;
use sample::{Sample, every};
use serde_json::json;
use tests::mounted::foreground;
use tests::probe::{How, Probe, answers};
use tests::{Loop, Mountpoint, eventually, inside, tree};

/// Asked for by its driver when it is written to: CAP_NET_ADMIN (net/core/net-sysfs.c).
const CHECKED_STORE: &str = "/devices/virtual/net/lo/mtu";
/// Everybody who asks, and what becomes of root for the script.
const IDENTITIES: [(&str, &str); 3] = [
    ("root without capabilities", "bare=True"),
    ("uid 1000", "uid=1000"),
    ("root of a user namespace", "nest=True"),
];

/// What is asked of whom.
struct Scene<'a> {
    place: &'a Mountpoint,
    written: BTreeMap<String, &'a str>,
    paths: BTreeSet<String>,
}

impl Scene<'_> {
    /// Somebody beside the view, in the host's network namespace; with `root` for the view or native.
    fn prober(&self, root: &str, becomes: &str) -> Probe {
        let me = std::process::id() as i32;
        let script = script(root, becomes, &self.written);
        Probe::of(tree::beside(me, false, &script, &[]))
    }

    fn of_view(&self, becomes: &str) -> Probe {
        self.prober(&self.place.path().display().to_string(), becomes)
    }

    /// Real root, who may read everything.
    fn mighty(&self) -> Probe {
        let place = self.place.path().display().to_string();
        let mut command = Command::new(inside::PYTHON);
        command.args(["-c", &script(&place, "", &BTreeMap::new())]);
        Probe::of(command)
    }

    /// Real root opens and reads everything, and keeps it open.
    fn opened(&self) -> Probe {
        let mut root = self.mighty();
        let held = answers(root.order(&json!({ "hold": self.paths })));
        let opened = held.values().filter(|a| a["held"].starts_with("ok"));
        assert!(opened.count() > self.paths.len() / 2, "{held:?}");
        root
    }

    /// Everybody compares; real root was first, and comes once more when everybody has it open.
    fn compare(&self, when: &str) {
        for (name, becomes) in IDENTITIES {
            let mut native = self.prober("/mnt/sys", becomes);
            let mut view = self.of_view(becomes);
            assert_eq!(native.who, view.who, "{when}, {name}: credentials differ");
            let mut judge = Judge::new(&format!("{when}, {name}"), &[]);
            judge.compare(&mut native, &mut view, &self.paths, How::All);
            self.not_vacuous(&judge, when);

            let hold = json!({ "hold": self.paths });
            native.order(&hold);
            view.order(&hold);
            let last = self.opened();
            judge.compare_with(&self.paths, |_| {
                let again = json!({"again": true});
                let before = answers(native.order(&again));
                let view = answers(view.order(&again));
                (before, view, answers(native.order(&again)))
            });
            drop(last);
            judge.verdict();
        }
    }

    fn not_vacuous(&self, judge: &Judge, when: &str) {
        let mut of_kernel = 0;
        for path in &self.paths {
            let read = |request: &str| judge.got(path, request);
            if path.ends_with("/config") {
                let mighty = std::fs::read(format!("/sys{path}")).expect("PCI configuration");
                assert!(mighty.len() > 64, "{path}: {} bytes", mighty.len());
                let length = read("read 0").trim_start_matches("ok ").chars().count();
                assert_eq!(length, 64, "{when}: {path}");
            }
            // what the kernel reads by itself cannot be mapped, as natively
            of_kernel += usize::from(read("map private") == "ENODEV");
        }
        assert!(of_kernel > 5, "{when}: the kernel read {of_kernel} files");
        assert_eq!(judge.got(CHECKED_STORE, "write"), "EACCES", "{when}");
    }
}

#[test]
fn a_server_that_is_started_anew_gives_no_more() {
    let _pointers = Restricted::pointers();
    let device = Loop::add(850);
    // what it is already: the host's own is not for a test to change
    let mtu = std::fs::read_to_string("/sys/class/net/lo/mtu").expect("mtu of lo");
    let scratch = format!("{}/queue/nomerges", device.devpath());
    let place = Mountpoint::new();
    let mut scene = Scene {
        place: &place,
        written: BTreeMap::from([(CHECKED_STORE.into(), mtu.trim()), (scratch, "1")]),
        paths: BTreeSet::new(),
    };
    let all = scene.prober("/mnt/sys", "").walk();
    let sample = Sample::of(&all, scene.written.keys(), 0, 60);
    assert!(!sample.pci.is_empty(), "no PCI device");
    let some = |of: &BTreeSet<String>| every(of, 0, of.len() / 20);
    scene.paths.extend(scene.written.keys().cloned());
    scene.paths.extend(some(&sample.secret));
    scene.paths.extend(some(&sample.text));
    scene.paths.extend(sample.pci);

    let policy = Path::new("builtin:all");
    let mut server = foreground("sysfs", policy, &place);
    // what is open when a server ends stays open for as long as the test
    let mut kept = vec![scene.opened()];
    for (end, signal) in [("SIGTERM", Signal::SIGTERM), ("SIGKILL", Signal::SIGKILL)] {
        // somebody who may little has it open, too
        let mut low = scene.of_view("uid=1000");
        low.order(&json!({ "hold": scene.paths }));
        kept.push(low);
        kept.push(scene.opened());
        server.signal(signal);
        eventually("the server ends", Duration::from_secs(10), || {
            !server.is_alive()
        });
        place.unmount();
        server = foreground("sysfs", policy, &place);
        let root = scene.opened();
        scene.compare(&format!("after {end}"));
        drop(root);
    }
}
