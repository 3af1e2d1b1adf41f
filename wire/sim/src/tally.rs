//! What happened in the runs, so that it is visible that the weather really occurred.

use std::fmt;

macro_rules! tally {
    ($($(#[$doc:meta])* $name:ident: $label:literal,)*) => {
        /// Counts of what happened; those of several runs can be added up.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Tally {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Tally {
            /// Adds the counts of another run.
            pub fn add(&mut self, other: &Self) {
                let most = self.memory_most.max(other.memory_most);
                $(self.$name += other.$name;)*
                self.memory_most = most;
            }

            /// Each count with its name, in the order of the report.
            #[must_use]
            pub fn rows(&self) -> Vec<(&'static str, u64)> {
                vec![$(($label, self.$name)),*]
            }
        }
    };
}

tally! {
    /// Datagrams that set out.
    datagrams: "datagrams",
    /// Their bytes.
    bytes: "bytes",
    /// Single losses.
    lost: "lost",
    /// Losses in bursts.
    lost_in_bursts: "lost in bursts",
    /// Dropped in front of a slow link.
    queue_full: "dropped by a full queue",
    /// Sent while the road was dark.
    dark: "sent into the dark",
    /// Longer than what every road carries.
    long: "longer than 1,200 bytes",
    /// Longer than the road carries.
    too_long: "too long for the road",
    /// Came twice.
    duplicated: "duplicated",
    /// Came with changed bits.
    corrupted: "corrupted",
    /// Came before one that was sent earlier.
    reordered: "reordered",
    /// Took a detour.
    detours: "detours",
    /// The address was nobody's any more.
    stray: "to an old address",
    /// Clients that got another address.
    rebinds: "addresses changed",
    /// Clocks that jumped forward.
    jumps_forward: "clock jumps forward",
    /// Clocks that jumped back.
    jumps_back: "clock jumps back",
    /// Dropped because a newer key was in use.
    late: "too late for their key",
    /// Keys that were renewed.
    renewals: "keys renewed",
    /// Times a sink had no room.
    sink_full: "sink full",
    /// Attempts to connect.
    attempts: "attempts to connect",
    /// Connections that opened.
    opened: "connections opened",
    /// Attempts without an answer.
    no_answer: "attempts without an answer",
    /// Attempts that were refused.
    rejected: "attempts refused",
    /// Cookies asked for.
    cookies: "cookies",
    /// Connections closed by the client.
    closed_by_client: "closed by the client",
    /// Connections closed by the server.
    closed_by_server: "closed by the server",
    /// Ends of connections that heard nothing for too long.
    idle: "ends by silence",
    /// Servers that lost all state.
    restarts: "server restarts",
    /// Connections ended by a stateless reset.
    resets: "ends by reset",
    /// Connections that moved to another address.
    moves: "moves",
    /// Messages that came to the server.
    messages_up: "messages to the server",
    /// Messages that came to clients.
    messages_down: "messages to clients",
    /// Messages that came in several fragments.
    fragmented: "messages in fragments",
    /// Messages that were lost where that is allowed.
    lost_messages: "messages lost as allowed",
    /// Messages that a full lane did not take.
    lane_full: "lane full",
    /// Inputs that came.
    inputs: "inputs",
    /// Blocks that came whole.
    blocks: "blocks",
    /// Blocks that were refused.
    blocks_refused: "blocks refused",
    /// Bytes in them.
    block_bytes: "block bytes",
    /// Snapshots sent.
    snapshots: "snapshots sent",
    /// Snapshots that came.
    snapshots_came: "snapshots that came",
    /// Snapshots reported lost.
    snapshots_lost: "snapshots reported lost",
    /// Replicas compared with the server's state.
    replicas: "replicas compared",
    /// Bytes that the endpoints of one run held at most, where memory is counted.
    memory_most: "bytes held at most",
    /// Virtual time in µs.
    virtual_us: "virtual time, µs",
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in self.rows() {
            writeln!(f, "{name:>28}  {count}")?;
        }
        Ok(())
    }
}
