//! What changes shows, at once where an event says so and within a second where none does; what the
//! kernel keeps or reads by itself is no older than that.
//!
//! Loop devices 800 to 819 are this file's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::container::show_block;
use tests::{Container, Loop, Running, eventually, sh};

/// How long a change that no event announces may take to show.
const SECOND: Duration = Duration::from_millis(1050);
const SOON: Duration = Duration::from_secs(5);

/// A shell inside that is told what to do line by line.
fn shell(container: Container) -> Running {
    let mut inside = container.start(&[
        "sh",
        "-c",
        "echo ready; while read -r line; do eval \"$line\" 2>&1; echo end; done",
    ]);
    inside.expect("ready");
    inside
}

/// What `command` prints there.
fn ask(inside: &mut Running, command: &str) -> String {
    inside.say(command);
    let mut all = String::new();
    loop {
        let line = inside.line(SOON, |_| true).expect("an answer");
        if line == "end" {
            return all;
        }
        all += &line;
        all.push('\n');
    }
}

/// A program inside that does what lines of Python on its stdin say.
fn python(container: Container) -> Running {
    let mut inside = container.start(&[
        "python3",
        "-c",
        "import os, select, sys, time\n\
         def attempt(act):\n    try: return act()\n    except OSError as e: return e.errno\n\
         print('ready', flush=True)\n\
         for line in sys.stdin:\n    exec(line)\n    print('end', flush=True)\n",
    ]);
    inside.expect("ready");
    inside
}

#[test]
fn a_change_without_an_event_shows_within_a_second() {
    let mut disk = Loop::add(800);
    let name = disk.name();
    let mut inside = shell(Container::new().shows(&[&name]));
    let list = format!("ls /sys/block/{name}/");
    let mode = format!("stat -c %a /sys/block/{name}/size");
    let before = ask(&mut inside, &list);
    assert!(before.contains("queue") && !before.lines().any(|l| l == "loop"));
    // twice: kept by then
    assert_eq!(ask(&mut inside, &list), before);
    assert_eq!(ask(&mut inside, &mode), "444\n");
    // a group of attributes, and a mode, which no event tells of
    disk.fill(&[0; 4096]);
    let size = disk.syspath().join("size");
    fs::set_permissions(&size, fs::Permissions::from_mode(0o440)).expect("chmod");
    sleep(SECOND);
    assert_eq!(ask(&mut inside, &mode), "440\n");
    assert!(ask(&mut inside, &list).lines().any(|l| l == "loop"));
    assert!(ask(&mut inside, &format!("cat /sys/block/{name}/loop/offset")).contains('0'));
    disk.empty();
    sleep(SECOND);
    assert_eq!(ask(&mut inside, &list), before);
    let gone = ask(&mut inside, &format!("cat /sys/block/{name}/loop/offset"));
    assert!(gone.contains("No such file"), "{gone}");
}

/// Content is never kept: neither what the kernel reads by itself nor what we read.
#[test]
fn content_is_as_it_is_now() {
    let mut disk = Loop::add(801);
    let name = disk.name();
    let mut inside = shell(Container::new().shows(&[&name]));
    let size = format!("cat /sys/block/{name}/size");
    for _ in 0..3 {
        assert_eq!(ask(&mut inside, &size), "0\n");
    }
    disk.fill(&[0; 8192]);
    assert_eq!(ask(&mut inside, &size), "16\n");
    disk.empty();
    assert_eq!(ask(&mut inside, &size), "0\n");
}

/// Listings, attributes and text files that are open need no server: it may be stopped.
#[test]
fn what_the_kernel_keeps_is_there_without_the_server() {
    let disk = Loop::add(802);
    let name = disk.name();
    let mut inside = python(Container::new().shows(&[&name]));
    let top = format!("/sys/block/{name}");
    // the first read tells that it is text; from the second open on the kernel reads it
    inside.say(&format!(
        "open('{top}/ro').read(); f = os.open('{top}/ro', 0); os.listdir('{top}/queue')"
    ));
    inside.expect("end");
    // names are kept for a second, which may be over before they are asked for
    for _ in 0..20 {
        inside.say(&format!(
            "os.stat('{top}/queue/nr_requests'); os.listdir('{top}/queue')"
        ));
        inside.expect("end");
        inside.signal(Signal::SIGSTOP);
        inside.say(&format!(
            "print('kept', os.pread(f, 9, 0), len(os.listdir('{top}/queue')) > 20, os.stat('{top}/queue/nr_requests').st_size)"
        ));
        let answer = inside.line(Duration::from_secs(1), |l| l.starts_with("kept"));
        inside.signal(Signal::SIGCONT);
        inside.expect("end");
        if let Some(answer) = answer {
            assert_eq!(answer, "kept b'0\\n' True 4096");
            return;
        }
    }
    panic!("it never answered while the server was stopped");
}

/// Another device under a name is another file, for whoever had the first one open too.
#[test]
fn a_replug_is_another_file() {
    let first = Loop::add(803);
    let name = first.name();
    let mut inside = python(Container::new().rules(&show_block(&[&name])));
    let ro = format!("/sys/devices/virtual/block/{name}/ro");
    inside.say(&format!(
        "open('{ro}').read(); f = os.open('{ro}', 0); print(os.pread(f, 9, 0))"
    ));
    inside.expect("b'0");
    inside.expect("end");
    first.remove();
    let _second = Loop::add(803);
    inside.say("print('old', attempt(lambda: os.pread(f, 9, 0)))");
    inside.expect("old 19");
    inside.expect("end");
    eventually("the new one is there", SOON, || {
        inside.say(&format!(
            "print('new', os.path.exists('{ro}') and open('{ro}').read())"
        ));
        inside.expect("new").contains('0')
    });
}

/// The number of the active virtual terminal, told by `poll`: /sys/class/tty/tty0/active.
fn switch_terminal(to: u16) {
    let script = format!(
        "import fcntl, os\nfd = os.open('/dev/tty0', os.O_RDWR | os.O_NOCTTY)\nfcntl.ioctl(fd, 0x5606, {to})"
    );
    sh(&format!("/usr/bin/python3 -c \"{script}\""));
}

#[test]
fn poll_wakes_when_an_attribute_changes() {
    let active = "/sys/class/tty/tty0/active";
    let now = || fs::read_to_string(active).expect(active).trim().to_string();
    let before: u16 = now().trim_start_matches("tty").parse().expect("a number");
    let other = if before == 9 { 10 } else { 9 };
    let rules = "      - match: { subsystem: tty, devname: tty0 }\n        show: ro\n";
    let text = format!("version: 1\npolicies:\n  p:\n    rules:\n{rules}");
    let mut inside = python(Container::new().rules(&text));
    let do_it = |inside: &mut Running, line: &str| {
        inside.say(line);
        inside.expect("end");
    };
    do_it(&mut inside, "PRI = select.POLLPRI");
    do_it(
        &mut inside,
        "wait = lambda f, ms: (lambda p: (p.register(f, PRI), p.poll(ms))[1])(select.poll())",
    );
    // the first open is read by us, the second by the kernel
    for open in ["ours", "the kernel's"] {
        do_it(
            &mut inside,
            &format!("f = os.open('{active}', 0); os.pread(f, 64, 0)"),
        );
        if open != "ours" {
            // what it read before we looked we do not know: it is told once too often
            do_it(&mut inside, "wait(f, 0); time.sleep(0.1)");
        }
        inside.say("os.pread(f, 64, 0); print('quiet', wait(f, 200))");
        assert_eq!(inside.expect("quiet"), "quiet []", "{open}");
        inside.expect("end");
        inside.say("print('polling', flush=True); t = time.time(); r = wait(f, 5000); print('woken', r[0][1] & 10, time.time() - t < 4, os.pread(f, 64, 0))");
        inside.expect("polling");
        sleep(Duration::from_millis(200));
        switch_terminal(other);
        let woken = inside.expect("woken");
        inside.expect("end");
        switch_terminal(before);
        assert_eq!(woken, format!("woken 10 True b'tty{other}\\n'"), "{open}");
        sleep(Duration::from_millis(200));
        // and epoll
        do_it(
            &mut inside,
            "os.pread(f, 64, 0); wait(f, 0); time.sleep(0.1); os.pread(f, 64, 0)",
        );
        do_it(
            &mut inside,
            "e = select.epoll(); e.register(f, select.EPOLLPRI | select.EPOLLERR)",
        );
        inside.say("print('polling', flush=True); print('epoll', bool(e.poll(5)))");
        inside.expect("polling");
        sleep(Duration::from_millis(200));
        switch_terminal(other);
        assert_eq!(inside.expect("epoll"), "epoll True", "{open}");
        inside.expect("end");
        switch_terminal(before);
        do_it(&mut inside, "os.close(f); e.close()");
    }
    eventually("the terminal is back", SOON, || {
        now() == format!("tty{before}")
    });
}

/// The kernel tells the container of its own interfaces before it tells us.
#[test]
fn own_interfaces_show_at_once() {
    let container = Container::new().userns().args(["--cap-add", "NET_ADMIN"]);
    let mut inside = shell(container);
    let names = "echo $(ls /sys/class/net) $(ls /sys/devices/virtual/net)";
    let expect = |inside: &mut Running, command: &str, both: &str| {
        let got = ask(inside, &format!("{command}; {names}"));
        assert_eq!(
            got.trim_end(),
            format!("{both} {both}"),
            "after {command:?}"
        );
    };
    expect(&mut inside, "true", "lo");
    for round in 0..5 {
        expect(
            &mut inside,
            "ip link add ve0 type veth peer name ve1",
            "lo ve0 ve1",
        );
        expect(&mut inside, "ip link set ve0 name ww0", "lo ve1 ww0");
        let of = ask(
            &mut inside,
            "cat /sys/class/net/ww0/uevent; stat /sys/class/net/ve0 >/dev/null; stat /sys/devices/virtual/net/ve0 >/dev/null",
        );
        assert!(
            of.contains("INTERFACE=ww0") && of.matches("No such file").count() == 2,
            "{round}: {of}"
        );
        expect(&mut inside, "ip link del ww0", "lo");
    }
}

/// Defence: the count of its own in `engine::seqnum`; the kernel's would move with a hidden plug.
#[test]
fn the_number_of_the_last_event_is_its_own() {
    let (shown, hidden) = (810, 811);
    for userns in [false, true] {
        let container = Container::new().shows(&[&format!("loop{shown}")]);
        let mut inside = shell(if userns {
            container.userns()
        } else {
            container
        });
        let mut number = || -> u64 {
            let text = ask(&mut inside, "cat /sys/kernel/uevent_seqnum");
            text.trim().parse().expect("a number")
        };
        let before = number();
        let kernels = || -> u64 {
            let text = fs::read_to_string("/sys/kernel/uevent_seqnum").expect("a number");
            text.trim().parse().expect("a number")
        };
        let at_first = kernels();
        drop(Loop::add(hidden));
        assert!(kernels() > at_first);
        assert_eq!(number(), before);
        let disk = Loop::add(shown);
        let until = Instant::now() + SOON;
        while number() == before {
            assert!(Instant::now() < until, "it has heard of {}", disk.name());
        }
        let after = number();
        assert!(after > at_first && after <= kernels(), "{after}");
    }
}
