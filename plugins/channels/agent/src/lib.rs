//! HTTP channel: messages from people, tools and peer agents.
