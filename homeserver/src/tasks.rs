//! Background work, and the sign to stop.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What runs besides the requests.
#[derive(Debug, Default)]
pub struct Tasks {
    stop: CancellationToken,
    running: TaskTracker,
}

impl Tasks {
    /// The sign to stop: long polls answer at once, background work ends.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// Runs a task until it ends or the server stops.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.running.spawn(async move {
            stop.run_until_cancelled_owned(task).await;
        });
    }

    /// Gives the sign and waits until background work has ended.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.running.close();
        self.running.wait().await;
    }
}
