//! What programs on the other SDKs do, and a person in a web client: the scripts in `sdks/`, each against a server of
//! its own.
//!
//! `PARTA_TEST_NIO` and `PARTA_TEST_MAUTRIX` name the folders with matrix-nio and mautrix, `PARTA_TEST_NODE` the program
//! Node.js and `PARTA_TEST_CHROMIUM` a headless Chromium; `deploy/test.sh` puts them there.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Engine, Setup};

on_both_engines_alone![matrix_nio, mautrix, matrix_js_sdk, hydrogen_in_a_browser];

/// Longest a script may take, in seconds: it must end before the test does, for nobody would end it then.
const LIMIT: &str = "270";

/// The Python that the packages are for.
const PYTHON: &str = "/usr/bin/python3";

/// What a variable names, if anything.
fn named(variable: &str) -> Option<String> {
    let named = std::env::var(variable).ok().filter(|name| !name.is_empty());
    if named.is_none() {
        eprintln!("skipped: {variable} is not set");
    }
    named
}

/// Runs a script against a fresh server, to which it gives its base URL. It says what it has checked, and fails with
/// what is wrong.
async fn passes(engine: Engine, interpreter: &str, script: &str, environment: &[(&str, &str)]) {
    let server = Setup::new(engine).start().await;
    run(interpreter, script, &[&server.setup.base()], environment).await;
}

/// Runs a script.
async fn run(interpreter: &str, script: &str, arguments: &[&str], environment: &[(&str, &str)]) {
    let mut command = Command::new("timeout");
    command.args([LIMIT, interpreter]).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("sdks").join(script));
    command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null());
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}, {}:\n{said}{complained}", output.status);
    assert!(!said.is_empty(), "{script} said nothing");
}

async fn matrix_nio(engine: Engine) {
    let Some(package) = named("PARTA_TEST_NIO") else { return };
    passes(engine, PYTHON, "nio/check.py", &[("PYTHONPATH", &package)]).await;
}

async fn mautrix(engine: Engine) {
    let Some(package) = named("PARTA_TEST_MAUTRIX") else { return };
    let setup = Setup::new(engine);
    let folder = setup.data.path().join("appservices").to_str().unwrap().to_owned();
    let environment = [("PYTHONPATH", package.as_str())];
    // The server reads a bridge's registration when it starts.
    run(PYTHON, "mautrix/check.py", &["register", &folder], &environment).await;
    let server = setup.start().await;
    run(PYTHON, "mautrix/check.py", &[&server.setup.base(), &folder], &environment).await;
}

async fn matrix_js_sdk(engine: Engine) {
    let Some(node) = named("PARTA_TEST_NODE") else { return };
    passes(engine, &node, "js/check.mjs", &[]).await;
}

async fn hydrogen_in_a_browser(engine: Engine) {
    let (Some(node), Some(chromium)) = (named("PARTA_TEST_NODE"), named("PARTA_TEST_CHROMIUM")) else { return };
    passes(engine, &node, "js/web.mjs", &[("CHROMIUM", &chromium)]).await;
}
