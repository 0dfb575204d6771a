use std::path::Path;

use clap::Subcommand;

use super::load;

/// The configuration file.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the file and print what it comes to, with defaults and environment.
    Check,
}

impl ConfigCommand {
    /// Does it.
    pub fn run(self, file: &Path) -> anyhow::Result<()> {
        match self {
            Self::Check => println!("{}", toml::to_string_pretty(&load(file)?)?),
        }
        Ok(())
    }
}
