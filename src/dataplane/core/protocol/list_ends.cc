#include "core/protocol/list_ends.h"

#include "core/protocol/wire.h"

namespace longhaul {

namespace {

constexpr int32_t kDebuggingReplica = -2;
constexpr int64_t kLatest = -1;

}  // namespace

void EncodeListEnds(const std::vector<NamedPartition>& partitions, EncodedRequest* out) {
  Writer w(&out->bytes);
  w.Int32(kDebuggingReplica);
  WriteByTopic(&w, partitions, [&](const NamedPartition& p) {
    w.Int32(p.partition);
    w.Int64(kLatest);
  });
  TakeBytes(out);
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

}  // namespace longhaul
