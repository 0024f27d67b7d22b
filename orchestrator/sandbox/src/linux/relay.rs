//! Connections of a job with network, which its supervisor makes.
//!
//! The job's network namespace has no route. Names resolve to addresses of its own loopback
//! interface ([`super::names`]), where the supervisor listens. For each connection it resolves the
//! name outside, checks the address before it connects, and forwards the data.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UdpSocket, lookup_host},
    sync::Semaphore,
};

use super::names::{self, Names};
use crate::network_access::{Endpoint, NetworkAccess, PUBLIC_PORTS, refusal};

/// How many connections are open at the same time. More have to wait.
const CONNECTIONS: usize = 256;
/// An address that does not answer must not use up the job's time.
const CONNECT: Duration = Duration::from_secs(20);
/// How many refusals are kept for the report.
const REMEMBERED: usize = 20;

/// Why connections were refused, for the report.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(Arc<Mutex<Vec<String>>>);

impl Refusals {
    fn add(&self, reason: String) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < REMEMBERED && !all.contains(&reason) {
            all.push(reason);
        }
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What all connections of one job share.
pub(super) struct Relay {
    network_access: NetworkAccess,
    names: Arc<Names>,
    refusals: Refusals,
    connections: Semaphore,
}

impl Relay {
    /// Serves the sockets that the job's side sent: its name server, then a listener for each of
    /// `ports`. Ends with the runtime.
    pub(super) fn start(
        fds: Vec<OwnedFd>,
        ports: &[u16],
        network_access: NetworkAccess,
        refusals: Refusals,
    ) -> io::Result<()> {
        let mut fds = fds.into_iter();
        let names = Arc::new(Names::default());
        let server = std::net::UdpSocket::from(fds.next().ok_or(io::ErrorKind::InvalidData)?);
        server.set_nonblocking(true)?;
        tokio::spawn(names::serve(UdpSocket::from_std(server)?, Arc::clone(&names)));
        let connections = Semaphore::new(CONNECTIONS);
        let relay = Arc::new(Self { network_access, names, refusals, connections });
        for (&port, fd) in ports.iter().zip(fds) {
            let listener = std::net::TcpListener::from(fd);
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            tokio::spawn(Arc::clone(&relay).accept(listener, port));
        }
        Ok(())
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, port: u16) {
        loop {
            let Ok((inside, _)) = listener.accept().await else { return };
            let relay = Arc::clone(&self);
            tokio::spawn(async move {
                let Ok(_place) = relay.connections.acquire().await else { return };
                relay.pass_on(inside, port).await;
            });
        }
    }

    async fn pass_on(&self, mut inside: TcpStream, port: u16) {
        let Ok(SocketAddr::V4(local)) = inside.local_addr() else { return };
        match self.connect(*local.ip(), port).await {
            Ok(mut outside) => {
                // Each side may end a connection in any way.
                let _ = copy_bidirectional(&mut inside, &mut outside).await;
            }
            Err(reason) => {
                self.refusals.add(reason);
                // The job sees a reset and not the normal end of an answer.
                let _ = inside.set_zero_linger();
            }
        }
    }

    async fn connect(&self, local: Ipv4Addr, port: u16) -> Result<TcpStream, String> {
        match destination(&self.network_access, local, port, self.names.of(local))? {
            Destination::Configured(endpoint) => {
                let target = (endpoint.host.as_str(), endpoint.port);
                let failed = |error| format!("{}:{port}: {error}", endpoint.host);
                let connected = tokio::time::timeout(CONNECT, TcpStream::connect(target)).await;
                connected.map_err(|_| failed(io::ErrorKind::TimedOut.into()))?.map_err(failed)
            }
            Destination::Public(name) => public(&name, port).await,
        }
    }
}

/// The destination of a connection.
#[derive(Debug, PartialEq, Eq)]
enum Destination {
    /// A configured proxy or mirror, at any address.
    Configured(Endpoint),
    /// The public addresses of a name.
    Public(String),
}

/// `local` is the address to which the job connected, `name` the name that was resolved to it.
fn destination(
    network_access: &NetworkAccess,
    local: Ipv4Addr,
    port: u16,
    name: Option<String>,
) -> Result<Destination, String> {
    let is_meant = |endpoint: &&Endpoint| {
        endpoint.port == port
            && match (&name, endpoint.address()) {
                // In place of the own address of an endpoint, a job sees 127.0.0.1.
                (None, Some(_)) => local == Ipv4Addr::LOCALHOST,
                (None, None) => local == Ipv4Addr::LOCALHOST && endpoint.host == "localhost",
                (Some(name), _) => endpoint.host == *name,
            }
    };
    if let Some(endpoint) = network_access.endpoints().find(is_meant) {
        return Ok(Destination::Configured(endpoint.clone()));
    }
    match name {
        Some(name) if PUBLIC_PORTS.contains(&port) => Ok(Destination::Public(name)),
        Some(name) => Err(format!("{name}:{port}: only ports 80 and 443 are allowed")),
        None => Err(format!("{local}:{port}: a loopback address may not be reached")),
    }
}

async fn public(name: &str, port: u16) -> Result<TcpStream, String> {
    let failed = |reason: &dyn std::fmt::Display| format!("{name}:{port}: {reason}");
    let found = lookup_host((name, port)).await.map_err(|error| failed(&error))?;
    let mut last = failed(&"the name has no address");
    for address in found {
        if let Some(reason) = refusal(address.ip()) {
            last = failed(&format!("{} is {reason}", plain(address.ip())));
            continue;
        }
        if is_own(address.ip()).await {
            last = failed(&format!("{} is an address of this machine", plain(address.ip())));
            continue;
        }
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) => last = failed(&error),
            Err(_) => last = failed(&"no answer in time"),
        }
    }
    Err(last)
}

/// Whether the address belongs to this machine, whose services may trust local clients. Only an own
/// address can be bound to. If the machine is configured to bind any address, nothing is known.
async fn is_own(address: IpAddr) -> bool {
    // Nobody uses the addresses that are reserved for documentation.
    let nobodys: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::new(192, 0, 2, 1).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    };
    let binds = async |address: IpAddr| UdpSocket::bind((address, 0)).await.is_ok();
    binds(address).await && !binds(nobodys).await
}

fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_of_the_machine_are_recognised() {
        assert!(is_own("127.0.0.1".parse().unwrap()).await);
        assert!(is_own("127.1.2.3".parse().unwrap()).await);
        assert!(!is_own("203.0.113.80".parse().unwrap()).await);
    }

    fn network_access() -> NetworkAccess {
        let mut network_access = NetworkAccess::default();
        for url in ["http://127.0.0.1:4873", "http://10.0.0.9:3128", "http://proxy.example:8080"] {
            assert!(network_access.add(url));
        }
        network_access
    }

    #[test]
    fn a_connection_goes_to_what_is_configured_or_public_and_nowhere_else() {
        let fake = Ipv4Addr::new(127, 77, 0, 1);
        let local = Ipv4Addr::LOCALHOST;
        let name = |name: &str| Some(name.to_owned());
        let host = |destination| match destination {
            Ok(Destination::Configured(endpoint)) => format!("{}:{}", endpoint.host, endpoint.port),
            Ok(Destination::Public(name)) => format!("public {name}"),
            Err(reason) => reason,
        };
        let at = |local, port, name| host(destination(&network_access(), local, port, name));
        assert_eq!(at(local, 4873, None), "127.0.0.1:4873");
        assert_eq!(at(local, 3128, None), "10.0.0.9:3128");
        assert_eq!(at(fake, 8080, name("proxy.example")), "proxy.example:8080");
        assert_eq!(at(fake, 443, name("registry.example")), "public registry.example");
        for (local, port, name) in [
            (local, 443, None),
            (local, 8080, None),
            (fake, 4873, name("evil.example")),
            (fake, 22, name("registry.example")),
            (Ipv4Addr::new(127, 0, 0, 2), 4873, None),
        ] {
            let refused = at(local, port, name);
            assert!(
                refused.contains("are allowed") || refused.contains("may not"),
                "{local}:{port} is let through: {refused}"
            );
        }
    }
}
