use super::*;

fn expand(template: &str, name: &str, values: &[(&str, &[u8])]) -> Result<String, NoLinkReason> {
    let template = Template::parse(template).unwrap();
    let said = |key: &str| {
        let found = values.iter().find(|(name, _)| *name == key);
        found
            .map(|(_, value)| *value)
            .ok_or(NoLinkReason::Absent(key.into()))
    };
    let expanded = template.expand(name.as_bytes(), said)?;
    Ok(String::from_utf8(expanded).unwrap())
}

#[test]
fn placeholders_stand_for_what_is_known_of_the_device() {
    for (template, name, expected) in [
        ("input/pad%n", "event12", "input/pad12"),
        ("%k", "loop3", "loop3"),
        ("a/%k/b", "cciss!c0d0", "a/cciss_c0d0/b"),
        ("pad%n", "mouse", "pad"),
        ("p%n", "7up7", "p7"),
        ("%n", "123", "123"),
        ("100%%/%k%k", "sda", "100%/sdasda"),
        ("by-id/%E{ID_BUS}-%E{ID_SERIAL}", "x", "by-id/usb-A_B"),
        ("%%n", "x1", "%n"),
        ("ü-%k", "x1", "ü-x1"),
    ] {
        let values = [("ID_BUS", &b"usb"[..]), ("ID_SERIAL", b"A B")];
        assert_eq!(expand(template, name, &values).as_deref(), Ok(expected));
    }
    assert_eq!(
        expand("%E{ID_X}", "x", &[]),
        Err(NoLinkReason::Absent("ID_X".into()))
    );
}

#[test]
fn a_value_never_makes_a_part_and_never_a_control_character() {
    for (value, expected) in [
        (&b"plain-1.0:a=b@c#d+e_f"[..], "plain-1.0:a=b@c#d+e_f"),
        (b"../../null", ".._.._null"),
        (b"a/b", "a_b"),
        (b"a\nb", "a_b"),
        (b"  two   words \t", "two_words"),
        (b"a\0b\x1b\x7f", "a_b__"),
        (b"my\\x20disk", "my\\x20disk"),
        (b"back\\slash", "back_slash"),
        (b"$(rm)`;'\"?*", "__rm_______"),
        ("über".as_bytes(), "über"),
        ("a\u{85}b".as_bytes(), "a_b"),
        (b"\xff\xfe!", "___"),
        (b"   ", ""),
        (b"..", ".."),
    ] {
        assert_eq!(
            expand("%E{X}", "x", &[("X", value)]).as_deref(),
            Ok(expected),
            "{value:?}"
        );
    }
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    for (template, at, message, expected) in [
        ("a/%q", 2, "`%q` is not a placeholder", CHOICES),
        ("%K", 0, "`%K` is not a placeholder", "`%k`"),
        ("%N", 0, "`%N` is not a placeholder", "`%n`"),
        ("x%e{ID_A}", 1, "`%e` is not a placeholder", "`%E{ID_A}`"),
        ("%s{ID_A}", 0, "`%s` is not a placeholder", "`%E{ID_A}`"),
        ("a%", 1, "`%` stands for nothing", CHOICES),
        (
            "%E",
            0,
            "`%E` does not say which property",
            "`%E{PROPERTY}`",
        ),
        (
            "%E{ID",
            0,
            "`%E` does not say which property",
            "`%E{PROPERTY}`",
        ),
        (
            "%E{}",
            0,
            "`\"\"` is not the name of a property",
            "`%E{ID_SERIAL}`",
        ),
        (
            "%E{A=B}",
            0,
            "`A=B` is not the name of a property",
            "`%E{ID_SERIAL}`",
        ),
    ] {
        let error = Template::parse(template).unwrap_err();
        assert_eq!(
            (error.at, &*error.message, &*error.expected),
            (at, message, expected),
            "{template}"
        );
    }
    for template in ["", "/x", "a//b", "a/", "..", "a/../%n", ".", "a\nb", "%k/"] {
        let error = Template::parse(template).unwrap_err();
        assert!(
            error.message.contains("is not a name below /dev"),
            "{template}: {}",
            error.message
        );
    }
}
