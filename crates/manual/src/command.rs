//! Pages of a command line: one for the command, one for each of its subcommands, as git(1) and podman(1) have them.

use clap::Command;
use clap_mangen::Man;
use roff::Roff;

use crate::{Common, Page, help::Help, joined};

/// The pages of `command`, its own first. What is hidden in its help has none.
pub fn of_command(command: Command, section: &str, common: &Common) -> Vec<Page> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    collect(command, section, common, &mut pages);
    pages
}

fn collect(command: Command, section: &str, common: &Common, pages: &mut Vec<Page>) {
    pages.push(page(command.clone(), section, common));
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        collect(sub.clone(), section, common, pages);
    }
}

fn page(mut command: Command, section: &str, common: &Common) -> Page {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    let after = command
        .get_after_long_help()
        .or_else(|| command.get_after_help());
    let after = after.map(ToString::to_string).unwrap_or_default();
    let help = Help::parse(&after);
    let has_commands = command.has_subcommands();
    // as `--help` has it, with what must be there
    let command = command
        .override_usage(usage)
        .subcommand_help_heading("COMMANDS");
    let man = Man::new(command).section(section);

    let mut text = part(|roff| common.title(roff, &name, section));
    // writing to memory does not fail
    let _ = man.render_name_section(&mut text);
    let _ = man.render_synopsis_section(&mut text);
    let _ = man.render_description_section(&mut text);
    text.extend(part(|roff| help.describe(roff)));
    let _ = man.render_options_section(&mut text);
    if has_commands {
        let _ = man.render_subcommands_section(&mut text);
    }
    text.extend(part(|roff| {
        help.end(roff, common.exit_status);
        common.lists(roff);
        common.others(roff, &format!("{name}({section})"));
    }));
    Page {
        file: format!("{name}.{section}"),
        text: joined(&String::from_utf8_lossy(&text)),
    }
}

fn part(write: impl FnOnce(&mut Roff)) -> Vec<u8> {
    let mut roff = Roff::new();
    write(&mut roff);
    let mut text = Vec::new();
    let _ = roff.to_writer(&mut text);
    text
}
