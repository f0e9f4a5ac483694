//! Model APIs.

use super::{Provider, page};

pub(super) const MODELS: &[Provider] = &[
    page(
        "anthropic",
        &[],
        &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
        "https://console.anthropic.com/settings/keys",
    )
    .lent(1),
    page(
        "openai",
        &[],
        &["OPENAI_API_KEY", "CODEX_API_KEY"],
        "https://platform.openai.com/api-keys",
    )
    .lent(2),
    page(
        "google_ai",
        &[],
        &["GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"],
        "https://aistudio.google.com/apikey",
    )
    .lent(2),
    page("openrouter", &[], &["OPENROUTER_API_KEY"], "https://openrouter.ai/settings/keys").lent(1),
    page("mistral", &[], &["MISTRAL_API_KEY"], "https://console.mistral.ai/api-keys").lent(1),
    page("groq", &[], &["GROQ_API_KEY"], "https://console.groq.com/keys").lent(1),
    page("deepseek", &[], &["DEEPSEEK_API_KEY"], "https://platform.deepseek.com/api_keys").lent(1),
    page("xai", &[], &["XAI_API_KEY"], "https://console.x.ai").lent(1),
    page("together", &[], &["TOGETHER_API_KEY"], "https://api.together.ai/settings/api-keys")
        .lent(1),
    page("fireworks", &[], &["FIREWORKS_API_KEY"], "https://fireworks.ai/account/api-keys").lent(1),
    page("cohere", &[], &["CO_API_KEY", "COHERE_API_KEY"], "https://dashboard.cohere.com/api-keys")
        .lent(2),
    page(
        "huggingface",
        &["huggingface.co", "api-inference.huggingface.co", "router.huggingface.co"],
        &["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN"],
        "https://huggingface.co/settings/tokens",
    ),
    page(
        "replicate",
        &["api.replicate.com"],
        &["REPLICATE_API_TOKEN"],
        "https://replicate.com/account/api-tokens",
    ),
    page(
        "azure_openai",
        &["*.openai.azure.com"],
        &["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_KEY"],
        "https://portal.azure.com (the resource's Keys and Endpoint)",
    ),
    page(
        "pinecone",
        &["api.pinecone.io", "*.pinecone.io"],
        &["PINECONE_API_KEY"],
        "https://app.pinecone.io",
    ),
    page(
        "perplexity",
        &["api.perplexity.ai"],
        &["PERPLEXITY_API_KEY", "PPLX_API_KEY"],
        "https://www.perplexity.ai/settings/api",
    ),
    page(
        "elevenlabs",
        &["api.elevenlabs.io"],
        &["ELEVENLABS_API_KEY", "ELEVEN_API_KEY"],
        "https://elevenlabs.io/app/settings/api-keys",
    ),
    page("tavily", &["api.tavily.com"], &["TAVILY_API_KEY"], "https://app.tavily.com"),
    page(
        "langsmith",
        &["api.smith.langchain.com"],
        &["LANGSMITH_API_KEY", "LANGCHAIN_API_KEY"],
        "https://smith.langchain.com/settings",
    ),
    page("wandb", &["api.wandb.ai"], &["WANDB_API_KEY"], "https://wandb.ai/authorize"),
];
