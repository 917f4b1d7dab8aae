//! Collect, execute, wait, lock, journal and events; generic over the ports.
