// Encoding is a Writer with a method a protocol type; parsing is a Reader that remembers its first
// failure, so that a parser reads straight down and asks once at the end. Both know whether the
// version is flexible: lengths are then varints of one more, and every struct ends with tags.
#include "core/protocol.h"

#include <cstring>
#include <utility>

#include "contract/contract.generated.h"
#include "core/varint.h"

namespace longhaul {
namespace {

constexpr uint32_t kDivergingEpochTag = 0;
constexpr int32_t kDebuggingReplica = -2;
constexpr int64_t kLatest = -1;

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
  void NullString() { Int16(-1); }
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
  // An array's length; each element takes at least `element_min` bytes, so that a hostile count
  // cannot make us allocate more than a small multiple of what was received. Null reads as empty.
  size_t ArrayLength(size_t element_min) {
    const size_t count = Length(is_flexible_ ? Compact() : Int32());
    if (count <= rest_.length / element_min) return count;
    ok_ = false;
    return 0;
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

// Calls `each` for every stretch [first, last) of elements with one topic.
template <typename Element, typename Each>
size_t ForEachTopic(const std::vector<Element>& elements, Each each) {
  size_t topics = 0;
  for (size_t first = 0, last = 0; first < elements.size(); first = last, topics++) {
    while (last < elements.size() && elements[last].topic == elements[first].topic) last++;
    each(first, last);
  }
  return topics;
}

Status Malformed(const char* what, size_t left) {
  return Status::Error(kErrorResponseMalformed, std::string(what) + " response cut short, " +
                                                    std::to_string(left) + " bytes left");
}

void ReadFetchedPartition(Reader* in, std::string_view topic, int16_t version,
                          FetchedPartition* p) {
  p->topic = topic;
  p->partition = in->Int32();
  p->error = in->Int16();
  p->high_watermark = in->Int64();
  p->last_stable_offset = in->Int64();
  p->log_start_offset = version >= 5 ? in->Int64() : -1;
  size_t aborted = in->ArrayLength(16);
  p->aborted.reserve(aborted);
  for (size_t i = 0; i < aborted; i++) {
    int64_t producer_id = in->Int64();
    p->aborted.push_back({producer_id, in->Int64()});
    in->SkipTags();
  }
  if (version >= kFetchFromFollowersFrom) p->preferred_replica = in->Int32();
  p->records_size = in->BytesLength();
  p->records = const_cast<uint8_t*>(in->Bytes(p->records_size));
  p->diverging_epoch = -1;
  p->diverging_end = -1;
  in->Tags([p](uint32_t tag, Reader* of_tag) {
    if (tag != kDivergingEpochTag) return;
    p->diverging_epoch = of_tag->Int32();
    p->diverging_end = of_tag->Int64();
    of_tag->SkipTags();
  });
}

}  // namespace

void EncodeFetch(const FetchRequest& request, int16_t version, EncodedRequest* out) {
  out->is_flexible = version >= kFetchFlexibleFrom;
  Writer w(&out->bytes, out->is_flexible);
  w.Int32(-1);  // replica id: a consumer
  w.Int32(request.wait_max_ms);
  w.Int32(request.bytes_min);
  w.Int32(request.bytes_max);
  w.Int8(request.isolation_level);
  if (version >= 7) {
    w.Int32(0);   // session id
    w.Int32(-1);  // session epoch: no session
  }
  w.ArrayLength(ForEachTopic(request.partitions, [](size_t, size_t) {}));
  ForEachTopic(request.partitions, [&](size_t first, size_t last) {
    w.String(request.partitions[first].topic);
    w.ArrayLength(last - first);
    for (size_t i = first; i < last; i++) {
      const FetchPartition& p = request.partitions[i];
      w.Int32(p.partition);
      if (version >= 9) w.Int32(p.leader_epoch);
      w.Int64(p.offset);
      if (version >= 12) w.Int32(p.last_epoch);
      if (version >= 5) w.Int64(-1);  // log start offset: only followers tell
      w.Int32(p.bytes_max);
      w.NoTags();
    }
    w.NoTags();
  });
  if (version >= 7) w.ArrayLength(0);  // forgotten topics
  if (version >= kFetchFromFollowersFrom) w.String(request.rack);
  out->pieces.push_back(
      {reinterpret_cast<const uint8_t*>(out->bytes.data()), out->bytes.size(), false});
}

// v3 to v8 ask in the same form.
void EncodeProduce(const std::vector<ProducePartition>& partitions, int32_t timeout_ms,
                   EncodedRequest* out) {
  Writer w(&out->bytes);
  std::vector<size_t> cuts;  // out->bytes up to here goes before the next batch
  cuts.reserve(partitions.size());
  w.NullString();  // transactional id
  w.Int16(-1);     // acks: all in-sync replicas
  w.Int32(timeout_ms);
  w.Int32(static_cast<int32_t>(ForEachTopic(partitions, [](size_t, size_t) {})));
  ForEachTopic(partitions, [&](size_t first, size_t last) {
    w.String(partitions[first].topic);
    w.Int32(static_cast<int32_t>(last - first));
    for (size_t i = first; i < last; i++) {
      w.Int32(partitions[i].partition);
      w.Int32(static_cast<int32_t>(partitions[i].batch_size));
      cuts.push_back(out->bytes.size());
    }
  });
  const auto* bytes = reinterpret_cast<const uint8_t*>(out->bytes.data());
  size_t start = 0;
  for (size_t i = 0; i < partitions.size(); i++) {
    out->pieces.push_back({bytes + start, cuts[i] - start, false});
    out->pieces.push_back({partitions[i].batch, partitions[i].batch_size, true});
    start = cuts[i];
  }
}

void EncodeListEnds(const std::vector<NamedPartition>& partitions, EncodedRequest* out) {
  Writer w(&out->bytes);
  w.Int32(kDebuggingReplica);
  w.ArrayLength(ForEachTopic(partitions, [](size_t, size_t) {}));
  ForEachTopic(partitions, [&](size_t first, size_t last) {
    w.String(partitions[first].topic);
    w.ArrayLength(last - first);
    for (size_t i = first; i < last; i++) {
      w.Int32(partitions[i].partition);
      w.Int64(kLatest);
    }
  });
  out->pieces.push_back(
      {reinterpret_cast<const uint8_t*>(out->bytes.data()), out->bytes.size(), false});
}

void EncodeDescribeProducers(const std::vector<NamedPartition>& partitions, EncodedRequest* out) {
  out->is_flexible = true;
  Writer w(&out->bytes, true);
  w.ArrayLength(ForEachTopic(partitions, [](size_t, size_t) {}));
  ForEachTopic(partitions, [&](size_t first, size_t last) {
    w.String(partitions[first].topic);
    w.ArrayLength(last - first);
    for (size_t i = first; i < last; i++) w.Int32(partitions[i].partition);
    w.NoTags();
  });
  out->pieces.push_back(
      {reinterpret_cast<const uint8_t*>(out->bytes.data()), out->bytes.size(), false});
}

Status ParseFetch(uint8_t* data, size_t size, int16_t version, FetchResponse* out) {
  const bool is_flexible = version >= kFetchFlexibleFrom;
  Reader in(data, size, is_flexible);
  out->throttle_ms = in.Int32();
  if (version >= 7) {
    out->error = in.Int16();
    in.Int32();  // session id
  }
  size_t topics = in.ArrayLength(is_flexible ? 3 : 6);
  for (size_t t = 0; t < topics && in.ok(); t++) {
    std::string_view topic = in.String();
    size_t partitions = in.ArrayLength(30);
    for (size_t p = 0; p < partitions && in.ok(); p++) {
      FetchedPartition fetched{};
      ReadFetchedPartition(&in, topic, version, &fetched);
      if (in.ok()) out->partitions.push_back(std::move(fetched));
    }
    in.SkipTags();
  }
  in.SkipTags();
  return in.ok() ? Status::Ok() : Malformed("Fetch", in.left());
}

Status ParseProduce(const uint8_t* data, size_t size, int16_t version, ProduceResponse* out) {
  Reader in(data, size);
  size_t topics = in.ArrayLength(6);
  for (size_t t = 0; t < topics && in.ok(); t++) {
    std::string_view topic = in.String();
    size_t partitions = in.ArrayLength(22);
    for (size_t i = 0; i < partitions && in.ok(); i++) {
      ProducedPartition p{};
      p.topic = topic;
      p.partition = in.Int32();
      p.error = in.Int16();
      p.base_offset = in.Int64();
      p.append_time = in.Int64();
      if (version >= 5) in.Int64();  // log start offset
      if (version >= 8) {
        size_t record_errors = in.ArrayLength(6);
        for (size_t r = 0; r < record_errors && in.ok(); r++) {
          const int32_t index = in.Int32();
          const std::string_view text = in.String();
          if (p.refused_record >= 0 && index >= p.refused_record) continue;
          p.refused_record = index;
          p.error_text = text;
        }
        const std::string_view text = in.String();
        if (p.error_text.empty()) p.error_text = text;
      }
      if (in.ok()) out->partitions.push_back(p);
    }
  }
  out->throttle_ms = in.Int32();
  return in.ok() ? Status::Ok() : Malformed("Produce", in.left());
}

Status ParseListEnds(const uint8_t* data, size_t size, std::vector<ListedEnd>* out) {
  Reader in(data, size);
  size_t topics = in.ArrayLength(6);
  for (size_t t = 0; t < topics && in.ok(); t++) {
    std::string_view topic = in.String();
    size_t partitions = in.ArrayLength(22);
    for (size_t p = 0; p < partitions && in.ok(); p++) {
      ListedEnd listed{topic, in.Int32(), in.Int16(), -1};
      in.Int64();  // timestamp
      listed.offset = in.Int64();
      if (in.ok()) out->push_back(listed);
    }
  }
  return in.ok() ? Status::Ok() : Malformed("ListOffsets", in.left());
}

Status ParseDescribeProducers(const uint8_t* data, size_t size,
                              std::vector<PartitionProducers>* out) {
  Reader in(data, size, true);
  in.Int32();  // throttle time
  size_t topics = in.ArrayLength(3);
  for (size_t t = 0; t < topics && in.ok(); t++) {
    std::string_view topic = in.String();
    size_t partitions = in.ArrayLength(9);
    for (size_t p = 0; p < partitions && in.ok(); p++) {
      PartitionProducers described{topic, in.Int32(), in.Int16(), {}};
      in.String();  // error message
      size_t producers = in.ArrayLength(37);
      for (size_t i = 0; i < producers && in.ok(); i++) {
        ProducerState state{};
        state.producer_id = in.Int64();
        state.epoch = in.Int32();
        state.last_sequence = in.Int32();
        state.last_timestamp = in.Int64();
        in.Int32();  // coordinator epoch
        state.transaction_start = in.Int64();
        in.SkipTags();
        described.producers.push_back(state);
      }
      in.SkipTags();
      if (in.ok()) out->push_back(std::move(described));
    }
    in.SkipTags();
  }
  in.SkipTags();
  return in.ok() ? Status::Ok() : Malformed("DescribeProducers", in.left());
}

Status ParseDescribeProducers(const uint8_t* data, size_t size, int64_t producer_id,
                              std::vector<DescribedProducer>* out) {
  std::vector<PartitionProducers> partitions;
  Status status = ParseDescribeProducers(data, size, &partitions);
  for (const PartitionProducers& partition : partitions) {
    DescribedProducer described{partition.topic, partition.partition, partition.error, -1};
    for (const ProducerState& state : partition.producers)
      if (state.producer_id == producer_id) described.last_sequence = state.last_sequence;
    out->push_back(described);
  }
  return status;
}

}  // namespace longhaul
