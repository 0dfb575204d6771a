//! The only code that touches Slint's types: it fills the window from the model and turns presses into commands.

mod convert;
mod emoji;
mod fonts;
mod forward;
mod images;
mod menu;
mod pins;
mod threads;
mod window;
mod wiring;

use std::rc::Rc;

use crate::{
    matrix,
    model::command::{Command, Credentials},
    options::Options,
    settings::Settings,
};

/// What the interface compiler made of `ui/`.
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    clippy::todo,
    clippy::unwrap_used,
    reason = "generated code"
)]
pub mod ui {
    slint::include_modules!();
}

pub use window::View;
pub use wiring::wire;

/// Runs the client until its window is closed.
pub fn run(options: &Options) -> anyhow::Result<()> {
    if std::env::var_os("SLINT_BACKEND").is_none() {
        slint::BackendSelector::new().backend_name("winit".into()).renderer_name("software".into()).select()?;
    }
    let data_dir = options.data_dir();
    let settings = Settings::load(&data_dir);
    let engine = matrix::start(data_dir.clone())?;
    let (commands, mut updates, _runtime) = (engine.commands, engine.updates, engine.runtime);
    let mut at_once = credentials(options)?;
    let sender = commands.clone();
    let view = View::new(
        Box::new(move |command| {
            let _ = commands.send(command);
        }),
        settings,
        data_dir,
        options,
    )?;
    wire(&view);
    let shown = Rc::clone(&view);
    slint::spawn_local(async move {
        while let Some(update) = updates.recv().await {
            if matches!(update, crate::model::update::Update::SignedOut(None))
                && let Some(credentials) = at_once.take()
            {
                let _ = sender.send(Command::SignIn(credentials));
            }
            shown.apply(update);
        }
    })?;
    view.run()?;
    Ok(())
}

/// Everything needed to sign in without asking, if the command line gave it.
fn credentials(options: &Options) -> anyhow::Result<Option<Credentials>> {
    let (Some(server), Some(user), Some(file)) = (&options.server, &options.user, &options.password_file) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    let password = text.lines().next().unwrap_or_default().to_owned();
    Ok(Some(Credentials { server: server.clone(), user: user.clone(), password, token: String::new() }))
}
