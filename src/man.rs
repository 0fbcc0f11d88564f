//! The manual page: the command line, one section for each command.

use crate::cli::Cli;
use clap::{Command, CommandFactory};
use std::io::{self, Write};

/// Writes the page as roff.
///
/// # Errors
/// When `out` cannot be written.
pub fn render(out: &mut impl Write) -> io::Result<()> {
    let command = Cli::command();
    let page = clap_mangen::Man::new(command.clone());
    page.render(out)?;
    sections(&command, "logstat", out)
}

/// A section for each command that does something; those of commands within a command come in its place.
fn sections(command: &Command, name: &str, out: &mut impl Write) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = format!("{name} {}", sub.get_name());
        if sub.has_subcommands() {
            sections(sub, &name, out)?;
            continue;
        }
        let sub = sub.clone().name(name.clone()).bin_name(name);
        let page = clap_mangen::Man::new(sub.disable_help_flag(true));
        page.render_synopsis_section(out)?;
        page.render_description_section(out)?;
        page.render_options_section(out)?;
    }
    Ok(())
}
