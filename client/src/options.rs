//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// The academy's messenger.
#[derive(Debug, Clone, Parser)]
#[command(name = "parta", version, about)]
pub struct Options {
    /// Address of the server, filled in on the sign-in page
    #[arg(long, env = "PARTA_SERVER")]
    pub server: Option<String>,
    /// User name, filled in on the sign-in page
    #[arg(long)]
    pub user: Option<String>,
    /// File whose first line is the password: with --server and --user, signs in without asking
    #[arg(long)]
    pub password_file: Option<PathBuf>,
    /// Folder for the session and the local copy of messages
    #[arg(long, env = "PARTA_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Language for this start
    #[arg(long)]
    pub lang: Option<Language>,
    /// Stay out of the way at first: so the system starts this program
    #[arg(long)]
    pub minimised: bool,
    /// A link to open: `matrix:…` or `https://matrix.to/#/…`
    pub link: Option<String>,
    /// Appearance for this start
    #[arg(long)]
    pub theme: Option<Theme>,
}

/// A language the interface speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Russian
    Ru,
    /// English
    En,
}

/// A forced appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// Dark text on a light ground
    Light,
    /// Light text on a dark ground
    Dark,
}

impl Options {
    /// The folder for everything kept on this computer.
    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| {
            directories::ProjectDirs::from("", "", "parta")
                .map_or_else(|| PathBuf::from("parta-data"), |dirs| dirs.data_local_dir().to_path_buf())
        })
    }
}
