// Codecs that the target does not accept: their batches are re-encoded. No record is lost or
// duplicated, and the order is kept.
#include "core/target_codecs.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

constexpr int64_t Listed(Codec first) { return static_cast<int64_t>(first) + 1; }
constexpr int64_t Listed(Codec first, Codec second) { return Listed(first) | Listed(second) << 4; }

bool LogsHold(const Process& process, const std::string& text) {
  return std::any_of(process.logs.begin(), process.logs.end(), [&](const std::string& line) {
    return line.find(text) != std::string::npos;
  });
}

// A batch of each codec, in turn.
void FillAll(Simulation& sim, uint32_t id, int rounds) {
  for (; rounds > 0; --rounds)
    for (const Codec codec : kAllCodecs) sim.Writer(id).WriteBatch(3, 50, codec);
}

std::vector<Codec> CodecsOn(const SimulatedLog& log) {
  std::vector<Codec> found;
  for (const LoggedBatch& batch : log.batches()) {
    const Codec codec = RecordBatchView(batch.bytes.data()).codec();
    if (std::find(found.begin(), found.end(), codec) == found.end()) found.push_back(codec);
  }
  std::sort(found.begin(), found.end());
  return found;
}

TEST_CASE("a list of codecs keeps its order, and other codecs are re-encoded in the first one") {
  const TargetCodecs codecs(Listed(Codec::kGzip, Codec::kNone));
  CHECK(codecs.Accepts(Codec::kGzip));
  CHECK(codecs.Accepts(Codec::kNone));
  CHECK(!codecs.Accepts(Codec::kZstd));
  CHECK(codecs.For(Codec::kNone) == Codec::kNone);
  CHECK(codecs.For(Codec::kZstd) == Codec::kGzip);
}

TEST_CASE("after a refused codec the next one is used, and the last one stays") {
  TargetCodecs listed(Listed(Codec::kLz4, Codec::kGzip));
  CHECK(listed.Refuse(Codec::kLz4));
  CHECK(listed.For(Codec::kLz4) == Codec::kGzip);
  CHECK(!listed.Refuse(Codec::kGzip));
  CHECK(listed.Accepts(Codec::kGzip));

  TargetCodecs any(0);
  for (const Codec codec : kAllCodecs) CHECK(any.Accepts(codec));
  CHECK(any.Refuse(Codec::kZstd));
  CHECK(any.For(Codec::kZstd) == Codec::kLz4);
  CHECK(any.Accepts(Codec::kGzip));
}

TEST_CASE("batches of codecs that are not listed are re-encoded and counted before they are sent") {
  SimulationOptions options = Plain();
  options.settings.target_codecs = Listed(Codec::kGzip, Codec::kNone);
  Simulation sim("listed codecs", options);
  FillAll(sim, 0, 4);
  Process* process = sim.Start();
  CheckExact(sim, process);
  CHECK(CodecsOn(sim.TargetLog(0)) == std::vector{Codec::kNone, Codec::kGzip});
  CHECK(sim.Counters(process, 0).reencoded_codec == 12);
  CHECK(sim.Counters(process, 0).passed_through == 8);
  CHECK(process->forwarder->errors().empty());
}

TEST_CASE("a codec that the broker refuses is re-encoded from then on, in all partitions") {
  Simulation sim("refused codec", Plain(3));
  for (uint32_t id = 0; id < 3; ++id) {
    sim.TargetLog(id).refuses_codec = [](Codec codec) { return codec == Codec::kZstd; };
    FillAll(sim, id, 10);
  }
  Process* process = sim.Start();
  CheckExact(sim, process);
  int64_t reencoded = 0;
  for (uint32_t id = 0; id < 3; ++id) reencoded += sim.Counters(process, id).reencoded_codec;
  CHECK(reencoded == 30);
  CHECK(LogsHold(*process, "its codec is zstd; such batches are re-encoded in lz4"));
  CHECK(process->logs.size() == 1);
}

// Each codec in turn is tried, the last one is none.
TEST_CASE("a target that accepts no codec gets batches without one") {
  Simulation sim("no codec", Plain());
  sim.TargetLog(0).refuses_codec = [](Codec codec) { return codec != Codec::kNone; };
  FillAll(sim, 0, 3);
  Process* process = sim.Start();
  CheckExact(sim, process);
  CHECK(CodecsOn(sim.TargetLog(0)) == std::vector{Codec::kNone});
  CHECK(sim.Counters(process, 0).reencoded_codec == 12);
}

TEST_CASE("a target that refuses the last codec faults the partition, and the codec is named") {
  SimulationOptions options = Plain();
  options.settings.target_codecs = Listed(Codec::kGzip);
  Simulation sim("last codec", options);
  sim.TargetLog(0).refuses_codec = [](Codec) { return true; };
  Fill(sim, 0, 1);
  Process* process = sim.Start();
  CheckFaulted(sim, process, kafka_error::kUnsupportedCompressionType);
  const std::string what = "its codec is gzip, and no other codec is left to try";
  CHECK(process->states[0].detail.ends_with(what));
}

// A broker before Kafka 2.1 does not answer zstd with error 76: it fails to read the batch. The
// simulated broker reports received batches (protocol_violations).
TEST_CASE("zstd is not sent to a broker with Produce v6") {
  Simulation sim("old broker", Plain());
  sim.target.broker(0).produce_version = 6;
  FillAll(sim, 0, 4);
  Process* process = sim.Start();
  CheckExact(sim, process);
  CHECK(sim.target.protocol_violations.empty());
  CHECK(sim.Counters(process, 0).reencoded_codec == 4);
  CHECK(LogsHold(*process, "the broker is older than Kafka 2.1"));
}

// The successor does not know which codec the broker refused. It scans a target whose batches have
// another codec than those of the source, and compares records.
TEST_CASE("successive owners lose and duplicate nothing if a codec is refused") {
  for (int round = 0; round < 30; ++round) {
    CAPTURE(round);
    Simulation sim("codec " + std::to_string(round), Plain());
    sim.TargetLog(0).refuses_codec = [](Codec codec) { return codec == Codec::kZstd; };
    FillAll(sim, 0, 6);
    Process* process = sim.Start();
    for (int owner = 0; owner < 4; ++owner) {
      sim.RunFor(static_cast<int64_t>(sim.random.Below(60)));
      if (sim.random.OneIn(3)) process->network->Break(Side::kTarget, 0);
      FillAll(sim, 0, 1);
      sim.Kill(process);
      process = sim.StartLagging();
    }
    CheckExact(sim, process);
    CHECK(sim.Mirrored(0).size() == sim.Writer(0).committed().size());
  }
}

}  // namespace
}  // namespace longhaul::test
