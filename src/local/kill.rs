//! Asking running tasks to stop.

use std::time::Duration;

use tokio::sync::watch;

/// An order to stop: SIGTERM now, SIGKILL after the grace period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// Told in [`super::task::Outcome::killed`].
    pub(crate) reason: String,
    /// How long the processes may take to end.
    pub(crate) grace: Duration,
}

/// The hand on the switch. A later order replaces an earlier one, so that a stop can become a termination.
#[derive(Debug)]
pub struct KillSwitch(watch::Sender<Option<Order>>);

/// What a task listens to; clones hear the same switch.
#[derive(Debug, Clone)]
pub struct Kill(watch::Receiver<Option<Order>>);

/// A switch and its receiver.
pub fn kill_switch() -> (KillSwitch, Kill) {
    let (sender, receiver) = watch::channel(None);
    (KillSwitch(sender), Kill(receiver))
}

impl KillSwitch {
    /// Stops every task that listens, now or later.
    pub fn kill(&self, reason: impl Into<String>, grace: Duration) {
        self.0.send_replace(Some(Order { reason: reason.into(), grace }));
    }
}

impl Kill {
    /// A receiver that hears nothing.
    pub fn never() -> Self {
        kill_switch().1
    }

    /// The next order; never returns when there will be none.
    pub(crate) async fn next(&mut self) -> Order {
        loop {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if let Some(order) = self.0.borrow_and_update().clone() {
                return order;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_listener_hears_an_order_also_one_that_came_before_it_listened() {
        let (switch, kill) = kill_switch();
        switch.kill("stop", Duration::from_mins(1));
        let (mut first, mut second) = (kill.clone(), kill);
        assert_eq!(first.next().await.reason, "stop");
        switch.kill("terminate", Duration::ZERO);
        assert_eq!(first.next().await.reason, "terminate");
        assert_eq!(second.next().await.grace, Duration::ZERO);
    }
}
