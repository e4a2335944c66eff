//! A hidden device is one that is not there (requirement 9): what a container can list, count and
//! number is the same with and without one, and the server asks the host nothing by its name.
//!
//! Loop devices 740 to 759 are this file's.

#[path = "../attacks/mod.rs"]
mod attacks;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tests::{Container, Loop, Running, eventually};

/// The two walks of a container that shows `shown`; `between` is done between them.
fn transcript(shown: &str, between: impl FnOnce()) -> Vec<String> {
    let script = attacks::script(include_str!("../attacks/transcript.py"));
    let mut walker = Container::new()
        .shows(&[shown])
        .start(&["python3", "-c", &script]);
    walker.expect("first");
    between();
    walker.say("");
    walker.expect("second");
    walker
        .wait(Duration::from_secs(10))
        .ok()
        .lines()
        .into_iter()
        .map(String::from)
        .collect()
}

/// Defences: node numbers are given when a name is first shown (viewfs::nodes), link counts are no
/// counts, cookies are positions among what shows (`readdir` in viewfs::adapter), a directory's times
/// are the view's own, and nobody is told of what changes nothing (`ViewChange`).
#[test]
fn transcripts_are_the_same_with_and_without_a_hidden_device() {
    let shown = Loop::add(740);
    let absent = transcript(&shown.name(), || {});
    assert!(
        absent
            .iter()
            .any(|l| l.contains("/sys/class/block/loop740 ino")),
        "{absent:#?}"
    );
    let mut hidden = None;
    let plugged = transcript(&shown.name(), || hidden = Some(Loop::add(741)));
    assert_same("it was plugged meanwhile", &absent, &plugged);
    let present = transcript(&shown.name(), || {});
    assert_same("it is there", &absent, &present);
    let pulled = transcript(&shown.name(), || drop(hidden.take()));
    assert_same("it was pulled meanwhile", &absent, &pulled);
}

#[track_caller]
fn assert_same(when: &str, expected: &[String], got: &[String]) {
    let differ = expected.iter().zip(got).find(|(a, b)| a != b);
    assert!(
        differ.is_none() && expected.len() == got.len(),
        "{when}: {differ:?}, {} and {} lines",
        expected.len(),
        got.len()
    );
}

const LOOK_UP: &str = r#"
print("ready", flush=True)
for line in sys.stdin:
    name, number = line.split()
    for path in ("/sys/class/block/%s", "/sys/block/%s", "/sys/devices/virtual/block/%s",
                 "/sys/devices/virtual/block/%s/size", "/sys/devices/virtual/bdi/7:" + number, "/dev/%s",
                 "/sys/dev/block/7:" + number, "/sys/class/block/%s/size"):
        print(result(lambda: os.lstat(path % name if "%s" in path else path) and None), end=" ")
    print("done " + name, flush=True)
"#;

/// Defences: `judge` before the source is asked (`Filtered::stat` in viewfs::filter), in memory.
#[test]
fn the_server_asks_the_same_of_the_host_for_hidden_and_absent() {
    let (shown, hidden) = (Loop::add(742), Loop::add(743));
    let log = tempfile::NamedTempFile::new().expect("a file");
    let container = Container::new().shows(&[&shown.name()]);
    let mut inside = container.start(&["python3", "-c", &attacks::script(LOOK_UP)]);
    inside.expect("ready");
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-qq",
        "-s",
        "0",
        "-e",
        "trace=%file,%desc,%net",
        "-p",
        &inside.pid().to_string(),
        "-o",
    ]);
    strace.arg(log.path()).stdin(Stdio::null());
    let mut strace = Running::start(&mut strace);
    eventually("strace is attached", Duration::from_secs(5), || {
        is_traced(inside.pid())
    });

    // they hear what is plugged, by this test or another, and look after the first process
    let others = not_serving(inside.pid());
    let calls = |log: &str| calls(log, &others);
    let mut ask = |name: &str, number: &str| {
        let before = read(log.path()).len();
        inside.say(&format!("{name} {number}"));
        let answer = inside.expect(&format!("done {name}"));
        std::thread::sleep(Duration::from_millis(300));
        (
            answer.replace(name, ""),
            read(log.path())[before..].to_string(),
        )
    };
    // what is only done once is done by then
    ask("loop744", "744");
    let (absent_said, absent) = ask("loop745", "745");
    let (hidden_said, of_hidden) = ask("loop743", "743");
    let (shown_said, of_shown) = ask("loop742", "742");
    assert_eq!(absent_said, hidden_said);
    assert!(
        hidden_said
            .split_whitespace()
            .filter(|w| *w != "done")
            .all(|w| w == "ENOENT"),
        "{hidden_said}"
    );
    let (of_absent, as_hidden) = (calls(&absent), calls(&of_hidden));
    assert!(!of_absent.is_empty(), "nothing was logged: {absent}");
    // what the container may have put into /dev itself is looked for in a tmpfs of its own, by name
    let nameless = |calls: Vec<String>| -> Vec<String> {
        let calls = calls.into_iter();
        calls
            .map(|call| call.replace("loop745", "NAME").replace("loop743", "NAME"))
            .collect()
    };
    let (of_absent, as_hidden) = (nameless(of_absent), nameless(as_hidden));
    let only = |these: &[String], those: &[String]| {
        these
            .iter()
            .filter(|c| !those.contains(c))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of_absent,
        as_hidden,
        "only absent: {:#?}, only hidden: {:#?}",
        only(&of_absent, &as_hidden),
        only(&as_hidden, &of_absent)
    );
    // but for the name alone, in the container's own tmpfs
    let elsewhere = of_hidden.replace("\"loop743\"", "");
    assert!(!elsewhere.contains("743"), "it is named: {of_hidden}");
    // against vacuity: what shows is asked for by name, and the log has it
    assert!(
        shown_said.contains("ok") && of_shown.contains("block/loop742"),
        "{shown_said}: {of_shown}"
    );

    // that one comes or goes is told to nobody: not to the kernel's caches, not to the container
    let before = read(log.path()).len();
    hidden.remove();
    let again = Loop::add(743);
    std::thread::sleep(Duration::from_millis(500));
    let meanwhile = read(log.path())[before..].to_string();
    assert!(
        meanwhile.contains("recvmsg"),
        "the monitor heard nothing: {meanwhile}"
    );
    assert!(
        !meanwhile.contains("sendto(") && !meanwhile.contains("sendmsg("),
        "somebody is told: {meanwhile}"
    );
    drop(again);
    strace.end();
}

const INTO: &str = r#"
import select
print("ready", flush=True)
opened = read = 0
end = time.monotonic() + 60
while time.monotonic() < end and not select.select([sys.stdin], [], [], 0)[0]:
    for _ in range(100):
        try:
            fd = os.open("/sys/devices/virtual/block/loop746", os.O_PATH)
        except OSError:
            continue
        opened += 1
        until = time.monotonic() + 0.02
        while time.monotonic() < until:
            try:
                os.close(os.open("size", os.O_RDONLY, dir_fd=fd))
                read += 1
                break
            except OSError:
                pass
        os.close(fd)
print("opened %d read %d" % (opened, read), flush=True)
"#;

/// The kernel makes a device's directory, then its `uevent` file, then all else, and then tells of it: for a moment nothing says that
/// it is a device's. Defences: `is_in_unknown_device` in viewfs::filter.
#[test]
fn whoever_has_the_directory_before_it_is_known_finds_nothing_in_it() {
    let rules = "version: 1\npolicies:\n  test:\n    rules:\n      - path: /devices/virtual/block/**\n        show: ro\n";
    let script = attacks::script(INTO);
    let mut inside = Container::new()
        .rules(rules)
        .start(&["python3", "-c", &script]);
    inside.expect("ready");
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        Loop::add(746).remove();
    }
    inside.say("");
    let said = inside.expect("opened");
    assert!(said.ends_with("read 0"), "{said}");
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).expect("the log")).into_owned()
}

fn is_traced(pid: i32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let mut all =
        tasks.map(|t| std::fs::read_to_string(t.path().join("status")).unwrap_or_default());
    all.all(|status| {
        status
            .lines()
            .any(|l| l.starts_with("TracerPid:") && !l.ends_with("\t0"))
    })
}

/// The threads of devns that serve no request.
fn not_serving(pid: i32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .expect("threads")
        .flatten();
    let engine = tasks.filter(|t| {
        std::fs::read_to_string(t.path().join("comm")).is_ok_and(|c| c.trim() == "engine")
    });
    let mut all: Vec<String> = engine
        .map(|t| t.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(all.len(), 1, "the thread called engine");
    all.push(pid.to_string());
    all
}

/// The calls in a log that are about the host, sorted: what is called, on which names. Threads,
/// descriptors, addresses and results differ from one to the next, and a call that is logged in two
/// pieces has them in the second. What comes and goes on /dev/fuse is the container's own.
fn calls(log: &str, others: &[String]) -> Vec<String> {
    let mut all: Vec<String> = log
        .lines()
        .filter_map(|line| line.split_once(char::is_whitespace))
        // the rest of a line that was being written when the question was asked
        .filter(|(thread, _)| thread.parse::<u32>().is_ok())
        .filter(|(thread, _)| !others.iter().any(|other| other == thread))
        .filter_map(|(_, call)| call.trim_start().split_once('('))
        .filter(|(name, _)| !["read", "writev"].contains(name) && !name.starts_with('<'))
        .map(|(name, arguments)| {
            let names: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
            format!("{name} {}", names.join(" "))
        })
        .collect();
    all.sort();
    all
}
