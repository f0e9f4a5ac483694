//! A word that many wait for.

use std::time::Duration;

use tokio::time::timeout;

use crate::listen::{Stop, Stopper};

#[tokio::test]
async fn stop_is_said_once_and_for_all() {
    let stopper = Stopper::new();
    let (early, waiting) = (stopper.stop(), stopper.stop());
    assert!(!early.is_said());
    let waiter = tokio::spawn(async move { waiting.said().await });
    stopper.say();
    waiter.await.unwrap();
    early.said().await;
    assert!(early.is_said() && stopper.stop().is_said());
}

#[tokio::test]
async fn a_stopper_that_is_gone_has_said_it() {
    let stopper = Stopper::new();
    let stop = stopper.stop();
    drop(stopper);
    stop.said().await;
    assert!(stop.is_said());
}

#[tokio::test]
async fn some_never_stop() {
    assert!(!Stop::never().is_said());
    assert!(timeout(Duration::from_millis(20), Stop::never().said()).await.is_err());
}
