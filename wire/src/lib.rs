//! The client protocol, without sockets or clocks: both ends, all message layouts, snapshot codec.
