//! The only code that touches Slint's types: it fills the window from the model and turns presses into commands.

mod accounts;
mod attach;
mod avatars;
mod caret;
mod composer;
mod convert;
mod crypto;
mod desktop;
mod devices;
mod discovery;
mod emoji;
mod feedback;
mod fonts;
mod forward;
mod games;
mod help;
mod images;
mod jump;
mod manage;
mod media;
mod members;
mod menu;
mod notify;
mod picker;
mod pins;
mod polls;
mod presence;
mod preset;
mod profile;
mod pulse;
mod room_menu;
mod search;
mod settings;
mod shared;
mod spaces;
mod threads;
mod verify;
mod viewer;
mod voice;
mod window;
mod wiring;

use std::rc::Rc;

use slint::ComponentHandle;

use crate::{
    desktop::{
        instance::{self, Start},
        popups::Popups,
        scheme,
    },
    matrix,
    model::{
        command::{Command, Credentials},
        desktop::Outside,
        update::Update,
    },
    options::Options,
    preset::{Computer, Preset},
    settings::Settings,
    sound,
};

pub use parta_ui as ui;
pub use window::View;
pub use wiring::wire;

/// How long the end of the program waits for what was asked before.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);

/// Runs the client until its window is closed.
pub fn run(options: &Options) -> anyhow::Result<()> {
    if std::env::var_os("SLINT_BACKEND").is_none() {
        slint::BackendSelector::new().backend_name("winit".into()).renderer_name("software".into()).select()?;
    }
    let data_dir = options.data_dir();
    let (from_outside, outside) = tokio::sync::mpsc::unbounded_channel();
    let further = from_outside.clone();
    let told = instance::start(&data_dir, options.link.as_deref(), move |outside| {
        let _ = further.send(outside);
    });
    let _first = match told {
        Start::First(lock) => lock,
        Start::Told => return Ok(()),
        Start::Silent => anyhow::bail!("Parta is running already and does not answer"),
    };
    if !Settings::kept(&data_dir) {
        std::thread::Builder::new().name("links".into()).spawn(scheme::register)?;
    }
    matrix::prepare(&data_dir);
    let computer = Computer { data_dir: data_dir.clone(), preset: Preset::find() };
    let settings = computer.settings();
    if let Err(error) = slint::set_xdg_app_id("parta") {
        tracing::debug!(%error, "the desktop does not learn which program this is");
    }
    let engine = matrix::start(computer)?;
    let (commands, mut updates, runtime) = (engine.commands, engine.updates, engine.runtime);
    let mut at_once = credentials(options)?;
    let sender = commands.clone();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let orders = sound::start(move |heard| {
        // Without a window left there is nobody to tell.
        let _ = told.send(heard);
    })?;
    let view = View::new(
        Box::new(move |command| {
            if let Command::Sound(order) = command {
                let _ = orders.send(order);
            } else {
                let _ = commands.send(command);
            }
        }),
        settings,
        data_dir,
        options,
    )?;
    wire(&view);
    let shown = Rc::clone(&view);
    slint::spawn_local(async move {
        while let Some(update) = updates.recv().await {
            match update {
                Update::SignedOut(None) => {
                    if let Some(credentials) = at_once.take() {
                        let _ = sender.send(Command::SignIn(credentials));
                    }
                }
                // Only at the start: whoever leaves later does so by themselves.
                Update::SignedIn(_) => at_once = None,
                _ => {}
            }
            shown.apply(update);
        }
    })?;
    let listening = Rc::clone(&view);
    slint::spawn_local(async move {
        while let Some(heard) = heard.recv().await {
            listening.apply(Update::Sound(heard));
        }
    })?;
    pulse::begin();
    let popups = Popups::new(move |room| {
        let _ = from_outside.send(Outside::Room(room));
    });
    view.settle(popups, outside)?;
    if let Some(link) = &options.link {
        view.wait_for(link);
    }
    if options.minimised {
        view.window().show()?;
        view.window().window().set_minimized(true);
        view.focus(false);
    }
    view.run()?;
    view.end();
    // What was asked last is done first, such as keeping a draft.
    if runtime.block_on(async { tokio::time::timeout(PATIENCE, engine.task).await }).is_err() {
        tracing::warn!("the end was not waited for");
    }
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
