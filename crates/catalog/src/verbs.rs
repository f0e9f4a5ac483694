//! The generic floor: what a name says where no table does. Names may only raise strictness.

mod lexicon;

use holdpoint_core::Effect;

use lexicon::*;

/// Names longer than this many bytes are read up to here. No API has such names.
pub const NAME_BYTES_MAX: usize = 256;

/// What an operation would do if its name (`deleteVolume`, `volumes:purge`, `api_token.create`)
/// says what it does; of several readings the strictest. `None` if the name says nothing.
pub fn effect_of_words(name: &str) -> Option<Effect> {
    let words: Vec<Meanings> = words(name).iter().map(|word| meanings(word)).collect();
    clauses(&words).filter_map(effect_of_clause).max()
}

/// Whether a name says that it only reads (`getDeletedItems`, `list_tokens`).
pub fn reads(name: &str) -> bool {
    effect_of_words(name) == Some(Effect::Observe)
}

/// A name's words, in lower case: split at everything that is no letter or digit, where small
/// letters turn into capitals, and before the last of several capitals (`APIToken`).
pub fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = name.chars().take(NAME_BYTES_MAX).peekable();
    let mut previous = ' ';
    while let Some(character) = characters.next() {
        let next_is_small = characters.peek().is_some_and(|next| next.is_lowercase());
        let begins = character.is_uppercase()
            && (previous.is_lowercase()
                || previous.is_numeric()
                || (previous.is_uppercase() && next_is_small));
        if (begins || !character.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase().filter(|small| small.is_alphanumeric()));
        }
        previous = character;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The parts of a name that say one thing each: `getAndDelete` says two.
fn clauses(words: &[Meanings]) -> impl Iterator<Item = &[Meanings]> {
    words.split(|word| word.are(CONJUNCTION)).filter(|clause| !clause.is_empty())
}

/// What one clause says.
fn effect_of_clause(clause: &[Meanings]) -> Option<Effect> {
    let (first, last) = (*clause.first()?, *clause.last()?);
    if first.are(READING) {
        return Some(Effect::Observe);
    }
    let has = |meaning: Meanings| clause.iter().any(|word| word.are(meaning));
    let taken = object(clause, TAKING.or(WEAKENING));
    let made = object(clause, MINTING);
    let whole = has(CLEARING.or(RESETTING)) && taken.are(DATA);
    let destroys = has(DESTROYING) || whole || has(EMPTYING) && !taken.are(CACHE);
    let safeguard = taken.are(SAFEGUARD) && has(RECOVERY);

    // A backup that is deleted takes a way back away; anything else that is, data.
    [
        (destroys && !safeguard, Effect::Destroy),
        (has(TAKING) && safeguard, Effect::WeakenRecovery),
        (has(WEAKENING) && has(RECOVERY), Effect::WeakenRecovery),
        (made.are(CREDENTIAL), Effect::MintCredential),
        (has(GRANTING) || has(CHANGING) && has(ACCESS), Effect::GrantAccess),
        (has(MINTING) && has(CREDENTIAL), Effect::MintCredential),
        (has(EXECUTING) || first.or(last).are(RUNNING), Effect::Execute),
        (has(CLEARING.or(REMOVING).or(EMPTYING)), Effect::Remove),
        (has(MODIFYING.or(RESETTING).or(WEAKENING)), Effect::Modify),
        (has(SPENDING), Effect::Spend),
        (has(CREATING), Effect::Create),
    ]
    .into_iter()
    .find_map(|(says, effect)| says.then_some(effect))
}

/// Verbs that take something away.
const TAKING: Meanings = DESTROYING.or(CLEARING).or(REMOVING).or(EMPTYING).or(RESETTING);

/// What the first of `verbs` acts on: the last word of the phrase behind it, or, where it comes
/// last, the word before it. `deleteDatabaseBackup` and `databaseBackupDelete` are about a backup.
fn object(clause: &[Meanings], verbs: Meanings) -> Meanings {
    let verb = clause.iter().position(|word| word.are(verbs)).unwrap_or(clause.len());
    let (before, after) = clause.split_at_checked(verb).unwrap_or_default();
    let phrase = after.iter().skip(1).take_while(|word| !word.are(PREPOSITION));
    let object = phrase.filter(|word| !word.are(verbs)).last();
    match verb < clause.len() {
        true => object.or(before.last()).copied().unwrap_or_default(),
        false => Meanings::default(),
    }
}

#[cfg(test)]
mod tests;
