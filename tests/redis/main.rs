//! Tests against a real server: each starts its own.

#![allow(missing_docs, reason = "a test target has no public items that anyone imports")]

#[path = "../support/mod.rs"]
mod support;

mod harness;
mod vocabulary;
