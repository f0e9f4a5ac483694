//! No real credential within reach, and nothing broken by it.

mod beneath;
mod binding;
mod canary;
mod found;
mod home_also;
mod kingfisher;
mod learn;
mod logins;
mod logins_begun;
mod logins_docker;
mod logins_each;
mod logins_npm;
mod masked_git;
mod masked_later;
mod masked_places;
mod masked_tricks;
mod masking;
