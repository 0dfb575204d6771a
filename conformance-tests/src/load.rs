//! The load: a lean client, measuring, and one file a scenario.
//!
//! It knows nothing of any server's insides: the Matrix client-server API, `/proc` of the process ids it is
//! given, and the shared-secret registration that both Synapse and Parta offer.

pub(crate) mod accounts;
pub(crate) mod client;
pub(crate) mod closed_loop;
pub(crate) mod fanout;
pub(crate) mod growth;
pub(crate) mod lab;
pub(crate) mod listening;
pub(crate) mod login;
pub(crate) mod null;
pub(crate) mod options;
pub(crate) mod process;
pub(crate) mod reading;
pub(crate) mod report;
pub(crate) mod send;

use anyhow::{Context, Result};

use self::lab::Lab;
use self::options::{Options, Scenario};
use self::report::Outcome;

/// Runs every scenario asked for, in the order asked, and prints the lines of each.
pub(crate) async fn run(options: Options) -> Result<()> {
    let json = options.json;
    let scenarios = options.scenarios();
    let mut lab = Lab::open(options).await?;
    for scenario in scenarios {
        let outcomes = measured(scenario, &mut lab).await.with_context(|| format!("scenario {scenario}"))?;
        for outcome in outcomes {
            let line = outcome.into_line(scenario, &lab);
            if json {
                println!("{line}");
            } else {
                println!("{}", report::for_people(&line));
            }
        }
    }
    Ok(())
}

/// What a scenario measured: one outcome, or as many as it compares.
async fn measured(scenario: Scenario, lab: &mut Lab) -> Result<Vec<Outcome>> {
    let outcome = match scenario {
        Scenario::Null => null::run(lab).await,
        Scenario::Login => login::run(lab).await,
        Scenario::SendRooms => send::in_own_rooms(lab).await,
        Scenario::SendOneRoom => send::in_one_room(lab).await,
        Scenario::SendIdleRooms => send::among_idle_rooms(lab).await,
        Scenario::Fanout => fanout::run(lab).await,
        Scenario::InitialSync => reading::initial_sync(lab).await,
        Scenario::SlidingSync => reading::sliding_sync(lab).await,
        Scenario::Messages => reading::messages(lab).await,
        Scenario::Search => reading::search(lab).await,
        Scenario::Growth => return growth::run(lab).await,
    };
    Ok(vec![outcome?])
}
