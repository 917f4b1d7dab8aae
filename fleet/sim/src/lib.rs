//! A simulated world with fault injection for planner and engine.
