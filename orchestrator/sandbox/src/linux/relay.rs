//! Connections of a job with network, made by its supervisor.
//!
//! The job's network namespace has no route. Its names resolve to addresses of its own loopback
//! interface ([`super::names`]), where the supervisor listens; for each connection it looks the name
//! up outside, judges the address that it is about to connect to, and passes bytes on.

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
use crate::reach::{Endpoint, PUBLIC_PORTS, Reach, refusal};

/// Connections at one time; more wait.
const CONNECTIONS: usize = 256;
/// One address that does not answer must not use up the job's time.
const CONNECT: Duration = Duration::from_secs(20);
/// Refusals that are remembered.
const REMEMBERED: usize = 20;

/// Why connections were not made, for the report.
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
    reach: Reach,
    names: Arc<Names>,
    refusals: Refusals,
    connections: Semaphore,
}

impl Relay {
    /// Serves the sockets that the job's side handed out: its name server, then a listener for each
    /// of `ports`. Ends with the runtime.
    pub(super) fn start(
        fds: Vec<OwnedFd>,
        ports: &[u16],
        reach: Reach,
        refusals: Refusals,
    ) -> io::Result<()> {
        let mut fds = fds.into_iter();
        let names = Arc::new(Names::default());
        let server = std::net::UdpSocket::from(fds.next().ok_or(io::ErrorKind::InvalidData)?);
        server.set_nonblocking(true)?;
        tokio::spawn(names::serve(UdpSocket::from_std(server)?, Arc::clone(&names)));
        let connections = Semaphore::new(CONNECTIONS);
        let relay = Arc::new(Self { reach, names, refusals, connections });
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
                // Either side may end a connection as it likes.
                let _ = copy_bidirectional(&mut inside, &mut outside).await;
            }
            Err(reason) => {
                self.refusals.add(reason);
                // The job sees a reset and not the end of an answer.
                let _ = inside.set_zero_linger();
            }
        }
    }

    async fn connect(&self, local: Ipv4Addr, port: u16) -> Result<TcpStream, String> {
        match destination(&self.reach, local, port, self.names.of(local))? {
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

/// Where a connection goes.
#[derive(Debug, PartialEq, Eq)]
enum Destination {
    /// A configured proxy or mirror, wherever it lies.
    Configured(Endpoint),
    /// The public addresses of a name.
    Public(String),
}

/// `local` is the address that the job connected to, `name` the name that was resolved to it.
fn destination(
    reach: &Reach,
    local: Ipv4Addr,
    port: u16,
    name: Option<String>,
) -> Result<Destination, String> {
    let is_meant = |endpoint: &&Endpoint| {
        endpoint.port == port
            && match (&name, endpoint.address()) {
                // A job is told 127.0.0.1 in place of an endpoint's own address.
                (None, Some(_)) => local == Ipv4Addr::LOCALHOST,
                (None, None) => local == Ipv4Addr::LOCALHOST && endpoint.host == "localhost",
                (Some(name), _) => endpoint.host == *name,
            }
    };
    if let Some(endpoint) = reach.endpoints().find(is_meant) {
        return Ok(Destination::Configured(endpoint.clone()));
    }
    match name {
        Some(name) if PUBLIC_PORTS.contains(&port) => Ok(Destination::Public(name)),
        Some(name) => Err(format!("{name}:{port}: only ports 80 and 443 may be reached")),
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

/// Whether the machine itself has the address: its services may trust whoever comes from inside. Only
/// an own address can be bound to; where the machine is set to bind any, nothing is known.
async fn is_own(address: IpAddr) -> bool {
    // Nobody has an address of documentation.
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
    async fn an_address_of_the_machine_is_known_as_such() {
        assert!(is_own("127.0.0.1".parse().unwrap()).await);
        assert!(is_own("127.1.2.3".parse().unwrap()).await);
        assert!(!is_own("203.0.113.80".parse().unwrap()).await);
    }

    fn reach() -> Reach {
        let mut reach = Reach::default();
        for url in ["http://127.0.0.1:4873", "http://10.0.0.9:3128", "http://proxy.example:8080"] {
            assert!(reach.add(url));
        }
        reach
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
        let at = |local, port, name| host(destination(&reach(), local, port, name));
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
            assert!(refused.contains("may"), "{local}:{port} is let through: {refused}");
        }
    }
}
