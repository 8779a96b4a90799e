#include "core/lent_memory.h"

#include <algorithm>

#include "core/assertion.h"

namespace longhaul {

LentMemory::LentMemory(int64_t bound, int64_t lanes) : bound_(bound), announced_(lanes) {}

LentMemory& LentMemory::OfProcess() {
  static LentMemory* const memory = new LentMemory(0, 1);  // as BlockPool::OfProcess()
  return *memory;
}

void LentMemory::Announce(int64_t bound, int64_t lanes) {
  announced_ = lanes;
  if (Unpack(sum_.load()).lanes == 0)
    bound_ = bound;
  else
    (void)Raise(bound);
}

bool LentMemory::Raise(int64_t bound) {
  int64_t before = bound_.load();
  while (before < bound)
    if (bound_.compare_exchange_weak(before, bound)) return true;
  return false;
}

int64_t LentMemory::Lanes(int64_t open) const {
  return std::max<int64_t>({announced_.load(), open, 1});
}

int64_t LentMemory::Kept(int64_t bound, int64_t lanes) {
  return lanes == 1 ? bound : bound / lanes / kKeptShare;
}

int64_t LentMemory::fair() const { return bound() / Lanes(Unpack(sum_.load()).lanes); }

int64_t LentMemory::kept() const { return Kept(bound(), Lanes(Unpack(sum_.load()).lanes)); }

int64_t LentMemory::Take(int64_t bytes, int64_t opens) {
  uint64_t word = sum_.load();
  for (;;) {
    const Sum sum = Unpack(word);
    const int64_t open = sum.lanes + opens;
    const int64_t bound = bound_.load();
    const int64_t lanes = Lanes(open);
    const int64_t kept_for_others = (lanes - open) * Kept(bound, lanes);
    const int64_t taken = std::clamp<int64_t>(bound - kept_for_others - sum.bytes, 0, bytes);
    if (sum_.compare_exchange_weak(word, Pack({open, sum.bytes + taken}))) return taken;
  }
}

LentMemory::Part::Part(LentMemory* memory)
    : memory_(memory),
      bytes_(memory->Take(Kept(memory->bound(), memory->Lanes(Unpack(memory->sum_).lanes + 1)),
                          1)) {}

LentMemory::Part::~Part() {
  SetLacks(false);
  memory_->Return(bytes_, 1);
}

void LentMemory::Part::Settle(int64_t wanted, int64_t needed) {
  const int64_t bound = memory_->bound();
  const int64_t lanes = memory_->Lanes(Unpack(memory_->sum_.load()).lanes);
  const int64_t fair = bound / lanes;
  wanted = std::clamp(wanted, Kept(bound, lanes), bound);
  const bool others_lack = memory_->lacking_.load() > (lacks_ ? 1 : 0);
  const int64_t most = others_lack ? std::min(wanted, fair) : wanted;
  if (most < bytes_)
    ShrinkTo(std::max(most, needed));
  else if (most > bytes_)
    bytes_ += memory_->Take(most - bytes_, 0);
  SetLacks(bytes_ < std::min(wanted, fair));
}

void LentMemory::Part::ShrinkTo(int64_t bytes) {
  if (bytes >= bytes_) return;
  memory_->Return(bytes_ - bytes, 0);
  bytes_ = bytes;
}

void LentMemory::Part::SetLacks(bool lacks) {
  if (lacks == lacks_) return;
  lacks_ = lacks;
  memory_->lacking_ += lacks ? 1 : -1;
}

}  // namespace longhaul
