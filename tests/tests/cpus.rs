//! `cpus: cgroup`: /sys shows the CPUs of the cpuset that the container is in, and follows it.
//!
//! Needs two CPUs: one that shows, one that does not.

use std::fs;
use std::time::{Duration, Instant};

use tests::{Container, Cpuset, Heard, Mountpoint, Running, cpuset, eventually, mounted, sh};

const RULES: &str = "version: 1\npolicies:\n  test:\n    cpus: cgroup\n";
const SYSTEM: &str = "/sys/devices/system";

/// How long a change may take to show: what is promised is a second, for names, and a tenth for our
/// own look at the cpuset; the rest is for the test.
const SOON: Duration = Duration::from_millis(2000);

/// The host's CPUs that are online, of which a test uses the first and the last.
fn host_cpus() -> (u32, u32) {
    let text = fs::read_to_string(format!("{SYSTEM}/cpu/online")).expect("the CPUs online");
    let cpus = kobject::CpuSet::parse_list(text.as_bytes()).expect("a list of CPUs");
    let all: Vec<u32> = cpus.iter().collect();
    match all[..] {
        [first, .., last] => (first, last),
        _ => panic!("this machine has one CPU; what does not show needs another"),
    }
}

/// Everything that says which CPUs there are, a line each.
const LOOK: &str = "cd /sys/devices/system
for f in online present possible; do echo $f $(cat cpu/$f); done
echo directories $(ls cpu | grep -E '^cpu[0-9]+$')
echo links $(ls /sys/bus/cpu/devices)
echo node $(cat node/node*/cpulist) $(ls node/node*/ | grep -E '^cpu[0-9]+$')
echo lscpu $(lscpu | sed -n 's/^On-line CPU(s) list: *//p')
echo parsed $(lscpu -p=CPU | grep -v '^#')
echo counted $(lscpu | sed -n 's/^CPU(s): *//p')";

#[test]
fn only_the_cpus_of_the_cpuset_show() {
    let (first, last) = host_cpus();
    for (shown, hidden) in [(first, last), (last, first)] {
        for container in [Container::new(), Container::new().userns()] {
            let cpuset = Cpuset::new(&shown.to_string());
            let container = container.cpuset(&cpuset).rules(RULES);
            let seen = container.sh(LOOK).ok();
            let expected = [
                format!("online {shown}"),
                format!("present {shown}"),
                format!("possible {shown}"),
                format!("directories cpu{shown}"),
                format!("links cpu{shown}"),
                format!("node {shown} cpu{shown}"),
                format!("lscpu {shown}"),
                format!("parsed {shown}"),
                "counted 1".to_string(),
            ];
            assert_eq!(seen.lines(), expected, "{seen}");
            let absent = [
                format!("{SYSTEM}/cpu/cpu{hidden}"),
                format!("{SYSTEM}/cpu/cpu{hidden}/topology/core_id"),
                format!("/sys/bus/cpu/devices/cpu{hidden}"),
                format!("{SYSTEM}/clockevents/clockevent{hidden}"),
            ];
            let script = absent
                .map(|path| format!("stat {path} && exit 1\n"))
                .concat();
            let seen = container.sh(&format!("{script}true")).ok();
            let errors = seen.stderr.matches("No such file or directory").count();
            assert_eq!(errors, 4, "{seen}");
        }
    }
}

/// Whatever file below a CPU that shows, and of the nodes, names CPUs: as the kernel writes it, with
/// the bits of the others gone; all else as the host has it, modes too.
#[test]
fn every_other_file_is_the_hosts() {
    let (_, shown) = host_cpus();
    let cpuset = Cpuset::new(&shown.to_string());
    let look = format!(
        "cd {SYSTEM}; for f in cpu/cpu{shown}/topology/* cpu/cpu{shown}/cache/index*/* cpu/kernel_max cpu/modalias \
         node/node*/cpulist node/node*/cpumap; do test -f $f && echo $(stat -c '%n %a %s' $f): $(cat $f 2>&1); done; true"
    );
    let inside = Container::new().cpuset(&cpuset).rules(RULES).sh(&look).ok();
    let host = sh(&look);
    let host: Vec<&str> = host.lines().collect();
    assert_eq!(inside.lines().len(), host.len(), "{inside}");
    let mut restricted = 0;
    for (inside, host) in inside.lines().into_iter().zip(host) {
        let (name, now) = inside.split_once(": ").unwrap_or((inside, ""));
        let (host_name, before) = host.split_once(": ").unwrap_or((host, ""));
        assert_eq!(name, host_name);
        let path = name.split(' ').next().unwrap_or_default();
        let is_list = path.ends_with("list");
        let is_mask = ["cpus", "siblings", "map"]
            .iter()
            .any(|end| path.ends_with(end));
        if is_list {
            assert!(now == shown.to_string() || now.is_empty(), "{inside}");
        } else if is_mask {
            let (set, _) = kobject::CpuSet::parse_mask(now.as_bytes()).expect(inside);
            assert!(set.iter().all(|cpu| cpu == shown), "{inside}");
            assert_eq!(now.len(), before.len(), "{inside} {host}");
        } else {
            assert_eq!(inside, host);
            continue;
        }
        restricted += 1;
    }
    assert!(restricted >= 10, "{inside}");
}

/// A shell in a container that answers questions.
struct Shell(Running);

impl Shell {
    fn start(container: Container) -> Shell {
        let read = "while read -r line; do eval \"$line\"; done";
        Shell(container.rules(RULES).start(&["sh", "-c", read]))
    }

    #[track_caller]
    fn ask(&mut self, question: &str) -> String {
        self.0.say(&format!(
            "echo \"answer $({question} 2>&1 | tr '\\n' ' ')\""
        ));
        let line = self.0.expect("answer");
        line.trim_start_matches("answer").trim().to_string()
    }

    #[track_caller]
    fn becomes(&mut self, question: &str, expected: &str) {
        let began = Instant::now();
        let mut last = String::new();
        while last != expected {
            assert!(began.elapsed() < SOON, "{question}: {last}, not {expected}");
            last = self.ask(question);
        }
    }
}

#[test]
fn a_change_of_the_cpuset_shows_while_it_runs() {
    let (first, last) = host_cpus();
    let cpuset = Cpuset::new(&last.to_string());
    let mut shell = Shell::start(Container::new().cpuset(&cpuset));
    let online = format!("cat {SYSTEM}/cpu/online");
    let of = |cpu: u32| format!("cat {SYSTEM}/cpu/cpu{cpu}/topology/core_cpus_list");
    assert_eq!(shell.ask(&online), last.to_string());
    shell.0.say(&format!(
        "exec 3<{SYSTEM}/cpu/cpu{last}/topology/core_id 4<{SYSTEM}/cpu/online"
    ));

    cpuset.set(&format!("{first},{last}"));
    let both: kobject::CpuSet = [first, last].into_iter().collect();
    shell.becomes(&online, &both.to_string());
    assert_ne!(shell.ask(&of(first)), "");
    assert!(!shell.ask(&of(first)).contains("No such file"));
    assert_eq!(shell.ask("cat <&4"), both.to_string(), "opened before");
    assert_ne!(shell.ask("cat <&3"), "");

    cpuset.set(&first.to_string());
    shell.becomes(&online, &first.to_string());
    // the kernel keeps the names that it was told of for a second
    shell.becomes(
        &format!("test -e {SYSTEM}/cpu/cpu{last} || echo gone"),
        "gone",
    );
    shell.becomes(
        &format!("test -e /sys/bus/cpu/devices/cpu{last} || echo gone"),
        "gone",
    );
    assert_eq!(
        shell.ask(&format!("ls {SYSTEM}/cpu | grep -E '^cpu[0-9]+$'")),
        format!("cpu{first}")
    );
    assert_eq!(
        shell.ask("python3 -c 'import os; os.pread(3, 9, 0)' 2>&1 | grep -o 'No such device'"),
        "No such device"
    );
}

/// Who is moved elsewhere has the CPUs of that place.
#[test]
fn the_first_process_takes_its_cpus_along() {
    let (first, last) = host_cpus();
    let (cpuset, other) = (
        Cpuset::new(&first.to_string()),
        Cpuset::new(&last.to_string()),
    );
    let mut shell = Shell::start(Container::new().userns().cpuset(&cpuset));
    let online = format!("cat {SYSTEM}/cpu/online");
    assert_eq!(shell.ask(&online), first.to_string());
    other.take(shell.0.first_process());
    shell.becomes(&online, &last.to_string());
    drop(shell);
}

#[test]
fn without_the_key_all_of_the_hosts_show() {
    let (first, last) = host_cpus();
    let cpuset = Cpuset::new(&first.to_string());
    let rules = RULES.replace("cgroup", "host");
    for container in [Container::new(), Container::new().rules(&rules)] {
        let look = format!("cd {SYSTEM}/cpu; cat online; ls -d cpu{last}");
        let host = fs::read_to_string(format!("{SYSTEM}/cpu/online")).expect("it");
        let seen = container.cpuset(&cpuset).sh(&look).ok();
        assert_eq!(seen.stdout, format!("{host}cpu{last}\n"));
    }
}

#[test]
fn an_event_of_a_hidden_cpu_is_withheld() {
    let (first, last) = host_cpus();
    let cpuset = Cpuset::new(&last.to_string());
    let mut heard = Heard::start(&Container::new().rules(RULES));
    cpuset.take(heard.running.first_process());
    std::thread::sleep(Duration::from_millis(200));
    // were the first delivered, it would be before the second
    for cpu in [first, last] {
        let file = format!("{SYSTEM}/cpu/cpu{cpu}/uevent");
        fs::write(&file, "change").unwrap_or_else(|e| panic!("{file}: {e}"));
    }
    heard.expect(&format!("change@/devices/system/cpu/cpu{last}"));
    let hidden = format!("change@/devices/system/cpu/cpu{first}");
    assert!(
        !heard.heads().contains(&hidden.as_str()),
        "{:?}",
        heard.heads()
    );
}

/// The file system without a container shows the CPUs of who mounts it.
#[test]
fn a_mount_has_the_cpus_of_who_mounts() {
    let (_, last) = host_cpus();
    let (cpuset, place) = (Cpuset::new(&last.to_string()), Mountpoint::new());
    let rules = tempfile::NamedTempFile::with_suffix(".yaml").expect("a temporary file");
    fs::write(rules.path(), RULES).expect("a rule file");
    let mut command = cpuset::within(&cpuset.procs(), &mounted::binary("sysfs"));
    command
        .arg("-f")
        .arg("--policy")
        .arg(rules.path())
        .arg(place.path());
    let running = Running::start(&mut command);
    eventually("it is mounted", Duration::from_secs(10), || {
        place.mountinfo().is_some()
    });
    let cpus = place.join("devices/system/cpu");
    let online = fs::read_to_string(cpus.join("online")).expect("the CPUs online");
    assert_eq!(online, format!("{last}\n"));
    let first = host_cpus().0;
    assert!(!cpus.join(format!("cpu{first}")).exists());
    assert!(cpus.join(format!("cpu{last}")).exists());
    drop(running);
}
