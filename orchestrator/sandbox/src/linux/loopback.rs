//! Enables the loopback interface of a new network namespace.

use std::io;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// `RTM_NEWLINK`, `NLM_F_REQUEST | NLM_F_ACK`, `IFF_UP`: see netlink(7) and rtnetlink(7).
const NEW_LINK: u16 = 16;
const REQUEST_AND_ACKNOWLEDGE: u16 = 0x5;
const UP: u32 = 0x1;
/// `NLMSG_ERROR`, also the type of an acknowledgement.
const ERROR: u16 = 2;
/// In a new namespace the loopback interface is the first one.
const LOOPBACK: i32 = 1;

/// The caller needs `CAP_NET_ADMIN` in the namespace.
pub(super) fn bring_up() -> io::Result<()> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // The protocol 0 is `NETLINK_ROUTE`.
        None,
    )?;
    send(&socket, &request(), SendFlags::empty())?;
    let mut answer = [0; 256];
    let (read, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    check(answer.get(..read).unwrap_or_default())
}

/// A header of 16 bytes and an `ifinfomsg` of 16.
fn request() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32);
    bytes.extend(32_u32.to_ne_bytes());
    bytes.extend(NEW_LINK.to_ne_bytes());
    bytes.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([0; 4]);
    bytes.extend(LOOPBACK.to_ne_bytes());
    bytes.extend(UP.to_ne_bytes());
    bytes.extend(UP.to_ne_bytes());
    bytes
}

fn check(answer: &[u8]) -> io::Result<()> {
    let broken = || io::Error::other("the kernel's answer cannot be read");
    let kind: [u8; 2] = answer.get(4..6).and_then(|it| it.try_into().ok()).ok_or_else(broken)?;
    let code: [u8; 4] = answer.get(16..20).and_then(|it| it.try_into().ok()).ok_or_else(broken)?;
    match (u16::from_ne_bytes(kind), i32::from_ne_bytes(code)) {
        (ERROR, 0) => Ok(()),
        (ERROR, code) => Err(io::Error::from_raw_os_error(-code)),
        _ => Err(broken()),
    }
}
