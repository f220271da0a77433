//! Our stack and an independent one, `smoltcp`, over a link in virtual time: everything that the two
//! say to each other is real packets, and both live by one clock that jumps from event to event.

mod interop {
    mod link;
    mod peer;
    mod watch;
    mod world;

    mod close;
    mod datagram;
    mod keepalive;
    mod loss;
    mod mtu;
    mod open;
    mod transfer;
    mod window;
}
