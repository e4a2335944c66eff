use proptest::prelude::*;

use super::*;

const LOOP: &[u8] = b"add@/devices/virtual/block/loop0\0ACTION=add\0DEVPATH=/devices/virtual/block/loop0\0SUBSYSTEM=block\0MAJOR=7\0MINOR=0\0DEVNAME=loop0\0DEVTYPE=disk\0SEQNUM=1922\0";

#[test]
fn a_message_and_back() {
    let event = Uevent::parse(LOOP).unwrap();
    assert_eq!(event.action, Action::Add);
    assert_eq!(event.devpath.as_bytes(), b"/devices/virtual/block/loop0");
    assert_eq!(event.subsystem(), Some(&b"block"[..]));
    assert_eq!(event.seqnum(), Some(1922));
    assert_eq!(event.devpath_old(), None);
    assert_eq!(event.to_bytes(), LOOP);
    let injected = event.without_seqnum();
    assert_eq!(injected.seqnum(), None);
    assert_eq!(
        injected.to_bytes(),
        &LOOP[..LOOP.len() - b"SEQNUM=1922\0".len()]
    );
}

#[test]
fn values_hold_anything_but_nul() {
    let bytes = b"change@/devices/x\0ACTION=change\0DEVPATH=/devices/x\0MODALIAS=input:b0003\n\0NAME=\"\xff\xfe=\"\0EMPTY=\0";
    let event = Uevent::parse(bytes).unwrap();
    assert_eq!(event.get(b"MODALIAS"), Some(&b"input:b0003\n"[..]));
    assert_eq!(event.get(b"NAME"), Some(&b"\"\xff\xfe=\""[..]));
    assert_eq!(event.get(b"EMPTY"), Some(&b""[..]));
    assert_eq!(event.to_bytes(), bytes);
}

#[test]
fn a_move_knows_where_it_was() {
    let event = Uevent::parse(
        b"move@/devices/virtual/net/web1\0ACTION=move\0DEVPATH_OLD=/devices/virtual/net/dummy0\0",
    )
    .unwrap();
    assert_eq!(
        event.devpath_old().unwrap().as_bytes(),
        b"/devices/virtual/net/dummy0"
    );
}

#[test]
fn what_is_no_message() {
    for (bytes, message) in [
        (&b""[..], "the message does not end in a NUL"),
        (b"add@/devices/x", "the message does not end in a NUL"),
        (b"\0", "the message has no `action@devpath`"),
        (b"add/devices/x\0", "the message has no `action@devpath`"),
        (
            b"libudev\0\xfe\xed\xca\xfe\0",
            "the message has no `action@devpath`",
        ),
        (b"mount@/devices/x\0", "unknown action `mount`"),
        (b"add@devices/x\0", "a devpath starts with `/`"),
        (b"add@/\0", "`/` is no devpath"),
        (
            b"add@/devices/../x\0",
            "a part of the devpath is `.` or `..`",
        ),
        (b"add@/devices/x\0NOVALUE\0", "`NOVALUE` is not KEY=VALUE"),
        (b"add@/devices/x\0=x\0", "`=x` is not KEY=VALUE"),
        (b"add@/devices/x\0\0", "`` is not KEY=VALUE"),
        (
            b"add@/devices/x\0ACTION=remove\0",
            "ACTION differs from the first string",
        ),
        (
            b"add@/devices/x\0DEVPATH=/devices/y\0",
            "DEVPATH differs from the first string",
        ),
    ] {
        assert_eq!(
            Uevent::parse(bytes).unwrap_err().to_string(),
            message,
            "{}",
            Escaped(bytes)
        );
    }
}

fn without_nul(range: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1..=255u8, range)
}

prop_compose! {
    fn variable()(key in "[A-Z_]{1,8}|[^=\0]{1,3}", value in prop_oneof![without_nul(0..12), Just(b"a\nb\n".to_vec()), Just(b"\xff=\xfe".to_vec())]) -> (Vec<u8>, Vec<u8>) {
        (key.into_bytes(), value)
    }
}

proptest! {
    #[test]
    fn bytes_and_back(action in prop::sample::select(&Action::ALL[..]), path in "(/[a-z:.!]{3,6}){1,5}", vars in prop::collection::vec(variable(), 0..10)) {
        let taken = |key: &[u8]| key == b"ACTION" || key == b"DEVPATH";
        let mut bytes = format!("{action}@{path}\0").into_bytes();
        for (key, value) in vars.iter().filter(|(key, _)| !taken(key)) {
            bytes.extend([key.as_slice(), b"=", value, b"\0"].concat());
        }
        let Ok(devpath) = Devpath::parse(path.as_bytes()) else { return Ok(()) };
        let event = Uevent::parse(&bytes).unwrap();
        prop_assert_eq!(event.to_bytes(), bytes);
        prop_assert_eq!(&event.devpath, &devpath);
        let read: Vec<(Vec<u8>, Vec<u8>)> = event.vars.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        let written: Vec<_> = vars.into_iter().filter(|(key, _)| !taken(key)).collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn any_bytes_are_read_or_refused(head in "(add|bind|x)?@?/?[a-z/]{0,6}", tail: Vec<u8>) {
        let bytes = [head.as_bytes(), b"\0", &tail].concat();
        if let Ok(event) = Uevent::parse(&bytes) {
            prop_assert_eq!(event.to_bytes(), bytes);
        }
        let _ = Uevent::parse(&tail);
    }
}

#[test]
fn a_device_keeps_its_own_variables_only() {
    let event = Uevent::parse(b"change@/devices/x\0ACTION=change\0DEVPATH=/devices/x\0SUBSYSTEM=block\0SYNTH_UUID=0\0DISK_MEDIA_CHANGE=1\0MAJOR=7\0MINOR=0\0DISKSEQ=8\0SEQNUM=1\0").unwrap();
    let names: Vec<Vec<u8>> = event
        .device_properties()
        .iter()
        .map(|(key, _)| key.to_vec())
        .collect();
    assert_eq!(names, [&b"MAJOR"[..], b"MINOR", b"DISKSEQ"]);
}
