use proptest::prelude::*;

use super::*;
use crate::Devpath;

const UUID: &str = "fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed";

fn device(lines: &str) -> Device {
    Device {
        subsystem: Some("block".into()),
        properties: Properties::parse_lines(lines.as_bytes()),
        ..Device::new(Devpath::parse(b"/devices/virtual/block/loop0").unwrap())
    }
}

fn event(write: &str) -> Result<Uevent, SynthError> {
    parse(write.as_bytes())
        .unwrap()
        .unwrap()
        .uevent(&device("MAJOR=7\nMINOR=0\nDEVNAME=loop0\nDEVTYPE=disk\n"))
}

#[test]
fn good_writes() {
    assert_eq!(parse(b""), Ok(None));
    let upper = UUID.to_uppercase();
    for (write, action, uuid, args) in [
        ("add".to_owned(), Action::Add, None, &[][..]),
        ("add\n".to_owned(), Action::Add, None, &[]),
        ("add\0".to_owned(), Action::Add, None, &[]),
        ("remove".to_owned(), Action::Remove, None, &[]),
        ("change".to_owned(), Action::Change, None, &[]),
        ("move".to_owned(), Action::Move, None, &[]),
        ("online".to_owned(), Action::Online, None, &[]),
        ("offline".to_owned(), Action::Offline, None, &[]),
        ("bind".to_owned(), Action::Bind, None, &[]),
        ("unbind".to_owned(), Action::Unbind, None, &[]),
        (format!("add {UUID}"), Action::Add, Some(UUID), &[]),
        (format!("add {UUID}\n"), Action::Add, Some(UUID), &[]),
        (format!("add {upper}\0"), Action::Add, Some(&upper), &[]),
        (
            format!("change {UUID} A=1"),
            Action::Change,
            Some(UUID),
            &[("A", "1")],
        ),
        (
            format!("change {UUID} A=1 B=abc\n"),
            Action::Change,
            Some(UUID),
            &[("A", "1"), ("B", "abc")],
        ),
        (
            format!("change {UUID} A=1 A=2 9=0"),
            Action::Change,
            Some(UUID),
            &[("A", "1"), ("A", "2"), ("9", "0")],
        ),
    ] {
        let args = args
            .iter()
            .map(|(key, value)| (Bytes::from(*key), Bytes::from(*value)))
            .collect();
        assert_eq!(
            parse(write.as_bytes()),
            Ok(Some(SynthUevent {
                action,
                uuid: uuid.map(Bytes::from),
                args
            })),
            "{write:?}"
        );
    }
    // Letters of Latin-1 are letters to the kernel, its two signs among them are not.
    assert!(parse(&[format!("add {UUID} A=").as_bytes(), b"\xc0\xff"].concat()).is_ok());
}

#[test]
fn bad_writes() {
    for write in [
        "\n", "\0", " ", "\n\n", "Add", "ADD", "ad", "adds", "add\n\n", "add\0\0", "add\n\0",
        " add", "add ", "add \n", "\nadd", "add\0x", "mount", "add\tx", "add x", "add 0", "add  ",
        "add\n ",
    ] {
        assert_eq!(
            parse(write.as_bytes()),
            Err(SynthError::Invalid),
            "{write:?}"
        );
    }
    let short = &UUID[..35];
    for args in [
        short.to_owned(),
        format!(" {UUID}"),
        format!("{UUID} "),
        format!("{UUID}0"),
        format!("{UUID}\n\n"),
        UUID.replace('-', "_"),
        UUID.replacen('f', "g", 1),
        format!("{UUID}  A=1"),
        format!("{UUID} A"),
        format!("{UUID} A="),
        format!("{UUID} =1"),
        format!("{UUID} ="),
        format!("{UUID} A=1 "),
        format!("{UUID} A=1  B=2"),
        format!("{UUID} A=1 B"),
        format!("{UUID} A=1=2"),
        format!("{UUID} A=1,2"),
        format!("{UUID} A_B=1"),
        format!("{UUID} A=a-b"),
        format!("{UUID} A=1\0B=2"),
        format!("{UUID}\nA=1"),
        format!("{UUID},A=1"),
        format!("A=1 {UUID}"),
    ] {
        assert_eq!(
            parse(format!("add {args}").as_bytes()),
            Err(SynthError::Invalid),
            "{args:?}"
        );
    }
    for sign in [b'\xd7', b'\xf7', b'\xbf', b'\x80'] {
        assert_eq!(
            parse(&[format!("add {UUID} A=").as_bytes(), &[sign]].concat()),
            Err(SynthError::Invalid)
        );
    }
    assert_eq!(SynthError::Invalid.errno(), 22);
    assert_eq!(SynthError::TooMany.errno(), 12);
}

#[test]
fn the_event() {
    let bytes = event("add").unwrap().to_bytes();
    let expected = b"add@/devices/virtual/block/loop0\0ACTION=add\0DEVPATH=/devices/virtual/block/loop0\0SUBSYSTEM=block\0SYNTH_UUID=0\0MAJOR=7\0MINOR=0\0DEVNAME=loop0\0DEVTYPE=disk\0";
    assert_eq!(bytes, expected);
    let vars = event(&format!("change {UUID} A=1 B=abc")).unwrap().vars;
    let names: Vec<String> = vars
        .iter()
        .map(|(key, value)| format!("{}={}", key.escape_ascii(), value.escape_ascii()))
        .collect();
    let uuid = format!("SYNTH_UUID={UUID}");
    assert_eq!(
        names[3..7],
        [&uuid, "SYNTH_ARG_A=1", "SYNTH_ARG_B=abc", "MAJOR=7"]
    );
}

#[test]
fn an_unbind_drops_the_modalias() {
    let usb = device("MODALIAS=usb:v1D6B\nTYPE=9/0/1\n");
    let event = |action: &[u8]| parse(action).unwrap().unwrap().uevent(&usb).unwrap();
    assert_eq!(event(b"unbind").get(b"MODALIAS"), None);
    assert_eq!(event(b"unbind").get(b"TYPE"), Some(&b"9/0/1"[..]));
    assert!(event(b"bind").get(b"MODALIAS").is_some());
}

/// `n` arguments of the least length.
fn args(n: usize) -> String {
    format!("add {UUID}{}", " A=1".repeat(n))
}

#[test]
fn too_many_variables() {
    // ACTION, DEVPATH, SUBSYSTEM, SYNTH_UUID, four of the device, SEQNUM: 55 more make 64.
    assert!(event(&args(55)).is_ok());
    assert_eq!(event(&args(56)), Err(SynthError::TooMany));
    // More than the kernel's buffer for the arguments alone is no longer ENOMEM.
    assert!(parse(args(63).as_bytes()).is_ok());
    assert_eq!(parse(args(64).as_bytes()), Err(SynthError::Invalid));
}

#[test]
fn too_many_bytes() {
    let write = |n: usize| format!("add {UUID} A={}", "x".repeat(n));
    // Without the value: the fixed variables, the UUID, `SYNTH_ARG_A=`, each with its NUL, and 28 for SEQNUM.
    let fixed = [
        "ACTION=add",
        "DEVPATH=/devices/virtual/block/loop0",
        "SUBSYSTEM=block",
        "SYNTH_UUID=",
        UUID,
        "SYNTH_ARG_A=",
        "MAJOR=7",
        "MINOR=0",
        "DEVNAME=loop0",
        "DEVTYPE=disk",
    ]
    .iter()
    .map(|text| text.len())
    .sum::<usize>()
        + 9
        + 28;
    assert!(event(&write(2048 - fixed)).is_ok());
    assert_eq!(event(&write(2048 - fixed + 1)), Err(SynthError::TooMany));
    assert_eq!(event(&write(1900)), Err(SynthError::TooMany));
    // `SYNTH_UUID=` with the UUID takes 48 bytes of the arguments' buffer, `SYNTH_ARG_A=` 13.
    assert!(parse(write(2048 - 48 - 13).as_bytes()).is_ok());
    assert_eq!(
        parse(write(2048 - 48 - 13 + 1).as_bytes()),
        Err(SynthError::Invalid)
    );
}

#[test]
fn no_more_than_a_page_is_read() {
    assert_eq!(
        parse(&[&b"add"[..], &[b' '; 5000]].concat()),
        Err(SynthError::Invalid)
    );
    assert_eq!(parse(&b"x".repeat(100_000)), Err(SynthError::Invalid));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, tail in "[ A-Z=0-9\n\\x00]{0,30}") {
        let _ = parse(&bytes);
        let _ = parse(format!("add {UUID}{tail}").as_bytes());
    }

    #[test]
    fn what_is_read_makes_an_event(action in prop::sample::select(&Action::ALL[..]), args in prop::collection::vec(("[A-Za-z0-9]{1,8}", "[A-Za-z0-9]{1,8}"), 0..20)) {
        let mut write = format!("{action} {UUID}");
        for (key, value) in &args {
            write.push_str(&format!(" {key}={value}"));
        }
        let event = parse(write.as_bytes()).unwrap().unwrap();
        prop_assert_eq!(event.args.len(), args.len());
        let uevent = event.uevent(&device("MAJOR=7\n")).unwrap();
        prop_assert_eq!(Uevent::parse(&uevent.to_bytes()).unwrap(), uevent);
    }
}
