//! Two columns.

use std::io::IsTerminal;

/// Width of the host's column.
const HOST: usize = 42;

/// Where the demo prints.
pub struct Screen {
    bold: &'static str,
    dim: &'static str,
    plain: &'static str,
}

impl Screen {
    /// stdout, in colours if it is a terminal.
    pub fn new() -> Screen {
        match std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
            true => Screen {
                bold: "\x1b[1m",
                dim: "\x1b[2m",
                plain: "\x1b[0m",
            },
            false => Screen {
                bold: "",
                dim: "",
                plain: "",
            },
        }
    }

    /// What this is, and the rules.
    pub fn title(&self, rules: &str) {
        let Screen { bold, dim, plain } = self;
        println!("{bold}A container with a /sys, a /dev and device events of its own.{plain}");
        println!("Its rules show it one disk that is not there yet, and hide everything else:\n");
        for line in rules.lines() {
            println!("    {dim}{line}{plain}");
        }
        println!("\n  {bold}{:HOST$}CONTAINER{plain}", "HOST");
    }

    /// A step on either side.
    pub fn line(&self, host: &str, container: &str) {
        let Screen { dim, plain, .. } = self;
        let colour = |text: &str| match text.starts_with('(') {
            true => (*dim, *plain),
            false => ("", ""),
        };
        let ((h, h_end), (c, c_end)) = (colour(host), colour(container));
        // events are long: below what caused them
        println!("  {h}{host:HOST$}{h_end}{c}{container}{c_end}");
    }

    /// What was seen.
    pub fn end(&self) {
        let Screen { bold, plain, .. } = self;
        println!(
            "\n{bold}Seen:{plain} the shown disk arrived with its event and a node that opens, the hidden one did\n\
             not, a write to a `uevent` file reached the container alone, and both disks are gone.\n\
             Next: `devns run --policy RULES -- COMMAND`, `devns doctor`."
        );
    }
}
