#include "core/record_digest.h"

#include <cstring>

#include "core/varint.h"

namespace longhaul {
namespace {

// The hash need not resist attacks: a producer gains nothing from records that collide in a resume
// of its own topic.
class ContentHash {
 public:
  void Add(uint64_t word) {
    hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15;
    hash_ ^= hash_ >> 29;
  }
  void Add(ByteSpan bytes, bool is_present) {
    Add(is_present ? bytes.length : ~uint64_t{0});
    for (; bytes.length >= sizeof(uint64_t); bytes.Skip(sizeof(uint64_t))) {
      uint64_t word;
      std::memcpy(&word, bytes.data, sizeof(word));
      Add(word);
    }
    uint64_t rest = 0;
    if (bytes.length > 0) std::memcpy(&rest, bytes.data, bytes.length);
    Add(rest);
  }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0x2545f4914f6cdd1d;
};

// The next length-prefixed field of a body that a cursor has checked; false: the field is null.
bool TakeField(ByteSpan* body, ByteSpan* field) {
  int32_t length = -1;
  (void)ReadVarint(*body, &length);
  if (length < 0) return false;
  *field = {body->data, static_cast<size_t>(length)};
  body->Skip(field->length);
  return true;
}

void AddBody(ByteSpan body, ContentHash* hash) {
  for (int field = 0; field < 2; field++) {
    ByteSpan bytes{};
    const bool is_present = TakeField(&body, &bytes);
    hash->Add(bytes, is_present);
  }
  hash->Add(body, true);  // the count of headers and the headers
}

}  // namespace

RecordDigest DigestOf(const RecordSlice& record) {
  ContentHash hash;
  if (record.is_legacy) {
    static constexpr uint8_t kNoHeaders = 0;
    hash.Add(record.key, record.has_key);
    hash.Add(record.value, record.has_value);
    hash.Add({&kNoHeaders, 1}, true);
  } else {
    AddBody(record.body, &hash);
  }
  return {record.timestamp, hash.value()};
}

bool SameTail(const std::vector<PlacedDigest>& a, const std::vector<PlacedDigest>& b,
              bool compares_timestamps) {
  bool compared = false;
  for (const PlacedDigest& of_a : a) {
    for (const PlacedDigest& of_b : b) {
      if (of_a.from_end != of_b.from_end) continue;
      if (of_a.digest.content != of_b.digest.content) return false;
      if (compares_timestamps && of_a.digest.timestamp != of_b.digest.timestamp) return false;
      compared = true;
    }
  }
  return compared;
}

}  // namespace longhaul
