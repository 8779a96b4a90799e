// Where blocks are placed between others, compared with a list that has one entry for each page.
#include "core/page_map.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace longhaul::test {
namespace {

using State = PageMap::State;

// The same as PageMap, by checking each page.
struct Pages {
  explicit Pages(size_t count) : states(count, State::kCold) {}

  size_t Cold(size_t begin, size_t count) const {
    const auto from = states.begin() + static_cast<ptrdiff_t>(begin);
    return static_cast<size_t>(
        std::count(from, from + static_cast<ptrdiff_t>(count), State::kCold));
  }
  bool IsFree(size_t begin, size_t count) const {
    const auto from = states.begin() + static_cast<ptrdiff_t>(begin);
    const auto end = from + static_cast<ptrdiff_t>(count);
    return std::find(from, end, State::kUsed) == end;
  }
  // The smallest number of cold pages of all places; SIZE_MAX: no place.
  size_t FewestCold(size_t count) const {
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i + count <= states.size(); i++)
      if (IsFree(i, count)) fewest = std::min(fewest, Cold(i, count));
    return fewest;
  }
  void Mark(size_t begin, size_t end, State state) {
    std::fill(states.begin() + static_cast<ptrdiff_t>(begin),
              states.begin() + static_cast<ptrdiff_t>(end), state);
  }
  bool IsWarm(size_t at, size_t unit) const {
    return std::count(states.begin() + static_cast<ptrdiff_t>(at),
                      states.begin() + static_cast<ptrdiff_t>(at + unit), State::kWarm) ==
           static_cast<ptrdiff_t>(unit);
  }
  PageMap::Span LastWarm(size_t unit) const {
    size_t end = states.size() / unit * unit;
    while (end > 0 && !IsWarm(end - unit, unit)) end -= unit;
    size_t begin = end;
    while (begin > 0 && IsWarm(begin - unit, unit)) begin -= unit;
    return {begin, end - begin};
  }

  std::vector<State> states;
};

TEST_CASE("a place has the fewest cold pages of all that are free, and is the lowest of those") {
  PageMap map(100);
  CHECK(map.is_cold());
  map.Mark(10, 20, State::kUsed);
  map.Mark(30, 40, State::kWarm);
  CHECK(map.Find(10).begin == 30);
  CHECK(map.Find(10).cold == 0);
  CHECK(map.Find(15).begin == 30);  // beside warm pages, at their end
  CHECK(map.Find(15).cold == 5);
  map.Mark(40, 100, State::kUsed);
  CHECK(map.Find(15).begin == 25);  // and before them
  CHECK(map.Find(10).begin == 30);
  CHECK(map.Find(20).begin == 20);
  CHECK(!map.Find(21).found);
  map.Mark(0, 100, State::kCold);
  CHECK(map.is_cold());
}

TEST_CASE("for all marks, places and counts equal those of a list of pages") {
  constexpr size_t kPages = 60;
  std::mt19937 random(7);
  for (int round = 0; round < 200; round++) {
    PageMap map(kPages);
    Pages pages(kPages);
    for (int step = 0; step < 60; step++) {
      const size_t begin = random() % kPages;
      const size_t end = begin + 1 + random() % std::min<size_t>(kPages - begin, 12);
      const auto state = static_cast<State>(random() % 3);
      map.Mark(begin, end, state);
      pages.Mark(begin, end, state);
      REQUIRE(map.CountCold(begin / 2, end) == pages.Cold(begin / 2, end - begin / 2));
      const size_t unit = 1 + random() % 4;
      const PageMap::Span warm = pages.LastWarm(unit);
      REQUIRE(map.LastWarm(unit).bytes == warm.bytes);
      if (warm.bytes > 0) REQUIRE(map.LastWarm(unit).begin == warm.begin);
      const size_t wanted = 1 + random() % 20;
      const PageMap::Fit fit = map.Find(wanted);
      REQUIRE((fit.found ? fit.cold : SIZE_MAX) == pages.FewestCold(wanted));
      if (!fit.found) continue;
      REQUIRE(pages.IsFree(fit.begin, wanted));
      REQUIRE(pages.Cold(fit.begin, wanted) == fit.cold);
    }
  }
}

}  // namespace
}  // namespace longhaul::test
