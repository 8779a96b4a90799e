#include "core/offset_spans.h"

#include <algorithm>
#include <limits>

namespace longhaul {
namespace {

OffsetSpan Joined(const OffsetSpan& a, const OffsetSpan& b) {
  return {a.upstream, a.downstream, b.upstream_end() - a.upstream,
          b.downstream_end() - a.downstream, a.records + b.records};
}

}  // namespace

void OffsetSpans::Add(int64_t upstream, int64_t downstream, int64_t records) {
  if (records > 0) Add({upstream, downstream, records, records, records});
}

void OffsetSpans::Add(const OffsetSpan& span) {
  CutAt(span.upstream, span.downstream);
  if (!spans_.empty()) {
    OffsetSpan& last = spans_.back();
    if (last.is_exact() && span.is_exact() && last.upstream_end() == span.upstream &&
        last.downstream_end() == span.downstream) {
      last = Joined(last, span);
      return;
    }
  }
  spans_.push_back(span);
  if (spans_.size() > kMax) JoinCheapest();
}

void OffsetSpans::CutAt(int64_t upstream, int64_t downstream) {
  while (!spans_.empty() &&
         (spans_.back().upstream >= upstream || spans_.back().downstream >= downstream))
    spans_.pop_back();
  if (spans_.empty()) return;
  OffsetSpan& last = spans_.back();
  const int64_t lost =
      std::max({int64_t{0}, last.upstream_end() - upstream, last.downstream_end() - downstream});
  if (lost == 0) return;
  if (last.is_exact()) {
    last.upstream_length = last.downstream_length = last.records -= lost;
  } else {  // each offset that is removed may have held a record
    last.upstream_length = std::min(last.upstream_length, upstream - last.upstream);
    last.downstream_length = std::min(last.downstream_length, downstream - last.downstream);
    last.records = std::max<int64_t>(0, last.records - lost);
  }
}

// Joins the two neighbours with the fewest offsets between them.
void OffsetSpans::JoinCheapest() {
  size_t best = 0;
  int64_t best_cost = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i + 1 < spans_.size(); i++) {
    const OffsetSpan both = Joined(spans_[i], spans_[i + 1]);
    const int64_t cost = both.upstream_length + both.downstream_length - 2 * both.records;
    if (cost < best_cost) best = i, best_cost = cost;
  }
  spans_[best] = Joined(spans_[best], spans_[best + 1]);
  spans_.erase(spans_.begin() + static_cast<std::ptrdiff_t>(best) + 1);
}

}  // namespace longhaul
