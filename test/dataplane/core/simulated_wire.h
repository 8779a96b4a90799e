// Writes responses and reads requests of simulated clusters, after Kafka's JSON schemas. It shares
// no code with core/protocol: otherwise a mistake there would be made on both sides, and no test
// would fail.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include "batch_fixture.h"
#include "core/transport.h"

namespace longhaul::test {

// Out and In know both encodings. In the flexible one (KIP-482) a length is a varint of the length
// plus one, and a struct ends with tags.
class Out {
 public:
  explicit Out(bool is_flexible = false) : is_flexible_(is_flexible) {}
  void Int(int64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      bytes_.push_back(static_cast<uint8_t>(value >> shift));
  }
  void Text(const std::string& text) {
    Length(static_cast<int64_t>(text.size()), 2);
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  void Blob(const Bytes& bytes) {
    Length(static_cast<int64_t>(bytes.size()), 4);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  // -1: null.
  void Length(int64_t length, int bytes = 4) {
    if (!is_flexible_) return Int(length, bytes);
    for (++length; length >= 128; length /= 128) Int(length % 128 + 128, 1);
    Int(length, 1);
  }
  // `tags` by number; tags without bytes are left out. Numbers and sizes are below 128.
  void Tags(const std::map<int, Bytes>& tags = {}) {
    if (!is_flexible_) return;
    Int(std::count_if(tags.begin(), tags.end(), [](const auto& t) { return !t.second.empty(); }),
        1);
    for (const auto& [number, bytes] : tags) {
      if (bytes.empty()) continue;
      Int(number, 1);
      Int(static_cast<int64_t>(bytes.size()), 1);
      bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
  }
  void Raw(const Bytes& bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void Id(const TopicId& id) { bytes_.insert(bytes_.end(), id.begin(), id.end()); }
  // The value of the tag that names a leader and its epoch.
  static Bytes Leader(int32_t node, int32_t epoch) {
    Out out(true);
    out.Int(node, 4), out.Int(epoch, 4), out.Tags();
    return out.Take();
  }
  Bytes Take() { return std::move(bytes_); }

 private:
  bool is_flexible_;
  Bytes bytes_;
};

class In {
 public:
  explicit In(const Bytes& bytes, bool is_flexible = false)
      : bytes_(bytes), is_flexible_(is_flexible) {}
  int64_t Int(int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; ++i) value = (value << 8) | bytes_.at(at_++);
    const int unused = 64 - 8 * count;
    return static_cast<int64_t>(value << unused) >> unused;
  }
  std::string Text() {
    std::string text;
    for (int64_t left = Length(2); left > 0; --left) text.push_back(static_cast<char>(Int(1)));
    return text;
  }
  int64_t Length(int bytes = 4) {
    if (!is_flexible_) return Int(bytes);
    int64_t length = 0;
    for (int shift = 0;; shift += 7) {
      const int64_t byte = Int(1) & 0xff;
      length += (byte & 127) << shift;
      if (byte < 128) return length - 1;
    }
  }
  TopicId Id() {
    TopicId id;
    for (uint8_t& byte : id) byte = static_cast<uint8_t>(Int(1));
    return id;
  }
  void NoTags() {
    if (is_flexible_ && Int(1) != 0) throw std::runtime_error("tags");
  }
  Bytes Blob() {
    const auto size = static_cast<size_t>(Length());
    if (size > bytes_.size() - at_) throw std::runtime_error("blob");
    Bytes blob(bytes_.begin() + static_cast<ptrdiff_t>(at_),
               bytes_.begin() + static_cast<ptrdiff_t>(at_ + size));
    at_ += size;
    return blob;
  }
  bool AtEnd() const { return at_ == bytes_.size(); }

 private:
  const Bytes& bytes_;
  bool is_flexible_;
  size_t at_ = 0;
};

}  // namespace longhaul::test
