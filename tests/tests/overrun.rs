//! More events than the monitor can hold: afterwards the view, the gate and the nodes are right,
//! and the container was told of everything that it missed.
//!
//! Loop devices 150 to 199 are this file's.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use engine::{Config, Engine, Gate, Outlets, Watch};
use fusefs_dev::{DevFs, Owners};
use host::monitor::Message;
use host::{Injector, Monitor, Sysfs};
use parking_lot::{Mutex, MutexGuard};
use policy::{Container, Rules, Shown};
use tests::container::show_block;
use tests::{Loop, eventually};
use viewfs::Store;

/// The least that the kernel gives a socket: two or three events.
const SMALL: usize = 1;

/// A network namespace of another user namespace, quiet but for what is injected.
struct Netns {
    holder: Child,
    net: OwnedFd,
}

impl Netns {
    fn new() -> Netns {
        let mut command = Command::new("unshare");
        command.args(["-Un", "--map-root-user", "sh", "-c", "echo ready; exec cat"]);
        let mut holder = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare");
        let mut line = String::new();
        let out = holder.stdout.as_mut().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).expect("a line");
        let net = File::open(format!("/proc/{}/ns/net", holder.id()))
            .expect("its namespace")
            .into();
        Netns { holder, net }
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// What may be opened, as the gate was told.
#[derive(Default)]
struct Granted {
    all: Mutex<BTreeSet<String>>,
    /// To be done as soon as something is granted.
    then: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Gate for Granted {
    fn grant(&self, device: &Shown) -> sys::Result<()> {
        self.all.lock().extend(device.devnum.map(|n| n.to_string()));
        if let Some(then) = self.then.lock().take() {
            then();
        }
        Ok(())
    }

    fn revoke(&self, device: &Shown) -> sys::Result<()> {
        let devnum = device.devnum.map(|n| n.to_string()).unwrap_or_default();
        self.all.lock().remove(&devnum);
        Ok(())
    }
}

/// One test at a time: the events of another would give an engine the look that a test waits for.
static ALONE: Mutex<()> = Mutex::new(());

struct Setup {
    _alone: MutexGuard<'static, ()>,
    netns: Netns,
    inside: Monitor,
    engine: Arc<Engine>,
    gate: Arc<Granted>,
    dev: DevFs,
    heard: Vec<String>,
}

impl Setup {
    /// An engine whose container may see these loop devices, and that hears badly.
    fn new(numbers: std::ops::Range<u32>) -> Setup {
        let alone = ALONE.lock();
        let netns = Netns::new();
        let net = || netns.net.try_clone().expect("a descriptor");
        let names: Vec<String> = numbers.map(|n| format!("loop{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rules = Rules::parse("test.yaml", &show_block(&names)).expect("rules");
        let gate = Arc::new(Granted::default());
        let config = Config {
            policy: rules.select(None, &Container::default()).expect("a policy"),
            sysfs: Arc::new(Sysfs::mount(Some(netns.net.as_fd())).expect("sysfs")),
            net: Some(net()),
            run: "/nowhere".into(),
            monitor_buffer: SMALL,
            gate: Some(gate.clone()),
            injector: Some(Injector::new(netns.net.as_fd(), 0, 0).expect("an injector")),
        };
        let inside = Monitor::open(Some(netns.net.as_fd()), false, 16 << 20).expect("a monitor");
        let engine = Arc::new(Engine::new(config).expect("an engine"));
        let owners = Owners::new(sys::namespace::IdMap::IDENTITY, None);
        let dev = DevFs::new(engine.scene(), engine.clone(), owners).expect("a /dev");
        Setup {
            _alone: alone,
            netns,
            inside,
            engine,
            gate,
            dev,
            heard: Vec::new(),
        }
    }

    fn hear(&mut self) {
        while let Some(message) = self.inside.receive().expect("a message") {
            match message {
                Message::Kernel(event) => self
                    .heard
                    .push(format!("{}@{}", event.action, event.devpath)),
                Message::Udev(_) | Message::Noise => {}
                Message::Overrun => panic!("the listener itself lost events"),
            }
        }
    }

    /// Everything says that exactly the loop devices `numbers` show.
    fn agrees(&self, numbers: &BTreeSet<u32>) -> bool {
        let shown: BTreeSet<u32> = {
            let scene = self.engine.scene();
            let scene = scene.read();
            let names = scene
                .view
                .shown()
                .map(|(d, _)| String::from_utf8_lossy(d.name()).into_owned());
            names
                .filter_map(|n| n.strip_prefix("loop")?.parse().ok())
                .collect()
        };
        let root = self.dev.open_directory(1).expect("the root");
        let nodes = self.dev.list(root, true).expect("a listing");
        self.dev.close(root);
        let nodes = nodes.iter().map(|e| e.name.to_string());
        let nodes: BTreeSet<u32> = nodes
            .filter_map(|n| n.strip_prefix("loop")?.parse().ok())
            .collect();
        let granted = self.gate.all.lock();
        let granted: BTreeSet<u32> = granted
            .iter()
            .filter_map(|n| n.strip_prefix("b 7:")?.parse().ok())
            .collect();
        shown == *numbers && nodes == *numbers && granted == *numbers
    }
}

fn event(action: &str, number: u32) -> String {
    format!("{action}@/devices/virtual/block/loop{number}")
}

#[test]
fn what_was_missed_is_made_up() {
    let mut before: Vec<Loop> = (150..154).map(Loop::add).collect();
    let mut setup = Setup::new(150..168);
    assert!(setup.agrees(&(150..154).collect()));
    // nobody reads yet, so that all but the first of these are lost
    let hidden: Vec<Loop> = (180..184).map(Loop::add).collect();
    for gone in before.drain(..2) {
        gone.remove();
    }
    let mut new: Vec<Loop> = (154..166).map(Loop::add).collect();
    drop(hidden);

    let watch = Watch::start(setup.engine.clone(), Outlets::default()).expect("a watch");
    let now: BTreeSet<u32> = (152..166).collect();
    eventually("the view is right again", Duration::from_secs(10), || {
        setup.agrees(&now)
    });
    // one more, which arrives after all that was made up
    new.push(Loop::add(166));
    eventually("it goes on", Duration::from_secs(10), || {
        setup.hear();
        setup.heard.last() == Some(&event("add", 166))
    });
    let mut expected: Vec<String> = (150..152).map(|n| event("remove", n)).collect();
    expected.extend((154..167).map(|n| event("add", n)));
    let heard: BTreeSet<&String> = setup.heard.iter().collect();
    assert_eq!(
        heard,
        expected.iter().collect(),
        "each of them, and nothing else"
    );
    assert_eq!(
        setup.heard.len(),
        expected.len(),
        "none twice: {:#?}",
        setup.heard
    );
    drop(watch);
    assert!(setup.netns.net.as_fd().try_clone_to_owned().is_ok());
}

/// What the monitor still holds of the time before the flood says nothing of now.
#[test]
fn regression_an_old_remove_hides_no_new_device() {
    let first = Loop::add(178);
    let mut setup = Setup::new(178..179);
    // the first event fits into the buffer, what follows does not
    first.remove();
    drop((184..188).map(Loop::add).collect::<Vec<Loop>>());
    let second = Loop::add(178);
    let watch = Watch::start(setup.engine.clone(), Outlets::default()).expect("a watch");
    let now = BTreeSet::from([178]);
    // it was another one, whatever its number: gone, then there
    eventually("the container is told", Duration::from_secs(10), || {
        setup.hear();
        setup.heard.len() >= 2
    });
    assert_eq!(setup.heard, [event("remove", 178), event("add", 178)]);
    eventually("the view is right", Duration::from_secs(10), || {
        setup.agrees(&now)
    });
    std::thread::sleep(Duration::from_millis(200));
    setup.hear();
    assert!(
        setup.agrees(&now) && setup.heard.len() == 2,
        "{:#?}",
        setup.heard
    );
    drop((second, watch));
}

/// What comes while everything is looked at anew is not lost without a word: the kernel says that it
/// dropped an event only once, until everything before has been read.
#[test]
fn regression_a_loss_during_the_look_is_noticed() {
    let mut setup = Setup::new(195..197);
    let hidden: Vec<Loop> = (197..200).map(Loop::add).collect();
    let first = Loop::add(195);
    let second = Arc::new(Mutex::new(None));
    let plug = second.clone();
    // granted after the listing that the first one was found in
    *setup.gate.then.lock() = Some(Box::new(move || *plug.lock() = Some(Loop::add(196))));
    let watch = Watch::start(setup.engine.clone(), Outlets::default()).expect("a watch");
    let now = BTreeSet::from([195, 196]);
    eventually("the view is right", Duration::from_secs(10), || {
        setup.agrees(&now)
    });
    eventually("the container is told", Duration::from_secs(10), || {
        setup.hear();
        setup.heard.len() >= 2
    });
    assert_eq!(setup.heard, [event("add", 195), event("add", 196)]);
    drop((first, second, hidden, watch));
}

/// A storm while the engine runs: what it heard and what it made up tell one story.
#[test]
fn a_storm_is_survived() {
    let mut setup = Setup::new(168..178);
    let watch = Watch::start(setup.engine.clone(), Outlets::default()).expect("a watch");
    let storm = |numbers: std::ops::Range<u32>| {
        for round in 0..15u32 {
            let all: Vec<Loop> = numbers.clone().map(Loop::add).collect();
            // in no particular order
            let (even, odd): (Vec<Loop>, Vec<Loop>) = all
                .into_iter()
                .partition(|l| l.name().len() as u32 % 2 == round % 2);
            drop((odd, even));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| storm(168..171));
        scope.spawn(|| storm(171..174));
        scope.spawn(|| storm(190..193));
    });
    let last: Vec<Loop> = (174..178).map(Loop::add).collect();
    let now: BTreeSet<u32> = (174..178).collect();
    eventually("the view is right again", Duration::from_secs(10), || {
        setup.agrees(&now)
    });
    // the last thing that is done about what was lost is to tell of it
    let last_of = |heard: &[String], number: u32| -> bool {
        let of = |h: &&String| h.ends_with(&format!("/loop{number}"));
        heard
            .iter()
            .rfind(of)
            .is_some_and(|h| *h == event("add", number))
    };
    eventually("the container is told", Duration::from_secs(10), || {
        setup.hear();
        now.iter().all(|n| last_of(&setup.heard, *n))
    });
    std::thread::sleep(Duration::from_millis(200));
    setup.hear();
    assert!(setup.agrees(&now));
    // for each device adds and removes alternate, and end as it ended
    for number in 168..178 {
        let of: Vec<&String> = setup
            .heard
            .iter()
            .filter(|h| h.ends_with(&format!("/loop{number}")))
            .collect();
        let mut is_there = false;
        for what in &of {
            if **what == event("change", number) {
                assert!(is_there, "{of:#?}");
                continue;
            }
            let expected = event(if is_there { "remove" } else { "add" }, number);
            assert_eq!(**what, expected, "{of:#?}");
            is_there = !is_there;
        }
        assert_eq!(is_there, now.contains(&number), "{of:#?}");
    }
    assert!(
        setup.heard.iter().all(|h| !h.contains("/loop19")),
        "a hidden device was named"
    );
    drop((last, watch));
}
