// Since when a partition has been behind the end of its source log. Lag in seconds is computed from
// that time if the timestamps of the records are missing or wrong.
//
// The end of a log moves all the time. With one single time "behind since", a partition that is
// always a few records behind would look hours behind, although it has long mirrored the records
// that the log held at that time. So the lane keeps several times:
//
//     position   mark          mark            mark       end
//   -----|---------|-------------|---------------|---------|--> source offsets
//                12:00         12:05           12:09
//
// A mark is an end of the log, with the time at which that end was first seen. When the position
// passes a mark, the mark is removed. The time of the first mark that is left is the result. There
// are at most kMarksMax marks: before one more is added, the two neighbours that are closest in
// time become one mark, with the later end and the earlier time. So the result is never later than
// the true time, and earlier only by a fraction of the lag.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace longhaul {

class LogEndMarks {
 public:
  static constexpr size_t kMarksMax = 8;

  // The source reports that its log ends at `end`. All records before `position` are on the target.
  // `now`: epoch ms.
  void See(int64_t end, int64_t position, int64_t now);
  void Pass(int64_t position);
  // The source reports that the end has not changed.
  void SeeSame(int64_t now) { known_ms_ = std::max(known_ms_, now); }
  // When an end after the position was first seen, epoch ms. 0: the position is at the end.
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
