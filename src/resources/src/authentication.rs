//! The authentication.k8s.io group: who a token or a client is.

use crate::row::{Answer, COMMON, Resource, Scope, Verb};

pub static SELF_SUBJECT_REVIEW: Resource = Resource {
    kind: "SelfSubjectReview",
    plural: "selfsubjectreviews",
    singular: "selfsubjectreview",
    answer: Some(Answer::SelfSubjectReview),
    ..REVIEW
};

pub static TOKEN_REVIEW: Resource = Resource {
    kind: "TokenReview",
    plural: "tokenreviews",
    singular: "tokenreview",
    answer: Some(Answer::TokenReview),
    ..REVIEW
};

const REVIEW: Resource = Resource {
    group: "authentication.k8s.io",
    scope: Scope::Cluster,
    verbs: &[Verb::Create],
    // A review has no name to show, and so no Table.
    columns: &[],
    ..COMMON
};
