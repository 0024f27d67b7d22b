//! The supervisor's end of the socket to the job's side.

use std::{
    io,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::io::{AsyncWriteExt as _, Interest};

use super::{
    listeners::{self, GO, LISTENERS, READY},
    relay::{Refusals, Relay},
};
use crate::network_access::NetworkAccess;

/// No user, because the last step of the job has not reported yet.
const NOBODY: u32 = u32::MAX;

/// What the supervisor learns from the job's side.
pub(super) struct Control {
    uid: Arc<AtomicU32>,
    refusals: Refusals,
}

impl Control {
    /// Serves the job's side on `socket` until its end. `network` contains the allowed network
    /// access and the ports, ascending.
    pub(super) fn serve(
        socket: UnixStream,
        network: Option<(NetworkAccess, Vec<u16>)>,
    ) -> io::Result<Self> {
        let socket = tokio::net::UnixStream::from_std(socket)?;
        let served = Self { uid: Arc::new(AtomicU32::new(NOBODY)), refusals: Refusals::default() };
        let (uid, refusals) = (Arc::clone(&served.uid), served.refusals.clone());
        tokio::spawn(async move {
            // Without an answer the job's side stops and says so in its output.
            let _ = listen(socket, network, &uid, &refusals).await;
        });
        Ok(served)
    }

    /// The user id of the job outside, after its last step has reported.
    pub(super) fn uid(&self) -> u32 {
        self.uid.load(Ordering::Relaxed)
    }

    /// Connections that were refused.
    pub(super) fn refused(&self) -> Vec<String> {
        self.refusals.all()
    }
}

async fn listen(
    mut socket: tokio::net::UnixStream,
    network: Option<(NetworkAccess, Vec<u16>)>,
    uid: &AtomicU32,
    refusals: &Refusals,
) -> io::Result<()> {
    let mut network = network;
    loop {
        let received = socket.async_io(Interest::READABLE, || listeners::receive(&socket)).await?;
        let Some(message) = received else { return Ok(()) };
        match message.kind {
            LISTENERS => {
                if let Some((network_access, ports)) = network.take() {
                    Relay::start(message.fds, &ports, network_access, refusals.clone())?;
                }
            }
            READY => {
                uid.store(message.uid.unwrap_or(NOBODY), Ordering::Relaxed);
                socket.write_all(&[GO]).await?;
            }
            _ => return Err(io::Error::other("unknown message")),
        }
    }
}
