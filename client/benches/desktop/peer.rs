//! nheko from Debian, on a screen like ours, as the same person.

use std::process::Command;

use serde_json::Value;

use crate::{
    Measured,
    desk::Desk,
    seed::{School, Server},
};

/// Measures it as ours is.
pub(crate) fn measure(base: &str, school: &School) -> Measured {
    let desk = Desk::set_up("ru");
    let device = Server::at(base).sign_in(school);
    let field = |name: &str| device.get(name).and_then(Value::as_str).unwrap().to_owned();
    let config = desk.folder.path().join(".config/nheko");
    std::fs::create_dir_all(&config).unwrap();
    let text = format!(
        "[General]\nrun_without_secure_secrets_service=true\n\n[auth]\naccess_token={}\ndevice_id={}\nhome_server={base}\n\
         user_id={}\n\n",
        field("access_token"),
        field("device_id"),
        field("user_id")
    );
    std::fs::write(config.join("nheko.conf"), text).unwrap();
    crate::measure(&desk, program)
}

fn program(desk: &Desk) -> Command {
    let mut command = desk.command("nheko");
    command.env("QT_QPA_PLATFORM", "xcb").env("XDG_CONFIG_HOME", desk.folder.path().join(".config"));
    command
}
