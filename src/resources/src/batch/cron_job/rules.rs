//! Rules of CronJobs.

use apimachinery::{FieldError, FieldErrors, Object};

use super::super::job::validate_job_spec;
use super::schedule::check_schedule;
use crate::at::{At, not_negative};

/// 63, less what the names of jobs end in.
const NAME_SIZE: usize = 52;

pub(super) fn validate_new(job: &Object) -> FieldErrors {
    let spec = At::root(job, "spec");
    let mut errors = validate_spec(&spec, None);
    if job.name().len() > NAME_SIZE {
        let name = At::root(job, "metadata").child("name");
        errors.push(name.invalid(format!("must be no more than {NAME_SIZE} characters")));
    }
    errors
}

pub(super) fn validate_change(new: &Object, old: &Object) -> FieldErrors {
    validate_spec(&At::root(new, "spec"), Some(&At::root(old, "spec")))
}

fn validate_spec(spec: &At<'_>, before: Option<&At<'_>>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let zone = spec.child("timeZone");
    let schedule = spec.child("schedule");
    let had_zone = before.is_some_and(|before| before.child("schedule").text().contains("TZ"));
    validate_schedule(&schedule, had_zone, zone.is_present(), &mut errors);
    not_negative(&spec.child("startingDeadlineSeconds"), &mut errors);
    if before.is_none_or(|before| before.child("timeZone").value != zone.value) {
        validate_zone(&zone, &mut errors);
    }
    let policy = spec.child("concurrencyPolicy");
    policy.one_of(&["Allow", "Forbid", "Replace"], &mut errors);
    let job = spec.child("jobTemplate").child("spec");
    validate_job_spec(&job, &mut errors);
    let (selector, manual) = (job.child("selector"), job.child("manualSelector"));
    if selector.is_present() {
        errors.push(selector.invalid("`selector` will be auto-generated"));
    }
    if manual.flag() {
        errors.push(FieldError::not_supported(
            &manual.path,
            true,
            &["nil", "false"],
        ));
    }
    not_negative(&spec.child("successfulJobsHistoryLimit"), &mut errors);
    not_negative(&spec.child("failedJobsHistoryLimit"), &mut errors);
    errors
}

fn validate_schedule(at: &At<'_>, had_zone: bool, has_zone: bool, errors: &mut FieldErrors) {
    let schedule = at.text();
    if schedule.is_empty() {
        errors.push(at.required(""));
        return;
    }
    if let Err(why) = check_schedule(schedule) {
        errors.push(at.invalid(why));
    }
    if !schedule.contains("TZ") {
        return;
    }
    if !had_zone {
        errors.push(at.invalid("cannot use TZ or CRON_TZ in schedule, use timeZone field instead"));
    } else if has_zone {
        errors.push(at.invalid("cannot use both timeZone field and TZ or CRON_TZ in schedule"));
    }
}

fn validate_zone(at: &At<'_>, errors: &mut FieldErrors) {
    let Some(zone) = at.value.as_str() else {
        return;
    };
    if zone.is_empty() {
        errors.push(at.invalid("timeZone must be nil or non-empty string"));
        return;
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
    let is_part = |part: &str| {
        let fits = (1..=14).contains(&part.len()) && part.bytes().all(is_plain);
        fits && part != "." && part != ".." && !part.starts_with('-')
    };
    if !zone.split('/').all(is_part) {
        errors.push(at.invalid(format!("unknown time zone {zone}")));
        return;
    }
    if zone.eq_ignore_ascii_case("local") {
        errors.push(at.invalid(
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
        ));
    } else if jiff::tz::TimeZone::get(zone).is_err() {
        errors.push(at.invalid(format!("unknown time zone {zone}")));
    }
}
