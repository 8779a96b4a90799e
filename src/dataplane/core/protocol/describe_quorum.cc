#include "core/protocol/describe_quorum.h"

#include "core/protocol/wire.h"

namespace longhaul {
namespace {

constexpr size_t kReplicaBytesMin = 29;

void ReadReplicas(Reader* in, QuorumLeader* out) {
  const size_t replicas = in->ArrayLength(kReplicaBytesMin);
  for (size_t i = 0; i < replicas && in->ok(); i++) {
    const int32_t node = in->Int32();
    in->Int64();  // log end offset
    const int64_t fetched_ms = in->Int64();
    in->Int64();  // last caught up
    in->SkipTags();
    if (node == out->node && in->ok()) out->fetched_ms = fetched_ms;
  }
}

}  // namespace

void EncodeDescribeQuorum(EncodedRequest* out) {
  out->is_flexible = true;
  Writer w(&out->bytes, true);
  w.ArrayLength(1);
  w.String("__cluster_metadata");
  w.ArrayLength(1);
  w.Int32(0);
  w.NoTags();
  w.NoTags();
  TakeBytes(out);
}

Status ParseDescribeQuorum(const uint8_t* data, size_t size, QuorumLeader* out) {
  Reader in(data, size, true);
  out->error = in.Int16();
  const size_t topics = in.ArrayLength(3);
  for (size_t t = 0; t < topics && in.ok(); t++) {
    in.String();
    const size_t partitions = in.ArrayLength(25);
    for (size_t p = 0; p < partitions && in.ok(); p++) {
      in.Int32();  // partition
      const int16_t error = in.Int16();
      if (out->error == 0) out->error = error;
      out->node = in.Int32();
      in.Int32();  // leader epoch
      in.Int64();  // high watermark
      ReadReplicas(&in, out);  // voters
      ReadReplicas(&in, out);  // observers
      in.SkipTags();
    }
    in.SkipTags();
  }
  in.SkipTags();
  return in.ok() ? Status::Ok() : Malformed("DescribeQuorum", in.left());
}

}  // namespace longhaul
