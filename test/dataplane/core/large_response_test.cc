// Responses that malloc would map separately, and unmap when they are freed: each of their pages is
// touched for the first time repeatedly, which more than doubles the CPU of a lane.
#include <doctest/doctest.h>

#include "core/memory_account.h"
#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

// Only its size counts.
class BufferOfSize final : public Buffer {
 public:
  explicit BufferOfSize(size_t size) : size_(size) {}
  uint8_t* data() override { return nullptr; }
  size_t size() const override { return size_; }

 private:
  size_t size_;
};

// Regression: fetch.max.bytes and in.flight.bytes.max may be a gigabyte each, and a Fetch requested
// as much.
TEST_CASE("with any settings no response of several batches is larger than malloc keeps") {
  constexpr int64_t kMuch = int64_t{1} << 30;
  constexpr size_t kBatch = size_t{12} << 20;
  SimulationOptions options = Plain(3);
  options.checks_memory = false;
  options.settings.in_flight_bytes_max = kMuch;
  options.settings.fetch_bytes_max = kMuch / 2;
  options.settings.partition_fetch_bytes_max = kMuch / 2;
  options.settings.partition_queue_bytes_max = kMuch / 2;
  options.settings.decoded_bytes_max = kMuch / 2;
  Simulation sim("large responses", options);
  for (uint32_t id = 0; id < 3; ++id) sim.Writer(id).WriteBatch(1, kBatch);
  Process* process = sim.Start();
  CheckExact(sim, process);
  CHECK(process->network->response_bytes_max > kBatch);
  CHECK(process->network->response_bytes_max <= kKeptBlockBytes);
}

// A broker returns the first batch even if it is larger than the Fetch allows (KIP-74). Regression:
// the lane fetched more beside that batch, as long as its bound had room.
TEST_CASE("a batch with a separate mapping is alone in its lane until it is freed") {
  ForwarderSettings settings{};
  settings.in_flight_bytes_max = int64_t{1} << 30;
  MemoryAccount memory(settings, nullptr);
  const int64_t room = memory.fetch_room();
  HeldRef kept = memory.Hold(std::make_shared<BufferOfSize>(kKeptBlockBytes));
  CHECK(memory.fetch_room() ==
        room - static_cast<int64_t>(kKeptBlockBytes) - HeldBuffer::kResponseOverhead);
  HeldRef mapped = memory.Hold(std::make_shared<BufferOfSize>(kKeptBlockBytes + 1));
  CHECK(memory.fetch_room() == 0);
  kept.reset();
  CHECK(memory.fetch_room() == 0);
  mapped.reset();
  CHECK(memory.fetch_room() == room);
}

// Each broker holds a Fetch that reserves memory, though 29 of them have nothing to return.
TEST_CASE("a busy broker among many idle ones returns large responses") {
  SimulationOptions options = Plain(30, 30);
  options.settings.in_flight_bytes_max = 16 << 20;
  options.settings.fetch_wait_max_ms = 500;
  Simulation sim("idle brokers", options);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.RunFor(2'000);
  Fill(sim, 0, 300, 10'000);
  CheckExact(sim, process);
  CHECK(process->network->response_bytes_max > (2 << 20));
}

}  // namespace
}  // namespace longhaul::test
