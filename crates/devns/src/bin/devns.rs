//! Device namespaces for containers.

use std::process::ExitCode;

fn main() -> ExitCode {
    devns::main()
}
