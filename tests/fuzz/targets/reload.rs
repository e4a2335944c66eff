//! Two rule files, one after the other: a view that takes the second up is what a new view of it would be, and what it says to have
//! changed is the difference. The input is a file, a line `===`, a file.
#![no_main]

use std::{collections::BTreeMap, sync::Arc};

use fuzz::{Patience, host};
use kobject::Devpath;
use libfuzzer_sys::fuzz_target;
use policy::{Container, DeviceTable, Policy, Rules, Shown, View};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some((old, new)) = text.split_once("\n===\n") else {
        return;
    };
    let patience = Patience::with(data);
    let (Some(old), Some(new)) = (policy(old), policy(new)) else {
        return;
    };
    let mut table = host::devices();
    host::read(&mut table, &old);
    let mut view = View::new(old);
    view.refresh_all(&table);
    let before = shown(&view);

    host::read(&mut table, &new);
    let change = view.set_policy(new.clone(), &table);
    let mut fresh = View::new(new);
    fresh.refresh_all(&table);
    same(&view, &fresh, &table);

    let mut summed = before;
    for gone in &change.vanished {
        assert_eq!(summed.remove(&gone.devpath).as_ref(), Some(gone));
    }
    for (was, is) in &change.altered {
        assert_eq!(
            summed.insert(is.devpath.clone(), is.clone()).as_ref(),
            Some(was)
        );
    }
    for came in &change.appeared {
        assert_eq!(summed.insert(came.devpath.clone(), came.clone()), None);
    }
    assert_eq!(summed, shown(&fresh));
    assert!(view.refresh_all(&table).is_empty());
    patience.check();
});

fn policy(text: &str) -> Option<Arc<Policy>> {
    let rules = Rules::parse("rules.yaml", text).ok()?;
    let container = Container {
        name: "web1".into(),
        ..Container::default()
    };
    rules.select(None, &container).ok()
}

fn shown(view: &View) -> BTreeMap<Devpath, Shown> {
    let shown = view.shown();
    shown
        .map(|(path, shown)| (path.clone(), shown.clone()))
        .collect()
}

fn same(view: &View, fresh: &View, table: &DeviceTable) {
    assert_eq!(shown(view), shown(fresh));
    assert!(view.waiting().eq(fresh.waiting()));
    for facts in table.iter() {
        let path = &facts.device.devpath;
        assert_eq!(
            view.decision(table, path),
            fresh.decision(table, path),
            "{path}"
        );
        assert_eq!(view.sight(path), fresh.sight(path), "{path}");
    }
    for path in host::paths() {
        let path = path.as_bytes();
        assert_eq!(
            view.judge(table, path),
            fresh.judge(table, path),
            "{path:?}"
        );
    }
}
