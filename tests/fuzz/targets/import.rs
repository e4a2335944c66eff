//! Flags, CDI specifications and rulesets of FreeBSD's: what is imported is a rule file without an error, in its layout, in time.
#![no_main]

use fuzz::Patience;
use import::{Import, ImportError};
use libfuzzer_sys::fuzz_target;
use policy::Rules;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let patience = Patience::with(data);
    let mut import = Import::new();
    // sources that are refused are told, and leave the others alone
    for source in text.split("\n===\n") {
        if let Err(error) = read(&mut import, source) {
            assert!(!error.message.is_empty());
        }
    }
    let imported = import.finish("imported");
    patience.check();
    let Ok(imported) = imported else {
        return;
    };
    if let Err(errors) = Rules::parse("rules.yaml", &imported.rules) {
        panic!("{}\n{errors}", imported.rules);
    }
    assert_eq!(
        policy::format("rules.yaml", &imported.rules).as_deref(),
        Ok(&*imported.rules)
    );
    assert!(imported.notes.iter().all(|note| !note.text.contains('\n')));
});

/// One source: its first line says what it is.
fn read(import: &mut Import, source: &str) -> Result<(), ImportError> {
    let (kind, text) = source.split_once('\n').unwrap_or((source, ""));
    match kind {
        "cdi" => import.cdi("cdi.yaml", text),
        "devfs" => import.devfs_rules("devfs.rules", text),
        _ => text.lines().try_for_each(|flag| import.device(flag, None)),
    }
}
