#include "core/protocol/produce.h"

#include "core/protocol/wire.h"

namespace longhaul {

namespace {

constexpr uint32_t kCurrentLeaderTag = 0;

}  // namespace

void EncodeProduce(const std::vector<ProducePartition>& partitions, int16_t version,
                   int32_t timeout_ms, EncodedRequest* out) {
  out->is_flexible = version >= kProduceFlexibleFrom;
  Writer w(&out->bytes, out->is_flexible);
  std::vector<size_t> cuts;  // end of the part of out->bytes that precedes the next batch
  cuts.reserve(partitions.size());
  w.NullString();  // transactional id
  w.Int16(-1);     // acks: all in-sync replicas
  w.Int32(timeout_ms);
  const auto write_topic = [&](const ProducePartition& p) {
    if (version > kProduceByNameMax)
      w.Id(p.topic_id);
    else
      w.String(p.topic);
  };
  WriteByTopic(&w, partitions, write_topic, [&](const ProducePartition& p) {
    w.Int32(p.partition);
    w.BytesLength(p.batch_size);
    cuts.push_back(out->bytes.size());
    w.NoTags();
  });
  const auto* bytes = reinterpret_cast<const uint8_t*>(out->bytes.data());
  size_t start = 0;
  for (size_t i = 0; i < partitions.size(); i++) {
    out->pieces.push_back({bytes + start, cuts[i] - start, false});
    out->pieces.push_back({partitions[i].batch, partitions[i].batch_size, true});
    start = cuts[i];
  }
  if (out->is_flexible)
    out->pieces.push_back({bytes + start, out->bytes.size() - start, false});
}

Status ParseProduce(const uint8_t* data, size_t size, int16_t version, ProduceResponse* out) {
  const bool is_flexible = version >= kProduceFlexibleFrom;
  Reader in(data, size, is_flexible);
  size_t topics = in.ArrayLength(is_flexible ? 3 : 6);
  for (size_t t = 0; t < topics && in.ok(); t++) {
    std::string_view topic = version > kProduceByNameMax ? in.Id() : in.String();
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
          in.SkipTags();
          if (p.refused_record >= 0 && index >= p.refused_record) continue;
          p.refused_record = index;
          p.error_text = text;
        }
        const std::string_view text = in.String();
        if (p.error_text.empty()) p.error_text = text;
      }
      in.Tags([&p](uint32_t tag, Reader* of_tag) {
        if (tag == kCurrentLeaderTag) p.leader = ReadLeaderHint(of_tag);
      });
      if (in.ok()) out->partitions.push_back(p);
    }
    in.SkipTags();
  }
  out->throttle_ms = in.Int32();
  in.SkipTags();
  return in.ok() ? Status::Ok() : Malformed("Produce", in.left());
}

}  // namespace longhaul
