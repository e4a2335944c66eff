//! `devns schema`: what it prints is what it writes, and an editor can read it.

use std::fs;
use std::process::Command;

use tests::{binaries, run};

fn schema(args: &[&str]) -> tests::Output {
    run(Command::new(binaries::devns()).arg("schema").args(args))
}

#[test]
fn it_prints_and_writes_the_same() {
    let printed = schema(&[]).ok();
    let json = printed.json();
    assert_eq!(json["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(json["properties"]["policies"]["description"].is_string());

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.schema.json");
    let written = schema(&["--output", path.to_str().unwrap()]).ok();
    assert_eq!(written.stdout, "");
    assert_eq!(fs::read_to_string(&path).unwrap(), printed.stdout);
}

#[test]
fn a_place_that_is_not_there_is_said() {
    let failed = schema(&["--output", "/nonexistent/rules.schema.json"]).exits(1);
    failed
        .says("\"/nonexistent/rules.schema.json\"")
        .says("name a file in a directory that is there");
}
