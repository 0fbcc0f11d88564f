//! The manual page: the command line, one section for each command.

use crate::cli::Cli;
use clap::CommandFactory;
use std::io::{self, Write};

/// Writes the page as roff.
///
/// # Errors
/// When `out` cannot be written.
pub fn render(out: &mut impl Write) -> io::Result<()> {
    let command = Cli::command();
    let page = clap_mangen::Man::new(command.clone());
    page.render(out)?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let sub = sub
            .clone()
            .name(format!("logstat {}", sub.get_name()))
            .bin_name(format!("logstat {}", sub.get_name()));
        let page = clap_mangen::Man::new(sub.disable_help_flag(true));
        page.render_synopsis_section(out)?;
        page.render_description_section(out)?;
        page.render_options_section(out)?;
    }
    Ok(())
}
