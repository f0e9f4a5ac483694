//! Messages to AWS in every protocol.
