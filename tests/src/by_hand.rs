//! What rules.md says of a policy, worked out from the host's own /sys in the dumbest way: the judge of
//! what containers show.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use host::sysfs::resolve;
use serde_json::json;

use crate::tree::Tree;

/// A policy that shows some directories of /sys with all that is in them.
pub struct ByHand {
    /// Paths below /sys.
    tops: Vec<String>,
}

impl ByHand {
    /// `builtin:minimal`: the standard nodes, the machine's description, and the container's loopback.
    pub fn minimal() -> ByHand {
        let mem = ["null", "zero", "full", "random", "urandom"];
        let tty = ["tty", "ptmx"];
        let own = ["/devices/virtual/net/lo", "/devices/system"];
        ByHand {
            tops: mem
                .map(|n| format!("/devices/virtual/mem/{n}"))
                .into_iter()
                .chain(tty.map(|n| format!("/devices/virtual/tty/{n}")))
                .chain(own.map(String::from))
                .collect(),
        }
    }

    /// And the device at `devpath`.
    pub fn and(mut self, devpath: &str) -> ByHand {
        self.tops.push(devpath.into());
        self
    }

    /// Whether `path` is in what a rule shows.
    fn is_in_a_top(&self, path: &str) -> bool {
        self.tops
            .iter()
            .any(|top| path == top || path.starts_with(&format!("{top}/")))
    }

    /// Whether `path` shows, where the real tree is `native`.
    pub fn shows(&self, path: &str, native: &Tree) -> bool {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        if native.get(path).is_some_and(|e| e["type"] == "link") {
            // a link shows exactly when its target does; one that leads nowhere does not
            let target = native[path]["target"].as_str().unwrap_or_default();
            let target = resolve(path.as_bytes(), target.as_bytes()).map(|t| t.to_string());
            let place = self.is_in_a_top(path)
                || matches!(
                    parts[..],
                    ["class", _, _] | ["bus", _, "devices", _] | ["dev", _, _] | ["block", _]
                );
            return place
                && target.is_some_and(|t| native.contains_key(&t) && self.shows(&t, native));
        }
        let is_directory = native.get(path).is_some_and(|e| e["type"] == "directory");
        let is_on_the_way = || {
            let below = format!("{path}/");
            self.tops.iter().any(|top| top.starts_with(&below))
        };
        match parts[..] {
            [""] | ["block" | "bus" | "class" | "dev" | "devices" | "module"] => true,
            ["dev", "block" | "char"]
            | ["class" | "bus", _]
            | ["bus", _, "devices" | "drivers"] => is_directory,
            ["kernel"] | ["kernel", "uevent_seqnum"] | ["fs"] | ["fs", "cgroup"] => true,
            // what runtimes mask
            ["devices", "system", "cpu", _, "thermal_throttle", ..] => false,
            _ => self.is_in_a_top(path) || is_on_the_way(),
        }
    }

    /// The paths below /sys that show, from the host's own.
    pub fn paths(&self) -> BTreeSet<String> {
        let native = native();
        let shown = native.keys().filter(|path| self.shows(path, &native));
        shown.cloned().collect()
    }

    /// The devices that show, as paths below /sys: the directories with a `uevent` file that links under
    /// class, bus and dev lead to, less what no rule shows. The container's interfaces are the loopback
    /// alone, which every network namespace has.
    pub fn devices(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut look = |directory: &Path| {
            for entry in entries(directory) {
                let Ok(target) = fs::canonicalize(&entry) else {
                    continue;
                };
                let path = target.to_string_lossy().into_owned();
                let path = path.trim_start_matches("/sys");
                if target.join("uevent").is_file() && self.is_in_a_top(path) {
                    found.insert(path.to_string());
                }
            }
        };
        let sys = Path::new("/sys");
        entries(&sys.join("class")).iter().for_each(|d| look(d));
        let buses = entries(&sys.join("bus"));
        buses.iter().for_each(|d| look(&d.join("devices")));
        look(&sys.join("dev/block"));
        look(&sys.join("dev/char"));
        found
    }
}

/// The host's own /sys, less what is mounted on it: type and link target of every path.
fn native() -> Tree {
    fn visit(directory: &Path, device: u64, tree: &mut Tree) {
        for entry in entries(directory) {
            // what is gone meanwhile is somebody else's
            let Ok(stat) = fs::symlink_metadata(&entry) else {
                continue;
            };
            let path = entry.to_string_lossy();
            let path = path.trim_start_matches("/sys").to_string();
            if stat.is_symlink() {
                let target = fs::read_link(&entry).unwrap_or_default();
                tree.insert(
                    path,
                    json!({ "type": "link", "target": target.to_string_lossy() }),
                );
            } else if stat.is_dir() {
                tree.insert(path, json!({ "type": "directory" }));
                if stat.dev() == device {
                    visit(&entry, device, tree);
                }
            } else {
                tree.insert(path, json!({ "type": "file" }));
            }
        }
    }
    let sys = Path::new("/sys");
    let device = fs::metadata(sys).expect("the host's /sys").dev();
    let mut tree = Tree::from([("/".to_string(), json!({ "type": "directory" }))]);
    visit(sys, device, &mut tree);
    tree
}

fn entries(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|e| e.path()).collect()
}
