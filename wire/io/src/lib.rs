//! UDP sockets in batches: recvmmsg and sendmmsg on socket2, mio readiness.
