//! Our own form: a line of JSON for each event, `{"source": "kernel", "time": 12.5, "properties": {"ACTION": "add", ...}}`, the variables
//! in the order in which they were said. What is not UTF-8 is lost.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

use super::{Message, Problem, Recorded, TraceError};
use crate::{Action, Devpath, Properties, UdevMessage, Uevent};

#[derive(Serialize, Deserialize)]
struct Line {
    source: Source,
    time: f64,
    properties: Variables,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Kernel,
    Udev,
}

/// Variables as a map that keeps their order, and those that are said twice.
struct Variables(Properties);

impl Serialize for Variables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = String::from_utf8_lossy;
        serializer.collect_map(self.0.iter().map(|(key, value)| (text(key), text(value))))
    }
}

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Variables, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Variables;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of variables")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Variables, A::Error> {
                let mut variables = Properties::new();
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    variables.push(key.as_bytes(), value.as_bytes());
                }
                Ok(Variables(variables))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// One event as a line, with the newline.
pub fn line(message: &Message, time: Duration) -> String {
    let (source, vars) = match message {
        Message::Kernel(event) => (Source::Kernel, &event.vars),
        Message::Udev(message) => (Source::Udev, &message.vars),
    };
    let line = Line {
        source,
        time: time.as_secs_f64(),
        properties: Variables(vars.clone()),
    };
    // a map with keys that are strings, and a finite number
    let text = serde_json::to_string(&line).unwrap_or_default();
    text + "\n"
}

pub(super) fn parse(text: &[u8]) -> Result<Vec<Recorded>, TraceError> {
    let mut all = Vec::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let wrong = |why| TraceError { line: number, why };
        let read = serde_json::from_slice::<Line>(line);
        let Line {
            source,
            time,
            properties: Variables(vars),
        } = read.map_err(|e| wrong(Problem::Json(e.to_string())))?;
        let time = Duration::try_from_secs_f64(time).map_err(|_| wrong(Problem::Time))?;
        let message = message(matches!(source, Source::Kernel), vars).map_err(wrong)?;
        all.push(Recorded {
            line: number,
            time,
            message,
        });
    }
    Ok(all)
}

/// The message that these variables are of.
pub(super) fn message(of_kernel: bool, vars: Properties) -> Result<Message, Problem> {
    let is_odd = |key: &[u8], value: &[u8]| {
        key.is_empty() || key.contains(&b'=') || key.contains(&0) || value.contains(&0)
    };
    if let Some((key, _)) = vars.iter().find(|(key, value)| is_odd(key, value)) {
        let name = String::from_utf8_lossy(key).into_owned();
        return Err(Problem::Variable(name));
    }
    for name in ["ACTION", "DEVPATH"] {
        let mut said = vars.iter().filter(|(key, _)| *key == name.as_bytes());
        let first = said.next().ok_or(Problem::Missing(name))?;
        if said.any(|other| other != first) {
            return Err(Problem::Contradiction(name));
        }
    }
    let action = vars.get(b"ACTION").ok_or(Problem::Missing("ACTION"))?;
    let action = Action::parse(action)?;
    let devpath = vars.get(b"DEVPATH").ok_or(Problem::Missing("DEVPATH"))?;
    let devpath = Devpath::parse(devpath)?;
    Ok(match of_kernel {
        true => Message::Kernel(Uevent {
            action,
            devpath,
            vars,
        }),
        false => Message::Udev(UdevMessage {
            action,
            devpath,
            vars,
        }),
    })
}
