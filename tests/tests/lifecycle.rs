//! Whatever ends first, nothing stays behind.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::processes::children;
use tests::{Container, Leftovers, Running, eventually, leftovers, unique};

const LIMIT: Duration = Duration::from_secs(20);

/// A container that runs, and all the processes that belong to it.
struct Alive {
    name: String,
    running: Running,
    processes: BTreeSet<i32>,
}

fn variants() -> Vec<(&'static str, Container)> {
    vec![
        ("plain", Container::new()),
        ("userns", Container::new().userns()),
        ("init", Container::new().arg("--init")),
        ("v1", Container::new().gate("v1")),
        ("v2 with userns", Container::new().gate("v2").userns()),
    ]
}

impl Alive {
    fn start(container: Container) -> Alive {
        let name = unique("life");
        let script = "setsid sleep 1000 & sleep 1000 & echo ready; wait";
        let mut running = container.name(&name).start(&["sh", "-c", script]);
        running.expect("ready");
        let mut processes = BTreeSet::new();
        let mut new = vec![running.pid()];
        while let Some(pid) = new.pop() {
            processes.insert(pid);
            new.extend(children(pid));
        }
        assert!(processes.len() >= 7, "{processes:?}");
        let seen = Leftovers::ours().0;
        assert!(
            seen.iter().any(|l| l.contains(&name)),
            "the check sees nothing of a running container"
        );
        Alive {
            name,
            running,
            processes,
        }
    }

    /// devns's own process with this name.
    fn companion(&self, name: &str) -> i32 {
        let is = |pid: &i32| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == name)
        };
        children(self.running.pid())
            .into_iter()
            .find(is)
            .unwrap_or_else(|| panic!("no {name}"))
    }

    fn kill(&self, pid: i32) {
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("a kill");
    }

    #[track_caller]
    fn leaves_no_process(&self, what: &str) {
        // a zombie that is ours to wait for is devns itself
        let alive = |pid: &&i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let state = stat.rsplit(") ").next().unwrap_or_default().chars().next();
            state.is_some_and(|s| s != 'Z' && s != 'X')
        };
        eventually(&format!("{what}: every process ends"), LIMIT, || {
            self.processes.iter().find(alive).is_none()
        });
    }

    /// Wait for its end; the exit status.
    #[track_caller]
    fn leaves_nothing(self, what: &str) -> Option<i32> {
        self.leaves_no_process(what);
        let pid = self.running.pid();
        let status = self.running.wait(LIMIT).code();
        let left = leftovers::of(&self.name, pid);
        assert!(left.is_empty(), "{what} leaves {left:#?}");
        status
    }
}

#[test]
fn the_end_of_the_command_leaves_nothing() {
    for (what, container) in variants() {
        let name = unique("end");
        let script = "setsid sleep 1000 & sleep 1000 & echo ready; exit 4";
        let running = container.name(&name).start(&["sh", "-c", script]);
        let pid = running.pid();
        assert_eq!(running.wait(LIMIT).code(), Some(4), "{what}");
        let left = leftovers::of(&name, pid);
        assert!(left.is_empty(), "{what} leaves {left:#?}");
    }
}

#[test]
fn the_death_of_the_command_leaves_nothing() {
    for (what, container) in variants() {
        let alive = Alive::start(container);
        alive.kill(alive.running.first_process());
        assert_eq!(alive.leaves_nothing(what), Some(137), "{what}");
    }
}

#[test]
fn the_death_of_devns_leaves_nothing() {
    for (what, container) in variants() {
        let alive = Alive::start(container);
        alive.kill(alive.running.pid());
        assert_eq!(alive.leaves_nothing(what), None, "{what}");
    }
}

#[test]
fn a_request_to_end_leaves_nothing() {
    for (what, container) in variants() {
        let alive = Alive::start(container);
        alive.running.signal(Signal::SIGTERM);
        assert_eq!(alive.leaves_nothing(what), Some(143), "{what}");
    }
}

/// Without the watcher somebody else has to: the next start.
#[test]
fn the_next_start_clears_up_after_devns_and_its_watcher() {
    for (what, container) in variants() {
        let alive = Alive::start(container);
        alive.kill(alive.companion("devns-watcher"));
        alive.kill(alive.running.pid());
        alive.leaves_no_process(what);
        let Alive { name, running, .. } = alive;
        let pid = running.pid();
        assert_eq!(running.wait(LIMIT).code(), None);
        // nobody was there to clear up, or this test shows nothing
        let state = format!("/run/devns/{name}-{pid}");
        // another test's start may have been the next
        let was_there = fs::exists(&state).unwrap_or(false);
        Container::new().sh("true").ok();
        let left = leftovers::of(&name, pid);
        assert!(left.is_empty(), "{what} leaves {left:#?}");
        println!("{what}: state was there: {was_there}");
    }
}

/// A watcher that is killed while its container runs takes nothing along.
#[test]
fn the_death_of_the_watcher_is_survived() {
    let mut alive = Alive::start(Container::new());
    alive.kill(alive.companion("devns-watcher"));
    std::thread::sleep(Duration::from_millis(200));
    assert!(alive.running.is_alive());
    // a second container starts beside it, and does not take it for dead
    Container::new().sh("true").ok();
    assert!(alive.running.is_alive());
    let (name, pid) = (alive.name.clone(), alive.running.pid());
    alive.running.signal(Signal::SIGTERM);
    alive.leaves_no_process("no watcher");
    drop(alive);
    Container::new().sh("true").ok();
    let left = leftovers::of(&name, pid);
    assert!(left.is_empty(), "{left:#?}");
}

/// Two containers of one name live side by side, and the end of one is not the other's.
#[test]
fn containers_of_one_name_do_not_meet() {
    let name = unique("twin");
    let start = || {
        let mut running =
            Container::new()
                .name(&name)
                .start(&["sh", "-c", "echo ready; read x; echo still"]);
        running.expect("ready");
        running
    };
    let (first, mut second) = (start(), start());
    first.wait(LIMIT).ok();
    second.say("");
    second.expect("still");
    let pid = second.pid();
    second.wait(LIMIT).ok();
    assert!(leftovers::of(&name, pid).is_empty());
}
