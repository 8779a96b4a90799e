#include "core/page_map.h"

#include <algorithm>

#include "core/assertion.h"

namespace longhaul {

size_t PageMap::IndexOf(size_t byte) const {
  const auto behind = std::upper_bound(runs_.begin(), runs_.end(), byte,
                                       [](size_t at, const Run& run) { return at < run.begin; });
  return static_cast<size_t>(behind - runs_.begin()) - 1;
}

size_t PageMap::CountCold(size_t begin, size_t end) const {
  size_t cold = 0;
  for (size_t i = IndexOf(begin); i < runs_.size() && runs_[i].begin < end; i++)
    if (runs_[i].state == State::kCold)
      cold += std::min(EndOf(i), end) - std::max(runs_[i].begin, begin);
  return cold;
}

void PageMap::Consider(size_t begin, size_t bytes, Fit* best) const {
  const size_t cold = CountCold(begin, begin + bytes);
  if (!best->found || cold < best->cold) *best = {true, begin, cold};
}

// A place that begins inside a cold run does not become worse if it is moved up: it loses a cold
// byte for each byte that it gains. So it is enough to compare places that begin with a run, or
// that end with the last free byte.
PageMap::Fit PageMap::Find(size_t bytes) const {
  Fit best;
  for (size_t first = 0; first < runs_.size(); first++) {
    if (runs_[first].state == State::kUsed) continue;
    size_t last = first;
    while (last + 1 < runs_.size() && runs_[last + 1].state != State::kUsed) last++;
    const size_t begin = runs_[first].begin, end = EndOf(last);
    for (size_t i = first; end - begin >= bytes && i <= last; i++) {
      Consider(std::min(runs_[i].begin, end - bytes), bytes, &best);
      if (best.cold == 0) return best;
    }
    first = last;
  }
  return best;
}

void PageMap::Mark(size_t begin, size_t end, State state) {
  Assert(begin < end && end <= bytes_, "pages that are marked lie in their range");
  size_t from = IndexOf(begin);
  size_t to = IndexOf(end - 1) + 1;  // runs from..to are replaced
  std::vector<Run> runs;
  if (runs_[from].begin < begin)
    runs.push_back(runs_[from]);
  else if (from > 0)
    runs.push_back(runs_[--from]);
  if (runs.empty() || runs.back().state != state) runs.push_back({begin, state});
  const State behind = runs_[to - 1].state;
  if (EndOf(to - 1) > end) {
    if (behind != state) runs.push_back({end, behind});
  } else if (to < runs_.size() && runs_[to].state == state) {
    to++;
  }
  const auto at = runs_.erase(runs_.begin() + static_cast<ptrdiff_t>(from),
                              runs_.begin() + static_cast<ptrdiff_t>(to));
  runs_.insert(at, runs.begin(), runs.end());
}

PageMap::Span PageMap::LastWarm(size_t unit) const {
  for (size_t i = runs_.size(); i-- > 0;) {
    if (runs_[i].state != State::kWarm) continue;
    const size_t begin = (runs_[i].begin + unit - 1) / unit * unit;
    const size_t end = EndOf(i) / unit * unit;
    if (begin < end) return {begin, end - begin};
  }
  return {};
}

}  // namespace longhaul
