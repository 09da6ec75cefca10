//! Who asks, and what is allowed: authenticators, authorizers, the bootstrap policy.
//!
//! Entry points: [`Chain`] turns credentials into a user, [`Union`] a user and a request into a
//! [`Decision`], [`forbidden`] a refusal into the client's error.
//!
//! Invariant: whatever nobody allowed is refused, and credentials that nobody recognizes are an
//! error, never the anonymous user.
//!
//! It must not know HTTP, how objects are stored, or what a request does once it is allowed.

mod authenticate;
pub mod bootstrap;
mod bootstrap_token;
mod cover;
mod decision;
mod escalation;
pub mod identity;
mod node;
mod node_graph;
mod pod_references;
mod rbac;
mod rule;
mod rules;
mod token;
mod x509;

pub use authenticate::{
    Anonymous, Authenticated, Authenticator, Chain, Credentials, Outcome, Unauthenticated,
};
pub use bootstrap::BootstrapPolicy;
pub use bootstrap_token::BootstrapTokens;
pub use decision::{Authorizer, AuthzAttributes, Decision, PrivilegedGroup, Union, forbidden};
pub use escalation::EscalationCheck;
pub use node::{NodeAuthorizer, NodeGraph, NodeObject};
pub use node_graph::PodGraph;
pub use rbac::{Binding, Rbac, Role, RoleKind, RoleRef, RuleSource, StoredRules, Subject};
pub use rule::Rule;
pub use rules::Rules;
pub use token::{ServiceAccountTokens, TokenError, TokenObject, TokenObjects};
pub use x509::X509;
