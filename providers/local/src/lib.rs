//! Target local: supervised processes of this host.
