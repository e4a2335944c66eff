//! A message as udev's listeners take it: with what their socket filters look at.

use crate::UdevMessage;

/// The size of the header that systemd has written since it began to.
const HEADER: u32 = 40;

impl UdevMessage {
    /// The datagram that [`UdevMessage::parse`] reads, with the hashes by which a listener's socket filter lets pass what it asked
    /// for: of the subsystem, of the devtype, and a bloom filter of the tags (`device_monitor_send_device` in systemd's
    /// `src/libsystemd/sd-device/device-monitor.c`).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut properties = Vec::new();
        for (key, value) in self.vars.iter() {
            properties.extend([key, b"=", value, b"\0"].concat());
        }
        let tags = self.get(b"TAGS").unwrap_or_default();
        let tags = tags
            .split(|byte| *byte == b':')
            .filter(|tag| !tag.is_empty());
        let bloom = tags.fold(0, |all, tag| all | bloom(tag));
        let hash_of = |key: &[u8]| self.get(key).map_or(0, hash);
        let mut bytes = b"libudev\0".to_vec();
        bytes.extend(super::MAGIC.to_be_bytes());
        for size in [HEADER, HEADER, properties.len() as u32] {
            bytes.extend(size.to_ne_bytes());
        }
        let (high, low) = ((bloom >> 32) as u32, bloom as u32);
        for filter in [hash_of(b"SUBSYSTEM"), hash_of(b"DEVTYPE"), high, low] {
            bytes.extend(filter.to_be_bytes());
        }
        bytes.extend(properties);
        bytes
    }
}

/// Four of 64 bits, chosen by the hash (`string_bloom64`).
fn bloom(tag: &[u8]) -> u64 {
    let hash = hash(tag);
    [0, 6, 12, 18]
        .iter()
        .fold(0, |bits, shift| bits | 1 << ((hash >> shift) & 63))
}

/// MurmurHash2 with seed 0 (`string_hash32`; `src/basic/MurmurHash2.c` of systemd). It reads words in the host's byte order.
fn hash(text: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = text.len() as u32;
    let mut words = text.chunks_exact(4);
    for word in &mut words {
        let mut word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        word = (word ^ (word >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ word;
    }
    let rest = words.remainder();
    for (at, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * at);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}
