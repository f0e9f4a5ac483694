//! What people call their environments, at a provider that tells their names.

use holdpoint_core::Environment;

/// Words within a name, strictest first: where several stand in one name, the first row counts.
const WORDS: &[(Environment, &[&str])] = &[
    (Environment::Production, &["production", "prod", "prd", "live", "main", "master", "primary"]),
    (Environment::Staging, &["staging", "stage", "stg", "uat", "preprod", "preproduction"]),
    (
        Environment::Development,
        &["development", "develop", "dev", "test", "testing", "qa", "preview", "sandbox", "pr"],
    ),
];

/// The environment that a provider's name for it means; unknown, if it says nothing. `non-prod`
/// says production: a name that is misread is corrected by a human, in the inventory.
pub fn of_name(name: &str) -> Environment {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphabetic()).collect();
    let said = WORDS.iter().find(|(_, known)| words.iter().any(|word| known.contains(word)));
    said.map_or(Environment::Unknown, |(environment, _)| *environment)
}

#[cfg(test)]
mod tests {
    use holdpoint_core::Environment::{Development, Production, Staging, Unknown};

    use super::of_name;

    #[test]
    fn a_name_means_the_strictest_of_its_words() {
        for (name, expect) in [
            ("production", Production),
            ("Production", Production),
            ("prod-eu", Production),
            ("staging-prod", Production),
            ("non-prod", Production),
            ("main", Production),
            ("staging", Staging),
            ("STAGE_2", Staging),
            ("staging2", Staging),
            ("dev", Development),
            ("pr-123", Development),
            ("my test", Development),
            ("staging test", Staging),
            ("product", Unknown),
            ("devotion", Unknown),
            ("blue", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(of_name(name), expect, "{name}");
        }
    }
}
