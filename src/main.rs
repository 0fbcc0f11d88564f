//! `logstat`: arguments in, exit code out.

use clap::{CommandFactory, Parser};
use logstat::cli::{Cli, Command};
use logstat::exit::Exit;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match act(Cli::parse().command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            logstat::output::say(&format!("{error:#}"));
            Exit::of_error(&error).into()
        }
    }
}

fn act(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Report(args) if args.read.paths.is_empty() => logstat::kept::run(*args),
        Command::Report(args) => logstat::run::run(*args),
        Command::Ingest(args) => logstat::ingest::run(&args),
        Command::Status(args) => logstat::status::run(&args),
        Command::Prune(args) => logstat::prune::run(&args),
        Command::Rename(args) => logstat::rename::run(&args),
        Command::Export(args) => logstat::export::run(&args),
        Command::Check(args) => logstat::check::run(&args),
        Command::Init(args) => logstat::init::run(&args),
        Command::Merge(args) => logstat::merge::run(&args),
        Command::Ban(command) => logstat::bans::run(command),
        Command::Man => {
            let mut page = Vec::new();
            logstat::man::render(&mut page)?;
            print(&page)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "logstat", &mut script);
            print(&script)
        }
    }
}

/// A closed pipe is no error.
fn print(bytes: &[u8]) -> anyhow::Result<Exit> {
    match io::stdout().write_all(bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Exit::Done),
    }
}
