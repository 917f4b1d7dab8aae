//! Spec to text: compose file and per-agent configuration.
