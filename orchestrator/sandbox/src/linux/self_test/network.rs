//! Sockets, and the services behind them.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr as UnixAddress, UnixDatagram, UnixStream},
    },
    time::Duration,
};

use rustix::net::{AddressFamily, Protocol, SocketType, netlink, socket};

use super::Task;

/// Addresses that no job may reach: cloud metadata in several spellings, private and shared
/// networks.
const PRIVATE: [&str; 8] = [
    "169.254.169.254:80",
    "[fd00:ec2::254]:80",
    "10.0.0.1:443",
    "172.16.0.1:443",
    "192.168.0.1:443",
    "100.64.0.1:443",
    "[fe80::1]:443",
    "[::ffff:169.254.169.254]:80",
];

/// `AF_ALG`, the cryptography of the kernel.
const ALG: u16 = 38;

/// An address that can be reached answers within this time.
const SHORT: Duration = Duration::from_millis(300);

pub(super) fn without_network(task: &Task) -> Vec<(&'static str, bool)> {
    let open = |family, kind, protocol: Option<Protocol>| socket(family, kind, protocol).is_ok();
    let abstract_socket = UnixAddress::from_abstract_name(ABSTRACT);
    vec![
        ("no TCP socket can be opened", is_refused(TcpListener::bind("127.0.0.1:0"))),
        ("no UDP socket can be opened", is_refused(UdpSocket::bind("127.0.0.1:0"))),
        ("no IPv6 socket can be opened", is_refused(TcpListener::bind("[::1]:0"))),
        ("services on loopback cannot be reached", is_unreachable(task.listener)),
        ("no local datagram socket can be opened", is_refused(UnixDatagram::unbound())),
        ("no local datagram pair can be opened", is_refused(UnixDatagram::pair())),
        ("local sockets outside cannot be reached", UnixStream::connect(&task.socket).is_err()),
        (
            "abstract sockets outside cannot be reached",
            abstract_socket.is_ok_and(|it| UnixStream::connect_addr(&it).is_err()),
        ),
        ("no packet socket can be opened", !open(AddressFamily::PACKET, SocketType::RAW, None)),
        (
            "no virtual machine socket can be opened",
            !open(AddressFamily::VSOCK, SocketType::STREAM, None),
        ),
        (
            "no kernel crypto socket can be opened",
            !open(AddressFamily::from_raw(ALG), SocketType::SEQPACKET, None),
        ),
        (
            "no netlink socket except for routes can be opened",
            !open(AddressFamily::NETLINK, SocketType::RAW, Some(netlink::KOBJECT_UEVENT))
                && !open(AddressFamily::NETLINK, SocketType::RAW, Some(netlink::AUDIT)),
        ),
    ]
}

/// The abstract name on which the test listens outside.
pub(in super::super) const ABSTRACT: &[u8] = b"tsuku-batch-self-test";

pub(super) fn with_network(task: &Task) -> Vec<(&'static str, bool)> {
    let private = PRIVATE.iter().filter_map(|address| address.parse().ok());
    let raw = socket(AddressFamily::INET, SocketType::RAW, Some(rustix::net::ipproto::ICMP));
    vec![
        ("network: services on loopback cannot be reached", is_unreachable(task.listener)),
        ("network: private addresses cannot be reached", private.into_iter().all(is_unreachable)),
        (
            "network: no local socket can be opened",
            is_refused(UnixStream::pair().and(UnixDatagram::pair())),
        ),
        ("network: no raw socket can be opened", raw.is_err()),
    ]
}

fn is_refused<T>(tried: io::Result<T>) -> bool {
    tried.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// Refused at once. An address that only does not answer in time counts as reachable.
fn is_unreachable(address: SocketAddr) -> bool {
    let reason = TcpStream::connect_timeout(&address, SHORT).err().map(|error| error.kind());
    matches!(
        reason,
        Some(
            ErrorKind::PermissionDenied
                | ErrorKind::NetworkUnreachable
                | ErrorKind::HostUnreachable
                | ErrorKind::ConnectionRefused
                | ErrorKind::AddrNotAvailable
                | ErrorKind::InvalidInput
        )
    )
}
