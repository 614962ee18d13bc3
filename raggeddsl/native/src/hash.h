// MurmurHash3 (Austin Appleby, public domain), its 128 bits for 64-bit machines: names what a table holds.
#pragma once

#include <cstdint>
#include <cstring>

namespace raggeddsl {

struct Hash {
  uint64_t low = 0, high = 0;
  bool operator==(const Hash& other) const { return low == other.low && high == other.high; }
};

namespace murmur {

inline uint64_t turned(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

inline uint64_t first(uint64_t k) { return turned(k * 0x87c37b91114253d5u, 31) * 0x4cf5ad432745937fu; }
inline uint64_t second(uint64_t k) { return turned(k * 0x4cf5ad432745937fu, 33) * 0x87c37b91114253d5u; }

inline uint64_t finished(uint64_t k) {
  k = (k ^ (k >> 33)) * 0xff51afd7ed558ccdu;
  k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53u;
  return k ^ (k >> 33);
}

}  // namespace murmur

// The hash of `bytes` bytes; `seed`, which may be the hash of what comes before them, is hashed with them.
inline Hash hash_of(const void* data, int64_t bytes, Hash seed = {}) {
  const auto* at = static_cast<const unsigned char*>(data);
  uint64_t h1 = seed.low, h2 = seed.high;
  for (int64_t left = bytes / 16; left > 0; --left, at += 16) {
    uint64_t k[2];
    std::memcpy(k, at, 16);
    h1 = (murmur::turned(h1 ^ murmur::first(k[0]), 27) + h2) * 5 + 0x52dce729;
    h2 = (murmur::turned(h2 ^ murmur::second(k[1]), 31) + h1) * 5 + 0x38495ab5;
  }
  uint64_t rest[2] = {0, 0};
  if (bytes % 16 != 0) std::memcpy(rest, at, size_t(bytes % 16));
  h1 ^= murmur::first(rest[0]) ^ uint64_t(bytes);
  h2 ^= murmur::second(rest[1]) ^ uint64_t(bytes);
  h1 += h2, h2 += h1;
  h1 = murmur::finished(h1), h2 = murmur::finished(h2);
  h1 += h2, h2 += h1;
  return {h1, h2};
}

}  // namespace raggeddsl
