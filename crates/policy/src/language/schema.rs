//! The table as a JSON Schema.
//!
//! Draft 7, since that is what yaml-language-server and the editors' own JSON support all know. In draft 7 nothing counts beside a `$ref`,
//! so where a key has a description of its own the reference stands in an `allOf`.

use serde_json::{Map, Value, json};

use super::{Key, Kind, Says, file::FILE, matching::MATCH, rule::RULE};

/// A JSON Schema of rule files: draft 7, with a description of each key.
pub fn schema() -> String {
    let mut schema = map(&FILE);
    schema.insert(
        "$schema".into(),
        "http://json-schema.org/draft-07/schema#".into(),
    );
    schema.insert("title".into(), "Rules of devns".into());
    schema.insert(
        "description".into(),
        "Which devices a container may have: devns-rules(5).".into(),
    );
    // the one kind that stands within itself
    schema.insert("definitions".into(), json!({ MATCH.name: map(&MATCH) }));
    format!("{:#}\n", Value::Object(schema))
}

fn map(kind: &Kind) -> Map<String, Value> {
    let properties: Map<String, Value> = kind
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    let mut schema = Map::new();
    schema.insert("type".into(), "object".into());
    schema.insert("additionalProperties".into(), false.into());
    schema.insert("properties".into(), properties.into());
    if !kind.required.is_empty() {
        schema.insert("required".into(), kind.required.into());
    }
    if kind.least > 0 {
        schema.insert("minProperties".into(), kind.least.into());
    }
    if kind.name == RULE.name {
        schema.extend(rule());
    }
    schema
}

/// What a rule's keys have to do with each other.
fn rule() -> Map<String, Value> {
    let without = |keys: &[&str]| -> Map<String, Value> {
        keys.iter()
            .map(|key| ((*key).to_owned(), false.into()))
            .collect()
    };
    let mut of_path = without(&[
        "match",
        "scope",
        "ancestors",
        "node",
        "sysfs",
        "events",
        "on_revoke",
    ]);
    of_path.insert("show".into(), json!({ "enum": ["ro", "hide"] }));
    let shows =
        |word: &str| json!({ "properties": { "show": { "const": word } }, "required": ["show"] });
    let rule = json!({
        "anyOf": [{ "required": ["match"] }, { "required": ["path"] }],
        "allOf": [
            { "if": { "required": ["path"] }, "then": { "properties": of_path } },
            { "if": shows("ro"), "then": { "properties": { "sysfs": { "properties": { "write": false } } } } },
            { "if": shows("hide"), "then": { "properties": without(&["node", "sysfs", "on_revoke"]) } },
        ],
    });
    match rule {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn property(key: &Key) -> Value {
    let mut schema = match value(&key.value) {
        Value::Object(schema) if schema.contains_key("$ref") => {
            Map::from_iter([("allOf".to_owned(), json!([schema]))])
        }
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    schema.insert("description".into(), key.about.into());
    if let Some(default) = key.default.and_then(json_of) {
        schema.insert("default".into(), default);
    }
    let examples: Vec<Value> = key.examples.iter().copied().filter_map(json_of).collect();
    schema.insert("examples".into(), examples.into());
    Value::Object(schema)
}

/// A test holds that all texts of the table are JSON.
fn json_of(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn value(says: &Says) -> Value {
    match says {
        // what YAML takes for a number has no pattern to match, so one stands for text only
        Says::Text("") => json!({ "type": ["string", "integer"] }),
        Says::Text(pattern) => json!({ "type": ["string", "integer"], "pattern": pattern }),
        Says::Quoted(pattern) => json!({ "type": "string", "pattern": pattern }),
        Says::Words(words) => {
            let (words, about): (Vec<&str>, Vec<&str>) = words.iter().copied().unzip();
            json!({ "enum": words, "enumDescriptions": about })
        }
        Says::Version => json!({ "enum": [1, "1"] }),
        Says::List { of, alone, least } => {
            let one = value(of);
            let mut list = json!({ "type": "array", "items": one });
            if *least > 0 {
                list["minItems"] = (*least).into();
            }
            match alone {
                true => json!({ "anyOf": [one, list] }),
                false => list,
            }
        }
        Says::Map(kind) if kind.name == MATCH.name => {
            json!({ "$ref": format!("#/definitions/{}", kind.name) })
        }
        Says::Map(kind) => Value::Object(map(kind)),
        Says::Named { of, least } => {
            let mut named = json!({ "type": "object", "additionalProperties": value(of) });
            if *least > 0 {
                named["minProperties"] = (*least).into();
            }
            named
        }
    }
}
