//! A device that is hidden while somebody inside has it open: who holds it is told, and the container is
//! killed if a rule asks for that.
//!
//! The policy shows one very disk, by the number that the kernel gives each only once (DISKSEQ): once a file
//! is attached it is another, and hidden. Loop devices 870 to 879 are this file's.

use std::process::Command;
use std::time::Duration;

use tests::{Container, Loop, Output, Running, binaries, eventually, run, unique};

/// Not the first process but a child has the device open; it evaluates each line of
/// stdin, and says what that is.
const HOLD: &str = "
import errno, mmap, os, sys
if os.fork():
    os.wait()
    sys.exit()
path = sys.argv[1]
fd = 40
first = os.open(path, os.O_RDONLY)
os.dup2(first, fd)
os.close(first)
def opens():
    try:
        os.close(os.open(path, os.O_RDONLY))
        return 'opens'
    except OSError as e:
        return errno.errorcode[e.errno]
print('ready', flush=True)
for line in sys.stdin:
    print('=', eval(line), flush=True)
";

struct Scene {
    name: String,
    container: Running,
    // last: nobody may have it open when it is pulled
    device: Loop,
}

impl Scene {
    #[track_caller]
    fn set(container: Container, number: u32, on_revoke: &str) -> Scene {
        let device = Loop::add(number);
        let text = std::fs::read_to_string(device.syspath().join("diskseq")).expect("its number");
        let rules = format!(
            "version: 1\npolicies:\n  test:\n    rules:\n      - match: {{ subsystem: block, property: {{ DISKSEQ: \"{}\" }} }}\n        \
             show: rw\n        on_revoke: {on_revoke}\n",
            text.trim()
        );
        let name = unique("revoked");
        let node = format!("/dev/{}", device.name());
        let container = container.name(&name).rules(&rules);
        let mut container = container.start(&["python3", "-c", HOLD, &node]);
        container.expect("ready");
        Scene {
            name,
            container,
            device,
        }
    }

    #[track_caller]
    fn ask(&mut self, expression: &str) -> String {
        self.container.say(expression);
        self.container.expect("= ")[2..].into()
    }

    fn hide(&mut self) {
        self.device.fill(&[7; 4096]);
    }

    /// Access goes first, the name a moment later.
    #[track_caller]
    fn becomes_hidden(&mut self) {
        eventually("it is hidden", Duration::from_secs(5), || {
            self.ask("opens()") == "ENOENT"
        });
    }

    fn holders(&self) -> Output {
        let mut command = Command::new(binaries::devns());
        let device = self.device.name();
        run(command.args(["holders", "--json", "--name", &self.name, &device]))
    }
}

fn kinds() -> [fn() -> Container; 2] {
    [Container::new, || Container::new().userns()]
}

#[test]
fn who_holds_it_is_told_and_keeps_it() {
    for (number, kind) in (870..).zip(kinds()) {
        let mut s = Scene::set(kind(), number, "report");
        assert_eq!(s.ask("opens()"), "opens");
        s.hide();
        let said = format!("b 7:{number} was revoked, and is still held by python3 (");
        let line = s.container.expect_error(&said);
        assert!(line.contains(", descriptor 40)"), "{line}");
        s.becomes_hidden();
        assert_eq!(s.ask("os.pread(fd, 1, 0)"), "b'\\x07'", "as is known");
        let seen = s.holders().ok().json();
        let holder = &seen["processes"][0];
        assert_eq!(
            (&holder["command"], &holder["descriptor"]),
            (&"python3".into(), &40.into()),
            "{seen}"
        );
        assert_ne!(holder["pid"], s.container.first_process(), "it is a child");
        s.ask("os.closerange(3, 99)");
        s.holders().exits(1);
        s.container.hang_up();
        s.container.wait(Duration::from_secs(10)).ok();
        s.device.remove();
    }
}

#[test]
fn the_container_is_killed_if_that_is_asked_for() {
    for (number, kind) in (872..).zip(kinds()) {
        let mut held = Scene::set(kind(), number, "kill");
        held.hide();
        let line = held.container.expect_error("on_revoke: kill");
        let said = format!("b 7:{number} was revoked, and is still held by python3 (");
        assert!(line.contains(&said), "{line}");
        let ended = held.container.wait(Duration::from_secs(5));
        assert_eq!(ended.code(), Some(125), "{ended}");
        held.device.remove();
    }
}

/// By a mapping alone, without a descriptor.
#[test]
fn a_mapping_is_enough_to_be_killed_for() {
    let mut s = Scene::set(Container::new(), 874, "kill");
    s.ask("globals().update(map=mmap.mmap(fd, 4096, prot=mmap.PROT_READ)) or 0");
    s.ask("os.closerange(3, 99)");
    s.hide();
    let line = s.container.expect_error("on_revoke: kill");
    assert!(line.contains("a mapping"), "{line}");
    s.container.wait(Duration::from_secs(5)).exits(125);
    s.device.remove();
}

#[test]
fn who_holds_nothing_any_more_lives() {
    for (number, kind) in (876..).zip(kinds()) {
        let mut s = Scene::set(kind(), number, "kill");
        s.ask("os.closerange(3, 99)");
        s.hide();
        s.becomes_hidden();
        // it is looked for at once, and twice more within a second
        let rest = s.container.rest(Duration::from_millis(1500));
        assert!(rest.is_empty(), "{rest:?}");
        assert_eq!(s.ask("opens()"), "ENOENT");
        s.container.hang_up();
        s.container.wait(Duration::from_secs(10)).ok();
        s.device.remove();
    }
}
