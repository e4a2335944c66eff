//! Globs, through a policy and its view: they match what a naive matcher matches, in time.
//! The input is a glob, a newline, a path.
#![no_main]

use fuzz::{Patience, device, naive, table};
use libfuzzer_sys::fuzz_target;
use policy::{Container, FileAccess, Rules, Sight, View};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some((glob, path)) = text.split_once('\n') else {
        return;
    };
    // a device, so that a rule can match it; the paths of path rules lie elsewhere
    let Ok(devpath) = kobject::Devpath::parse(path.as_bytes()) else {
        return;
    };
    let quoted = glob.replace('\\', "\\\\").replace('"', "\\\"");
    let by_device = format!(
        "version: 1\npolicies: {{ p: {{ base: [], rules: [{{ match: {{ devpath: \"{quoted}\" }}, scope: device, show: rw }}] }} }}\n"
    );
    let by_path = format!(
        "version: 1\npolicies: {{ p: {{ base: [], rules: [{{ path: \"{quoted}\", show: ro }}] }} }}\n"
    );
    let patience = Patience::with(data);
    let expected = naive::matches(glob.as_bytes(), path.as_bytes());
    if let Some(view) = view(&by_device, path) {
        let shows = view.sight(&devpath) == Some(Sight::Rw);
        assert!(
            expected.is_none_or(|e| e == shows),
            "{glob:?} {path:?}: {shows}"
        );
    }
    let empty = table([]);
    if let Some(policy) = policy(&by_path) {
        let mut view = View::new(policy);
        view.refresh_all(&empty);
        let verdict = view.judge(&empty, path.as_bytes());
        if expected == Some(true) && !fuzz::belongs_to_devices(path) {
            assert!(
                verdict.file == FileAccess::Read,
                "{glob:?} {path:?}: {verdict:?}"
            );
        }
    }
    patience.check();
});

fn policy(text: &str) -> Option<std::sync::Arc<policy::Policy>> {
    let rules = Rules::parse("rules.yaml", text).ok()?;
    rules.select(None, &Container::default()).ok()
}

fn view(text: &str, path: &str) -> Option<View> {
    let policy = policy(text)?;
    let table = table([device(path, "block", "")]);
    let mut view = View::new(policy);
    view.refresh_all(&table);
    Some(view)
}
