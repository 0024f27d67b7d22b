//! The network access of a job.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The ports on which a job may reach any public address.
pub const PUBLIC_PORTS: [u16; 2] = [80, 443];

/// More mirrors and proxies than any machine has. Each needs a socket for each job.
const MAX_ENDPOINTS: usize = 64;

/// What a job may reach besides public addresses on [`PUBLIC_PORTS`]: the configured proxies and
/// mirrors, which may have private addresses. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAccess {
    endpoints: BTreeSet<Endpoint>,
}

/// A host, by name or address, and one of its ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    /// A name in lower case, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// The address, if [`Endpoint::host`] is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl NetworkAccess {
    /// Adds the host and port of `url`, a proxy or a mirror. A text without a scheme is read as
    /// `http://`, as curl does. Returns whether it contained a host.
    pub fn add(&mut self, url: &str) -> bool {
        let parsed = Url::parse(url).ok().filter(Url::has_host);
        let has_scheme = url.contains("://");
        let parsed = parsed
            .or_else(|| (!has_scheme).then(|| Url::parse(&format!("http://{url}")).ok()).flatten());
        let Some(endpoint) = parsed.as_ref().and_then(endpoint) else { return false };
        let has_room = self.endpoints.len() < MAX_ENDPOINTS;
        if has_room {
            self.endpoints.insert(endpoint);
        }
        has_room
    }

    /// The proxies and mirrors.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter()
    }

    /// The allowed ports if no addresses are checked: those of the proxies and mirrors, and 443. On
    /// port 80, cloud machines receive their keys, and no registry needs it.
    pub fn ports_unjudged(&self) -> BTreeSet<u16> {
        self.endpoints.iter().map(|endpoint| endpoint.port).chain([443]).collect()
    }

    /// All ports that are allowed for some address, ascending.
    pub fn ports(&self) -> BTreeSet<u16> {
        self.endpoints.iter().map(|endpoint| endpoint.port).chain(PUBLIC_PORTS).collect()
    }
}

fn endpoint(url: &Url) -> Option<Endpoint> {
    let host = match url.host()? {
        Host::Domain(name) => name.trim_end_matches('.').to_ascii_lowercase(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    let port = url.port_or_known_default()?;
    (!host.is_empty() && port != 0).then_some(Endpoint { host, port })
}

/// Why a job may not reach `address`; `None` for a public address.
///
/// The list contains what is refused and not what is allowed, because some networks map registries
/// to addresses that are not public by any standard.
pub fn refusal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refusal_v4(address),
        IpAddr::V6(address) => refusal_v6(address),
    }
}

fn refusal_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (0, ..) => Some("an address of this network"),
        (127, ..) => Some("a loopback address"),
        (169, 254, _) => Some("a link-local address, where cloud metadata lies"),
        (10, ..) | (192, 168, _) | (172, 16..=31, _) => Some("a private address"),
        (100, 64..=127, _) => Some("a shared address (100.64.0.0/10)"),
        (192, 0, 0) => Some("an address of protocol assignments (192.0.0.0/24)"),
        (224..=239, ..) => Some("a multicast address"),
        (240..=255, ..) => Some("a reserved address"),
        // The address under which Azure answers its virtual machines.
        _ if address == Ipv4Addr::new(168, 63, 129, 16) => Some("a cloud metadata address"),
        _ => None,
    }
}

fn refusal_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = embedded_v4(address) {
        return refusal_v4(inner);
    }
    let first = address.segments()[0];
    match first {
        _ if address.is_unspecified() => Some("an address of this network"),
        _ if address.is_loopback() => Some("a loopback address"),
        0xfc00..=0xfdff => Some("a unique-local address"),
        0xfe80..=0xfebf => Some("a link-local address"),
        0xfec0..=0xfeff => Some("a site-local address"),
        0xff00..=0xffff => Some("a multicast address"),
        _ => None,
    }
}

/// The IPv4 address in an IPv6 address: mapped (`::ffff:0:0/96`), compatible (`::/96`), NAT64
/// (`64:ff9b::/96`, `64:ff9b:1::/48`), 6to4 (`2002::/16`).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_refused_in_every_spelling() {
        let refused = [
            "0.0.0.0",
            "127.0.0.1",
            "127.77.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "169.254.169.254",
            "192.0.0.192",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a00:1::1",
        ];
        for address in refused {
            assert!(refusal(address.parse().unwrap()).is_some(), "{address} is let through");
        }
        let public = [
            "1.1.1.1",
            "172.32.0.1",
            "172.15.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "11.0.0.1",
            "203.0.113.80",
            "198.18.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ];
        for address in public {
            assert_eq!(refusal(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn proxies_and_mirrors_are_read_as_tools_read_them() {
        let mut network_access = NetworkAccess::default();
        for url in [
            "http://127.0.0.1:4873",
            "http://user:pass@Proxy.Example.:3128/",
            "proxy.example:8080",
            "https://mirror.example/npm",
            "http://[::1]:99",
        ] {
            assert!(network_access.add(url), "{url}");
        }
        for url in ["", "http://", "http://x:0"] {
            assert!(!network_access.add(url), "{url:?}");
        }
        let found: Vec<String> =
            network_access.endpoints().map(|it| format!("{} {}", it.host, it.port)).collect();
        let expected = [
            "127.0.0.1 4873",
            "::1 99",
            "mirror.example 443",
            "proxy.example 3128",
            "proxy.example 8080",
        ];
        assert_eq!(found, expected);
        assert_eq!(network_access.ports(), BTreeSet::from([80, 99, 443, 3128, 4873, 8080]));
    }
}
