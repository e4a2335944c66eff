//! The layout of rule files: any text gets it or is refused, in time; what has it keeps it, and is as right or wrong as before.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use policy::Rules;

/// For a file of a few kilobytes; instrumented, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(2);

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let began = Instant::now();
    let Ok(formatted) = policy::format("rules.yaml", text) else {
        return;
    };
    assert_eq!(
        policy::format("rules.yaml", &formatted).as_deref(),
        Ok(&*formatted)
    );
    assert!(began.elapsed() < PATIENCE);
    let errors = |text| {
        let Err(errors) = Rules::parse("rules.yaml", text) else {
            return (Vec::new(), 0);
        };
        let mut messages: Vec<String> = match errors.more {
            0 => errors
                .found
                .into_iter()
                .map(|error| error.message)
                .collect(),
            // of too many, those that stand first in the file are told
            _ => Vec::new(),
        };
        messages.sort();
        // lines are others
        messages.retain(|message| !message.contains("on line "));
        (messages, errors.more)
    };
    assert_eq!(errors(&formatted), errors(text));
});
