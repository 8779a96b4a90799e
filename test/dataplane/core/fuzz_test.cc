// Seeded mutations of valid batches, and garbage, through all code that reads bytes from the
// network. LONGHAUL_FUZZ_ROUNDS makes it longer; fuzz_entry.cc lets libFuzzer drive the same
// target.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "batch_fixture.h"
#include "fuzz_target.h"

namespace longhaul::test {
namespace {

size_t Rounds(size_t share_percent) {
  constexpr size_t kDefaultRounds = 200'000;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets the environment
  const char* text = std::getenv("LONGHAUL_FUZZ_ROUNDS");
  const size_t rounds = text != nullptr ? std::strtoull(text, nullptr, 10) : kDefaultRounds;
  return rounds * share_percent / 100;
}

Bytes SeedBatch(Random& random, Codec codec) {
  const auto records = RandomRecords(random, 1 + random.Below(12), 1000, random.OneIn(2), 60);
  BatchOptions options{.codec = codec};
  constexpr uint16_t kBits[] = {0, 0, kLogAppendTimeBit, kTransactionalBit, kDeleteHorizonBit};
  options.more_attributes = kBits[random.Below(std::size(kBits))];
  return BuildBatch(records, options);
}

std::vector<Bytes> SeedBatches(Random& random) {
  std::vector<Bytes> seeds;
  for (int8_t round = 0; round < 6; ++round) {
    for (const Codec codec : kAllCodecs) {
      seeds.push_back(SeedBatch(random, codec));
      if (codec == Codec::kZstd) continue;
      const auto records = RandomRecords(random, 1 + random.Below(12), 1000, true, 60);
      const auto magic = static_cast<int8_t>(round % 2);
      seeds.push_back(codec == Codec::kNone ? BuildMessage(magic, records.front())
                                            : BuildWrapper(magic, records, {.codec = codec}));
    }
  }
  return seeds;
}

// Lengths and counts are where parsers break.
uint32_t InterestingNumber(Random& random, size_t size) {
  const uint32_t numbers[] = {0,
                              1,
                              0x7f,
                              0x80,
                              0xff,
                              0x7fffffff,
                              0x80000000,
                              0xffffffff,
                              0xfffffff0,
                              0x00ffffff,
                              static_cast<uint32_t>(size),
                              static_cast<uint32_t>(size) - 12,
                              static_cast<uint32_t>(size) + 1};
  return numbers[random.Below(std::size(numbers))];
}

void MutateOnce(Random& random, const std::vector<Bytes>& seeds, Bytes& bytes) {
  if (bytes.empty()) {
    bytes = random.Bytes(random.Length(100));
    return;
  }
  // Half of the mutations change the header and the first lengths after it.
  const size_t reach = random.OneIn(2) ? std::min<size_t>(bytes.size(), 80) : bytes.size();
  const size_t at = random.Below(reach);
  const auto position = bytes.begin() + static_cast<ptrdiff_t>(at);
  switch (random.Below(8)) {
    case 0:
      bytes[at] ^= static_cast<uint8_t>(1 << random.Below(8));
      break;
    case 1:
      bytes[at] = static_cast<uint8_t>(InterestingNumber(random, bytes.size()));
      break;
    case 2:
      if (at + 4 <= bytes.size()) StoreU32(&bytes[at], InterestingNumber(random, bytes.size()));
      break;
    case 3: {
      const Bytes more = random.Bytes(1 + random.Below(9));
      bytes.insert(position, more.begin(), more.end());
      break;
    }
    case 4:
      bytes.erase(position, position + static_cast<ptrdiff_t>(std::min<size_t>(
                                           bytes.size() - at, 1 + random.Below(9))));
      break;
    case 5:
      bytes.resize(at);
      break;
    case 6: {
      const Bytes& other = seeds[random.Below(seeds.size())];
      const size_t from = random.Below(other.size());
      const size_t count = std::min(other.size() - from, bytes.size() - at);
      std::copy_n(other.begin() + static_cast<ptrdiff_t>(from), count, position);
      break;
    }
    default:
      bytes[at] = static_cast<uint8_t>(random.Next());
  }
}

// Corrects the length field: otherwise a mutation that changes the size ends in the walker.
void MendLength(Bytes& bytes) {
  if (bytes.size() >= kLogOverhead) {
    StoreU32(&bytes[kLengthOffset], static_cast<uint32_t>(bytes.size() - kLogOverhead));
  }
}

Bytes Mutate(Random& random, const std::vector<Bytes>& seeds) {
  if (random.OneIn(20)) return random.Bytes(random.Length(300));
  Bytes bytes = seeds[random.Below(seeds.size())];
  for (uint64_t left = 1 + random.Below(4); left > 0; --left) MutateOnce(random, seeds, bytes);
  if (!random.OneIn(4)) MendLength(bytes);
  return bytes;
}

TEST_CASE("mutated batches never break the walker, the classifier, the patch or the re-encoder") {
  Random random("fuzz batches");
  const std::vector<Bytes> seeds = SeedBatches(random);
  for (size_t round = Rounds(40); round > 0; --round) {
    Bytes bytes = Mutate(random, seeds);
    if (random.OneIn(8)) bytes = Join({bytes, Mutate(random, seeds)});
    FuzzWalk(bytes.data(), bytes.size());
  }
}

TEST_CASE("mutated records inside a sound frame never break the re-encoder") {
  Random random("fuzz records");
  std::vector<Bytes> seeds;
  seeds.reserve(20);
  for (int round = 0; round < 20; ++round) seeds.push_back(SeedBatch(random, Codec::kNone));
  for (size_t round = Rounds(20); round > 0; --round) {
    Bytes batch = seeds[random.Below(seeds.size())];
    Bytes records(batch.begin() + kRecordBatchHeaderSize, batch.end());
    for (uint64_t left = 1 + random.Below(3); left > 0; --left) {
      MutateOnce(random, {records}, records);
    }
    const Codec codec = kAllCodecs[random.Below(std::size(kAllCodecs))];
    Bytes packed;
    REQUIRE(Codecs().Compress(codec, records.data(), records.size(), &packed).ok());
    batch.resize(kRecordBatchHeaderSize);
    batch.insert(batch.end(), packed.begin(), packed.end());
    batch[kAttributesOffset + 1] |= static_cast<uint8_t>(codec);
    MendLength(batch);
    FuzzWalk(batch.data(), batch.size());
  }
}

TEST_CASE("mutated frames never break a codec") {
  Random random("fuzz codecs");
  for (const Codec codec : kAllCodecs) {
    std::vector<Bytes> seeds;
    for (const size_t length : {0, 1, 100, 3000, 70'000}) {
      const Bytes input = random.OneIn(4) ? random.Bytes(length) : random.Text(length);
      seeds.emplace_back();
      REQUIRE(Codecs().Compress(codec, input.data(), input.size(), &seeds.back()).ok());
      if (seeds.back().empty()) seeds.back().push_back(0);
    }
    for (size_t round = Rounds(8); round > 0; --round) {
      Bytes bytes = random.OneIn(20) ? random.Bytes(random.Length(300))
                                     : seeds[random.OneIn(10) ? 4 : random.Below(4)];
      for (uint64_t left = 1 + random.Below(4); left > 0; --left) {
        MutateOnce(random, seeds, bytes);
      }
      FuzzCodec(codec, bytes.data(), bytes.size());
    }
  }
}

}  // namespace
}  // namespace longhaul::test
