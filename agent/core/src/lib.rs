//! The agent's domain: turn machine, prompt, tools; no input or output.
