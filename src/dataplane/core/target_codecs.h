// Which codecs the target accepts: those of the setting targetCodecs, without those that a broker
// has refused. A batch of another codec is re-encoded. Kept for the life of the lane: a codec that
// one broker refuses, because it is old or because of its configuration, is sent to none of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/record_batch.h"

namespace longhaul {

class TargetCodecs {
 public:
  // `list`: the codecs in order of preference, four bits each, one more than the number of the
  // codec, the first choice in the lowest bits. 0: the target accepts every codec until it refuses.
  explicit TargetCodecs(int64_t list) : accepts_any_(list == 0) {
    for (; list > 0; list >>= 4) choices_.push_back(static_cast<Codec>((list & 15) - 1));
    // Most accepted and cheapest first. zstd is last but one: who refuses a codec is old.
    if (accepts_any_)
      choices_ = {Codec::kLz4, Codec::kSnappy, Codec::kGzip, Codec::kZstd, Codec::kNone};
  }

  bool Accepts(Codec codec) const {
    const bool is_refused = std::find(refused_.begin(), refused_.end(), codec) != refused_.end();
    return !is_refused && (accepts_any_ || IsChoice(codec));
  }
  // The codec of a batch that is re-encoded: its own one if the target accepts it.
  Codec For(Codec codec) const { return Accepts(codec) ? codec : choices_.front(); }
  // A broker has refused it. False: no other codec is left, and it stays accepted.
  bool Refuse(Codec codec) {
    if (choices_.size() == 1 && IsChoice(codec)) return false;
    std::erase(choices_, codec);
    refused_.push_back(codec);
    return true;
  }

 private:
  bool IsChoice(Codec codec) const {
    return std::find(choices_.begin(), choices_.end(), codec) != choices_.end();
  }

  bool accepts_any_;
  std::vector<Codec> choices_;  // never empty
  std::vector<Codec> refused_;  // at most eight: as many as the attributes of a batch can name
};

}  // namespace longhaul
