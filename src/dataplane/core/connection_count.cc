#include "core/connection_count.h"

#include <algorithm>
#include <utility>

namespace longhaul {

int64_t ConnectionCount::WindowMs() const {
  return std::max(pace_.window_ms, pace_.window_round_trips * round_trip_ms());
}

void ConnectionCount::Judge(int64_t now, const Look& look) {
  const int64_t ms = std::max<int64_t>(now - looked_at_, 1);
  const Rate rate{look.bytes * 1000 / ms, look.bytes_of_all * 1000 / ms};
  looked_at_ = now;
  // A connection without a partition passes nothing.
  if (look.members < count_) return Return(now, look.members);
  switch (phase_) {
    case Phase::kSteady:
      return Rest(now, look, rate);
    case Phase::kOpening:
      due_ = now + pace_.opening_look_ms;
      if (!look.is_spread && now < opened_by_) return;
      phase_ = Phase::kSettling;
      due_ = now + pace_.settle_round_trips * std::max<int64_t>(round_trip_ms(), 1);
      return;
    case Phase::kSettling:
      phase_ = Phase::kTrial;
      trials_ = 0;
      trial_rate_ = {};
      due_ = now + WindowMs();
      return;
    case Phase::kTrial:
      return Decide(now, look, rate);
  }
}

void ConnectionCount::Rest(int64_t now, const Look& look, const Rate& rate) {
  due_ = now + WindowMs();
  // One window may begin before the traffic: what it passes is too little to compare with.
  const Rate last_rate = std::exchange(rest_rate_, rate);
  if (Shrinks(now, rate.own) || last_rate.own == 0) return;
  if (now < hold_until_ || round_trip_ms() < pace_.far_ms || look.lacked_room) return;
  const int32_t next = std::min({std::exchange(factor_, 2) * count_, max_, look.busy,
                                 look.affordable});
  // Too few to be so much faster, however little each connection passes.
  if (next * 100 < count_ * (100 + pace_.gain_percent) || next == count_) return;
  former_count_ = count_;
  former_rate_ = Rate::Higher(rate, last_rate);
  rest_rate_ = {};
  count_ = next;
  phase_ = Phase::kOpening;
  opened_by_ = now + pace_.opening_ms_max;
  due_ = now + pace_.opening_look_ms;
}

bool ConnectionCount::Shrinks(int64_t now, int64_t rate) {
  if (count_ == 1 || 4 * rate > connection_rate_ * count_) idle_since_ = now;
  if (now - idle_since_ < pace_.idle_ms) return false;
  count_ /= 2;
  idle_since_ = now;
  return true;
}

bool ConnectionCount::Pays() const {
  const int64_t gain = std::min(trial_rate_.own - former_rate_.own,
                                trial_rate_.of_all - former_rate_.of_all);
  return former_count_ == 1 || gain * 100 >= former_rate_.own * pace_.gain_percent;
}

void ConnectionCount::Decide(int64_t now, const Look& look, const Rate& rate) {
  trial_rate_ = Rate::Higher(trial_rate_, rate);
  const bool pays = Pays();
  // If hardly anything is left to fetch, the rate is that of the producers.
  const bool has_drained = look.busy < 2;
  if (!pays && !has_drained && ++trials_ < kTrials) {
    due_ = now + WindowMs();
    return;
  }
  if (!pays && !has_drained) {
    connection_rate_ = former_rate_.own / former_count_;
    hold_ms_ = std::clamp(2 * hold_ms_, pace_.hold_ms, pace_.hold_ms_max);
    hold_until_ = now + hold_ms_;
    return Return(now, former_count_);
  }
  connection_rate_ = std::max(trial_rate_.own, former_rate_.own) / count_;
  if (pays) hold_ms_ = 0;
  // If each connection still passes nearly what it passed before, the line carries many more.
  const bool is_proportional =
      trial_rate_.own * former_count_ * 10 >= former_rate_.own * count_ * 8;
  if (pays && is_proportional) factor_ = 4;
  Return(now, count_);
  rest_rate_ = trial_rate_;
  if (pays) Rest(now, look, trial_rate_);
}

void ConnectionCount::Return(int64_t now, int32_t count) {
  phase_ = Phase::kSteady;
  count_ = std::max(count, 1);
  idle_since_ = now;
  due_ = now + WindowMs();
}

void ConnectionCount::Limit(int64_t now, int32_t count) {
  hold_until_ = now + pace_.refused_ms;
  Return(now, count);
}

}  // namespace longhaul
