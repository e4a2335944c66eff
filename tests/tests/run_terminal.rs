//! A terminal of its own: job control, window size, and the one outside as it was.

use std::process::Command;

use serde_json::{Value, json};
use tests::{Container, inside};

/// Run `command` in `container` in a terminal, and do `steps`; the screen.
#[track_caller]
fn in_terminal(container: &Container, command: &[&str], steps: &[Value], status: i64) -> String {
    let devns = container.command(command);
    let mut all = Command::new(inside::PYTHON);
    all.args(["-c", inside::TERMINAL, &Value::from(steps).to_string()]);
    all.arg(devns.get_program()).args(devns.get_args());
    let seen = tests::run(&mut all).ok().json();
    let screen = seen["screen"].as_str().unwrap_or_default().to_string();
    assert!(
        seen["failed"].is_null(),
        "failed at {}\n{screen}",
        seen["failed"]
    );
    assert_eq!(seen["status"], status, "{screen}");
    assert_eq!(
        seen["restored"], true,
        "the terminal outside is not as it was"
    );
    screen
}

fn shell() -> [&'static str; 4] {
    ["bash", "--norc", "--noprofile", "-i"]
}

fn with_prompt(container: Container) -> Container {
    container.args(["-e", "PS1=go> ", "-e", "TERM=dumb"])
}

#[test]
fn a_shell_has_job_control() {
    for flags in [&[][..], &["--init"], &["--userns"], &["--userns", "--init"]] {
        let steps = [
            json!(["expect", "go> "]),
            json!(["send", "echo at=$(tty)\n"]),
            json!(["expect", "\nat=/dev/pts/0\r"]),
            json!(["expect", "go> "]),
            // ^C ends the job, and not the shell
            json!(["send", "sleep 100\n"]),
            json!(["wait", 0.3]),
            json!(["send", "\u{3}"]),
            json!(["expect", "\\^C"]),
            json!(["expect", "go> "]),
            json!(["send", "echo was=$?\n"]),
            json!(["expect", "\nwas=130\r"]),
            // ^Z stops it, fg goes on with it
            json!(["send", "sleep 101\n"]),
            json!(["wait", 0.3]),
            json!(["send", "\u{1a}"]),
            json!(["expect", "Stopped +sleep 101"]),
            json!(["send", "jobs\n"]),
            json!(["expect", "\\[1\\]\\+ +Stopped +sleep 101"]),
            json!(["send", "fg\n"]),
            json!(["expect", "\nsleep 101\r"]),
            json!(["wait", 0.3]),
            json!(["send", "\u{3}"]),
            json!(["expect", "go> "]),
            json!(["send", "exit 5\n"]),
        ];
        let screen = in_terminal(
            &with_prompt(Container::new().args(flags.iter().copied())),
            &shell(),
            &steps,
            5,
        );
        assert!(!screen.contains("no job control"), "{screen}");
    }
}

#[test]
fn the_window_size_follows() {
    let steps = [
        json!(["expect", "go> "]),
        json!(["send", "stty size\n"]),
        json!(["expect", "\n24 80\r"]),
        json!(["send", "trap 'echo resized' WINCH\n"]),
        json!(["expect", "go> "]),
        json!(["size", 40, 132]),
        json!(["wait", 0.3]),
        json!(["send", "\n"]),
        json!(["expect", "resized"]),
        json!(["send", "stty size\n"]),
        json!(["expect", "\n40 132\r"]),
        json!(["send", "exit\n"]),
    ];
    in_terminal(&with_prompt(Container::new()), &shell(), &steps, 0);
}

/// ^C in the terminal of a command that does not handle it ends it, also as first process.
#[test]
fn an_interrupt_reaches_the_command() {
    let steps = [json!(["expect", "ready"]), json!(["send", "\u{3}"])];
    let script = "import time; print('ready', flush=True)\nwhile True: time.sleep(0.1)";
    // Python turns it into an exception, and that into its own death by the signal; as the first
    // process of a pid namespace it cannot die so, and exits with 130
    for flags in [&[][..], &["--init"]] {
        let screen = in_terminal(
            &Container::new().args(flags.iter().copied()),
            &["python3", "-c", script],
            &steps,
            130,
        );
        assert!(screen.contains("KeyboardInterrupt"), "{screen}");
    }
}

#[test]
fn the_environment_names_the_terminal() {
    let screen = in_terminal(
        &Container::new(),
        &["sh", "-c", "echo =$TERM=; ls -l /dev/pts; tty"],
        &[],
        0,
    );
    assert!(
        !screen.contains("==") && screen.contains("/dev/pts/0"),
        "{screen}"
    );
}

/// With `-t` and a pipe as stdin, what is piped is typed.
#[test]
fn a_terminal_can_be_had_without_one() {
    let mut running = Container::new().arg("-t").start(&["sh"]);
    running.say("echo at=$(tty); exit 3");
    running.expect("at=/dev/pts/0");
    let seen = running.wait(std::time::Duration::from_secs(10));
    assert_eq!(seen.code(), Some(3), "{seen}");
    let mut running = Container::new().arg("-t").start(&["cat"]);
    running.say("through");
    running.expect("through");
    running.hang_up();
    running.wait(std::time::Duration::from_secs(10)).ok();
}

/// Much output is not cut short by the end of the command.
#[test]
fn all_output_arrives() {
    let steps = [json!(["expect", "the end"])];
    let screen = in_terminal(
        &Container::new(),
        &["sh", "-c", "seq 1 20000; echo the end"],
        &steps,
        0,
    );
    assert!(
        screen.lines().count() >= 20_000,
        "{}",
        screen.lines().count()
    );
    let without: Vec<Value> = Vec::new();
    let screen = in_terminal(&Container::new(), &["seq", "1", "20000"], &without, 0);
    assert!(
        screen.trim_end().ends_with("20000"),
        "{:?}",
        screen.get(screen.len().saturating_sub(60)..)
    );
}

/// /dev/console is the container's own terminal, and never the host's console (5:1).
#[test]
fn the_console_is_the_containers_terminal() {
    let all = ["--policy", "builtin:all"];
    for flags in [&[][..], &["--userns"], &all] {
        let steps = [
            json!(["expect", "go> "]),
            json!(["send", "stat -c '%F %t:%T' /dev/console\n"]),
            json!(["expect", "\ncharacter special file 88:0\r"]),
            json!(["send", "echo to-the-'console' > /dev/console\n"]),
            json!(["expect", "\nto-the-console\r"]),
            // it is mounted there
            json!(["send", "rm -f /dev/console; echo was=$?\n"]),
            json!(["expect", "\nwas=1\r"]),
            json!(["send", "exit\n"]),
        ];
        let container = Container::new().args(flags.iter().copied());
        in_terminal(&with_prompt(container), &shell(), &steps, 0);
    }
    for flags in [&[][..], &["--userns"], &all] {
        let container = Container::new().args(flags.iter().copied());
        let seen = container
            .sh("ls /dev/console || echo none; mknod /dev/console p; stat -c %F /dev/console");
        assert_eq!(seen.ok().lines(), ["none", "fifo"], "{flags:?}");
    }
}
