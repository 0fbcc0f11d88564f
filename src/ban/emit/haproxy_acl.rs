//! For `http-request deny if { src -f FILE }`: the plain list under a name of its own, since HAProxy reads just that. It
//! reads it at start, where a bad line stops it, or through its socket by `prepare acl`, `add acl @N`, `commit acl @N`.

pub(super) use super::plain::{count, write};
