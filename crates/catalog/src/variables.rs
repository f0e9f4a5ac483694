//! The variables in which tools and agents look for a provider's credential.

use crate::hosts::identity;

/// Provider, variables. From the providers' own clients and from agents.
const VARIABLES: [(&str, &[&str]); 16] = [
    ("anthropic", &["ANTHROPIC_API_KEY"]),
    ("openai", &["OPENAI_API_KEY", "CODEX_API_KEY"]),
    ("google_ai", &["GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"]),
    ("openrouter", &["OPENROUTER_API_KEY"]),
    ("mistral", &["MISTRAL_API_KEY"]),
    ("groq", &["GROQ_API_KEY"]),
    ("deepseek", &["DEEPSEEK_API_KEY"]),
    ("xai", &["XAI_API_KEY"]),
    ("together", &["TOGETHER_API_KEY"]),
    ("fireworks", &["FIREWORKS_API_KEY"]),
    ("cohere", &["CO_API_KEY", "COHERE_API_KEY"]),
    ("github", &["GITHUB_TOKEN", "GH_TOKEN"]),
    ("gitlab", &["GITLAB_TOKEN"]),
    ("npm", &["NPM_TOKEN", "NODE_AUTH_TOKEN"]),
    ("railway", &["RAILWAY_API_TOKEN"]),
    ("notion", &["NOTION_TOKEN"]),
];

/// The variables for a credential of the host `name`; none where nothing is known.
pub fn variables(name: &str) -> &'static [&'static str] {
    let provider = identity(name).map(|identity| identity.provider);
    let found = VARIABLES.iter().find(|(known, _)| provider == Some(*known));
    found.map_or(&[], |(_, names)| *names)
}

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn by_host() {
        assert_eq!(variables("api.anthropic.com"), ["ANTHROPIC_API_KEY"]);
        assert_eq!(variables("github.com"), ["GITHUB_TOKEN", "GH_TOKEN"]);
        assert_eq!(variables("api.example.com"), [""; 0]);
    }
}
