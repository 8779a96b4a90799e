#include "core/log_end_marks.h"

#include <algorithm>

namespace longhaul {

void LogEndMarks::See(int64_t end, int64_t position, int64_t now) {
  known_ms_ = now;
  Pass(position);
  const int64_t seen = marks_.empty() ? position : marks_.back().end;
  if (end <= seen) return;
  if (marks_.size() == kMarksMax) MergeClosest();
  // If the clock was set back, a later end must not get an earlier time.
  marks_.push_back({end, marks_.empty() ? now : std::max(now, marks_.back().seen_ms)});
}

void LogEndMarks::Pass(int64_t position) {
  const auto first = std::find_if(marks_.begin(), marks_.end(),
                                  [position](const Mark& mark) { return mark.end > position; });
  marks_.erase(marks_.begin(), first);
}

void LogEndMarks::MergeClosest() {
  size_t closest = 0;
  const auto gap = [this](size_t i) { return marks_[i + 1].seen_ms - marks_[i].seen_ms; };
  for (size_t i = 1; i + 1 < marks_.size(); i++)
    if (gap(i) < gap(closest)) closest = i;
  marks_[closest].end = marks_[closest + 1].end;
  marks_.erase(marks_.begin() + static_cast<std::ptrdiff_t>(closest) + 1);
}

}  // namespace longhaul
