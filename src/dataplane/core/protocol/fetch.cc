#include "core/protocol/fetch.h"

#include <utility>

#include "core/protocol/wire.h"

namespace longhaul {

namespace {

constexpr uint32_t kDivergingEpochTag = 0;
constexpr uint32_t kCurrentLeaderTag = 1;
constexpr int16_t kFetchReplicaIdInTagsFrom = 15;  // KIP-903; consumers send no such tag

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
    if (tag == kCurrentLeaderTag) p->leader = ReadLeaderHint(of_tag);
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
  if (version < kFetchReplicaIdInTagsFrom) w.Int32(-1);  // replica id: a consumer
  w.Int32(request.wait_max_ms);
  w.Int32(request.bytes_min);
  w.Int32(request.bytes_max);
  w.Int8(request.isolation_level);
  if (version >= kFetchSessionsFrom) {
    w.Int32(request.session_id);
    w.Int32(request.session_epoch);
  }
  const auto write_topic = [&](const auto& partition) {
    if (version > kFetchByNameMax)
      w.Id(partition.topic_id);
    else
      w.String(partition.topic);
  };
  WriteByTopic(&w, request.partitions, write_topic, [&](const FetchPartition& p) {
    w.Int32(p.partition);
    if (version >= 9) w.Int32(p.leader_epoch);
    w.Int64(p.offset);
    if (version >= 12) w.Int32(p.last_epoch);
    if (version >= 5) w.Int64(-1);  // log start offset: only followers send it
    w.Int32(p.bytes_max);
    w.NoTags();
  });
  if (version >= kFetchSessionsFrom)
    WriteByTopic(&w, request.forgotten, write_topic,
                 [&](const auto& p) { w.Int32(p.partition); });
  if (version >= kFetchFromFollowersFrom) w.String(request.rack);
  TakeBytes(out);
}

Status ParseFetch(uint8_t* data, size_t size, int16_t version, FetchResponse* out) {
  const bool is_flexible = version >= kFetchFlexibleFrom;
  Reader in(data, size, is_flexible);
  out->throttle_ms = in.Int32();
  if (version >= kFetchSessionsFrom) {
    out->error = in.Int16();
    out->session_id = in.Int32();
  }
  size_t topics = in.ArrayLength(is_flexible ? 3 : 6);
  for (size_t t = 0; t < topics && in.ok(); t++) {
    std::string_view topic = version > kFetchByNameMax ? in.Id() : in.String();
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

}  // namespace longhaul
