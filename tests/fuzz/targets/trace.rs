//! Traces, ours and udevadm's: what is read is what could have been heard, and is read again from our own form.
#![no_main]

use kobject::{Properties, UdevMessage, Uevent, trace};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let all = match trace::parse(data) {
        Ok(all) => all,
        Err(error) => {
            let lines = data.split(|byte| *byte == b'\n').count();
            assert!(error.line >= 1 && error.line as usize <= lines, "{error}");
            return;
        }
    };
    assert!(all.is_sorted_by(|a, b| a.line < b.line));
    for one in all {
        let vars = match &one.message {
            trace::Message::Kernel(event) => {
                let read = Uevent::parse(&event.to_bytes());
                assert_eq!(read.as_ref(), Ok(event));
                &event.vars
            }
            trace::Message::Udev(message) => {
                let read = UdevMessage::parse(&message.to_bytes());
                if message.to_bytes().len() <= 64 << 10 {
                    assert_eq!(read.as_ref(), Ok(message));
                }
                &message.vars
            }
        };
        if is_text(vars) {
            let line = trace::line(&one.message, one.time);
            let again = trace::parse(line.as_bytes()).expect("our own line");
            assert_eq!(again.len(), 1);
            assert_eq!(again[0].message, one.message);
        }
    }
});

/// Whether JSON can say them.
fn is_text(vars: &Properties) -> bool {
    let is_text = |bytes| std::str::from_utf8(bytes).is_ok();
    vars.iter()
        .all(|(key, value)| is_text(key) && is_text(value))
}
