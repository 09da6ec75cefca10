//! The authorization.k8s.io group: who may do what.

mod rules;

use apimachinery::{FieldErrors, Object};

use crate::row::{Answer, COMMON, Resource, Scope, Verb};
use crate::strategy::{Cx, Strategy};

pub static LOCAL_SUBJECT_ACCESS_REVIEW: Resource = Resource {
    kind: "LocalSubjectAccessReview",
    plural: "localsubjectaccessreviews",
    singular: "localsubjectaccessreview",
    scope: Scope::Namespaced,
    answer: Some(Answer::LocalSubjectAccessReview),
    strategy: &AccessReview::Local,
    ..REVIEW
};

pub static SELF_SUBJECT_ACCESS_REVIEW: Resource = Resource {
    kind: "SelfSubjectAccessReview",
    plural: "selfsubjectaccessreviews",
    singular: "selfsubjectaccessreview",
    answer: Some(Answer::SelfSubjectAccessReview),
    strategy: &AccessReview::Own,
    ..REVIEW
};

pub static SELF_SUBJECT_RULES_REVIEW: Resource = Resource {
    kind: "SelfSubjectRulesReview",
    plural: "selfsubjectrulesreviews",
    singular: "selfsubjectrulesreview",
    answer: Some(Answer::SelfSubjectRulesReview),
    ..REVIEW
};

pub static SUBJECT_ACCESS_REVIEW: Resource = Resource {
    kind: "SubjectAccessReview",
    plural: "subjectaccessreviews",
    singular: "subjectaccessreview",
    answer: Some(Answer::SubjectAccessReview),
    strategy: &AccessReview::Anyone,
    ..REVIEW
};

const REVIEW: Resource = Resource {
    group: "authorization.k8s.io",
    scope: Scope::Cluster,
    verbs: &[Verb::Create],
    // A review has no name to show, and so no Table.
    columns: &[],
    ..COMMON
};

/// Whose rights are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AccessReview {
    /// A named user's.
    Anyone,
    /// A named user's, in the namespace of the request.
    Local,
    /// The client's own.
    Own,
}

impl Strategy for AccessReview {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_access_review(object, *self)
    }
}
