//! Model APIs. Asking a model makes an answer; what is stored with the provider can be lost.
//! From common use of the APIs of Anthropic, OpenAI, Google (Gemini), OpenRouter and Mistral;
//! the other providers follow OpenAI's paths.

use holdpoint_core::Effect::{
    Create, Destroy, GrantAccess, MintCredential, Observe, Remove, Spend,
};

use super::rule::{Rule, rule};

/// The rules of all model APIs: their paths do not collide.
pub(super) const RULES: &[Rule] = &[
    // Who may use the account, and with which keys.
    rule("POST", "/**/organizations/**/api_keys/**", "api_key_change", MintCredential),
    rule("POST", "/**/organization/admin_api_keys/**", "api_key_create", MintCredential),
    rule("POST", "/**/organization/projects/{}/service_accounts", "api_key_create", MintCredential),
    rule("POST", "/api/v1/keys", "api_key_create", MintCredential),
    rule("!", "/**/organization/**", "organization_change", GrantAccess),
    rule("!", "/**/organizations/**", "organization_change", GrantAccess),
    // What is stored there.
    rule("DELETE", "/**/files/{}", "file_delete", Destroy),
    rule("DELETE", "/**/models/{}", "model_delete", Destroy),
    rule("DELETE", "/**/tunedModels/{}", "model_delete", Destroy),
    rule("DELETE", "/**/vector_stores/**", "vector_store_delete", Destroy),
    rule("DELETE", "/**/assistants/{}", "assistant_delete", Destroy),
    rule("DELETE", "/**/threads/**", "thread_delete", Destroy),
    rule("DELETE", "/**/conversations/**", "conversation_delete", Destroy),
    rule("DELETE", "/**/cachedContents/{}", "cache_delete", Remove),
    rule("DELETE", "/**/responses/{}", "response_delete", Remove),
    rule("POST", "/**/fine_tuning/jobs", "fine_tune", Spend),
    // Inference.
    rule("POST", "/**/messages/count_tokens", "count_tokens", Observe),
    rule("POST", "/v1/messages", "messages", Create),
    rule("POST", "/v1/messages/batches", "message_batch", Create),
    rule("POST", "/v1/complete", "completions", Create),
    rule("POST", "/**/chat/completions", "chat_completions", Create),
    rule("POST", "/**/completions", "completions", Create),
    rule("POST", "/**/responses", "responses", Create),
    rule("POST", "/**/responses/compact", "responses", Create),
    rule("POST", "/**/embeddings", "embeddings", Create),
    rule("POST", "/**/moderations", "moderations", Create),
    rule("POST", "/**/images/{}", "images", Create),
    rule("POST", "/**/audio/{}", "audio", Create),
    rule("POST", "/**/rerank", "rerank", Create),
    rule("POST", "/v2/chat", "chat", Create),
    rule("POST", "/**/files", "file_create", Create),
    rule("POST", "/**/batches", "batch", Create),
    rule("POST", "/**/models/{}", "generate_content", Create),
    rule("POST", "/v1internal:generateContent", "generate_content", Create),
    rule("POST", "/v1internal:streamGenerateContent", "generate_content", Create),
    rule("POST", "/v1internal:countTokens", "count_tokens", Observe),
    rule("POST", "/v1internal:loadCodeAssist", "load_code_assist", Observe),
    rule("GET", "/**", "read", Observe),
];
