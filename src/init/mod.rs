//! Finds the logs of nginx and HAProxy by their configuration, for `logstat init`.

pub mod found;
pub mod haproxy;
pub mod rsyslog;
