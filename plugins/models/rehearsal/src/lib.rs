//! Offline stand-in: an OpenAI-compatible endpoint on loopback that answers deterministically.
