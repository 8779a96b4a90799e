// The re-encoding of one batch of the source (reencode.h) as a job, and what the intake has to know
// of that batch when the job is done.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/decoded_batch.h"
#include "core/encode_jobs.h"
#include "core/reencode.h"

namespace longhaul {

class ReencodeJob final : public EncodeJob {
 public:
  // `source_buffer` holds the bytes of `source_span`.
  ReencodeJob(uint32_t partition_id, HeldRef source_buffer, const BatchSpan& source_span,
              int64_t wanted, const ReencodeLimits& reencode_limits)
      : EncodeJob(partition_id, source_span.size),
        span(source_span),
        wanted_offset(wanted),
        limits(reencode_limits),
        leader_epoch(source_span.first.leader_epoch()),
        buffer_(std::move(source_buffer)) {}

  void Run(const CompressionCodecs& codecs) override;
  void Hold(MemoryAccount* memory) override;

  // The records from limits.offset_end on are not mirrored, nor is anything after them.
  bool ends_intake() const { return limits.offset_end != kNoOffsetEnd; }
  // The first source offset that the job leaves out, if there is no error.
  int64_t next() const { return ends_intake() ? limits.offset_end : span.last_offset + 1; }

  const BatchSpan span;
  const int64_t wanted_offset;
  const ReencodeLimits limits;
  const int32_t leader_epoch;

  // The result of Reencode(), without the bytes of its batches. Those are in `held`, which has no
  // entry for a record that is too large.
  Status status = Status::Ok();
  std::vector<EncodedBatch> encoded;
  std::vector<HeldRef> held;

 private:
  const HeldRef buffer_;
  std::vector<BufferRef> kept_;
};

}  // namespace longhaul
