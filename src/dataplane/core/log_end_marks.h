// Since when a partition is behind the end of its source log, for lag in seconds where record times
// do not tell. The end moves all the time: one mark "behind since" would make a partition that is
// always a little behind look hours behind, although it has mirrored all that was there then.
//
//     position   mark          mark            mark       end
//   -----|---------|-------------|---------------|---------|--> source offsets
//                12:00         12:05           12:09
//
// A mark is an end of the log and the time it was first seen. Marks that the position has passed
// go; the first one left is the answer. There are at most kMarksMax: when a new end comes, the two
// neighbours that are closest in time become one, with the later end and the earlier time. So the
// answer is never younger than the truth, and older by a fraction of the lag only.
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
  // The end is still the one that was seen last.
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
