//! Every message, cut and bent, and the document made from the table.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use mu_wire::{
    EntityId, Lane, Tick,
    messages::{
        ChatChannel, ClientMessage, Deal, DecodeError, EncodeError, Item, ItemUids, KickReason, List, MAX_CHAT_BYTES,
        MAX_INVENTORY_ITEMS, MAX_MESSAGE_BYTES, MAX_TRADE_ITEMS, Offer, Problem, Refusal, ServerMessage, TradeClose,
        TradeFailure, Ware, schema,
    },
};
use proptest::prelude::*;

use crate::dice::Dice;

/// What holds for every message of either direction: it fits its bound and no smaller buffer, comes back the same, and
/// neither a part of it nor anything longer is a message. Gives its bytes.
macro_rules! checks {
    ($check:ident, $table:ident) => {
        fn $check(message: $table<'_>) -> Vec<u8> {
            let mut bytes = vec![0xee; $table::MAX_BYTES];
            let len = message.encode(&mut bytes).unwrap();
            bytes.truncate(len);
            for room in 0..len {
                assert_eq!(message.encode(&mut vec![0; room]), Err(EncodeError::NoRoom), "{message:?} in {room}");
            }
            assert_eq!($table::decode(&bytes), Ok(message));
            for len in 0..len {
                let error = $table::decode(&bytes[..len]).expect_err("a part is no message");
                assert_eq!(error.problem, Problem::Truncated, "{message:?} cut to {len}");
            }
            let longer = [bytes.as_slice(), &[0]].concat();
            let problem = Problem::Trailing { bytes: 1 };
            assert_eq!($table::decode(&longer), Err(DecodeError { at: message.name(), problem }));
            bytes
        }
    };
}

checks!(check_client, ClientMessage);
checks!(check_server, ServerMessage);

const UIDS: [u64; 3] = [1, u64::MAX, 0x0102_0304_0506_0708];
const ITEMS: [Item; 2] = [
    Item { uid: 77, template: 0x1234, slot: 5, level: 9 },
    Item { uid: u64::MAX, template: u16::MAX, slot: 255, level: 0 },
];

const WARES: [Ware; 2] =
    [Ware { template: 0x1234, level: 9, price: 0x0102_0304_0506 }, Ware { template: 1, level: 0, price: u64::MAX }];

fn client_messages() -> Vec<ClientMessage<'static>> {
    vec![
        ClientMessage::Chat { channel: ChatChannel::Local, text: "hé" },
        ClientMessage::UsePortal { portal: 513 },
        ClientMessage::TradeRequest { target: EntityId::new(3, 4) },
        ClientMessage::TradeAnswer { accept: true },
        ClientMessage::TradeOffer { revision: 7, zen: 1_000_000, items: ItemUids::new(&UIDS) },
        ClientMessage::TradeConfirm { revision: 8 },
        ClientMessage::TradeCancel,
        ClientMessage::Leave,
        ClientMessage::KeeperOpen { keeper: EntityId::new(9, 9) },
        ClientMessage::Deposit { keeper: EntityId::new(9, 1), zen: u64::MAX, items: ItemUids::new(&UIDS) },
        ClientMessage::Withdraw { keeper: EntityId::new(9, 1), zen: 1, items: ItemUids::new(&[]) },
        ClientMessage::Buy { keeper: EntityId::new(9, 2), ware: 3, count: 16, price: 1 << 40 },
        ClientMessage::Sell { keeper: EntityId::new(9, 2), items: ItemUids::new(&UIDS) },
        ClientMessage::Drop { item: 0x0102_0304_0506_0708 },
        ClientMessage::PickUp { target: EntityId::new(300, 7) },
    ]
}

fn transfer(address: SocketAddr) -> ServerMessage<'static> {
    ServerMessage::Transfer {
        address,
        routing_id: 11,
        key_id: 1,
        expires_s: 1_800_000_000,
        sealed_token: &[7; 392],
        psk: &[8; 32],
        server_key: &[9; 32],
    }
}

fn server_messages() -> Vec<ServerMessage<'static>> {
    let offer = |zen, items| Offer { zen, items: List::new(items) };
    vec![
        ServerMessage::Spawned {
            entity: EntityId::new(1, 2),
            character: 42,
            world: 1,
            entry: 2,
            map: 3,
            instance: 4,
            x: 0x1080,
            y: 0x2080,
            tick: Tick(99),
            hp: 80,
            hp_max: 100,
            mp: 20,
            mp_max: 30,
            name: "Skuld",
        },
        ServerMessage::Inventory { zen: 5, items: List::new(&ITEMS) },
        ServerMessage::Chat { channel: ChatChannel::Global, from: EntityId::new(9, 1), name: "Urd", text: "…" },
        ServerMessage::Notice { text: "" },
        ServerMessage::Refused { what: Refusal::TradeStale, detail: 12 },
        ServerMessage::Correction { tick: Tick(u32::MAX), x: 1, y: 2 },
        ServerMessage::TradeRequested { from: EntityId::new(5, 1), name: "Verdandi" },
        ServerMessage::TradeOpened { with: EntityId::new(5, 1), name: "Verdandi" },
        ServerMessage::TradeOffers { revision: 3, mine: offer(1, &ITEMS), theirs: offer(0, &[]) },
        ServerMessage::TradeConfirmed { mine: true, theirs: false },
        ServerMessage::TradePending { event: 1 << 100 },
        ServerMessage::TradeDone { event: u128::MAX },
        ServerMessage::TradeFailed { event: 2, reason: TradeFailure::Zen },
        ServerMessage::TradeClosed { reason: TradeClose::TooFar },
        transfer(SocketAddr::from(([127, 0, 0, 1], 4_500))),
        transfer(SocketAddr::from(([0xfe80, 0, 0, 0, 0, 0, 0, 1], 4_500))),
        ServerMessage::Kicked { reason: KickReason::NewSession },
        ServerMessage::ServerClosing { seconds: 10 },
        ServerMessage::Warehouse { zen: 7, items: List::new(&ITEMS) },
        ServerMessage::Wares { keeper: EntityId::new(9, 2), pays_percent: 40, wares: List::new(&WARES) },
        ServerMessage::DealPending { event: 3, deal: Deal::Deposit },
        ServerMessage::DealDone { event: u128::MAX, deal: Deal::Sell },
        ServerMessage::DealFailed { event: 1 << 90, deal: Deal::Buy, reason: TradeFailure::NoRoom },
    ]
}

/// protocol.md 10.1, 10.4.
#[test]
fn every_message_comes_back_whole_and_no_part_of_it_is_one() {
    let mut numbers = Vec::new();
    for message in client_messages() {
        numbers.push(check_client(message)[0]);
    }
    numbers.dedup();
    assert_eq!(
        numbers,
        ClientMessage::describe().iter().map(|message| message.number).collect::<Vec<_>>(),
        "one of each"
    );
    let mut numbers = Vec::new();
    for message in server_messages() {
        numbers.push(check_server(message)[0]);
    }
    numbers.dedup();
    assert_eq!(
        numbers,
        ServerMessage::describe().iter().map(|message| message.number).collect::<Vec<_>>(),
        "one of each"
    );
}

#[test]
fn the_bytes_are_these() {
    assert_eq!(
        check_client(ClientMessage::Chat { channel: ChatChannel::Guild, text: "hé" }),
        [1, 2, 3, b'h', 0xc3, 0xa9]
    );
    assert_eq!(check_client(ClientMessage::UsePortal { portal: 0x0102 }), [2, 2, 1]);
    assert_eq!(
        check_client(ClientMessage::TradeOffer { revision: 1, zen: 2, items: ItemUids::new(&[3]) }),
        [5, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(check_client(ClientMessage::Leave), [8]);
    assert_eq!(
        check_server(ServerMessage::Inventory { zen: 1, items: List::new(&ITEMS[..1]) }),
        [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 77, 0, 0, 0, 0, 0, 0, 0, 0x34, 0x12, 5, 9]
    );
    assert_eq!(
        check_server(ServerMessage::Wares {
            keeper: EntityId(0x0403_0201),
            pays_percent: 40,
            wares: List::new(&WARES[..1])
        }),
        [19, 1, 2, 3, 4, 40, 0, 1, 0x34, 0x12, 9, 6, 5, 4, 3, 2, 1, 0, 0]
    );
    let transfer = check_server(transfer(SocketAddr::from(([10, 1, 2, 3], 0x1234))));
    assert_eq!(transfer[..17], [15, 4, 10, 1, 2, 3, 0x34, 0x12, 11, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(transfer.len(), 1 + 7 + 8 + 1 + 8 + 392 + 32 + 32);
}

/// protocol.md 10.3, 10.4.
#[test]
fn bounds_hold_in_both_directions() {
    let long = "x".repeat(MAX_CHAT_BYTES + 1);
    let too_long = |text| ClientMessage::Chat { channel: ChatChannel::Local, text }.encode(&mut [0; 300]);
    assert_eq!(too_long(&long), Err(EncodeError::TooLong { len: 121, max: 120 }));
    assert_eq!(too_long(&long[1..]), Ok(123));
    let mut bytes = vec![1, 0, 121];
    bytes.extend(long.bytes());
    let problem = Problem::TooLong { len: 121, max: 120 };
    assert_eq!(ClientMessage::decode(&bytes), Err(DecodeError { at: "Chat.text", problem }));

    let items = [Item::default(); MAX_INVENTORY_ITEMS + 1];
    let full = ServerMessage::Inventory { zen: 0, items: List::new(&items[1..]) };
    check_server(full);
    let over = ServerMessage::Inventory { zen: 0, items: List::new(&items) };
    assert_eq!(over.encode(&mut [0; MAX_MESSAGE_BYTES]), Err(EncodeError::TooLong { len: 65, max: 64 }));

    let most = Offer { zen: u64::MAX, items: List::new(&items[..MAX_TRADE_ITEMS]) };
    let longest = check_server(ServerMessage::TradeOffers { revision: 0, mine: most, theirs: most });
    assert_eq!(longest.len(), ServerMessage::MAX_BYTES);
}

/// protocol.md 10.2.
#[test]
fn what_means_nothing_is_refused_by_name() {
    let decode = |bytes: &[u8]| ClientMessage::decode(bytes).expect_err("no message");
    assert_eq!(decode(&[]), DecodeError { at: "ClientMessage", problem: Problem::Truncated });
    assert_eq!(decode(&[0]), DecodeError { at: "ClientMessage", problem: Problem::UnknownValue { value: 0 } });
    assert_eq!(decode(&[1, 9, 0]), DecodeError { at: "Chat.channel", problem: Problem::UnknownValue { value: 9 } });
    assert_eq!(decode(&[1, 0, 1, 0xff]), DecodeError { at: "Chat.text", problem: Problem::NotText });
    assert_eq!(decode(&[4, 2]), DecodeError { at: "TradeAnswer.accept", problem: Problem::UnknownValue { value: 2 } });
}

/// Changes one to five bits of `bytes`, 100,000 times, and hands each to `see`.
fn bend(dice: &mut Dice, bytes: &[u8], mut see: impl FnMut(&[u8])) {
    let mut bent = bytes.to_vec();
    for _ in 0..100_000 {
        bent.copy_from_slice(bytes);
        for _ in 0..1 + dice.below(5) {
            let bit = usize::try_from(dice.below(bytes.len() as u64 * 8)).unwrap();
            bent[bit / 8] ^= 1 << (bit % 8);
        }
        see(&bent);
    }
}

#[test]
fn a_hundred_thousand_bent_copies_of_each_message_are_refused_or_written_back_the_same() {
    let mut dice = Dice(30);
    let mut buffer = [0; MAX_MESSAGE_BYTES];
    for message in client_messages() {
        let bytes = check_client(message);
        bend(&mut dice, &bytes, |bent| {
            if let Ok(other) = ClientMessage::decode(bent) {
                assert_eq!(other.encode(&mut buffer), Ok(bent.len()));
                assert_eq!(&buffer[..bent.len()], bent, "{other:?}");
            }
        });
    }
    for message in server_messages() {
        let bytes = check_server(message);
        bend(&mut dice, &bytes, |bent| {
            if let Ok(other) = ServerMessage::decode(bent) {
                assert_eq!(other.encode(&mut buffer), Ok(bent.len()));
                assert_eq!(&buffer[..bent.len()], bent, "{other:?}");
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn invented_bytes_are_refused_or_written_back_the_same(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut buffer = [0; MAX_MESSAGE_BYTES];
        if let Ok(message) = ClientMessage::decode(&bytes) {
            let len = message.encode(&mut buffer).unwrap();
            prop_assert_eq!(&buffer[..len], &bytes);
        }
        if let Ok(message) = ServerMessage::decode(&bytes) {
            let len = message.encode(&mut buffer).unwrap();
            prop_assert_eq!(&buffer[..len], &bytes);
        }
    }
}

#[test]
fn a_message_is_one_on_its_own_lane_only() {
    let mut bytes = [0; MAX_MESSAGE_BYTES];
    for message in client_messages() {
        let len = message.encode(&mut bytes).unwrap();
        for lane in Lane::ALL {
            let expected = if lane == message.lane() {
                Ok(message)
            } else {
                Err(DecodeError { at: message.name(), problem: Problem::WrongLane { lane } })
            };
            assert_eq!(ClientMessage::decode_on(lane, &bytes[..len]), expected);
        }
    }
    let lanes = server_messages().iter().map(|message| message.lane().number()).collect::<BTreeSet<_>>();
    assert_eq!(lanes, BTreeSet::from([0, 1, 2]), "all that must arrive, on lanes that keep an order");
}

#[test]
fn the_schema_names_numbers_lanes_fields_layouts_bounds_and_values() {
    let schema = schema();
    for line in [
        "client 1 Chat on Social; channel u8, a `ChatChannel`; text u8 length, then UTF-8; at most 120 bytes\n",
        "client 8 Leave on Control\n",
        "server 17 ServerClosing on Control; seconds u16\n",
        "client 12 Buy on Value; keeper u32, an entity; ware u8; count u8; price u64\n",
        "ChatChannel; 0 Local; 1 Party; 2 Guild; 3 Global\n",
    ] {
        assert!(schema.contains(line), "no line {line:?}");
    }
    assert_eq!(schema.lines().count(), 15 + 22 + 6);
}
