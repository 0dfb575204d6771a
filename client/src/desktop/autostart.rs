//! Starting with the system: the desktop's own list of programs is the only record of it.

use auto_launch::{AutoLaunch, AutoLaunchBuilder, WindowsEnableMode};

/// The argument with which the system starts this program: it stays out of the way.
pub const MINIMISED: &str = "--minimised";

fn launcher() -> Option<AutoLaunch> {
    let program = std::env::current_exe().ok()?;
    let path = program.to_str()?;
    // The desktop's list is a line of words: a path with blanks is put into quotation marks.
    let path = if path.contains(' ') && cfg!(target_os = "linux") { format!("\"{path}\"") } else { path.to_owned() };
    AutoLaunchBuilder::new()
        .set_app_name("Parta")
        .set_app_path(&path)
        .set_args(&[MINIMISED])
        .set_windows_enable_mode(WindowsEnableMode::CurrentUser)
        .build()
        .inspect_err(|error| tracing::warn!(%error, "starting with the system is not possible here"))
        .ok()
}

/// Whether this program starts with the system. Reads a file or the registry.
pub fn is_on() -> bool {
    launcher().is_some_and(|launcher| launcher.is_enabled().unwrap_or(false))
}

/// Makes this program start with the system, or not any more. Returns whether that worked.
pub fn set(on: bool) -> bool {
    let Some(launcher) = launcher() else { return false };
    let done = if on { launcher.enable() } else { launcher.disable() };
    done.inspect_err(|error| tracing::warn!(%error, "starting with the system could not be changed")).is_ok()
}
