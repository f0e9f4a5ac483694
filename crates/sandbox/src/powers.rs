//! Powers dropped: every capability, and any way to one.

use rustix::{
    process::{DumpableBehavior, set_dumpable_behavior},
    thread::{
        CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
        configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
        set_no_new_privs,
    },
};

use crate::error::{During as _, Result};

/// Lets the first process inside keep what it needs to finish and then drop everything: to mount,
/// and to limit itself. Any user but 0 would lose it on the way (capabilities(7)).
pub(crate) fn pass_on() -> Result<()> {
    let needed = [CapabilitySet::SYS_ADMIN, CapabilitySet::SETPCAP];
    let step = "cannot pass capabilities on";
    let mut sets = capabilities(None).during(step)?;
    sets.inheritable = needed.into_iter().collect();
    set_capabilities(None, sets).during(step)?;
    for capability in needed {
        configure_capability_in_ambient_set(capability, true).during(step)?;
    }
    Ok(())
}

/// Drops them from this process and all that it will start. The user 0 is powerless then: the
/// bounding set limits what `exec` gives it.
pub(crate) fn drop() -> Result<()> {
    for bit in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        match remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // No capability of this kernel has this number.
            Err(rustix::io::Errno::INVAL) => break,
            Err(error) => return Err(error).during("cannot drop a capability"),
        }
    }
    clear_ambient_capability_set().during("cannot drop ambient capabilities")?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, sets).during("cannot drop capabilities")?;
    set_no_new_privs(true).during("cannot give new privileges up")?;
    // What runs inside must not look into the first process.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).during("cannot protect the first process")
}
