#include "lane.h"

#include <algorithm>
#include <iterator>

namespace longhaul {

ErrorClass ClassifyError(int32_t code) {
  auto in = [code](const auto& codes) {
    return std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
  };
  if (code < -1) return {true, true};
  return {in(kRetriableCodes), in(kRefreshesMetadataCodes)};
}

void Lane::SetState(Partition* p, PartitionState state, int32_t code, std::string detail) {
  if (p->state == state && p->code == code && p->detail == detail) return;
  p->state = state;
  p->code = code;
  p->detail = std::move(detail);
  events->State(*p, false);
}

void Lane::Fault(Partition* p, int32_t code, std::string detail) {
  errors[code]++;
  p->outstanding = 0;
  p->failure_code = 0;
  p->ResetToProgress();
  p->proven = false;
  SetState(p, PartitionState::kFaulted, code, std::move(detail));
}

void Lane::NoteRetry(Partition* p, int32_t code, const std::string& detail) {
  errors[code]++;
  p->counters.retries++;
  if (p->code != code) SetState(p, p->state, code, detail);
}

BufferRef Lane::Hold(BufferRef buffer) {
  auto size = static_cast<int64_t>(buffer->size());
  *held_bytes += size;
  Buffer* raw = buffer.get();
  return BufferRef(raw, [account = held_bytes, size, owner = std::move(buffer)](Buffer*) mutable {
    *account -= size;
    owner.reset();
  });
}

}  // namespace longhaul
