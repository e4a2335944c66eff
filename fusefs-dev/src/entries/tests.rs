use kobject::{Devname, Devnum, Devpath};

use super::*;

fn shown(name: &str, number: &str, show: Show) -> Shown {
    Shown {
        devpath: Devpath::parse(
            format!("/devices/virtual/x/{}", name.replace('/', "!")).as_bytes(),
        )
        .unwrap(),
        show,
        devnum: Some(number.parse::<Devnum>().unwrap()),
        devname: Devname::parse(name.as_bytes()).ok(),
        devmode: (name == "null").then_some(0o666),
        subsystem: None,
        own: false,
        on_revoke: policy::OnRevoke::default(),
    }
}

fn at(entries: &Entries, path: &str) -> Option<Item> {
    entries.get(&BString::from(path)).cloned()
}

#[test]
fn nodes_have_the_kernels_names_and_modes() {
    let all = [
        shown("null", "c 1:3", Show::Rw),
        shown("input/event0", "c 13:64", Show::Rw),
        shown("zram1", "b 254:1", Show::Ro),
    ];
    let e = entries(all.iter());
    let node = |kind, device, perm| Some(Item::Node { kind, device, perm });
    assert_eq!(at(&e, "/null"), node(Kind::Char, (1, 3), 0o666));
    assert_eq!(at(&e, "/input"), Some(Item::Directory));
    assert_eq!(at(&e, "/input/event0"), node(Kind::Char, (13, 64), 0o600));
    assert_eq!(at(&e, "/zram1"), node(Kind::Block, (254, 1), 0o400));
    assert_eq!(at(&e, "/ptmx"), Some(Item::Link("pts/ptmx")));
}

#[test]
fn no_device_takes_a_standard_name_or_leaves_its_place() {
    let hostile = [
        shown("null", "c 99:3", Show::Rw),
        shown("tty", "b 5:0", Show::Rw),
        shown("fd", "c 99:4", Show::Rw),
        shown("pts/0", "c 99:5", Show::Rw),
        shown("stdin/x", "c 99:6", Show::Rw),
        shown("../../etc/passwd", "c 99:7", Show::Rw),
        shown("/etc/passwd", "c 99:8", Show::Rw),
        shown("a\nb", "c 99:9", Show::Rw),
    ];
    let plain = entries([].iter());
    assert_eq!(entries(hostile.iter()), plain);
}

#[test]
fn a_device_does_not_hide_behind_another() {
    let two = [
        shown("x", "c 99:1", Show::Rw),
        shown("x/y", "c 99:2", Show::Rw),
    ];
    let e = entries(two.iter());
    assert!(matches!(
        at(&e, "/x"),
        Some(Item::Node {
            device: (99, 1),
            ..
        })
    ));
    assert_eq!(at(&e, "/x/y"), None);
}
