//! Rules that change a thousand times under load: eight readers in the container, devices that come and go
//! meanwhile. What neither the old nor the new rules show is never seen, opened or heard of.
//! Loop devices 900 to 909 are this file's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::{Container, Loop, Running, eventually};

const FLIPS: usize = 1000;
/// How often the storm is stilled, to look at all that shows.
const CALM: usize = 50;

const A: [u32; 4] = [900, 901, 902, 903];
const B: [u32; 4] = [902, 903, 904, 905];
/// Shown by neither.
const NEVER: [u32; 2] = [906, 907];
const ALL: std::ops::RangeInclusive<u32> = 900..=907;

/// Eight processes: six walk and open, two listen. A line for whatever they should not have seen.
const READERS: &str = r#"
import os, re, select, socket, sys
never = re.compile(r'loop(?!90[0-5]$)')
def bad(what):
    os.write(1, ('SEEN %s\n' % what).encode())
def walk(n):
    looks = 0
    while not select.select([0], [], [], 0)[0]:
        for place in ('/sys/class/block', '/sys/block', '/sys/devices/virtual/block', '/dev'):
            try:
                names = os.listdir(place)
            except FileNotFoundError:
                continue  # nothing shows that is in it
            for name in names:
                if never.match(name):
                    bad('%s/%s' % (place, name))
                looks += 1
        for number in range(900, 908):
            for path in ('/dev/loop%d' % number, '/sys/class/block/loop%d/size' % number,
                         '/sys/dev/block/7:%d/dev' % number):
                try:
                    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                    if number > 905:
                        bad('open ' + path)
                    looks += 1
                except OSError:
                    pass
    return looks
def listen(group):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind((0, group))
    heard = 0
    while True:
        readable = select.select([0, s], [], [])[0]
        if s in readable:
            data = s.recv(65536)
            found = re.search(rb'DEVPATH=([^\0]*)', data).group(1).decode()
            heard += 1
            if never.match(found.rsplit('/', 1)[1]):
                bad('event of ' + found)
        elif 0 in readable:
            return heard
children = []
for n in range(8):
    pid = os.fork()
    if pid == 0:
        os.write(1, ('done %d %d\n' % (n, walk(n) if n < 6 else listen(n - 5))).encode())
        os._exit(0)
    children.append(pid)
print('ready', flush=True)
for pid in children:
    os.waitpid(pid, 0)
"#;

fn rules(show: &[u32]) -> String {
    let names: Vec<String> = show.iter().map(|n| format!("loop{n}")).collect();
    format!(
        "version: 1\npolicies:\n  test:\n    rules:\n      - match: {{ subsystem: block, devname: [{}] }}\n        \
         show: rw\n        events: both\n",
        names.join(", ")
    )
}

/// Plugs and pulls devices at random until it is dropped; stilled, all are plugged.
struct Storm {
    still: Arc<Mutex<()>>,
    end: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<usize>>,
}

impl Storm {
    fn start() -> Storm {
        let still = Arc::new(Mutex::new(()));
        let end = Arc::new(AtomicBool::new(false));
        let (of_still, of_end) = (still.clone(), end.clone());
        let thread = std::thread::spawn(move || {
            let mut plugged: Vec<Option<Loop>> = ALL.map(|n| Some(Loop::add(n))).collect();
            let (mut turns, mut at) = (0, 0);
            while !of_end.load(Ordering::SeqCst) {
                let calm = of_still.lock().unwrap_or_else(|e| e.into_inner());
                at = (at + 3) % plugged.len();
                if let Some(device) = plugged[at].take() {
                    device.remove();
                }
                plugged[at] = Some(Loop::add(900 + at as u32));
                drop(calm);
                turns += 1;
                // let somebody else have it still
                std::thread::sleep(Duration::from_millis(1));
            }
            turns
        });
        Storm {
            still,
            end,
            thread: Some(thread),
        }
    }

    /// How often a device came and went.
    fn end(mut self) -> usize {
        self.end.store(true, Ordering::SeqCst);
        let thread = self.thread.take();
        thread.map_or(0, |thread| thread.join().expect("the storm"))
    }
}

/// What the container has of the test's devices, looked at from outside.
fn shown(pid: i32) -> Vec<u32> {
    let dir = format!("/proc/{pid}/root/sys/class/block");
    let names = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = names.map(|e| e.file_name().to_string_lossy().into_owned());
    let mut all: Vec<u32> = names
        .filter_map(|n| n.strip_prefix("loop")?.parse().ok())
        .collect();
    all.sort_unstable();
    all
}

/// How many descriptors and threads the server has.
fn held(server: &Running) -> (usize, usize) {
    let count = |what: &str| {
        let dir = std::fs::read_dir(format!("/proc/{}/{what}", server.pid()));
        dir.expect("the server's own directory").count()
    };
    (count("fd"), count("task"))
}

#[test]
fn what_neither_shows_is_never_seen() {
    let storm = Storm::start();
    let dir = tempfile::TempDir::new().expect("a directory");
    let file = dir.path().join("rules.yaml");
    let save = |show: &[u32]| {
        let new = dir.path().join("new");
        std::fs::write(&new, rules(show)).expect("a rule file");
        std::fs::rename(&new, &file).expect("a rename");
    };
    save(&A);
    let container = Container::new().userns().policy(&file);
    let mut inside = container.start(&["python3", "-c", READERS]);
    inside.expect("ready");
    let first = inside.first_process();
    let begin = Instant::now();
    let mut before = None;
    for flip in 1..=FLIPS {
        let now = if flip % 2 == 0 { &A } else { &B };
        save(now);
        inside.signal(Signal::SIGHUP);
        inside.expect_error("rules.yaml: reloaded: ");
        let seen = shown(first);
        assert!(
            seen.iter().all(|n| now.contains(n)),
            "flip {flip}: {seen:?}"
        );
        if flip % CALM == 0 || flip == FLIPS - 1 {
            let calm = storm.still.lock().unwrap_or_else(|e| e.into_inner());
            eventually(
                "exactly what the rules show",
                Duration::from_secs(5),
                || shown(first) == now[..],
            );
            for number in ALL {
                let node =
                    std::fs::symlink_metadata(format!("/proc/{first}/root/dev/loop{number}"));
                assert_eq!(
                    node.is_ok(),
                    now.contains(&number),
                    "flip {flip}: loop{number}"
                );
            }
            let held = held(&inside);
            before.get_or_insert(held);
            drop(calm);
        }
    }
    println!("{FLIPS} reloads in {:?}", begin.elapsed());
    let after = held(&inside);
    let before = before.expect("a figure");
    assert!(
        after.0 <= before.0 + 64 && after.1 <= before.1 + 16,
        "{before:?} {after:?}"
    );
    let turns = storm.end();
    inside.hang_up();
    let seen = inside.wait(Duration::from_secs(20)).ok();
    println!("{turns} plugs, {}", seen.stdout.replace('\n', ", "));
    let lines = seen.stdout.lines();
    let wrong: Vec<&str> = lines.clone().filter(|l| l.starts_with("SEEN")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    // against vacuity: everybody has looked, and heard
    let counts = lines.filter_map(|l| {
        l.strip_prefix("done ")?
            .rsplit(' ')
            .next()?
            .parse::<usize>()
            .ok()
    });
    let counts: Vec<usize> = counts.collect();
    assert!(
        counts.len() == 8 && counts.iter().all(|n| *n > FLIPS),
        "{counts:?}"
    );
    assert!(turns > 100, "{turns}");
    assert_eq!(
        NEVER.map(|n| A.contains(&n) || B.contains(&n)),
        [false, false]
    );
}
