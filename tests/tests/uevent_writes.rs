//! Writes to `uevent` files: they stay inside, and end as the same write to the real file ends.
//!
//! Loop devices 130 to 139 are this file's.

use tests::heard::{var, vars};
use tests::{Container, Heard, Listener, Loop};

const UUID: &str = "9a2cf9b4-3f0c-4b1e-8f67-2d5d7a1f6c11";

/// What is written; every one is tried on the real file, too. `U` stands for a UUID.
const WRITES: &[&str] = &[
    // taken
    "add",
    "add\n",
    "add\0",
    "remove",
    "change\n",
    "move",
    "online",
    "offline",
    "bind",
    "unbind\0",
    "add U",
    "add U\n",
    "change U A=1",
    "change U A=1 B=2\n",
    "bind U Key1=Value2 KEY2=0\0",
    "add 9A2CF9B4-3F0C-4B1E-8F67-2D5D7A1F6C11 A=b",
    "",
    "change U A=1 A=2",
    "add U A\u{e9}=1",
    "add U \u{c0}\u{d6}=\u{d8}\u{df}\u{f6}\u{f8}\u{ff}",
    // refused
    "ADD",
    "Add",
    " add",
    "add ",
    "add  ",
    "add\n\n",
    "add\0\0",
    "add\n\0",
    "\nadd",
    "addx",
    "ad",
    "a",
    "foo",
    "\n",
    "\0",
    " ",
    "add x",
    "add 1234",
    "add\tU",
    "add  U",
    "add U ",
    "add U  A=1",
    "add U A",
    "add U A=",
    "add U =1",
    "add U =",
    "add U A=1 ",
    "add U A=1  B=2",
    "add U A_B=1",
    "add U A=1-2",
    "add U A=1=2",
    "add U A=1 B",
    "add U A=1\n\n",
    "add U\nA=1",
    "add U A\u{d7}=1",
    "add U A=\u{f7}",
    "add U\u{a0}A=1",
    "add U A=\u{a0}",
    "add U A=\u{b5}",
    "add U A=\u{80}",
    "add Ux",
    "add U-",
    "add 9a2cf9b43f0c4b1e8f672d5d7a1f6c11",
    "add 9a2cf9b4-3f0c-4b1e-8f67-2d5d7a1f6c1",
    "add 9a2cf9b4-3f0c-4b1e-8f67-2d5d7a1f6c1g",
    "add 9a2cf9b4 3f0c-4b1e-8f67-2d5d7a1f6c11",
    "add A=1",
    "remove\0U",
    "online\nU",
];

/// More than an event has room for: the kernel warns in its log of each, so they are few.
fn too_much() -> Vec<String> {
    let keys: String = (0..60).map(|n| format!(" K{n}=1")).collect();
    vec![
        format!("add {UUID}{keys}"),
        format!("add {UUID} A={}", "x".repeat(1990)),
    ]
}

fn table() -> Vec<Vec<u8>> {
    let text = |w: &&str| w.replace('U', UUID).chars().map(|c| c as u8).collect();
    let mut all: Vec<Vec<u8>> = WRITES.iter().map(text).collect();
    // longer than a page: what is over is another write's business
    all.push([b"add ".as_slice(), &[b'x'; 4092]].concat());
    all.push([b"add ".as_slice(), &[b'x'; 5000]].concat());
    all.push(vec![b'a'; 4097]);
    all.extend(too_much().into_iter().map(String::into_bytes));
    all
}

/// Every write has the result that the real file gives, and what is sent for it has the same
/// variables in the same order as what the host's listeners get.
#[test]
fn writes_end_as_the_real_files() {
    let device = Loop::add(130);
    let path = format!("/sys{}/uevent", device.devpath());
    let table = table();

    // on the host first, before a container is there that would be told of it
    let mut host = Heard::on_host();
    let native: Vec<_> = table.iter().map(|t| host.write(&path, &[t])).collect();
    let good = native
        .iter()
        .filter(|r| r[0].as_u64().is_some_and(|n| n > 0))
        .count();
    let native_events = host.gather(&device.devpath(), good);
    drop(host);
    assert_eq!(native_events.len(), good);
    assert!(
        good >= 17 && native.len() - good >= 40,
        "{good} of {}",
        native.len()
    );

    for container in [Container::new(), Container::new().userns()] {
        let mut inside = Heard::start(&container.shows(&["loop130"]));
        for (text, native) in table.iter().zip(&native) {
            let ours = inside.write(&path, &[text]);
            let shown = text.escape_ascii().to_string();
            assert_eq!(&ours, native, "{:.80} ({} bytes)", shown, text.len());
        }
        let events = inside.gather(&device.devpath(), good);
        assert_eq!(events.len(), good);
        for (ours, native) in events.iter().zip(&native_events) {
            assert_eq!(ours["head"], native["head"]);
            assert_eq!(vars(ours), vars(native));
            // the counter comes last, as in the kernel's own
            let last = |e: &serde_json::Value| {
                e["vars"]
                    .as_array()
                    .and_then(|v| v.last().map(|p| p[0].clone()))
            };
            assert_eq!(
                (last(ours), last(native)),
                (Some("SEQNUM".into()), Some("SEQNUM".into()))
            );
        }
    }
}

#[test]
fn a_write_stays_inside() {
    let device = Loop::add(131);
    let path = "/sys/class/block/loop131/uevent";
    for container in [Container::new(), Container::new().userns()] {
        let host = Listener::open();
        let mut writer = Heard::start(&container.shows(&["loop131"]));
        let mut neighbour = Heard::start(&Container::new().shows(&["loop131", "loop132"]));
        assert_eq!(writer.write(path, &[b"add"]), [3]);
        assert_eq!(
            writer.write(path, &[format!("change {UUID} WHO=me").as_bytes()]),
            [50]
        );
        let plain = writer.expect(&format!("add@{}", device.devpath()));
        assert_eq!(var(&plain, "SYNTH_UUID"), Some("0"));
        let full = writer.expect(&format!("change@{}", device.devpath()));
        assert_eq!(var(&full, "SYNTH_UUID"), Some(UUID));
        assert_eq!(var(&full, "SYNTH_ARG_WHO"), Some("me"));
        assert_eq!(var(&full, "DEVNAME"), Some("loop131"));
        assert_eq!((&full["uid"], &full["node"]), (&0.into(), &"ok".into()));

        // something that all do hear comes after what they must not
        let other = Loop::add(132);
        neighbour.expect(&format!("add@{}", other.devpath()));
        host.next(&other.devpath());
        assert!(
            neighbour.heads().iter().all(|h| !h.ends_with("loop131")),
            "{:?}",
            neighbour.heads()
        );
        host.silent(&device.devpath());
    }
}

/// An open file takes one event after the other, and a refused one spoils nothing.
#[test]
fn one_open_file_takes_many_writes() {
    let device = Loop::add(133);
    let path = format!("/sys{}/uevent", device.devpath());
    let texts: [&[u8]; 5] = [b"change", b"nonsense", b"change\n", b"", b"change"];
    let mut host = Heard::on_host();
    let native = host.write(&path, &texts);
    let mut inside = Heard::start(&Container::new().shows(&["loop133"]));
    assert_eq!(inside.write(&path, &texts), native);
    assert_eq!(inside.gather(&device.devpath(), 3).len(), 3);
}

/// The device is gone, and with it the file, open or not.
#[test]
fn a_write_to_a_device_that_is_gone_fails() {
    let script = "
import os, sys
fd = os.open('/sys/block/loop134/uevent', os.O_WRONLY)
print('open', flush=True)
sys.stdin.readline()
try:
    print(os.write(fd, b'add'), flush=True)
except OSError as e:
    print(e.errno, flush=True)
";
    let device = Loop::add(134);
    let mut inside = Container::new()
        .shows(&["loop134"])
        .start(&["python3", "-c", script]);
    let mut host = std::process::Command::new(tests::inside::PYTHON);
    let mut host = tests::Running::start(
        host.args(["-c", script])
            .stdin(std::process::Stdio::piped()),
    );
    inside.expect("open");
    host.expect("open");
    device.remove();
    // once the name is gone inside, the device is
    let node = format!("/proc/{}/root/dev/loop134", inside.first_process());
    let gone = || std::fs::symlink_metadata(&node).is_err();
    tests::eventually("the node goes", std::time::Duration::from_secs(2), gone);
    host.say("");
    let native = host.expect("");
    inside.say("");
    assert_eq!(inside.expect(""), native);
}

/// What is not shown takes no write, and what is shown to read only refuses it.
#[test]
fn only_shown_devices_take_writes() {
    let _hidden = Loop::add(135);
    let mut inside = Heard::start(&Container::new().policy("builtin:minimal"));
    let write = |inside: &mut Heard, path: &str| inside.write(path, &[b"add"])[0].clone();
    assert_eq!(
        write(&mut inside, "/sys/devices/virtual/block/loop135/uevent"),
        "ENOENT"
    );
    // minimal shows the processors to read, and its own interface
    assert_eq!(
        write(&mut inside, "/sys/devices/system/cpu/cpu0/uevent"),
        "EACCES"
    );
    assert_eq!(
        write(&mut inside, "/sys/devices/virtual/mem/null/uevent"),
        3
    );
    inside.expect("add@/devices/virtual/mem/null");
}
