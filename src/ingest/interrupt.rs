//! SIGTERM and SIGINT: the run ends at the next place where what was read can be committed. A second one ends it at
//! once, which loses nothing either.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Whether somebody asked for the end.
#[derive(Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> io::Result<Self> {
        let interrupt = Self { asked: Arc::default(), signal: Arc::default() };
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_default(signal, Arc::clone(&interrupt.asked))?;
            flag::register_usize(signal, Arc::clone(&interrupt.signal), signal.unsigned_abs() as usize)?;
            flag::register(signal, Arc::clone(&interrupt.asked))?;
        }
        Ok(interrupt)
    }

    /// Whether a signal came.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Ends the process as the signal would have done, so that whoever sent it sees that it did.
    pub fn end_if_asked(&self) {
        if self.is_asked() {
            let signal = self.signal.load(Ordering::Relaxed);
            // It returns only where the signal is unknown, and then the run goes on.
            let _ = low_level::emulate_default_handler(i32::try_from(signal).unwrap_or(SIGTERM));
        }
    }
}

impl Drop for Interrupt {
    /// Nobody looks any more: from now on a signal ends the process at once.
    fn drop(&mut self) {
        self.asked.store(true, Ordering::Relaxed);
    }
}
