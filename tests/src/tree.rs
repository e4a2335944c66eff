//! Trees of files, as [`crate::inside::WALK`] reports them, and how two differ.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::{Running, inside};

/// What is at each path.
pub type Tree = BTreeMap<String, Value>;

/// What the containers of `devns run` have: OCI's defaults less MKNOD, for setpriv(1).
const CAPABILITIES: &str = "-all,+audit_write,+chown,+dac_override,+fowner,+fsetid,+kill,\
    +net_bind_service,+net_raw,+setfcap,+setgid,+setpcap,+setuid,+sys_chroot";

/// The command that runs `script` with `args` in the network namespace of the container whose first
/// process is `pid`, with the credentials of that process, but on the host; at /mnt/sys is a sysfs of its
/// own. `userns`: the container has a user namespace.
pub fn beside(pid: i32, userns: bool, script: &str, args: &[&str]) -> Command {
    let user = if userns {
        format!("nsenter -t {pid} -U")
    } else {
        String::new()
    };
    // real root mounts it, where only this command sees it, and gives up what a container has not
    let enter = format!(
        "mount -t tmpfs -o mode=755 tmpfs /mnt && mkdir /mnt/sys && mount -t sysfs sysfs /mnt/sys && \
         exec {user} setpriv --bounding-set {CAPABILITIES} --inh-caps=-all --no-new-privs \
         {python} -c \"$0\" \"$@\"",
        python = inside::PYTHON
    );
    let mut command = Command::new("nsenter");
    let pid = pid.to_string();
    command.args([
        "-t", &pid, "-n", "unshare", "-m", "sh", "-euc", &enter, script,
    ]);
    command.args(args);
    command
}

/// A running walker.
pub struct Walker {
    running: Running,
    /// The credentials that it walks with.
    pub who: Value,
}

impl Walker {
    /// Walk /sys in `container` as user `uid`.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn inside(container: &crate::Container, uid: u32) -> Walker {
        Walker::new(container.start(&["python3", "-c", inside::WALK, "/sys", &uid.to_string()]))
    }

    /// Walk a sysfs of its own, with the credentials and the network namespace of `like`, a walker
    /// in a container with or without a user namespace.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn native(like: &Walker, uid: u32, userns: bool) -> Walker {
        let args = ["/mnt/sys", &uid.to_string()];
        let mut command = beside(like.running.first_process(), userns, inside::WALK, &args);
        Walker::new(Running::start(command.stdin(Stdio::piped())))
    }

    #[track_caller]
    fn new(mut running: Running) -> Walker {
        running.expect("ready");
        Walker {
            running,
            who: Value::Null,
        }
    }

    /// Walk everything.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub fn walk(&mut self) -> Tree {
        self.ask("")
    }

    /// Look at these paths.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub fn look(&mut self, paths: &BTreeSet<String>) -> Tree {
        let list: Vec<Value> = paths.iter().map(|p| Value::from(p.as_str())).collect();
        self.ask(&Value::Array(list).to_string())
    }

    #[track_caller]
    fn ask(&mut self, what: &str) -> Tree {
        self.running.say(what);
        let line = self
            .running
            .line(Duration::from_secs(60), |l| l.starts_with('{'));
        let line =
            line.unwrap_or_else(|| panic!("no answer of the walker: {}", self.running.so_far()));
        let mut answer: Value = serde_json::from_str(&line).expect("JSON");
        self.who = answer["who"].take();
        match answer["paths"].take() {
            // what was asked for and is not there is as if nobody had asked
            Value::Object(paths) => paths
                .into_iter()
                .filter(|(_, e)| e["error"] != "ENOENT")
                .collect(),
            _ => panic!("no paths"),
        }
    }
}

/// What came of comparing a view with the real thing.
#[derive(Debug, Default)]
pub struct Comparison {
    /// What the view has otherwise, path by path: the real entry, the view's.
    pub differences: BTreeMap<String, (Option<Value>, Option<Value>)>,
    /// What changes by itself: two looks at the real one differed.
    pub volatile: BTreeSet<String>,
    /// The view.
    pub view: Tree,
    /// The real one.
    pub native: Tree,
}

/// Compare what the two walkers see: the real one, the view, the real one again. Where the view
/// differs from both of the others, which may agree by chance while a counter moved, these paths
/// are looked at again, in the same order, until they have differed ten times. With `only_shown`,
/// what the view has not is no difference.
#[track_caller]
pub fn compare(native: &mut Walker, view: &mut Walker, only_shown: bool) -> Comparison {
    let (first, ours, second) = (native.walk(), view.walk(), native.walk());
    let mut all = Comparison {
        view: ours.clone(),
        native: second.clone(),
        ..Comparison::default()
    };
    let mut open = differing(&first, &ours, &second, &mut all.volatile);
    open.retain(|path| !only_shown || ours.contains_key(path));
    for _ in 0..10 {
        if open.is_empty() {
            break;
        }
        let (first, ours, second) = (native.look(&open), view.look(&open), native.look(&open));
        open = differing(&first, &ours, &second, &mut all.volatile);
        all.differences = open
            .iter()
            .map(|p| (p.clone(), (second.get(p).cloned(), ours.get(p).cloned())))
            .collect();
        std::thread::sleep(Duration::from_millis(50));
    }
    if open.is_empty() {
        all.differences.clear();
    }
    all
}

fn differing(
    first: &Tree,
    ours: &Tree,
    second: &Tree,
    volatile: &mut BTreeSet<String>,
) -> BTreeSet<String> {
    let paths: BTreeSet<&String> = first
        .keys()
        .chain(ours.keys())
        .chain(second.keys())
        .collect();
    let mut open = BTreeSet::new();
    for path in paths {
        let (a, view, b) = (first.get(path), ours.get(path), second.get(path));
        if a != b {
            volatile.insert(path.clone());
            // its content moves, the rest does not
            let still = |e: Option<&Value>| {
                e.map(|e| (e["type"].clone(), e["mode"].clone(), e["owner"].clone()))
            };
            if a.is_none() || b.is_none() || still(view) == still(a) {
                continue;
            }
        }
        if view != a && view != b {
            open.insert(path.clone());
        }
    }
    open
}
