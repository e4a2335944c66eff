use proptest::prelude::*;

use super::*;
use crate::Properties;

/// As udevadm 252 printed it, with a name that ends in a newline.
const UDEVADM: &str = "monitor will print the received events for:
UDEV - the event which udev sends out after rule processing
KERNEL - the kernel uevent

KERNEL[4689.260131] add      /devices/virtual/block/loop0 (block)
ACTION=add
DEVPATH=/devices/virtual/block/loop0
SUBSYSTEM=block
DEVNAME=/dev/loop0
DEVTYPE=disk
DISKSEQ=1
SEQNUM=160202
MAJOR=7
MINOR=0

UDEV  [4689.361000] add      /devices/x y/input0 (z) (input)
ACTION=add
DEVPATH=/devices/x y/input0 (z)
SUBSYSTEM=input
MODALIAS=input:b0003

NAME=\"a
b\"
SEQNUM=160203

";

fn vars(message: &Message) -> Vec<(String, String)> {
    let vars = match message {
        Message::Kernel(event) => &event.vars,
        Message::Udev(message) => &message.vars,
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    vars.iter()
        .map(|(key, value)| (text(key), text(value)))
        .collect()
}

#[test]
fn what_udevadm_prints_is_read() {
    let all = parse(UDEVADM.as_bytes()).unwrap();
    let times: Vec<(u32, u128)> = all
        .iter()
        .map(|one| (one.line, one.time.as_millis()))
        .collect();
    assert_eq!(times, [(5, 4_689_260), (16, 4_689_361)]);
    let Message::Kernel(event) = &all[0].message else {
        panic!("{all:?}");
    };
    assert_eq!(event.seqnum(), Some(160_202));
    // byte for byte what the kernel sent
    assert_eq!(
        Uevent::parse(
            b"add@/devices/virtual/block/loop0\0ACTION=add\0DEVPATH=/devices/virtual/block/loop0\0SUBSYSTEM=block\0MAJOR=7\0MINOR=0\0\
              DEVNAME=loop0\0DEVTYPE=disk\0DISKSEQ=1\0SEQNUM=160202\0"
        )
        .as_ref(),
        Ok(event)
    );
    let Message::Udev(message) = &all[1].message else {
        panic!("{all:?}");
    };
    assert_eq!(message.devpath.as_bytes(), b"/devices/x y/input0 (z)");
    assert_eq!(message.get(b"MODALIAS"), Some(&b"input:b0003\n"[..]));
    assert_eq!(message.get(b"NAME"), Some(&b"\"a\nb\""[..]));
}

#[test]
fn our_own_form_reads_back() {
    let all = parse(UDEVADM.as_bytes()).unwrap();
    let text: String = all.iter().map(|one| line(&one.message, one.time)).collect();
    assert!(text.starts_with(
        r#"{"source":"kernel","time":4689.260131,"properties":{"ACTION":"add","DEVPATH":"/devices/virtual/block/loop0","SUBSYSTEM":"block","MAJOR":"7""#
    ));
    let again = parse(text.as_bytes()).unwrap();
    assert_eq!(again.len(), 2);
    for ((one, two), number) in all.iter().zip(&again).zip(1..) {
        assert_eq!((&one.message, one.time), (&two.message, two.time));
        assert_eq!(two.line, number);
    }
}

#[test]
fn what_is_wrong_has_a_line() {
    let wrong = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
    for (text, error) in [
        (
            "hello",
            "line 1: this is neither what `devns monitor --json` prints nor what `udevadm monitor --property` does",
        ),
        (
            "\nKERNEL[1.2] add /devices/x (y)\n\n",
            "line 2: the event has no ACTION; record with `udevadm monitor --property`, or `devns monitor --json`",
        ),
        (
            "KERNEL[1.2] add /devices/x (y)\nACTION=remove\nDEVPATH=/devices/x\n",
            "line 1: the event has more than one ACTION",
        ),
        (
            "KERNEL[1.2] add /x (y)\nACTION=add\nDEVPATH=/y\nDEVPATH=/x\n",
            "line 1: the event has more than one DEVPATH",
        ),
        (
            "KERNEL[1.2.3] add /devices/x (y)\n",
            "line 1: the time is no number of seconds",
        ),
        (
            "KERNEL[1.2] mount /devices/x (y)\nACTION=mount\nDEVPATH=/devices/x\n",
            "line 1: unknown action `mount`",
        ),
        (
            "KERNEL[1.2] add x (y)\nACTION=add\nDEVPATH=x\n",
            "line 1: a devpath starts with `/`",
        ),
        (
            "{\"source\":\"kernel\"}",
            "line 1: missing field `time` at line 1 column 19",
        ),
        (
            "\n{",
            "line 2: EOF while parsing an object at line 1 column 1",
        ),
        (
            "{\"source\":\"kernel\",\"time\":1,\"properties\":{\"ACTION\":\"add\",\"DEVPATH\":\"/x\",\"A=B\":\"\"}}",
            "line 1: no event has a variable `A=B`",
        ),
        (
            "{\"source\":\"kernel\",\"time\":1,\"properties\":{\"ACTION\":\"add\",\"DEVPATH\":\"/x\",\"A\":\"\\u0000B=1\"}}",
            "line 1: no event has a variable `A`",
        ),
        (
            "{\"source\":\"kernel\",\"time\":-1,\"properties\":{}}",
            "line 1: the time is no number of seconds",
        ),
        (
            "{\"source\":\"kernel\",\"time\":1e300,\"properties\":{}}",
            "line 1: the time is no number of seconds",
        ),
        (
            "{\"source\":\"udev\",\"time\":1,\"properties\":{\"ACTION\":\"add\"}}",
            "line 1: the event has no DEVPATH; record with `udevadm monitor --property`, or `devns monitor --json`",
        ),
    ] {
        assert_eq!(wrong(text), error, "{text}");
    }
    assert_eq!(parse(b""), Ok(Vec::new()));
}

#[test]
fn what_is_too_long_is_not_read() {
    let text = UDEVADM.repeat(LONGEST / UDEVADM.len() + 1);
    let error = parse(text.as_bytes()).unwrap_err();
    assert_eq!(error.why, Problem::TooLong);
    assert!(
        error
            .to_string()
            .ends_with("longer than 8 MiB; keep the part that matters")
    );
}

#[test]
fn variables_said_twice_stay_twice() {
    let mut said = Properties::new();
    for (key, value) in [
        ("ACTION", "add"),
        ("DEVPATH", "/devices/x"),
        ("A", "1"),
        ("B", ""),
        ("A", "2"),
    ] {
        said.push(key.as_bytes(), value.as_bytes());
    }
    let message = json::message(true, said).unwrap();
    let text = line(&message, Duration::from_millis(1500));
    let again = parse(text.as_bytes()).unwrap();
    assert_eq!(vars(&again[0].message), vars(&message));
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(text in prop::collection::vec(prop::sample::select(&[
        "KERNEL[1.5] add /devices/x (y)", "UDEV  [2] remove /devices/x (y)", "ACTION=add", "DEVPATH=/devices/x", "ACTION=remove", "A=1", "", "x",
        "{", "}", "\"source\":\"kernel\",", "\"time\":1,", "\"properties\":{\"ACTION\":\"add\",\"DEVPATH\":\"/x\"}", "KERNEL[", "] ", "=",
    ][..]), 0..20), glue in prop::sample::select(&["\n", "", "\n\n"][..])) {
        let text = text.join(glue);
        if let Err(error) = parse(text.as_bytes()) {
            prop_assert!(error.line >= 1 && error.line as usize <= text.split('\n').count());
        }
    }

    #[test]
    fn bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }
}
