// Encoding is a Writer with a method a protocol type; parsing is a Reader that remembers its first
// failure, so that a parser reads straight down and asks once at the end.
#include "protocol.h"

#include <cstring>
#include <utility>

#include "contract/contract.generated.h"

namespace longhaul {
namespace {

class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) {}
  void Int8(int8_t v) { out_->push_back(static_cast<char>(v)); }
  void Int16(int16_t v) { Big(static_cast<uint16_t>(v)); }
  void Int32(int32_t v) { Big(static_cast<uint32_t>(v)); }
  void Int64(int64_t v) { Big(static_cast<uint64_t>(v)); }
  void String(std::string_view v) {
    Int16(static_cast<int16_t>(v.size()));
    out_->append(v);
  }
  void NullString() { Int16(-1); }

 private:
  template <typename T>
  void Big(T v) {
    for (int shift = 8 * (static_cast<int>(sizeof(T)) - 1); shift >= 0; shift -= 8)
      out_->push_back(static_cast<char>(v >> shift));
  }
  std::string* out_;
};

class Reader {
 public:
  Reader(const uint8_t* data, size_t size) : at_(data), left_(size) {}
  bool ok() const { return ok_; }
  size_t left() const { return left_; }

  int8_t Int8() { return static_cast<int8_t>(Big<uint8_t>()); }
  int16_t Int16() { return static_cast<int16_t>(Big<uint16_t>()); }
  int32_t Int32() { return static_cast<int32_t>(Big<uint32_t>()); }
  int64_t Int64() { return static_cast<int64_t>(Big<uint64_t>()); }
  // Null reads as empty.
  std::string_view String() {
    int16_t length = Int16();
    const uint8_t* start = Bytes(length < 0 ? 0 : static_cast<size_t>(length));
    return start ? std::string_view(reinterpret_cast<const char*>(start),
                                    length < 0 ? 0 : static_cast<size_t>(length))
                 : std::string_view();
  }
  const uint8_t* Bytes(size_t size) {
    if (!ok_ || size > left_) {
      ok_ = false;
      return nullptr;
    }
    const uint8_t* start = at_;
    at_ += size;
    left_ -= size;
    return start;
  }
  // An array's length; each element takes at least `element_min` bytes, so that a hostile count
  // cannot make us allocate more than a small multiple of what was received. Null reads as empty.
  size_t ArrayLength(size_t element_min) {
    int32_t count = Int32();
    if (count <= 0) return 0;
    if (static_cast<size_t>(count) > left_ / element_min) {
      ok_ = false;
      return 0;
    }
    return static_cast<size_t>(count);
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
  const uint8_t* at_;
  size_t left_;
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
  }
  if (version >= 11) in->Int32();  // preferred read replica: we ask the leader
  int32_t size = in->Int32();
  p->records_size = size < 0 ? 0 : static_cast<size_t>(size);
  p->records = const_cast<uint8_t*>(in->Bytes(p->records_size));
}

}  // namespace

void EncodeFetch(const FetchRequest& request, int16_t version, EncodedRequest* out) {
  Writer w(&out->bytes);
  w.Int32(-1);  // replica id: a consumer
  w.Int32(request.wait_max_ms);
  w.Int32(request.bytes_min);
  w.Int32(request.bytes_max);
  w.Int8(request.isolation_level);
  if (version >= 7) {
    w.Int32(0);   // session id
    w.Int32(-1);  // session epoch: no session
  }
  w.Int32(static_cast<int32_t>(ForEachTopic(request.partitions, [](size_t, size_t) {})));
  ForEachTopic(request.partitions, [&](size_t first, size_t last) {
    w.String(request.partitions[first].topic);
    w.Int32(static_cast<int32_t>(last - first));
    for (size_t i = first; i < last; i++) {
      const FetchPartition& p = request.partitions[i];
      w.Int32(p.partition);
      if (version >= 9) w.Int32(p.leader_epoch);
      w.Int64(p.offset);
      if (version >= 5) w.Int64(-1);  // log start offset: only followers tell
      w.Int32(p.bytes_max);
    }
  });
  if (version >= 7) w.Int32(0);  // forgotten topics
  if (version >= 11) w.String(request.rack);
  out->pieces.push_back(
      {reinterpret_cast<const uint8_t*>(out->bytes.data()), out->bytes.size(), false});
}

void EncodeProduce(const std::vector<ProducePartition>& partitions, int16_t version,
                   int32_t timeout_ms, EncodedRequest* out) {
  (void)version;  // v3 to v8 ask in the same form
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

Status ParseFetch(uint8_t* data, size_t size, int16_t version, FetchResponse* out) {
  Reader in(data, size);
  out->throttle_ms = in.Int32();
  if (version >= 7) {
    out->error = in.Int16();
    in.Int32();  // session id
  }
  size_t topics = in.ArrayLength(6);
  for (size_t t = 0; t < topics && in.ok(); t++) {
    std::string_view topic = in.String();
    size_t partitions = in.ArrayLength(30);
    for (size_t p = 0; p < partitions && in.ok(); p++) {
      FetchedPartition fetched{};
      ReadFetchedPartition(&in, topic, version, &fetched);
      if (in.ok()) out->partitions.push_back(std::move(fetched));
    }
  }
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
          in.Int32();
          std::string_view text = in.String();
          if (p.error_text.empty()) p.error_text = text;
        }
        std::string_view text = in.String();
        if (!text.empty()) p.error_text = text;
      }
      if (in.ok()) out->partitions.push_back(p);
    }
  }
  out->throttle_ms = in.Int32();
  return in.ok() ? Status::Ok() : Malformed("Produce", in.left());
}

}  // namespace longhaul
