//! The agent's application: turns, sessions, streaming, health, metrics.
