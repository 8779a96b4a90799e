// Fetches one partition over several connections at once: which stripes of its log to ask for, and
// when the batches of a stripe may be stored.
//
// The problem: a connection passes little over a long line, and the next Fetch of a partition needs
// the end of the last one. So a partition would use one connection. Dividing the log beforehand
// does not work: where a batch begins is known only to the broker.
//
// The idea: a broker returns, from any offset on, the whole batch that holds the offset. So the
// lane asks at offsets that it guesses, and compares what it gets:
//
//   log         |  b0   |  b1   |  b2   |  b3   |  b4   |  b5   |  b6   |  b7   |
//   position            ^ all before it is stored
//   asked at            ^ 1                         ^ 2                     ^ 3
//   answers             [ b1      b2      b3 ]  [ b4      b5 ]          [ b7
//                       `----- reaches b4 -----'            `- hole: b6 -'
//
// An answer to a Fetch at offset x holds all batches from x up to its end, even if its first batch
// begins after x (compaction, transaction markers). So a stripe may be stored when the position has
// reached x, or the first offset of its first batch; batches below the position are dropped by
// their offsets. A hole between two answers is asked for by itself, with a size that ends at the
// next stripe.
//
// Guesses: batches of a busy topic are alike. The guess is the middle of the batch that should
// begin where the stripe before ends, so it may be wrong by half a batch either way.
//
// All stripes of one class instance must be of the same leader epoch: within an epoch the log of a
// leader only grows (stripe_fetcher.h).
//
// Pure: no clock, no network, no memory account.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "core/memory_account.h"
#include "core/protocol/fetch.h"

namespace longhaul {

// What the whole batches of one answer are, by their headers.
struct BatchSurvey {
  bool is_sound = true;  // false: not batches of magic 2 with ascending offsets below the log end
  int64_t first = -1;    // first offset of the first batch, -1: there is no batch
  int64_t next = -1;     // the offset after the last batch
  int64_t cut_first = -1;  // first offset of the batch after them that is cut, -1: none
  int64_t batches = 0;
  int64_t bytes = 0;
  int64_t largest = 0;
};
// `log_end`: no batch begins after it, unless the batch before it ends there.
BatchSurvey SurveyBatches(const uint8_t* records, size_t size, int64_t log_end);

// What the batches of a partition are like: moving means.
struct BatchShape {
  double bytes = 0;  // of a batch; 0: not known
  double offsets = 0;
  double deviation = 0;  // of a batch's bytes, the mean of the absolute one
  // How many batches the means are of; older ones count ever less.
  static constexpr double kSeenMax = 128;
  double seen = 0;
  bool is_known() const { return bytes > 0; }
  // `offset`: the one that was asked for, if a batch begins there or behind it; else -1.
  void See(const BatchSurvey& survey, int64_t offset);
  int64_t BytesOf(int64_t offset_count) const;
};

struct Stripe {
  uint64_t tag = 0;
  int64_t offset = 0;   // asked for
  int64_t batches = 0;  // that it was asked to hold
  int64_t bytes = 0;    // reserved while it is in flight, then those of its batches
  bool is_exact = false;  // a batch begins at `offset`, or no record is between it and the next one
  bool is_session = false;  // the Fetch of the session that was in flight when the stripes began
  // Once it has arrived:
  bool has_arrived = false;
  int64_t from = 0;  // its batches are all that the log has from here to `survey.next`
  BatchSurvey survey{};
  FetchedPartition fetched{};
  HeldRef buffer{};
};

// Bytes of its batches that are completely below `position`.
int64_t BytesBelow(const Stripe& stripe, int64_t position);

class Stripes {
 public:
  // A Fetch that the lane should send.
  struct Ask {
    int64_t offset = 0;
    int64_t batches = 0;
    int64_t bytes_max = 0;  // 1: one batch, however large
    int64_t bytes = 0;      // that the answer may have
    bool is_exact = false;
    bool is_first = false;  // nothing can be stored before its answer
  };

  explicit Stripes(int64_t position) : position_(position) {}

  int64_t position() const { return position_; }
  bool empty() const { return stripes_.empty(); }
  size_t size() const { return stripes_.size(); }
  bool has_session() const { return !empty() && stripes_.front().is_session; }
  int64_t held_bytes() const { return held_bytes_; }          // of stripes that have arrived
  int64_t in_flight_bytes() const { return in_flight_bytes_; }  // of the others
  // Where the last stripe begins, which is at most the end of what was asked for.
  int64_t last_offset() const { return empty() ? position_ : stripes_.back().offset; }

  // What to ask for next: a hole first. `end`: of the log for consumers. `bytes`: of one stripe.
  // `may_go_ahead`: not only holes.
  std::optional<Ask> Next(const BatchShape& shape, int64_t end, int64_t bytes,
                          bool may_go_ahead) const;
  // The lane has sent that Fetch.
  void Asked(const Ask& ask, uint64_t tag);
  // A Fetch of the session for `bytes_max` bytes at the position is in flight.
  void AwaitSession(const BatchShape& shape, int64_t bytes_max);
  // It was answered or failed; the position is now `position`.
  void SessionAnswered(int64_t position);
  bool Awaits(uint64_t tag) const;
  // False: the answer shows no batch that can follow, so all stripes must be dropped.
  bool Arrived(uint64_t tag, FetchedPartition fetched, const BatchSurvey& survey, HeldRef buffer);
  // The next stripe whose batches may be stored: all before them is stored. The caller stores them,
  // and calls Passed() with the position then.
  std::optional<Stripe> Take();
  void Passed(const Stripe& stripe, int64_t position);

  void CheckInvariants() const;

 private:
  void JoinCut(size_t index);
  static Ask Size(const BatchShape& shape, int64_t batches);

  int64_t position_;
  int64_t cut_first_ = -1;  // of the answer that the position is the end of
  std::deque<Stripe> stripes_;  // by offset
  int64_t held_bytes_ = 0;
  int64_t in_flight_bytes_ = 0;
};

}  // namespace longhaul
