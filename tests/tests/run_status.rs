//! How `devns run` ends: the command's status, or one that says whose failure it was.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::{Container, Running, binaries};

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn the_commands_status_is_the_status() {
    for (script, status) in [
        ("true", 0),
        ("exit 3", 3),
        ("exit 125", 125),
        ("exit 255", 255),
    ] {
        for flags in [&[][..], &["--init"], &["--userns"], &["--userns", "--init"]] {
            let seen = Container::new().args(flags.iter().copied()).sh(script);
            assert_eq!(seen.code(), Some(status), "{flags:?} {seen}");
        }
    }
}

#[test]
fn a_command_that_cannot_run_is_126_or_127() {
    let cases = [
        ("/etc/passwd", 126, "permission denied"),
        ("/etc", 126, "permission denied"),
        (
            "/nothing/here",
            127,
            "there is no such command in the container",
        ),
        (
            "no-such-command",
            127,
            "there is no such command in the container",
        ),
        (
            "/etc/passwd/x",
            127,
            "there is no such command in the container",
        ),
        ("", 127, "there is no such command in the container"),
    ];
    for (command, status, text) in cases {
        for flags in [&[][..], &["--init"], &["--userns"], &["-t"]] {
            let container = Container::new().args(flags.iter().copied());
            container
                .run(&[command])
                .exits(status)
                .says(&format!("devns: {command}: {text}"));
        }
    }
}

/// What is wrong with the call itself is 125, with a sentence, and nothing is begun.
#[test]
fn wrong_use_is_125() {
    let cases: [(&[&str], &str); 15] = [
        (&["run"], "required arguments"),
        (&["run", "--"], "required arguments"),
        (
            &["run", "--nonsense", "--", "true"],
            "unexpected argument '--nonsense'",
        ),
        (&["run", "true"], "unexpected argument 'true'"),
        (
            &["run", "--net", "other", "--", "true"],
            "invalid value 'other'",
        ),
        (
            &["run", "--device-cgroup", "v3", "--", "true"],
            "invalid value 'v3'",
        ),
        (
            &["run", "--policy", "builtin:none", "--", "true"],
            "there is no built-in policy \"none\"",
        ),
        (
            &["run", "--policy", "/no/such/file", "--", "true"],
            "cannot be read: no such file or directory",
        ),
        (
            &["run", "--policy", "/etc", "--", "true"],
            "is not a regular file",
        ),
        (&["run", "--use", "nobody", "--", "true"], "nobody"),
        (
            &["run", "--rootfs", "/no/such/dir", "--", "true"],
            "is not a directory",
        ),
        (
            &["run", "--name", "../up", "--", "true"],
            "is no name for a container",
        ),
        (
            &["run", "--cap-add", "FLY", "--", "true"],
            "there is no capability \"FLY\"",
        ),
        (&["run", "--label", "novalue", "--", "true"], "is not K=V"),
        (&["run", "-e", "novalue", "--", "true"], "is not K=V"),
    ];
    for (args, text) in cases {
        tests::run(Command::new(binaries::devns()).args(args))
            .exits(125)
            .says(text);
    }
}

/// `trap` set, or not; with an init process inside, or not.
fn signalled(signal: Signal, init: bool, script: &str) -> Option<i32> {
    let container = if init {
        Container::new().arg("--init")
    } else {
        Container::new()
    };
    let mut running = container.start(&["sh", "-c", script]);
    running.expect("ready");
    running.signal(signal);
    running.wait(LIMIT).code()
}

const SIGNALS: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
];

#[test]
fn a_signal_that_the_command_does_not_handle_ends_it() {
    for signal in SIGNALS {
        for init in [false, true] {
            let container = if init {
                Container::new().arg("--init")
            } else {
                Container::new()
            };
            // as itself, and not below a shell: shells handle some signals
            let running = container.start(&["sh", "-c", "ulimit -c 0; exec sleep 100"]);
            let first = running.first_process();
            tests::eventually("sleep runs", LIMIT, || {
                let all = tests::processes::children(first).into_iter().chain([first]);
                all.map(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default())
                    .any(|c| c == "sleep\n")
            });
            running.signal(signal);
            assert_eq!(
                running.wait(LIMIT).code(),
                Some(128 + signal as i32),
                "{signal} init={init}"
            );
        }
    }
}

/// Some inits wait for signals with sigwait(3), during which they are not blocked for all to see.
#[test]
fn a_command_that_waits_for_a_signal_gets_it() {
    let script = "import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print('ready', flush=True)
sys.exit(signal.sigwait([signal.SIGTERM]))";
    let mut running = Container::new().start(&["python3", "-c", script]);
    running.expect("ready");
    std::thread::sleep(Duration::from_millis(100));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait(LIMIT).code(), Some(15));
}

#[test]
fn a_signal_that_the_command_handles_is_its_own_business() {
    for signal in SIGNALS {
        for init in [false, true] {
            let script = format!(
                "trap 'exit 7' {}; echo ready; while :; do sleep 0.05; done",
                signal as i32
            );
            assert_eq!(
                signalled(signal, init, &script),
                Some(7),
                "{signal} init={init}"
            );
        }
    }
}

#[test]
fn a_command_that_dies_by_a_signal_is_128_and_its_number() {
    // the first process of a pid namespace can only be killed from outside
    for init in [false, true] {
        let flags = if init { &["--init"][..] } else { &[] };
        let mut running = Container::new().args(flags.iter().copied()).start(&[
            "sh",
            "-c",
            "echo ready; sleep 100",
        ]);
        running.expect("ready");
        let first = running.first_process();
        kill(Pid::from_raw(first), Signal::SIGKILL).expect("a kill");
        assert_eq!(running.wait(LIMIT).code(), Some(137), "init={init}");
    }
    for (signal, status) in [("KILL", 137), ("SEGV", 139), ("TERM", 143)] {
        let seen = Container::new()
            .arg("--init")
            .sh(&format!("ulimit -c 0; kill -{signal} $$; sleep 10"));
        assert_eq!(seen.code(), Some(status), "{seen}");
    }
}

/// Orphans are reaped by the init process, and end with the container.
#[test]
fn init_reaps_orphans() {
    let script = "(sleep 0.05 & exec true) ; sleep 0.3; ps -eo stat,comm | grep -c '^Z' ; ps -eo pid,comm | head -2 | tail -1";
    let seen = Container::new().arg("--init").sh(script);
    assert_eq!(seen.lines()[0], "0", "{seen}");
    assert!(seen.lines()[1].ends_with("devns-init"), "{seen}");
}

#[test]
fn stdin_stdout_and_stderr_are_the_commands() {
    let mut command = Container::new().command(&["sh", "-c", "cat; echo err >&2"]);
    let mut running = Running::start(command.stdin(Stdio::piped()));
    running.say("through");
    running.hang_up();
    let seen = running.wait(LIMIT).ok();
    assert_eq!(seen.stdout, "through\n");
    assert!(seen.stderr.ends_with("err\n"), "{seen}");
}
