//! Rule files: any text is read or refused with reasons, in time. What is read decides about devices
//! in time too.
#![no_main]

use std::time::{Duration, Instant};

use fuzz::{device, table};
use libfuzzer_sys::fuzz_target;
use policy::{Container, Rules, View};

/// For a file of a few kilobytes; instrumented, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(2);

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let began = Instant::now();
    let parsed = Rules::parse("rules.yaml", text);
    let took = began.elapsed();
    assert!(took < PATIENCE, "{took:?} for {} bytes", text.len());
    let rules = match parsed {
        Ok(rules) => rules,
        Err(errors) => {
            let shown = errors.to_string();
            assert!(shown.contains("rules.yaml"), "{shown}");
            return;
        }
    };
    let container = Container {
        name: "web1".into(),
        ..Container::default()
    };
    let Ok(policy) = rules.select(None, &container) else {
        return;
    };
    let table = table([
        device("/devices/pci0000:00/0000:00:03.0", "pci", ""),
        device(
            "/devices/pci0000:00/0000:00:03.0/usb1",
            "usb",
            "MAJOR=189\nMINOR=0\nDEVNAME=bus/usb/001/001\n",
        ),
        device(
            "/devices/virtual/block/loop3",
            "block",
            "MAJOR=7\nMINOR=3\nDEVNAME=loop3\nDEVTYPE=disk\n",
        ),
        device("/devices/virtual/net/lo", "net", "INTERFACE=lo\n"),
    ]);
    let mut view = View::new(policy);
    view.refresh_all(&table);
    for path in [
        &b"/devices/virtual/block/loop3/uevent"[..],
        b"/class/block/loop3",
        b"/kernel/mm",
        b"/",
    ] {
        let _ = view.judge(&table, path);
    }
    assert!(began.elapsed() < PATIENCE);
});
