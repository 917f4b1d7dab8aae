//! What holds for every plan and for every run, whatever happened before.

#![cfg(test)]

mod property;
mod story;
mod tale;
