// Where records of the source are on the target, as a lane has seen it since its last report: spans
// of offsets, ascending on both sides. The control plane keeps them for longer, by the same rules
// (offsets/offset-map.ts). Bounded: when there are more than kMax spans, two neighbours become one
// span, which has gaps. A span counts its records, so a reader sees that it has gaps, and
// translates to an earlier offset rather than to a later one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace longhaul {

struct OffsetSpan {
  int64_t upstream = 0;
  int64_t downstream = 0;
  int64_t upstream_length = 0;
  int64_t downstream_length = 0;
  int64_t records = 0;  // records of this flow in it, at least

  bool is_exact() const { return upstream_length == records && downstream_length == records; }
  int64_t upstream_end() const { return upstream + upstream_length; }
  int64_t downstream_end() const { return downstream + downstream_length; }
  bool operator==(const OffsetSpan&) const = default;
};

class OffsetSpans {
 public:
  static constexpr size_t kMax = 64;

  // Removes what was known from the first record of the new span on, on either side.
  void Add(int64_t upstream, int64_t downstream, int64_t records);
  void Add(const OffsetSpan& span);
  const std::vector<OffsetSpan>& spans() const { return spans_; }
  std::vector<OffsetSpan> Take() { return std::exchange(spans_, {}); }
  void Clear() { spans_.clear(); }

 private:
  void CutAt(int64_t upstream, int64_t downstream);
  void JoinCheapest();

  std::vector<OffsetSpan> spans_;
};

}  // namespace longhaul
