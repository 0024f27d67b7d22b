//! Sockets that are opened in the network namespace of a job and served by its supervisor outside.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// A message of the job's side.
pub(super) const LISTENERS: u8 = b'l';
/// All rights are given up, and only the start of the job's program is left.
pub(super) const READY: u8 = b'r';
/// The supervisor's answer to [`READY`]. Without it no program is started, so a job whose
/// supervisor has died never runs.
pub(super) const GO: u8 = b'g';

/// Linux transfers at most 253 descriptors at once.
const MOST: usize = 253;

/// Opens a name server on port 53 of 127.0.0.1, and a listener on each of `ports` for all addresses
/// of the namespace, and sends them through `control` in this order.
pub(super) fn open_and_send(control: impl AsFd, ports: &[u16]) -> io::Result<()> {
    let names = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53))?;
    let open = |&port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port));
    let listeners: Vec<TcpListener> = ports.iter().map(open).collect::<io::Result<_>>()?;
    let fds: Vec<BorrowedFd<'_>> =
        [names.as_fd()].into_iter().chain(listeners.iter().map(AsFd::as_fd)).collect();
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    if !message.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::other("too many listeners"));
    }
    sendmsg(control, &[IoSlice::new(&[LISTENERS])], &mut message, SendFlags::empty())?;
    Ok(())
}

/// A message as the supervisor receives it.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) fds: Vec<OwnedFd>,
    /// The user id of the sender, according to the kernel.
    pub(super) uid: Option<u32>,
}

/// Receives the next message from `control`, whose `SO_PASSCRED` must be set; `None` at the end.
pub(super) fn receive(control: impl AsFd) -> io::Result<Option<Message>> {
    let mut byte = [0];
    let mut space =
        vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST), ScmCredentials(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let read = recvmsg(control, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, flags)?;
    let mut message = Message { kind: byte[0], fds: Vec::new(), uid: None };
    for part in ancillary.drain() {
        match part {
            RecvAncillaryMessage::ScmRights(fds) => message.fds.extend(fds),
            RecvAncillaryMessage::ScmCredentials(sender) => {
                message.uid = Some(sender.uid.as_raw());
            }
            _ => {}
        }
    }
    Ok((read.bytes > 0).then_some(message))
}
