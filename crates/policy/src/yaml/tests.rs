use super::*;

fn scalar(node: &Node) -> (&str, bool) {
    match &node.value {
        Value::Scalar(scalar) => (&scalar.text, scalar.typed),
        other => panic!("{other:?}"),
    }
}

fn entries(node: &Node) -> &[(Node, Node)] {
    match &node.value {
        Value::Map(entries) => entries,
        other => panic!("{other:?}"),
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        other => panic!("{other:?}"),
    }
}

#[test]
fn scalars_are_what_was_written() {
    let node = parse(0, "[no, \"no\", 0660, '0660', 1e3, 12, ~, text, b 7:*, \"\\x41\", 340282366920938463463374607431768211456]").unwrap();
    let read: Vec<(&str, bool)> = items(&node).iter().map(scalar).collect();
    assert_eq!(
        read[..10],
        [
            ("no", true),
            ("no", false),
            ("0660", true),
            ("0660", false),
            ("1e3", true),
            ("12", true),
            ("~", true),
            ("text", false),
            ("b 7:*", false),
            ("A", false)
        ]
    );
    assert_eq!(read[10].0, "340282366920938463463374607431768211456");
}

#[test]
fn positions_count_characters_from_one() {
    for bom in ["", "\u{feff}"] {
        let node = parse(0, &format!("{bom}größe: 1\nb:\n  - ü: {{ c: 010 }}\n")).unwrap();
        let at = |node: &Node| (node.at.line, node.at.column);
        let top = entries(&node);
        assert_eq!((at(&top[0].0), at(&top[0].1)), ((1, 1), (1, 8)));
        let (umlaut, inner) = &entries(&items(&top[1].1)[0])[0];
        assert_eq!((at(umlaut), at(inner)), ((3, 5), (3, 8)));
        let (key, value) = &entries(inner)[0];
        assert_eq!(
            (at(key), at(value), scalar(value)),
            ((3, 10), (3, 13), ("010", true))
        );
    }
}

#[test]
fn repeated_and_merge_keys_are_kept() {
    let node = parse(0, "a: 1\na: 2\n<<: { b: 3 }\n").unwrap();
    let names: Vec<&str> = entries(&node)
        .iter()
        .map(|(key, _)| scalar(key).0)
        .collect();
    assert_eq!(names, ["a", "a", "<<"]);
}

#[test]
fn an_alias_stands_where_it_is_used_and_says_what_was_defined() {
    let node = parse(0, "a: &x 007\nb: *x\n").unwrap();
    let (_, value) = &entries(&node)[1];
    assert_eq!(
        (value.at, scalar(value)),
        (
            Position {
                file: 0,
                line: 2,
                column: 4
            },
            ("007", true)
        )
    );
}

#[test]
fn comments_may_be_long() {
    let comment = "# and another thing\n".repeat(2_000);
    let text =
        format!("{comment}a:\n{comment}  - b: 1\n{comment}    c: 2\n{comment}  - d\n{comment}");
    let node = parse(0, &text).unwrap();
    assert_eq!(items(&entries(&node)[0].1).len(), 2);
}

#[test]
fn bombs_do_not_go_off() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let item = format!("*a{}", n - 1);
        text.push_str(&format!(
            "a{n}: &a{n} [{}]\n",
            [item.as_str(); 10].join(", ")
        ));
    }
    assert!(parse(0, &text).is_err());
    assert!(parse(0, &"[".repeat(100_000)).is_err());
    assert!(parse(0, &"- ".repeat(100_000)).is_err());
}
