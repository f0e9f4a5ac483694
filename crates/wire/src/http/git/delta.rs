//! Differences between objects: what to copy from the base and what to insert
//! (git's `Documentation/gitformat-pack`, "Deltified representation").

/// What `delta` makes of `base`, at most `bytes_max` long; `None` if it does not fit the base or
/// itself.
pub(super) fn apply(base: &[u8], delta: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let mut rest = delta.iter().copied();
    let (of_base, of_result) = (size(&mut rest)?, size(&mut rest)?);
    if of_base != base.len() || of_result > bytes_max {
        return None;
    }
    let mut result = Vec::with_capacity(of_result);
    while let Some(instruction) = rest.next() {
        if instruction & 0x80 == 0 {
            let length = usize::from(instruction);
            let before = result.len();
            result.extend(rest.by_ref().take(length));
            // 0 is reserved.
            if length == 0 || result.len() != before + length {
                return None;
            }
        } else {
            let offset = number(&mut rest, instruction, 4)?;
            let length = match number(&mut rest, instruction >> 4, 3)? {
                0 => 0x1_0000,
                length => length,
            };
            result.extend_from_slice(base.get(offset..offset.checked_add(length)?)?);
        }
        if result.len() > of_result {
            return None;
        }
    }
    (result.len() == of_result).then_some(result)
}

/// A size, seven bits a byte, lowest first.
fn size(bytes: &mut impl Iterator<Item = u8>) -> Option<usize> {
    let mut size = 0_usize;
    for shift in (0..28).step_by(7) {
        let byte = bytes.next()?;
        size |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
    // Larger than anything that is read here.
    None
}

/// A number of up to `count` bytes, of which those are there whose bit is set in `present`.
fn number(bytes: &mut impl Iterator<Item = u8>, present: u8, count: u8) -> Option<usize> {
    let mut number = 0_usize;
    for place in (0..count).filter(|place| present >> place & 1 == 1) {
        number |= usize::from(bytes.next()?) << (8 * place);
    }
    Some(number)
}
