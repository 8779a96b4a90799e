// When the reader of a lane's events is notified: soon for states, later for progress.
#include "core/event_queue.h"

#include <doctest/doctest.h>

#include <vector>

namespace longhaul::test {
namespace {

struct Reader {
  EventQueue events;
  Partition p{{.id = 7, .topic = "t", .remote_topic = "r", .progress = {}}, 1};
  int notified = 0;

  Reader() {
    events.OnReady([this] { notified++; });
  }
};

}  // namespace

TEST_CASE("a reader is notified once of progress, and once more of a later state") {
  Reader reader;
  reader.events.MadeProgress(reader.p);
  reader.events.MadeProgress(reader.p);
  CHECK(reader.notified == 1);
  CHECK_FALSE(reader.events.holds_urgent());
  reader.events.State(reader.p);
  reader.events.State(reader.p);
  reader.events.MadeProgress(reader.p);
  CHECK(reader.notified == 2);
  CHECK(reader.events.holds_urgent());
}

TEST_CASE("a reader is notified once of a state, whatever follows") {
  Reader reader;
  reader.events.State(reader.p);
  reader.events.MadeProgress(reader.p);
  reader.events.Log(kLogShown, "text");
  CHECK(reader.notified == 1);
}

TEST_CASE("a reader that has read the events is notified again") {
  Reader reader;
  reader.events.State(reader.p);
  (void)reader.events.Take();
  CHECK_FALSE(reader.events.holds_urgent());
  reader.events.MadeProgress(reader.p);
  CHECK(reader.notified == 2);
  CHECK_FALSE(reader.events.holds_urgent());
}

}  // namespace longhaul::test
