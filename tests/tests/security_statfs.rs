//! The agent that answers statfs(2): it can neither be held up nor be relied on (requirement 8). That the
//! ways out of a container are closed without it too is in security_escape.rs, what it answers in statfs.rs.

#[path = "../attacks/mod.rs"]
mod attacks;

use std::fs;
use std::time::{Duration, Instant};

use attacks::both;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::processes::children;
use tests::{Container, Running, eventually, leftovers, unique};

const LIMIT: Duration = Duration::from_secs(20);

fn body(rest: &str) -> String {
    format!("{}\n{rest}", include_str!("../attacks/statfs.py"))
}

/// The agent of a `devns run`.
fn agent(devns: &Running) -> i32 {
    let is = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c == "devns-agent\n")
    };
    let found = children(devns.pid()).into_iter().find(is);
    found.unwrap_or_else(|| panic!("no agent\n{}", devns.so_far()))
}

/// What others are answered while `held` threads of `container` are in `call`, and how long the container
/// then takes to end.
fn held_up(
    container: Container,
    prepare: &str,
    call: &str,
    held: usize,
) -> (Vec<String>, Duration) {
    let script = format!(
        "{prepare}
threads = hold({held}, lambda: {call})
for at in range(5):
    print('answer', within(1, lambda: of('/sys')), within(1, lambda: of('/run')), flush=True)
print('held', sum(t.is_alive() for t in threads), flush=True)
time.sleep(1000)"
    );
    let name = unique("held");
    let container = container.name(&name);
    let mut running = container.start(&["python3", "-c", &attacks::script(&body(&script))]);
    let mut answers = Vec::new();
    while let Some(line) = running.line(LIMIT, |_| true) {
        if line.starts_with("held") {
            assert_eq!(line, format!("held {held}"), "not what is tested");
            break;
        }
        answers.push(line.trim_start_matches("answer ").to_string());
    }
    assert_eq!(answers.len(), 5, "{}", running.so_far());
    let (pid, begun) = (running.pid(), Instant::now());
    running.signal(Signal::SIGTERM);
    let ended = running.wait(LIMIT);
    let took = begun.elapsed();
    assert_eq!(ended.code(), Some(128 + Signal::SIGTERM as i32), "{ended}");
    let left = leftovers::of(&name, pid);
    assert!(left.is_empty(), "left behind: {left:#?}");
    (answers, took)
}

/// With a rule for /dev/fuse; with CAP_SYS_ADMIN, a mount that everybody may walk, the agent too.
fn with_fuse(caps: &[&str]) -> Container {
    let fuse = "version: 1\npolicies:\n  test:\n    rules:\n      - match: { subsystem: misc, devname: fuse }\n        show: rw\n";
    let args = caps.iter().flat_map(|cap| ["--cap-add", cap]);
    Container::new().rules(fuse).args(args)
}

/// Defence: a thread of the agent's for each call (`Question::look_into` in run/agent.rs). On one thread
/// for all, no call is answered after the first that is held.
#[test]
fn who_holds_its_own_call_holds_nobody_else() {
    let ptrace = || Container::new().args(["--cap-add", "SYS_PTRACE"]);
    let mounted = "hung_mount('/mnt', ',allow_other')";
    let page = "nest(NEWNS)\nhung_mount('/mnt')\npage = hung_page('/mnt')";
    let into = "figures('statfs', b'/sys', page)";
    let cases = [
        ("a buffer", ptrace(), "page = missing_page()", into),
        (
            "a path",
            ptrace(),
            "page = missing_page()",
            "figures('statfs', page)",
        ),
        ("a walk", with_fuse(&["SYS_ADMIN"]), mounted, "of('/mnt/x')"),
        ("a buffer in a mount", with_fuse(&[]), page, into),
        (
            "a path in a mount",
            with_fuse(&[]),
            page,
            "figures('statfs', page)",
        ),
    ];
    for (name, container, prepare, call) in cases {
        let (answers, took) = held_up(container, prepare, call, 3);
        assert_eq!(answers, ["ok sysfs ok tmpfs"; 5], "{name}");
        assert!(
            took < Duration::from_secs(3),
            "{name}: the end took {took:?}"
        );
    }
}

/// Defence: the number of threads is bounded, and who finds them all busy gets the truth at once
/// (`WORKERS`).
#[test]
fn when_all_are_held_the_kernel_answers() {
    let mounted = "hung_mount('/mnt', ',allow_other')";
    let (answers, took) = held_up(with_fuse(&["SYS_ADMIN"]), mounted, "of('/mnt/x')", 16);
    assert_eq!(answers, ["ok fuse ok tmpfs"; 5]);
    assert!(took < Duration::from_secs(3), "the end took {took:?}");
}

const FLIP: &str = r#"
cell = mmap.mmap(-1, 4096)
flipped = ctypes.c_uint64.from_buffer(cell)
SYS, RUN = (int.from_bytes(p.ljust(8, b"\0"), "little") for p in (b"/sys", b"/run"))
flipped.value = SYS
descriptors = [os.open("/sys", os.O_PATH), os.open("/run", os.O_PATH)]
used = os.dup(descriptors[0])
seen = {}
until = time.time() + 3
def flip():
    while time.time() < until:
        for value in (RUN, SYS) * 50:
            flipped.value = value
pid = os.fork()
if pid == 0:
    flip()
    os._exit(0)
def swap():
    while time.time() < until:
        for fd in descriptors:
            os.dup2(fd, used)
threading.Thread(target=swap).start()
path = ctypes.c_void_p(ctypes.addressof(flipped))
# what changes by itself is what a tmpfs has free
shape = lambda found: (found[0], found[1]) + found[9:]
known = {shape(figures("statfs", b"/sys")), shape(figures("statfs", b"/run"))}
while time.time() < until:
    for (call, subject) in (("statfs", path), ("fstatfs", used)):
        try:
            found = figures(call, subject)
        except OSError as e:
            seen["%s failed: %s" % (call, e)] = 1
            continue
        if found[0] == 0x65735546:
            # changed after the agent had looked: the truth about /sys
            found = (0x62656572,) + found[1:]
            key = "truth"
        else:
            key = name_of(found)
        if shape(found) not in known:
            key = "odd %s" % (found,)
        seen[call + " " + key] = seen.get(call + " " + key, 0) + 1
os.waitpid(pid, 0)
for key in seen:
    print("seen", key, seen[key], flush=True)
"#;

/// The memory that a call is about may change while it is looked into: then one path's answer comes or
/// the other's, whole; that of /sys possibly as the kernel has it.
#[test]
fn what_changes_meanwhile_gets_one_answer_or_the_other() {
    for (name, container) in both() {
        let seen = container.python(&attacks::script(&body(FLIP))).ok();
        let known = [
            "statfs sysfs",
            "statfs tmpfs",
            "statfs truth",
            "fstatfs sysfs",
            "fstatfs tmpfs",
            "fstatfs truth",
        ];
        let keys: Vec<String> = seen
            .lines()
            .iter()
            .map(|l| {
                l.trim_start_matches("seen ")
                    .rsplit_once(' ')
                    .map_or("", |l| l.0)
                    .into()
            })
            .collect();
        assert!(
            keys.iter().all(|k| known.contains(&k.as_str())),
            "{name}: {seen}"
        );
        for wanted in [
            "statfs sysfs",
            "statfs tmpfs",
            "fstatfs sysfs",
            "fstatfs tmpfs",
        ] {
            assert!(
                keys.iter().any(|k| k == wanted),
                "{name} lacks {wanted}: {seen}"
            );
        }
    }
}

/// A container whose agent is gone ends, and says why.
///
/// Defence: `Agent::watch`; without it every statfs inside fails with ENOSYS from then on.
#[test]
fn without_its_agent_a_container_ends() {
    for flags in [&[][..], &["--userns"], &["--init"]] {
        let name = unique("agentless");
        let container = Container::new().name(&name).args(flags.iter().copied());
        let script = "print('ready', flush=True)\nwhile True:\n    try: of('/sys')\n    except OSError: pass";
        let mut running = container.start(&["python3", "-c", &attacks::script(&body(script))]);
        running.expect("ready");
        let pid = running.pid();
        kill(Pid::from_raw(agent(&running)), Signal::SIGKILL).expect("a kill");
        running
            .wait(Duration::from_secs(5))
            .exits(125)
            .says("the agent that answers the container's statfs calls is gone; it is ended");
        let left = leftovers::of(&name, pid);
        assert!(left.is_empty(), "{flags:?} left behind: {left:#?}");
    }
}

/// It is a process of the host's: in no cgroup of the container, with nothing of devns's open but a
/// socket, and the container has nothing of it.
///
/// Defence: `close_all_but` in `run` of run/agent.rs.
#[test]
fn the_agent_is_apart() {
    let mut running = Container::new().userns().start(&[
        "sh",
        "-c",
        "ls -l /proc/self/fd; stat -f -c %T /sys; echo ready; read x",
    ]);
    let mut lines = Vec::new();
    while let Some(line) = running.line(LIMIT, |_| true) {
        if line == "ready" {
            break;
        }
        lines.push(line);
    }
    assert!(lines.iter().any(|l| l == "sysfs"), "{lines:?}");
    assert!(!lines.iter().any(|l| l.contains("seccomp")), "{lines:?}");
    let agent = agent(&running);
    let of = |pid: i32, file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).expect(file);
    assert_eq!(of(agent, "cgroup"), of(running.pid(), "cgroup"));
    // a thread that has answered may be on its way out
    eventually(
        "nothing but its own is open",
        Duration::from_secs(5),
        || {
            let mut open: Vec<String> = fs::read_dir(format!("/proc/{agent}/fd"))
                .expect("its descriptors")
                .flatten()
                .filter_map(|fd| fs::read_link(fd.path()).ok())
                .map(|target| target.display().to_string())
                .map(|target| target.split(":[").next().unwrap_or_default().to_string())
                .collect();
            open.sort();
            open == [
                "/dev/null",
                "/dev/null",
                "/dev/null",
                "anon_inode:seccomp notify",
                "socket",
            ]
        },
    );
}
