//! Model APIs. Asking a model makes an answer; what is stored with the provider can be lost.
//! From common use of the APIs of Anthropic, OpenAI, Google (Gemini), OpenRouter and Mistral;
//! the other providers follow OpenAI's paths.

use holdpoint_core::Effect::{
    Create, Destroy, GrantAccess, MintCredential, Observe, Remove, Spend,
};

use super::rule::{Reads::Most, Rule, rule};

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
    rule("POST", "/**/messages/count_tokens", "count_tokens", Observe).streams(Most),
    rule("POST", "/v1/messages", "messages", Create).streams(Most),
    rule("POST", "/v1/messages/batches", "message_batch", Create).streams(Most),
    rule("POST", "/v1/complete", "completions", Create).streams(Most),
    rule("POST", "/**/chat/completions", "chat_completions", Create).streams(Most),
    rule("POST", "/**/completions", "completions", Create).streams(Most),
    rule("POST", "/**/responses", "responses", Create).streams(Most),
    rule("POST", "/**/responses/compact", "responses", Create).streams(Most),
    rule("POST", "/**/embeddings", "embeddings", Create).streams(Most),
    rule("POST", "/**/moderations", "moderations", Create).streams(Most),
    rule("POST", "/**/images/{}", "images", Create).streams(Most),
    rule("POST", "/**/audio/{}", "audio", Create).streams(Most),
    rule("POST", "/**/rerank", "rerank", Create).streams(Most),
    rule("POST", "/v2/chat", "chat", Create).streams(Most),
    rule("POST", "/**/files", "file_create", Create).streams(Most),
    rule("POST", "/**/batches", "batch", Create).streams(Most),
    rule("POST", "/**/models/{}", "generate_content", Create).streams(Most),
    rule("POST", "/v1internal:generateContent", "generate_content", Create).streams(Most),
    rule("POST", "/v1internal:streamGenerateContent", "generate_content", Create).streams(Most),
    rule("POST", "/v1internal:countTokens", "count_tokens", Observe).streams(Most),
    rule("POST", "/v1internal:loadCodeAssist", "load_code_assist", Observe).streams(Most),
    rule("GET", "/**", "read", Observe),
];
