// The types of Kafka's protocol as bytes. A Writer encodes, with one method for each type. A Reader
// parses and remembers its first failure, so that a parser reads all fields and checks once at the
// end. Both know whether the version is flexible (KIP-482): lengths are then varints of the length
// plus one, and every struct ends with tags. A Reader never reads outside its span and trusts no
// length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "contract/contract.generated.h"
#include "core/protocol/request.h"
#include "core/status.h"
#include "core/varint.h"

namespace longhaul {

class Writer {
 public:
  explicit Writer(std::string* out, bool is_flexible = false)
      : out_(out), is_flexible_(is_flexible) {}
  void Int8(int8_t v) { out_->push_back(static_cast<char>(v)); }
  void Int16(int16_t v) { Big(static_cast<uint16_t>(v)); }
  void Int32(int32_t v) { Big(static_cast<uint32_t>(v)); }
  void Int64(int64_t v) { Big(static_cast<uint64_t>(v)); }
  void String(std::string_view v) {
    if (is_flexible_)
      Unsigned(v.size() + 1);
    else
      Int16(static_cast<int16_t>(v.size()));
    out_->append(v);
  }
  void NullString() {
    if (is_flexible_)
      Unsigned(0);
    else
      Int16(-1);
  }
  // The length of the bytes that follow.
  void BytesLength(size_t length) { ArrayLength(length); }
  void Id(const TopicId& id) { out_->append(reinterpret_cast<const char*>(id.data()), id.size()); }
  void ArrayLength(size_t length) {
    if (is_flexible_)
      Unsigned(length + 1);
    else
      Int32(static_cast<int32_t>(length));
  }
  void NoTags() {
    if (is_flexible_) Int8(0);
  }

 private:
  void Unsigned(size_t v) {
    for (; v >= 0x80; v >>= 7) out_->push_back(static_cast<char>(v | 0x80));
    out_->push_back(static_cast<char>(v));
  }
  template <typename T>
  void Big(T v) {
    for (int shift = 8 * (static_cast<int>(sizeof(T)) - 1); shift >= 0; shift -= 8)
      out_->push_back(static_cast<char>(v >> shift));
  }
  std::string* out_;
  bool is_flexible_;
};

class Reader {
 public:
  Reader(const uint8_t* data, size_t size, bool is_flexible = false)
      : rest_{data, size}, is_flexible_(is_flexible) {}
  bool ok() const { return ok_; }
  size_t left() const { return rest_.length; }

  int8_t Int8() { return static_cast<int8_t>(Big<uint8_t>()); }
  int16_t Int16() { return static_cast<int16_t>(Big<uint16_t>()); }
  int32_t Int32() { return static_cast<int32_t>(Big<uint32_t>()); }
  int64_t Int64() { return static_cast<int64_t>(Big<uint64_t>()); }
  // Null reads as empty.
  std::string_view String() {
    const size_t length = Length(is_flexible_ ? Compact() : Int16());
    const uint8_t* start = Bytes(length);
    return start ? std::string_view(reinterpret_cast<const char*>(start), length)
                 : std::string_view();
  }
  const uint8_t* Bytes(size_t size) {
    const uint8_t* start = rest_.data;
    if (ok_ && rest_.Skip(size)) return start;
    ok_ = false;
    return nullptr;
  }
  // The length of an array. Each element has at least `element_min` bytes, so a hostile count
  // cannot cause an allocation of more than a small multiple of the received bytes. Null reads as
  // empty.
  size_t ArrayLength(size_t element_min) {
    const size_t count = Length(is_flexible_ ? Compact() : Int32());
    if (count <= rest_.length / element_min) return count;
    ok_ = false;
    return 0;
  }
  // The sixteen bytes of an id.
  std::string_view Id() {
    const uint8_t* start = Bytes(sizeof(TopicId));
    return start ? std::string_view(reinterpret_cast<const char*>(start), sizeof(TopicId))
                 : std::string_view();
  }
  size_t BytesLength() { return Length(is_flexible_ ? Compact() : Int32()); }
  // Calls `take` with the number of each tag and a Reader of its bytes (KIP-482).
  template <typename Take>
  void Tags(Take take) {
    if (!is_flexible_) return;
    for (uint32_t left = Unsigned(); left > 0 && ok_; left--) {
      const uint32_t tag = Unsigned();
      const uint32_t size = Unsigned();
      const uint8_t* start = Bytes(size);
      if (start == nullptr) return;
      Reader of_tag(start, size, true);
      take(tag, &of_tag);
      ok_ = ok_ && of_tag.ok();
    }
  }
  void SkipTags() {
    Tags([](uint32_t, Reader*) {});
  }

 private:
  template <typename T>
  T Big() {
    const uint8_t* start = Bytes(sizeof(T));
    T v = 0;
    if (start)
      for (size_t i = 0; i < sizeof(T); i++)
        v = static_cast<T>((static_cast<uint64_t>(v) << 8) | start[i]);
    return v;
  }
  uint32_t Unsigned() {
    uint64_t value = 0;
    if (ok_ && ReadUnsigned(rest_, kVarintSizeMax, &value) && value <= UINT32_MAX)
      return static_cast<uint32_t>(value);
    ok_ = false;
    return 0;
  }
  int64_t Compact() { return int64_t{Unsigned()} - 1; }  // -1: null
  static size_t Length(int64_t raw) { return raw < 0 ? 0 : static_cast<size_t>(raw); }

  ByteSpan rest_;
  bool is_flexible_;
  bool ok_ = true;
};

// Writes partitions as requests hold them: an array of topics, each with an array of its
// partitions. Partitions of one topic must be adjacent. `write_topic` names the topic of a
// partition, `write_partition` writes all of the partition, tags included.
template <typename Element, typename WriteTopic, typename WritePartition>
void WriteByTopic(Writer* w, const std::vector<Element>& partitions, WriteTopic write_topic,
                  WritePartition write_partition) {
  const auto end_of_topic = [&](size_t first) {
    size_t last = first;
    while (last < partitions.size() && partitions[last].topic == partitions[first].topic) last++;
    return last;
  };
  size_t topics = 0;
  for (size_t first = 0; first < partitions.size(); first = end_of_topic(first)) topics++;
  w->ArrayLength(topics);
  for (size_t first = 0, last = 0; first < partitions.size(); first = last) {
    last = end_of_topic(first);
    write_topic(partitions[first]);
    w->ArrayLength(last - first);
    for (size_t i = first; i < last; i++) write_partition(partitions[i]);
    w->NoTags();
  }
}

template <typename Element, typename WritePartition>
void WriteByTopic(Writer* w, const std::vector<Element>& partitions,
                  WritePartition write_partition) {
  WriteByTopic(w, partitions, [w](const Element& p) { w->String(p.topic); }, write_partition);
}

inline Status Malformed(const char* what, size_t left) {
  return Status::Error(kErrorResponseMalformed, std::string(what) + " response cut short, " +
                                                    std::to_string(left) + " bytes left");
}

inline LeaderHint ReadLeaderHint(Reader* in) {
  LeaderHint hint;
  hint.node = in->Int32();
  hint.epoch = in->Int32();
  in->SkipTags();
  return hint;
}

// Adds all of `bytes` as one piece.
inline void TakeBytes(EncodedRequest* out) {
  out->pieces.push_back(
      {reinterpret_cast<const uint8_t*>(out->bytes.data()), out->bytes.size(), false});
}

}  // namespace longhaul
