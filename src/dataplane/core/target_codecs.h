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
  // `list`: the codecs in order of preference, four bits each: the number of the codec plus one,
  // the first choice in the lowest bits. 0: every codec counts as accepted until a broker refuses
  // it.
  explicit TargetCodecs(int64_t list) : accepts_any_(list == 0) {
    for (; list > 0; list >>= 4) choices_.push_back(static_cast<Codec>((list & 15) - 1));
    // The codecs that most brokers accept and that cost least come first. zstd is last but one: a
    // broker that refuses a codec is probably old.
    if (accepts_any_)
      choices_ = {Codec::kLz4, Codec::kSnappy, Codec::kGzip, Codec::kZstd, Codec::kNone};
  }

  bool Accepts(Codec codec) const {
    const bool is_refused = std::find(refused_.begin(), refused_.end(), codec) != refused_.end();
    return !is_refused && (accepts_any_ || IsChoice(codec));
  }
  // The codec for re-encoding a batch: the codec of the batch if the target accepts it.
  Codec For(Codec codec) const { return Accepts(codec) ? codec : choices_.front(); }
  // A broker has refused the codec. False: no other codec is left, so the codec stays accepted.
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
  std::vector<Codec> refused_;  // at most eight: the attributes of a batch can name no more
};

}  // namespace longhaul
