//! Links of Matrix open this program: on Linux the person's own list of programs is asked, at the first start and only
//! where nobody is responsible for them yet. Elsewhere the installer says so.

/// Makes this program responsible for links of Matrix if it is the one that the system has installed. Takes its time:
/// call it from a thread.
#[cfg(all(unix, not(target_os = "macos")))]
pub fn register() {
    use std::{path::Path, process::Command};

    const ENTRY: &str = "/usr/share/applications/parta.desktop";
    const SCHEME: &str = "x-scheme-handler/matrix";

    let installed = Path::new("/usr/bin/parta").canonicalize().ok();
    let own = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
    if own.is_none() || installed != own || !Path::new(ENTRY).is_file() {
        return;
    }
    let nobody = Command::new("xdg-mime")
        .args(["query", "default", SCHEME])
        .output()
        .is_ok_and(|answer| answer.status.success() && answer.stdout.trim_ascii().is_empty());
    if nobody && let Err(error) = Command::new("xdg-mime").args(["default", "parta.desktop", SCHEME]).status() {
        tracing::info!(%error, "links of Matrix stay with nobody");
    }
}

/// The installer has done it.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub fn register() {}
