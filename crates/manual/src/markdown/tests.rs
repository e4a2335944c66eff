use super::*;

fn text(document: &str) -> String {
    let mut writer = Writer::default();
    for event in Parser::new_ext(document, Options::ENABLE_TABLES) {
        writer.event(event).unwrap();
    }
    writer.roff.to_roff()
}

#[test]
fn headings_are_sections_and_lines_stay_lines() {
    assert_eq!(
        text(
            "# Title\n\nOne `two`\n**three** [four](five.md).\n\n## A part\n\n### Of `it`\n\n*Six.*\n"
        ),
        ".PP\nOne \\fBtwo\\fR\n\\fBthree\\fR four.\n.SH \"A PART\"\n.SS \"Of it\"\n.PP\n\\fISix.\\fR\n"
    );
}

#[test]
fn code_stays_as_it_is() {
    assert_eq!(
        text("```yaml\nversion: 1\n\n  .a: 'b-c'\n```\n"),
        ".PP\n.RS 4\n.nf\nversion: 1\n\n  .a: 'b\\-c'\n.fi\n.RE\n"
    );
}

#[test]
fn lists_have_items_with_more_lines_and_lists_in_them() {
    assert_eq!(
        text("- one\n  more\n- two\n  - three\n\nthen\n\n1. a\n\n   b\n2. c\n"),
        ".IP \\(bu 2\none\nmore\n.IP \\(bu 2\ntwo\n.RS 4\n.IP \\(bu 2\nthree\n.RE\n.PP\nthen\n\
         .IP 1. 4\na\n.IP\nb\n.IP 2. 4\nc\n"
    );
}

#[test]
fn a_table_is_a_list_of_terms() {
    assert_eq!(
        text("| Key | Holds for |\n|---|---|\n| `a` | one, \\| `b` |\n"),
        ".TP\n\\fBa\\fR\none, | \\fBb\\fR\n"
    );
    assert_eq!(
        text("| | node | events |\n|---|---|---|\n| `rw` | there | yes |\n| up | | no |\n"),
        ".TP\n\\fBrw\\fR\n\\fInode\\fR: there\n.br\n\\fIevents\\fR: yes\n.TP\nup\n\\fIevents\\fR: no\n"
    );
}

#[test]
fn what_has_no_form_is_an_error() {
    let mut writer = Writer::default();
    let mut events = Parser::new("<b>x</b>\n\n---\n");
    assert!(events.try_for_each(|event| writer.event(event)).is_err());
}
