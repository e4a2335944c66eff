//! The result, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::rows::{Row, Unit};
use super::system::Kind;

/// All that was found.
pub struct Report {
    /// The systems that were compared, a column each.
    pub systems: &'static [Kind],
    /// The machine, a line each.
    pub machine: Vec<(&'static str, String)>,
    /// What of the kernel is in use.
    pub features: Vec<String>,
    /// What was measured.
    pub rows: Vec<Row>,
    /// What has to be known of it.
    pub notes: Vec<String>,
}

impl Report {
    /// As a table.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (what, value) in &self.machine {
            let _ = writeln!(text, "{what:10} {value}");
        }
        let _ = writeln!(text, "{:10} {}", "features", self.features.join(", "));
        for (pinned, what) in [(true, "one core for all"), (false, "any core")] {
            for (unit, figures) in [
                (Unit::Microseconds, "median, microseconds"),
                (Unit::Kibibytes, "median, KiB"),
            ] {
                let wanted = |r: &&Row| r.pinned == pinned && r.unit == unit;
                let rows: Vec<&Row> = self.rows.iter().filter(wanted).collect();
                if !rows.is_empty() {
                    text.push('\n');
                    table(
                        &mut text,
                        &format!("{figures}; {what}"),
                        self.systems,
                        &rows,
                    );
                }
            }
        }
        text.push('\n');
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        text
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let machine: serde_json::Map<String, Value> = self
            .machine
            .iter()
            .map(|(what, value)| (what.to_string(), json!(value)))
            .collect();
        json!({
            "machine": machine,
            "features": self.features,
            "rows": self.rows.iter().map(|row| object(self.systems, row)).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

fn table(text: &mut String, title: &str, systems: &[Kind], rows: &[&Row]) {
    let _ = write!(text, "{title:38}");
    for kind in systems {
        let _ = write!(text, "{:>11}", kind.name());
    }
    let _ = writeln!(text, "{:>8}  target", "ratio");
    for row in rows {
        let _ = write!(text, "{:38}", row.op);
        for kind in systems {
            let _ = write!(text, "{:>11}", figure(row.of(*kind)));
        }
        let ratio = row.ratio().map_or("-".into(), |r| format!("{r:.2}"));
        let line = format!("{ratio:>8}  {}", verdict(row));
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// To four figures or so, however large.
fn figure(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(v) if v < 100.0 => format!("{v:.2}"),
        Some(v) => format!("{v:.0}"),
    }
}

fn verdict(row: &Row) -> String {
    let mut words = Vec::new();
    if let Some(target) = row.target {
        let met = match row.met() {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not known",
        };
        let of = match row.base {
            Kind::Native => String::new(),
            base => format!(" of {}", base.name()),
        };
        words.push(format!("<= {target:.2}{of} {met}"));
    }
    // what is 1.00 to a reader is the same
    for (name, multiple) in row.slower_than().iter().filter(|(_, m)| **m >= 1.005) {
        words.push(format!("{multiple:.2} of {name}"));
    }
    words.join("; ")
}

fn object(systems: &[Kind], row: &Row) -> Value {
    let mut object = json!({
        "op": row.op,
        "pinned": row.pinned,
        "unit": row.unit.symbol(),
        "ratio": row.ratio(),
        "base": row.base.name(),
        "target": row.target,
        "met": row.met(),
        "slower_than": row.slower_than(),
        "samples": row.samples,
    });
    for kind in systems {
        object[format!("{}_us", kind.name())] = json!(row.of(*kind));
    }
    if let Some(one) = row.one_rule {
        object["one_rule_us"] = json!(one);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::row;
    use super::*;

    fn report() -> Report {
        let mut memory = row(0.0, 4900.0, None, 1.0);
        (memory.op, memory.unit) = ("memory of the servers".into(), Unit::Kibibytes);
        (memory.pinned, memory.target) = (false, None);
        let mut rules = row(1.0, 4.2, None, 1.05);
        rules.op = "cached stat, 1,000 rules against 1".into();
        rules.medians.remove("native");
        rules.one_rule = Some(4.1);
        let mut unpinned = row(200.0, 500.0, Some(400.0), 1.0);
        (unpinned.pinned, unpinned.target) = (false, None);
        Report {
            systems: &Kind::OF_SYS,
            machine: vec![("processor", "a fast one, 2 cores".into())],
            features: vec!["passthrough: no".into(), "readdirplus: yes".into()],
            rows: vec![row(2.0, 1.7, Some(150.25), 0.8), rules, memory, unpinned],
            notes: vec!["bindfs, pread: stale".into()],
        }
    }

    #[test]
    fn a_table() {
        let wanted = "\
processor  a fast one, 2 cores
features   passthrough: no, readdirplus: yes

median, microseconds; one core for all     native      devns      lxcfs     bindfs   ratio  target
cached stat                                  2.00       1.70          -        150    0.85  <= 0.80 missed
cached stat, 1,000 rules against 1              -       4.20          -          -    1.02  <= 1.05 met

median, microseconds; any core             native      devns      lxcfs     bindfs   ratio  target
cached stat                                   200        500          -        400    2.50  1.25 of bindfs

median, KiB; any core                      native      devns      lxcfs     bindfs   ratio  target
memory of the servers                        0.00       4900          -          -       -

- bindfs, pread: stale
";
        assert_eq!(report().text(), wanted);
    }

    #[test]
    fn json_has_every_member_in_every_row() {
        let json = report().json();
        assert_eq!(json["features"][0], "passthrough: no");
        assert_eq!(
            json["rows"][0],
            json!({
                "op": "cached stat", "pinned": true, "unit": "us", "native_us": 2.0,
                "devns_us": 1.7, "ratio": 0.85, "base": "native", "lxcfs_us": null, "bindfs_us": 150.25,
                "target": 0.8, "met": false, "slower_than": {}, "samples": 3,
            })
        );
        assert_eq!(json["rows"][1]["one_rule_us"], 4.1);
        assert_eq!(json["rows"][1]["native_us"], Value::Null);
        assert_eq!(json["rows"][2]["unit"], "KiB");
        assert_eq!(json["rows"][2]["ratio"], Value::Null);
    }
}
