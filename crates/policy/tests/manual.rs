//! Every example of the manual is a rule file without an error.

use policy::Rules;

#[test]
fn examples_of_the_manual_parse() {
    let manual = include_str!("../../../docs/rules.md");
    let examples: Vec<&str> = manual
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(examples.len() >= 3, "{}", examples.len());
    for example in examples {
        if let Err(e) = Rules::parse("docs/rules.md", example) {
            panic!("{e}\n{example}");
        }
    }
    for (name, text) in [("loop.yaml", include_str!("../../../examples/loop.yaml"))] {
        if let Err(e) = Rules::parse(name, text) {
            panic!("{e}");
        }
    }
}
