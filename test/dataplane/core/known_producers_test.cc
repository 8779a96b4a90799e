// What a lane knows of producer ids, and which questions an answer answers.
#include "core/known_producers.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace longhaul::test {
namespace {

TEST_CASE("a lane that does not judge producers forwards every batch") {
  KnownProducers producers(false);
  CHECK(producers.Judge(7) == ProducerVerdict::kForward);
  CHECK(producers.Judge(-1) == ProducerVerdict::kForward);
}

TEST_CASE("a producer id is unknown until an answer names it or omits it") {
  KnownProducers producers(true);
  CHECK(producers.Judge(-1) == ProducerVerdict::kForward);
  CHECK(producers.Judge(7) == ProducerVerdict::kUnknown);
  (void)producers.Answer({0, {{7, true}, {8, false}}});
  CHECK(producers.Judge(7) == ProducerVerdict::kLeaveOut);
  CHECK(producers.Judge(8) == ProducerVerdict::kForward);
  CHECK(producers.Judge(9) == ProducerVerdict::kUnknown);
  producers.AddOther(9);
  CHECK(producers.Judge(9) == ProducerVerdict::kForward);
}

TEST_CASE("inbound ids stay known, even if a later answer does not name them") {
  KnownProducers producers(true);
  (void)producers.Answer({0, {{7, true}}});
  (void)producers.Answer({0, {}});
  CHECK(producers.Judge(7) == ProducerVerdict::kLeaveOut);
  (void)producers.Answer({0, {{7, false}}});
  CHECK(producers.Judge(7) == ProducerVerdict::kForward);
}

// Meanwhile a flow that lost its progress topic may have counted as an application.
TEST_CASE("a producer that is named later is an inbound flow from then on") {
  KnownProducers producers(true);
  producers.AddOther(7);
  (void)producers.Answer({0, {{7, true}}});
  CHECK(producers.Judge(7) == ProducerVerdict::kLeaveOut);
}

TEST_CASE("an answer is for the questions that were asked before its reading") {
  KnownProducers producers(true);
  CHECK(producers.Ask(10) == 1);
  CHECK(producers.Ask(11) == 2);
  CHECK(producers.Ask(12) == 3);
  CHECK(producers.Answer({0, {}}).empty());
  std::vector<uint32_t> answered = producers.Answer({2, {}});
  std::sort(answered.begin(), answered.end());
  CHECK(answered == std::vector<uint32_t>{10, 11});
  CHECK(producers.waiting().size() == 1);
  producers.Forget(12);
  CHECK(producers.Answer({3, {}}).empty());
}

TEST_CASE("other producers are forgotten if there are too many, inbound ones never") {
  KnownProducers producers(true);
  (void)producers.Answer({0, {{7, true}}});
  for (size_t id = 0; id <= KnownProducers::kOthersMax; id++)
    producers.AddOther(static_cast<int64_t>(1'000 + id));
  CHECK(producers.Judge(1'000) == ProducerVerdict::kUnknown);
  CHECK(producers.Judge(static_cast<int64_t>(1'000 + KnownProducers::kOthersMax)) ==
        ProducerVerdict::kForward);
  CHECK(producers.Judge(7) == ProducerVerdict::kLeaveOut);
}

}  // namespace
}  // namespace longhaul::test
