// The plain builder and reader of batch_fixture.h, and the test that they agree.
#include "batch_fixture.h"

#include <doctest/doctest.h>

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include "core/crc32c.h"
#include "kafka/codecs.h"

namespace longhaul::test {
namespace {

void PutInt(Bytes& out, int64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<uint8_t>(value >> shift));
  }
}

void PutVarint(Bytes& out, int64_t value) {
  uint64_t rest = (static_cast<uint64_t>(value) * 2) ^ (value < 0 ? ~uint64_t{0} : 0);
  do {
    out.push_back(static_cast<uint8_t>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0)));
    rest >>= 7;
  } while (rest != 0);
}

void PutText(Bytes& out, const std::string& text) {
  out.insert(out.end(), text.begin(), text.end());
}

void PutVarText(Bytes& out, const std::optional<std::string>& text) {
  PutVarint(out, text ? static_cast<int64_t>(text->size()) : -1);
  if (text) PutText(out, *text);
}

void PutText32(Bytes& out, const std::optional<std::string>& text) {
  PutInt(out, text ? static_cast<int64_t>(text->size()) : -1, 4);
  if (text) PutText(out, *text);
}

Bytes Pack(Codec codec, const Bytes& bytes) {
  Bytes packed;
  const Status status = Codecs().Compress(codec, bytes.data(), bytes.size(), &packed);
  if (!status.ok()) throw std::runtime_error(status.detail);
  return packed;
}

// Reads or throws.
struct Reader {
  const Bytes& bytes;
  size_t at;

  uint8_t Byte() { return bytes.at(at++); }
  int64_t Int(int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; ++i) value = (value << 8) | Byte();
    const int unused = 64 - 8 * count;
    return static_cast<int64_t>(value << unused) >> unused;
  }
  int64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const uint8_t byte = Byte();
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return static_cast<int64_t>(value / 2) ^ -static_cast<int64_t>(value % 2);
  }
  std::optional<std::string> VarText() {
    const int64_t length = Varint();
    if (length < 0) return std::nullopt;
    std::string text;
    for (int64_t i = 0; i < length; ++i) text.push_back(static_cast<char>(Byte()));
    return text;
  }
};

void Expect(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

std::vector<TestRecord> ReadRecords(const Bytes& payload, int64_t count, int64_t base_offset,
                                    int64_t base_timestamp) {
  std::vector<TestRecord> records;
  Reader reader{payload, 0};
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = reader.Varint();
    const size_t end = reader.at + static_cast<size_t>(length);
    TestRecord record;
    Expect(reader.Byte() == 0, "record attributes");
    record.timestamp = base_timestamp + reader.Varint();
    record.offset = base_offset + reader.Varint();
    record.key = reader.VarText();
    record.value = reader.VarText();
    const int64_t headers = reader.Varint();
    for (int64_t header = 0; header < headers; ++header) {
      const auto key = reader.VarText();
      record.headers.push_back({key.value(), reader.VarText()});
    }
    Expect(reader.at == end, "record length");
    records.push_back(std::move(record));
  }
  Expect(reader.at == payload.size(), "bytes after the records");
  return records;
}

std::optional<std::string> RandomText(Random& random, size_t max) {
  if (random.OneIn(5)) return std::nullopt;
  if (random.OneIn(5)) return "";
  const Bytes bytes =
      random.OneIn(2) ? random.Text(random.Length(max)) : random.Bytes(random.Length(max));
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace

const CompressionCodecs& Codecs() {
  static const KafkaCodecs codecs;
  return codecs;
}

void SealCrc(Bytes& batch) {
  StoreU32(batch.data() + kCrcOffset,
           Crc32c(batch.data() + kAttributesOffset, batch.size() - kAttributesOffset));
}

Bytes Join(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes BuildBatch(const std::vector<TestRecord>& records, const BatchOptions& options) {
  const int64_t base_offset = options.base_offset.value_or(records.front().offset);
  const int64_t last_offset = options.last_offset.value_or(records.back().offset);
  const int64_t base_timestamp = options.base_timestamp.value_or(records.front().timestamp);
  int64_t max_timestamp = -1;
  Bytes payload;
  for (const TestRecord& record : records) {
    Bytes body{0};
    PutVarint(body, record.timestamp - base_timestamp);
    PutVarint(body, record.offset - base_offset);
    PutVarText(body, record.key);
    PutVarText(body, record.value);
    PutVarint(body, static_cast<int64_t>(record.headers.size()));
    for (const TestHeader& header : record.headers) {
      PutVarText(body, header.key);
      PutVarText(body, header.value);
    }
    PutVarint(payload, static_cast<int64_t>(body.size()));
    payload.insert(payload.end(), body.begin(), body.end());
    max_timestamp = std::max(max_timestamp, record.timestamp);
  }
  if (options.codec != Codec::kNone) payload = Pack(options.codec, payload);

  Bytes batch;
  PutInt(batch, base_offset, 8);
  PutInt(batch, static_cast<int64_t>(kRecordBatchHeaderSize - 12 + payload.size()), 4);
  PutInt(batch, 5, 4);  // leader epoch
  PutInt(batch, 2, 1);  // magic
  PutInt(batch, 0, 4);  // CRC, below
  PutInt(batch, options.more_attributes | static_cast<int>(options.codec), 2);
  PutInt(batch, last_offset - base_offset, 4);
  PutInt(batch, base_timestamp, 8);
  PutInt(batch, options.max_timestamp.value_or(max_timestamp), 8);
  PutInt(batch, 4711, 8);  // producer
  PutInt(batch, 1, 2);
  PutInt(batch, 77, 4);
  PutInt(batch, static_cast<int64_t>(records.size()), 4);
  batch.insert(batch.end(), payload.begin(), payload.end());
  SealCrc(batch);
  return batch;
}

std::vector<TestRecord> ReadBatch(const Bytes& batch) {
  Reader header{batch, 0};
  const int64_t base_offset = header.Int(8);
  Expect(header.Int(4) == static_cast<int64_t>(batch.size()) - 12, "batch length");
  header.Int(4);
  Expect(header.Int(1) == 2, "magic");
  const auto crc = static_cast<uint32_t>(header.Int(4));
  Expect(Crc32cExtendPortable(~0u, batch.data() + 21, batch.size() - 21) == ~crc, "CRC");
  const int64_t attributes = header.Int(2);
  const int64_t last_offset_delta = header.Int(4);
  const int64_t base_timestamp = header.Int(8);
  const int64_t max_timestamp = header.Int(8);
  header.at += 8 + 2 + 4;  // producer id, epoch, sequence
  const int64_t count = header.Int(4);

  Bytes payload(batch.begin() + static_cast<ptrdiff_t>(kRecordBatchHeaderSize), batch.end());
  if ((attributes & 7) != 0) {
    Bytes unpacked;
    const Status status = Codecs().Decompress(static_cast<Codec>(attributes & 7), payload.data(),
                                              payload.size(), size_t{1} << 30, &unpacked);
    if (!status.ok()) throw std::runtime_error(status.detail);
    payload = std::move(unpacked);
  }
  auto records = ReadRecords(payload, count, base_offset, base_timestamp);
  Expect(records.back().offset == base_offset + last_offset_delta, "last offset delta");
  int64_t found_max = records.front().timestamp;
  for (const TestRecord& record : records) found_max = std::max(found_max, record.timestamp);
  Expect(found_max == max_timestamp, "max timestamp");
  return records;
}

Bytes BuildMessage(int8_t magic, const TestRecord& record, uint8_t attributes) {
  Bytes checked;
  PutInt(checked, magic, 1);
  PutInt(checked, attributes, 1);
  if (magic == 1) PutInt(checked, record.timestamp, 8);
  PutText32(checked, record.key);
  PutText32(checked, record.value);
  Bytes message;
  PutInt(message, record.offset, 8);
  PutInt(message, static_cast<int64_t>(checked.size()) + 4, 4);
  PutInt(message, static_cast<int64_t>(crc32(0, checked.data(), static_cast<uInt>(checked.size()))),
         4);
  message.insert(message.end(), checked.begin(), checked.end());
  return message;
}

Bytes BuildWrapper(int8_t magic, const std::vector<TestRecord>& records,
                   const WrapperOptions& options) {
  Bytes messages;
  for (TestRecord record : records) {
    if (magic == 1 && options.relative_offsets) record.offset -= records.front().offset;
    const Bytes message = BuildMessage(magic, record);
    messages.insert(messages.end(), message.begin(), message.end());
  }
  WrapperOptions outer = options;
  if (!outer.offset) outer.offset = records.back().offset;
  return BuildWrapperAround(magic, Pack(options.codec, messages), outer);
}

Bytes BuildWrapperAround(int8_t magic, const Bytes& packed, const WrapperOptions& options) {
  TestRecord outer;
  outer.offset = options.offset.value_or(0);
  outer.timestamp = options.timestamp;
  outer.value = std::string(packed.begin(), packed.end());
  const auto codec = static_cast<uint8_t>(options.codec);
  return BuildMessage(magic, outer,
                      static_cast<uint8_t>(codec | (options.log_append_time ? 0x08 : 0)));
}

std::vector<TestRecord> RandomRecords(Random& random, size_t count, int64_t first, bool gaps,
                                      size_t value_max) {
  std::vector<TestRecord> records;
  int64_t offset = first;
  for (size_t i = 0; i < count; ++i) {
    TestRecord record;
    record.offset = offset;
    record.timestamp = 1'700'000'000'000 + random.Between(-100'000, 100'000);
    record.key = RandomText(random, 40);
    record.value = RandomText(random, value_max);
    for (uint64_t header = random.OneIn(3) ? random.Below(4) : 0; header > 0; --header) {
      record.headers.push_back({RandomText(random, 10).value_or("k"), RandomText(random, 20)});
    }
    records.push_back(std::move(record));
    offset += gaps && random.OneIn(3) ? random.Between(2, 50) : 1;
  }
  return records;
}

TEST_CASE("the fixture reads the batches that it builds") {
  Random random("fixture");
  for (const Codec codec : kAllCodecs) {
    const auto records = RandomRecords(random, 50, 900, true);
    BatchOptions options{.codec = codec};
    CHECK(ReadBatch(BuildBatch(records, options)) == records);
    options.max_timestamp = 1;
    CHECK_THROWS(ReadBatch(BuildBatch(records, options)));
  }
}

}  // namespace longhaul::test
