//! Nodes and pods in few words, for tests.
