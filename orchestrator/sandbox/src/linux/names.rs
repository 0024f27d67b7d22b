//! The name server of a job with network. Each name becomes an address of the job's own loopback
//! interface, by which the supervisor recognises the name of a connection.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use simple_dns::{
    CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE,
    rdata::{A, RData},
};
use tokio::{
    net::{UdpSocket, lookup_host},
    sync::Semaphore,
};

/// Maximal number of names that one job may look up.
const MOST: u16 = 4096;
/// How many names are looked up at the same time. More have to wait.
const LOOKUPS: usize = 32;
/// Maximal size of a question in bytes.
const LONGEST: usize = 1500;
/// How long an answer is valid, in seconds. Names keep their address during the whole job.
const TTL_SECONDS: u32 = 60;

/// The names of a job with their addresses, from 127.77.0.1 on.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: Mutex<NameTable>,
}

#[derive(Debug, Default)]
struct NameTable {
    in_order: Vec<String>,
    indices: BTreeMap<String, u16>,
}

impl Names {
    /// The address for `name`, in lower case; `None` when the job has asked for too many names.
    fn address(&self, name: &str) -> Option<Ipv4Addr> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = if let Some(place) = known.indices.get(name) {
            *place
        } else {
            let next = u16::try_from(known.in_order.len()).ok().filter(|next| *next < MOST)?;
            known.in_order.push(name.to_owned());
            known.indices.insert(name.to_owned(), next);
            next
        };
        let [high, low] = (place + 1).to_be_bytes();
        Some(Ipv4Addr::new(127, 77, high, low))
    }

    /// The name of `address`.
    pub(super) fn of(&self, address: Ipv4Addr) -> Option<String> {
        let [127, 77, high, low] = address.octets() else { return None };
        let place = usize::from(u16::from_be_bytes([high, low])).checked_sub(1)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.in_order.get(place).cloned()
    }
}

/// Answers on `socket` until the runtime ends.
pub(super) async fn serve(socket: UdpSocket, names: Arc<Names>) {
    let (socket, lookups) = (Arc::new(socket), Arc::new(Semaphore::new(LOOKUPS)));
    let mut buffer = [0; LONGEST];
    loop {
        let Ok((read, from)) = socket.recv_from(&mut buffer).await else { return };
        let Some(question) = buffer.get(..read).and_then(Question::read) else { continue };
        let Ok(place) = Arc::clone(&lookups).acquire_owned().await else { return };
        let (socket, names) = (Arc::clone(&socket), Arc::clone(&names));
        tokio::spawn(async move {
            answer(&socket, &names, question, from).await;
            drop(place);
        });
    }
}

async fn answer(socket: &UdpSocket, names: &Names, question: Question, from: SocketAddr) {
    let found = lookup(&question.name).await;
    let answered = match found {
        Err(code) => question.reply(code, None),
        Ok(()) if question.wants_v4 => match names.address(&question.name) {
            Some(address) => question.reply(RCODE::NoError, Some(address)),
            None => question.reply(RCODE::Refused, None),
        },
        // The name exists and has no record of this type.
        Ok(()) => question.reply(RCODE::NoError, None),
    };
    if let Some(bytes) = answered {
        // If the client has gone away, it gets no answer.
        let _ = socket.send_to(&bytes, from).await;
    }
}

/// Whether the machine can resolve the name. The error is the answer to send.
async fn lookup(name: &str) -> Result<(), RCODE> {
    match lookup_host((name, 443)).await {
        Ok(mut found) => found.next().map(|_| ()).ok_or(RCODE::NameError),
        // The standard library distinguishes the two kinds only by their texts.
        Err(error) if error.to_string().contains("Temporary") => Err(RCODE::ServerFailure),
        Err(_) => Err(RCODE::NameError),
    }
}

/// A question about one name.
struct Question {
    id: u16,
    /// In lower case, without the last dot.
    name: String,
    /// The original question, for the answer.
    asked: simple_dns::Question<'static>,
    wants_v4: bool,
}

impl Question {
    /// `None` for anything but a question about a name of letters, digits, dots, `-` and `_`.
    fn read(bytes: &[u8]) -> Option<Self> {
        let packet = Packet::parse(bytes).ok()?;
        let [asked] = packet.questions.as_slice() else { return None };
        let name = asked.qname.to_string().trim_end_matches('.').to_ascii_lowercase();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_name = !packet.has_flags(PacketFlag::RESPONSE)
            && !name.is_empty()
            && name.len() <= 253
            && name.bytes().all(is_plain);
        let wants_v4 = asked.qtype == QTYPE::TYPE(TYPE::A);
        is_name.then(|| Self { id: packet.id(), name, asked: asked.clone().into_owned(), wants_v4 })
    }

    fn reply(&self, code: RCODE, address: Option<Ipv4Addr>) -> Option<Vec<u8>> {
        let mut packet = Packet::new_reply(self.id);
        packet.set_flags(PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE);
        *packet.rcode_mut() = code;
        packet.questions.push(self.asked.clone());
        if let Some(address) = address {
            let data = RData::A(A { address: address.into() });
            let name: Name<'_> = self.asked.qname.clone();
            packet.answers.push(ResourceRecord::new(name, CLASS::IN, TTL_SECONDS, data));
        }
        packet.build_bytes_vec().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, kind: TYPE) -> Vec<u8> {
        let mut packet = Packet::new_query(7);
        let name = Name::new_unchecked(name);
        let question = simple_dns::Question::new(
            name,
            QTYPE::TYPE(kind),
            simple_dns::QCLASS::CLASS(CLASS::IN),
            false,
        );
        packet.questions.push(question);
        packet.build_bytes_vec().unwrap()
    }

    #[test]
    fn names_and_addresses_are_mapped_consistently() {
        let names = Names::default();
        let first = names.address("a.example").unwrap();
        assert_eq!(first, Ipv4Addr::new(127, 77, 0, 1));
        assert_eq!(names.address("b.example"), Some(Ipv4Addr::new(127, 77, 0, 2)));
        assert_eq!(names.address("a.example"), Some(first));
        assert_eq!(names.of(first).as_deref(), Some("a.example"));
        assert_eq!(names.of(Ipv4Addr::new(127, 77, 0, 9)), None);
        assert_eq!(names.of(Ipv4Addr::LOCALHOST), None);
        for n in 2..MOST {
            assert!(names.address(&format!("n{n}")).is_some());
        }
        assert_eq!(names.address("one.too.many"), None);
    }

    #[test]
    fn a_dns_query_is_read_and_answered() {
        let question = Question::read(&asked("Registry.Example", TYPE::A)).unwrap();
        assert_eq!((question.name.as_str(), question.wants_v4), ("registry.example", true));
        let bytes = question.reply(RCODE::NoError, Some(Ipv4Addr::new(127, 77, 0, 1))).unwrap();
        let reply = Packet::parse(&bytes).unwrap();
        assert_eq!((reply.id(), reply.answers.len()), (7, 1));
        let six = Question::read(&asked("registry.example", TYPE::AAAA)).unwrap();
        assert!(!six.wants_v4);
        assert!(Question::read(b"nonsense").is_none());
        assert!(Question::read(&asked("a b.example", TYPE::A)).is_none());
    }
}
