// Since when a partition is behind the end of its source log, for lag in seconds where record
// timestamps do not tell it. The end moves all the time: with one mark "behind since", a partition
// that is always a little behind would look hours behind, although it has mirrored all records that
// the log held at that time.
//
//     position   mark          mark            mark       end
//   -----|---------|-------------|---------------|---------|--> source offsets
//                12:00         12:05           12:09
//
// A mark is an end of the log and the time when it was first seen. Marks that the position has
// passed are removed; the first one left is the answer. There are at most kMarksMax marks: when
// there are more, the two neighbours that are closest in time become one, with the later end and
// the earlier time. So the answer is never later than the true time, and earlier only by a fraction
// of the lag.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace longhaul {

class LogEndMarks {
 public:
  static constexpr size_t kMarksMax = 8;

  // The source reports that its log ends at `end`; everything before `position` is on the target.
  // `now`: epoch ms.
  void See(int64_t end, int64_t position, int64_t now);
  void Pass(int64_t position);
  // The source reports that the end has not changed.
  void SeeSame(int64_t now) { known_ms_ = std::max(known_ms_, now); }
  // When an end beyond the position was first seen, epoch ms; 0: the position is the end.
  int64_t first_seen_ms() const { return marks_.empty() ? 0 : marks_.front().seen_ms; }
  // When the source last reported the end of its log, epoch ms; 0: never.
  int64_t known_ms() const { return known_ms_; }

 private:
  struct Mark {
    int64_t end;
    int64_t seen_ms;
  };
  void MergeClosest();

  std::vector<Mark> marks_;  // ends and times ascend
  int64_t known_ms_ = 0;
};

}  // namespace longhaul
