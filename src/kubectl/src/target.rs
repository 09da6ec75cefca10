//! Which resources and names a command line is about.

use anyhow::{Result, bail};

use crate::discovery::{Discovery, Found};

/// A resource, and the names asked for; without names, all or what a selector selects.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub found: Found,
    pub names: Vec<String>,
}

/// Reads `TYPE[,TYPE] [NAME…]` or `TYPE/NAME…`.
///
/// # Errors
/// A type that the server does not have, or a mixture of both forms.
pub(crate) fn targets(discovery: &Discovery, args: &[String]) -> Result<Vec<Target>> {
    let slashed = args.iter().filter(|arg| arg.contains('/')).count();
    if slashed == args.len() {
        return args.iter().map(|arg| pair(discovery, arg)).collect();
    }
    if slashed > 0 {
        bail!(
            "there is no need to specify a resource type as a separate argument when passing \
             arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead \
             of 'kubectl get resource resource/<resource_name>'"
        );
    }
    let Some((types, names)) = args.split_first() else {
        return Ok(Vec::new());
    };
    let mut targets = Vec::new();
    for word in types.split(',').filter(|word| !word.is_empty()) {
        let found = match discovery.category(word) {
            category if !category.is_empty() => category,
            _ => vec![discovery.find(word)?],
        };
        targets.extend(found.into_iter().cloned().map(|found| Target {
            found,
            names: names.to_vec(),
        }));
    }
    Ok(targets)
}

fn pair(discovery: &Discovery, arg: &str) -> Result<Target> {
    let (word, name) = arg.split_once('/').unwrap_or((arg, ""));
    if word.is_empty() || name.is_empty() || name.contains('/') {
        bail!("arguments in resource/name form may not have more than one slash");
    }
    Ok(Target {
        found: discovery.find(word)?.clone(),
        names: vec![name.to_owned()],
    })
}
