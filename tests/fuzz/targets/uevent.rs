//! Datagrams of the kernel's: what parses comes back byte for byte.
#![no_main]

use kobject::{Devpath, Uevent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(event) = Uevent::parse(data) else {
        return;
    };
    assert_eq!(event.to_bytes(), data);
    let again = Uevent::parse(&event.to_bytes()).expect("what was parsed parses again");
    assert_eq!(again, event);
    assert!(Devpath::parse(event.devpath.as_bytes()).is_ok());
    // whatever it asks for, a number or a path is one
    let _ = (event.seqnum(), event.devpath_old(), event.subsystem());
    let own = event.device_properties();
    assert!(
        own.iter()
            .all(|(key, _)| !key.starts_with(b"SYNTH_") && key != b"SEQNUM")
    );
    let injected = event.without_seqnum();
    assert!(injected.vars.len() >= own.len());
    let bytes = injected.to_bytes();
    assert_eq!(Uevent::parse(&bytes).expect("it still parses"), injected);
});
