//! A container that fills its own /dev: it gets ENOSPC at its limit, is told so, and harms nobody.
//! Loop devices 146 to 149 are this file's.

use std::time::{Duration, Instant};

use tests::inside::{FILL, PYTHON};
use tests::{Container, Loop, Running, eventually};

/// What the server may take of memory for all that a container can do under the limits by default.
const MEMORY: u64 = 128 << 20;

/// Whether an attack has ended as it has to, by what it says.
type Ends = fn(&str) -> bool;

/// `FILL` in a container.
struct Inside(Running);

impl Inside {
    fn start(container: &Container) -> Inside {
        Inside(container.start(&[PYTHON, "-c", FILL]))
    }

    #[track_caller]
    fn ask(&mut self, expression: &str) -> String {
        self.0.say(expression);
        let line = self
            .0
            .line(Duration::from_secs(60), |l| l.starts_with("= "));
        let Some(line) = line else {
            panic!("no answer to {expression:?}\n{}", self.0.so_far());
        };
        line[2..].to_string()
    }

    #[track_caller]
    fn is(&mut self, expression: &str, answer: &str) {
        assert_eq!(self.ask(expression), answer, "{expression}");
    }

    /// What comes with a device is there a moment later.
    #[track_caller]
    fn becomes(&mut self, expression: &str, answer: &str) {
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            let is = self.ask(expression);
            if is == answer {
                return;
            }
            assert!(Instant::now() < until, "{expression}: {is}, not {answer}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The server's proportional share of memory.
    fn memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0.pid()));
        let text = text.expect("the server's memory");
        let line = text.lines().find_map(|l| l.strip_prefix("Pss:"));
        let kib = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.expect("a number") << 10
    }

    fn descriptors(&self) -> usize {
        let fds = std::fs::read_dir(format!("/proc/{}/fd", self.0.pid()));
        fds.expect("the server's descriptors").count()
    }

    /// How often the log says that it is full.
    fn told(&mut self) -> usize {
        self.0.rest(Duration::from_millis(100));
        self.0.so_far().matches("the container has used up").count()
    }
}

/// Shows loop device `number`, with a link to it.
fn rules(number: u32, limits: &str) -> String {
    format!(
        "version: 1\npolicies:\n  test:\n{limits}    rules:\n      - match: {{ subsystem: block, devname: \
         loop{number} }}\n        show: rw\n        node: {{ link: [\"by/number/%n\"], mode: \"0640\" }}\n"
    )
}

/// Fill it by names and by bytes, with a device that comes and goes meanwhile.
fn fills(container: &Container, number: u32, inodes: u64, bytes: u64) {
    let mut other = Inside::start(&Container::new().rules(&rules(number, "")));
    let mut full = Inside::start(container);
    let (node, link) = (
        format!("/dev/loop{number}"),
        format!("/dev/by/number/{number}"),
    );
    let fresh = format!("({bytes}, {inodes}, {bytes}, {inodes})");
    full.is("room()", &fresh);
    let before = other.ask("room()");

    full.is("os.mkdir('/dev/own')", "None");
    full.is("names('/dev/own')", &(inodes - 1).to_string());
    full.is("room()", &format!("({bytes}, {inodes}, {bytes}, 0)"));
    for more in [
        "make('/dev/x')",
        "os.mkdir('/dev/x')",
        "os.symlink('y', '/dev/x')",
        "os.link('/dev/own/0', '/dev/x')",
        "os.mkfifo('/dev/x')",
    ] {
        full.is(more, "ENOSPC");
    }
    full.0
        .expect_error(&format!("{inodes} inodes or {bytes} bytes"));
    full.is("os.path.lexists('/dev/x')", "False");
    full.is("os.rename('/dev/own/0', '/dev/own/a')", "None");
    full.is("os.chmod('/dev/own/a', 0o400)", "None");
    comes_and_goes(&mut full, number, "ENOSPC");
    // the last name that there is room for, whoever takes it
    let device = Loop::add(number);
    full.becomes(&format!("opens('{node}')"), "open");
    full.is("os.unlink('/dev/own/a')", "None");
    full.becomes(&format!("os.chmod('{node}', 0o604)"), "None");
    full.is("make('/dev/x')", "ENOSPC");
    full.is(&format!("oct(os.stat('{link}').st_mode)"), "0o60604");
    device.remove();
    full.becomes(&format!("os.path.lexists('{node}')"), "False");
    full.becomes("make('/dev/own/a')", "None");
    full.is("empty('/dev/own')", "None");
    full.is("os.rmdir('/dev/own')", "None");
    full.becomes("room()", &fresh);

    full.is("data('/dev/f')", &bytes.to_string());
    full.is("room()[2:]", &format!("(0, {})", inodes - 1));
    full.is("data('/dev/g')", "0");
    full.is("long_links('/dev')", "0");
    comes_and_goes(&mut full, number, "None");
    full.is("os.truncate('/dev/f', 0)", "None");
    full.is("data('/dev/g')", &bytes.to_string());
    assert_eq!(full.told(), 1, "once a minute: {}", full.0.so_far());

    other.is("room()", &before);
    other.is("data('/dev/f')", &(16 << 20).to_string());
    other.is("os.mkdir('/dev/own')", "None");
    other.is("names('/dev/own')", &(4096 - 2).to_string());
    full.is("os.unlink('/dev/f')", "None");
    full.is("os.unlink('/dev/g')", "None");
    full.becomes("room()", &fresh);
    full.0.hang_up();
    full.0.wait(Duration::from_secs(10)).ok();
    other.0.hang_up();
    other.0.wait(Duration::from_secs(10)).ok();
}

/// The node and the link come, open and go; the container changes the node, and has that answer.
fn comes_and_goes(full: &mut Inside, number: u32, changed: &str) {
    let node = format!("/dev/loop{number}");
    let device = Loop::add(number);
    full.becomes(&format!("opens('{node}')"), "open");
    full.is(
        &format!("os.readlink('/dev/by/number/{number}')"),
        &format!("../../loop{number}"),
    );
    for change in [
        format!("os.chmod('{node}', 0o660)"),
        format!("os.chown('{node}', 0, 1)"),
        format!("os.utime('{node}', (1, 1))"),
        format!("set_acl('{node}', 1)"),
    ] {
        full.is(&change, changed);
    }
    if changed == "ENOSPC" {
        full.is(&format!("oct(os.stat('{node}').st_mode)"), "0o60640");
        full.is("os.symlink('x', '/dev/by/number/mine')", "ENOSPC");
        full.is(
            "sorted(os.listdir('/dev/by/number'))",
            &format!("['{number}']"),
        );
    }
    // what the container does not want of what is given costs nothing
    full.is(&format!("os.unlink('/dev/by/number/{number}')"), "None");
    full.is(&format!("opens('{node}')"), "open");
    device.remove();
    full.becomes(&format!("os.path.lexists('{node}')"), "False");
    full.becomes("os.path.lexists('/dev/by')", "False");
}

#[test]
fn at_the_limits_of_its_policy() {
    let limits = "    limits: { inodes: 300, bytes: 1M }\n";
    for (number, container) in [(146, Container::new()), (147, Container::new().userns())] {
        let container = container.rules(&rules(number, limits));
        fills(&container, number, 300, 1 << 20);
    }
}

#[test]
fn at_the_limits_by_default() {
    let container = Container::new().userns().rules(&rules(148, ""));
    fills(&container, 148, 4096, 16 << 20);
}

/// Whatever costs the server memory or descriptors has its bound.
#[test]
fn what_else_can_be_filled_ends_too() {
    let mut inside = Inside::start(&Container::new().userns().rules(&rules(149, "")));
    let fresh = inside.ask("room()");
    let (memory, descriptors) = (inside.memory(), inside.descriptors());
    // (how, what is refused, or how much there is room for)
    let attacks: [(&str, Ends); 9] = [
        // a path of 4,095 bytes from /dev on, and all inodes down there
        ("deep('/dev/own')", |is| is == "(16, 4078)"),
        ("names('/dev/own'), links('/dev/own')", |is| {
            is == "(4095, 0)"
        }),
        ("make('/dev/own/0'), links('/dev/own')", |is| {
            is == "(None, 4094)"
        }),
        // a page for each
        ("long_links('/dev/own')", |is| is == "4095"),
        ("acls('/dev/own')", |is| is == "4095"),
        ("set_acl('/dev/own', 520)", |is| is == "E2BIG"),
        // an inode is taken for a KiB; Linux before 6.6 has none on a tmpfs
        ("attributes('/dev/own')", |is| {
            is.parse().is_ok_and(|n: u64| n <= 4096 << 10)
        }),
        ("sparse('/dev/own/s')", |is| is == "(4096, 'ENOSPC')"),
        ("nameless()", |is| is == "ENOTSUP"),
    ];
    for (how, ends) in attacks {
        inside.is("os.mkdir('/dev/own')", "None");
        let is = inside.ask(how);
        assert!(ends(&is), "{how}: {is}");
        let more = inside.memory().saturating_sub(memory);
        println!("{how}: {is}, {} KiB", more >> 10);
        assert!(more < MEMORY, "{how}: {more} bytes of memory");
        inside.is("empty('/dev/own')", "None");
        inside.is("os.rmdir('/dev/own')", "None");
        inside.becomes("room()", &fresh);
    }
    inside.is("os.mkdir('/dev/own')", "None");
    inside.is(
        "until('ENOSPC', lambda n: make(f'/dev/own/{n:0250}'))",
        "4095",
    );
    let listings: u32 = inside
        .ask("listings('/dev/own')")
        .parse()
        .expect("a number");
    assert!((10..100).contains(&listings), "{listings} listings");
    let more = inside.memory().saturating_sub(memory);
    println!("{listings} listings, {} KiB", more >> 10);
    assert!(more < MEMORY, "{more} bytes of memory");
    inside.is("close()", "None");
    let handles: u32 = inside
        .ask("handles(f'/dev/own/{0:0250}')")
        .parse()
        .expect("a number");
    assert!((1000..=4096).contains(&handles), "{handles} handles");
    let device = Loop::add(149);
    inside.becomes("opens('/dev/loop149')", "open");
    device.remove();
    inside.becomes("os.path.lexists('/dev/loop149')", "False");
    inside.is("close()", "None");
    inside.is("empty('/dev/own')", "None");
    inside.is("os.rmdir('/dev/own')", "None");
    inside.becomes("room()", &fresh);
    eventually("descriptors are closed", Duration::from_secs(15), || {
        inside.descriptors() <= descriptors + 4
    });
    inside.0.hang_up();
    inside.0.wait(Duration::from_secs(10)).ok();
}
