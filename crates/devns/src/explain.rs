//! `devns explain`: why something shows, or does not.

mod json;
mod text;

use cli::{Devices, Failure, Status, Target};
use fusefs_dev::Refusal;
use kobject::Devnum;
use policy::{Explanation, PathExplanation, Show, Shown, View};

use crate::ink::Ink;
use crate::output;
use crate::whose::{Whose, WhoseArgs};

/// Say why a device, a link or an attribute shows or is hidden, and which rule would show it
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub whose: WhoseArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// A name below /dev, a path below /sys, or a number such as b 7:3
    #[arg(required = true)]
    pub target: Vec<String>,
}

const HELP: &str =
    "Said are the rule that decided, and through what; what that means for node, access, /sys
and events; the rules that came close, with the keys that failed; and for what is hidden
a rule that shows it.

Examples:
  devns explain --policy rules.yaml /dev/ttyUSB0
  devns explain --policy rules.yaml --use lab disk/by-id/usb-X c 188:0
  devns explain --container web1 sdc
  devns explain --policy builtin:gamepads /sys/class/input/event4
  devns explain --policy rules.yaml /sys/block/sda/queue/scheduler
  devns explain --policy rules.yaml --root recorded --json ttyUSB0

Exit status:
  0  all that was asked about shows
  1  something is hidden
  2  wrong use, an error in a rule file, or nothing of that name";

/// One target, explained.
enum Explained {
    Device(Explanation),
    /// A path, and the device that it belongs to or leads to, if it is one that decides.
    Path(PathExplanation, Option<Explanation>),
}

impl Explained {
    fn shows(&self) -> bool {
        match self {
            Explained::Device(device) => device.decision.show != Show::Hide,
            Explained::Path(path, _) => path.shows,
        }
    }
}

/// All that the answers are made of.
struct Asked {
    whose: Whose,
    devices: Devices,
    view: View,
    /// The names in /dev that devices do not get.
    refused: Vec<Refusal>,
    ink: Ink,
}

/// Explain each target; the exit status.
pub fn run(args: &ExplainArgs) -> Result<u8, Failure> {
    let whose = Whose::asked(&args.whose)?;
    let (devices, view) = whose.look(&args.whose)?;
    let shown: Vec<Shown> = view.shown().map(|(_, shown)| shown.clone()).collect();
    let asked = Asked {
        whose,
        devices,
        view,
        refused: fusefs_dev::refused(&shown),
        ink: Ink::stdout(),
    };
    let mut all = Vec::new();
    let targets = joined(&args.target);
    for target in &targets {
        all.push((target.as_str(), asked.explain(target)?));
    }
    let text = match args.json {
        true => format!("{:#}\n", asked.json(&all)),
        false => {
            let texts: Vec<String> = all.iter().map(|(_, one)| asked.text(one)).collect();
            texts.join("\n")
        }
    };
    output::write(&text)?;
    Ok(u8::from(!all.iter().all(|(_, one)| one.shows())))
}

/// The targets; a number may stand without quotes, as `c 4:64` comes from a log or from mknod(1).
fn joined(words: &[String]) -> Vec<String> {
    let mut targets = Vec::new();
    let mut rest = words;
    while let [first, more @ ..] = rest {
        let number = more.first().map(|next| format!("{first} {next}"));
        match number.filter(|number| number.parse::<Devnum>().is_ok()) {
            Some(number) => {
                targets.push(number);
                rest = &more[1..];
            }
            None => {
                targets.push(first.clone());
                rest = more;
            }
        }
    }
    targets
}

impl Asked {
    fn explain(&self, target: &str) -> Result<Explained, Failure> {
        let table = &self.devices.table;
        let of_device = |devpath| {
            let facts = table.get(devpath)?;
            Some(policy::explain(&self.view, table, facts))
        };
        match self.devices.find(target, &self.view)? {
            Target::Device(devpath) => of_device(&devpath)
                .map(Explained::Device)
                .ok_or_else(|| Failure::new(Status::Usage, format!("{devpath} is gone"))),
            Target::Path(path, entry) => {
                let explained = policy::explain_path(&self.view, table, &path, &entry);
                let device = explained.device().and_then(of_device);
                Ok(Explained::Path(explained, device))
            }
        }
    }

    /// The names that a device does not get.
    fn refused<'a>(&'a self, shown: &'a Shown) -> impl Iterator<Item = &'a Refusal> {
        let all = self.refused.iter();
        all.filter(|refusal| refusal.devpath == shown.devpath)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_needs_no_quotes() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            joined(&words("c c 4:64 sda b b 7:3 c")),
            ["c", "c 4:64", "sda", "b", "b 7:3", "c"]
        );
        assert_eq!(joined(&["c 4:64".into(), "7:3".into()]), ["c 4:64", "7:3"]);
    }
}
