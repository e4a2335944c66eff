use super::*;
use crate::{Rules, decide::tests::table};

fn rules(middle: &str) -> Rules {
    let text = format!(
        "version: 1
policies:
  disks:
    base: [common]
    rules:
      - {{ match: {{ subsystem: block }}, show: rw }}
  pads:
    base: [common]
    rules:
      - {{ match: {{ subsystem: input }}, show: ro }}
  common:
    base: []
    rules:
      - {{ match: {{ subsystem: mem }}, show: rw }}
{middle}      - {{ match: {{ subsystem: tty, devname: ttyS0 }}, show: rw }}
"
    );
    Rules::parse("r", &text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn host() -> DeviceTable {
    table(&[
        "/devices/a block MAJOR=7 MINOR=0 DEVNAME=loop0",
        "/devices/b input MAJOR=13 MINOR=64 DEVNAME=input/event0",
        "/devices/c mem MAJOR=1 MINOR=3 DEVNAME=null",
        "/devices/d tty MAJOR=4 MINOR=64 DEVNAME=ttyS0",
        "/devices/e tty MAJOR=4 MINOR=65 DEVNAME=ttyS1",
        "/devices/e/f serial",
    ])
}

fn names(shown: &[crate::Shown]) -> Vec<String> {
    shown
        .iter()
        .map(|shown| shown.devpath.to_string())
        .collect()
}

/// Containers 1 and 2 have `disks`, 3 has `pads`.
fn three(rules: &Rules, table: &DeviceTable) -> Views<u32> {
    let mut views = Views::new();
    for (container, policy) in [(2, "disks"), (3, "pads"), (1, "disks")] {
        views.add(container, &rules.policy(policy).unwrap(), table);
    }
    views
}

#[test]
fn who_has_the_same_policy_has_the_same_view() {
    let (rules, table) = (rules(""), host());
    let mut views = three(&rules, &table);
    assert_eq!(views.len(), 2);
    assert!(std::ptr::eq(views.view(1).unwrap(), views.view(2).unwrap()));
    views.remove(3);
    assert_eq!((views.len(), views.view(3).is_none()), (1, true));
    views.remove(1);
    views.remove(2);
    assert!(views.is_empty());
    views.add(1, &rules.policy("pads").unwrap(), &table);
    assert_eq!(views.view(1).unwrap().policy().name(), "pads");
}

#[test]
fn a_device_concerns_those_who_see_it() {
    let (rules, mut table) = (rules(""), host());
    let mut views = three(&rules, &table);
    let devpath = Devpath::parse(b"/devices/a").unwrap();
    table.remove(&devpath);
    let told = views.refresh(&table, &devpath);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].containers, [1, 2]);
    assert_eq!(names(&told[0].change.vanished), ["/devices/a"]);
}

#[test]
fn a_rule_of_a_base_concerns_all_that_have_it() {
    let (old, table) = (rules(""), host());
    let mut views = three(&old, &table);
    let new = rules("      - { match: { subsystem: tty }, show: ro }\n");
    let told = views.reload(&table, |policy| new.policy(policy.name()).unwrap());
    assert_eq!(told.len(), 2);
    for told in &told {
        assert_eq!(names(&told.change.appeared), ["/devices/e", "/devices/e/f"]);
        // the earlier rule decides about it now
        assert_eq!(told.change.altered[0].1.show, crate::Show::Ro);
        assert!(told.change.vanished.is_empty());
    }
    for container in 1..=3 {
        let view = views.view(container).unwrap();
        let mut fresh = View::new(view.policy().clone());
        fresh.refresh_all(&table);
        assert!(view.shown().eq(fresh.shown()));
        for facts in table.iter() {
            let devpath = &facts.device.devpath;
            assert_eq!(
                view.decision(&table, devpath),
                fresh.decision(&table, devpath)
            );
        }
    }
}

#[test]
fn the_same_rules_concern_nobody() {
    let (old, table) = (rules(""), host());
    let mut views = three(&old, &table);
    let new = rules("");
    let told = views.reload(&table, |policy| new.policy(policy.name()).unwrap());
    assert!(told.is_empty());
}
