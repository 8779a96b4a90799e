// The codecs: framing that Java reads, framings of other clients, bounds, damage. The reference
// decoders here implement the format descriptions in the simplest way.
#include "core/codecs.h"

#include <doctest/doctest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <stdexcept>

#include "batch_fixture.h"
#include "contract/contract.generated.h"

namespace longhaul {
namespace {

using test::Bytes;
using test::Codecs;
using test::Random;

constexpr Codec kPacking[] = {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};

Bytes Pack(Codec codec, const Bytes& bytes) {
  Bytes packed;
  const Status status = Codecs().Compress(codec, bytes.data(), bytes.size(), &packed);
  REQUIRE_MESSAGE(status.ok(), status.detail);
  return packed;
}

Status Unpack(Codec codec, const Bytes& packed, size_t max_out, Bytes* out) {
  return Codecs().Decompress(codec, packed.data(), packed.size(), max_out, out);
}

Bytes MustUnpack(Codec codec, const Bytes& packed) {
  Bytes out;
  const Status status = Unpack(codec, packed, size_t{1} << 26, &out);
  REQUIRE_MESSAGE(status.ok(), status.detail);
  return out;
}

Bytes RandomInput(Random& random, size_t max) {
  const size_t length = random.Length(max);
  return random.OneIn(3) ? random.Bytes(length) : random.Text(length);
}

// Copies `length` bytes from `distance` back, byte by byte: the two ranges may overlap.
void CopyBack(Bytes& out, size_t distance, size_t length) {
  for (size_t i = 0; i < length; ++i) out.push_back(out.at(out.size() - distance));
}

// github.com/google/snappy/blob/main/format_description.txt
Bytes ReferenceSnappy(const Bytes& in) {
  size_t at = 0;
  while (in.at(at++) >= 0x80) {
  }
  Bytes out;
  const auto little = [&](int bytes) {
    size_t value = 0;
    for (int i = 0; i < bytes; ++i) value |= static_cast<size_t>(in.at(at++)) << (8 * i);
    return value;
  };
  while (at < in.size()) {
    const uint8_t tag = in[at++];
    const size_t high = tag >> 2;
    if ((tag & 3) == 0) {
      const size_t length = 1 + (high < 60 ? high : little(static_cast<int>(high) - 59));
      for (size_t i = 0; i < length; ++i) out.push_back(in.at(at++));
    } else if ((tag & 3) == 1) {
      const size_t distance = static_cast<size_t>(tag >> 5) << 8 | in.at(at++);
      CopyBack(out, distance, 4 + (high & 7));
    } else {
      CopyBack(out, little((tag & 3) == 2 ? 2 : 4), 1 + high);
    }
  }
  return out;
}

Bytes ReferenceXerial(const Bytes& in) {
  Bytes out;
  for (size_t at = 16; at < in.size();) {
    const size_t length = LoadU32(in.data() + at);
    at += 4;
    const auto start = in.begin() + static_cast<ptrdiff_t>(at);
    const Bytes block = ReferenceSnappy(Bytes(start, start + static_cast<ptrdiff_t>(length)));
    CHECK(block.size() <= 32768);
    out.insert(out.end(), block.begin(), block.end());
    at += length;
  }
  return out;
}

// github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
void ReferenceLz4Block(const uint8_t* in, size_t length, Bytes& out) {
  const size_t start = out.size();
  size_t at = 0;
  const auto more = [&](size_t value) {
    if (value < 15) return value;
    uint8_t byte;
    do value += (byte = in[at++]);
    while (byte == 255);
    return value;
  };
  while (at < length) {
    const uint8_t token = in[at++];
    const size_t literals = more(token >> 4);
    out.insert(out.end(), in + at, in + at + literals);
    at += literals;
    if (at == length) return;
    const size_t distance = in[at] | in[at + 1] << 8;
    at += 2;
    REQUIRE(distance <= out.size() - start);  // blocks must not depend on each other
    CopyBack(out, distance, 4 + more(token & 15));
  }
}

// The requirements of Lz4BlockInputStream.java.
Bytes ReferenceLz4Frame(const Bytes& in) {
  REQUIRE(in.size() >= 11);
  CHECK(LoadU32(in.data()) == 0x04224d18u);
  const uint8_t flags = in[4];
  CHECK((flags >> 6) == 1);    // version
  CHECK((flags & 0x20) != 0);  // independent blocks
  CHECK((flags & 0x1f) == 0);  // no checksums, no sizes, no dictionary: like Java
  CHECK((in[5] >> 4) >= 4);    // a known block size
  Bytes out;
  size_t at = 7;
  for (;;) {
    const uint32_t block = __builtin_bswap32(LoadU32(in.data() + at));
    at += 4;
    if (block == 0) break;
    const size_t length = block & 0x7fffffff;
    if ((block >> 31) != 0) {
      out.insert(out.end(), in.data() + at, in.data() + at + length);
    } else {
      ReferenceLz4Block(in.data() + at, length, out);
    }
    at += length;
  }
  CHECK(at == in.size());
  return out;
}

Bytes ReferenceGzip(const Bytes& in, size_t size) {
  Bytes out(size + 1);
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = const_cast<uint8_t*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST_CASE("the reference decoder of each codec reads what the codec writes") {
  Random random("codecs write");
  for (int round = 0; round < 150; ++round) {
    const Bytes input = RandomInput(random, 300'000);
    CHECK(ReferenceGzip(Pack(Codec::kGzip, input), input.size()) == input);
    CHECK(ReferenceXerial(Pack(Codec::kSnappy, input)) == input);
    CHECK(ReferenceLz4Frame(Pack(Codec::kLz4, input)) == input);
    Bytes zstd(input.size() + 1);
    const Bytes packed = Pack(Codec::kZstd, input);
    zstd.resize(ZSTD_decompress(zstd.data(), zstd.size(), packed.data(), packed.size()));
    CHECK(zstd == input);
  }
}

TEST_CASE("each codec reads its own output, up to the bound and not a byte beyond") {
  Random random("codecs bound");
  for (const Codec codec : test::kAllCodecs) {
    for (int round = 0; round < 60; ++round) {
      CAPTURE(static_cast<int>(codec));
      const Bytes input = RandomInput(random, 200'000);
      const Bytes packed = Pack(codec, input);
      Bytes out;
      REQUIRE(Unpack(codec, packed, input.size(), &out).ok());
      CHECK(out == input);
      if (input.empty()) continue;
      CHECK(Unpack(codec, packed, input.size() - 1, &out).code == kErrorBatchDecodedTooLarge);
      CHECK(Unpack(codec, packed, random.Below(input.size()), &out).code ==
            kErrorBatchDecodedTooLarge);
    }
  }
}

TEST_CASE("snappy is read framed, bare, and with several frames") {
  const Bytes first = test::Random("snappy").Text(100'000);
  const Bytes framed = Pack(Codec::kSnappy, first);
  const Bytes header{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
  CHECK(Bytes(framed.begin(), framed.begin() + 16) == header);
  CHECK(MustUnpack(Codec::kSnappy, test::Join({framed, framed})) == test::Join({first, first}));
  CHECK(MustUnpack(Codec::kSnappy, header).empty());
  const Bytes bare{5, 4 << 2, 'h', 'e', 'l', 'l', 'o'};
  CHECK(MustUnpack(Codec::kSnappy, bare) == Bytes{'h', 'e', 'l', 'l', 'o'});
  CHECK(MustUnpack(Codec::kSnappy, {0}).empty());
}

TEST_CASE("the length in snappy's header is not trusted") {
  Bytes out;
  const Bytes claim{0xff, 0xff, 0xff, 0xff, 0x0f, 0};
  CHECK(Unpack(Codec::kSnappy, claim, SIZE_MAX, &out).code == kErrorCodecFailed);
  CHECK(out.capacity() < 1'000'000);
}

TEST_CASE("lz4 of clients before 0.10, with its wrong header checksum, is read (KAFKA-3160)") {
  const Bytes input = test::Random("lz4 old").Text(5000);
  Bytes frame = Pack(Codec::kLz4, input);
  // Two checksums are accepted: the proper one, and the one over the magic.
  REQUIRE(frame[4] == 0x60);
  REQUIRE(frame[5] == 0x40);
  CHECK(frame[6] == 0x82);
  Bytes out;
  int accepted = 0;
  for (int sum = 0; sum < 256; ++sum) {
    frame[6] = static_cast<uint8_t>(sum);
    if (Unpack(Codec::kLz4, frame, 1 << 20, &out).ok()) {
      ++accepted;
      CHECK(out == input);
    }
  }
  CHECK(accepted == 2);
}

TEST_CASE("several gzip members or zstd frames are read as one") {
  const Bytes part = test::Random("members").Text(20'000);
  for (const Codec codec : {Codec::kGzip, Codec::kZstd, Codec::kLz4}) {
    CHECK(MustUnpack(codec, test::Join({Pack(codec, part), Pack(codec, part)})) ==
          test::Join({part, part}));
  }
}

TEST_CASE("zstd without a content size is read") {
  const Bytes input = test::Random("zstd stream").Text(500'000);
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  Bytes packed(ZSTD_compressBound(input.size()));
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), input.data(), input.size()));
  ZSTD_freeCCtx(context);
  REQUIRE(ZSTD_getFrameContentSize(packed.data(), packed.size()) == ZSTD_CONTENTSIZE_UNKNOWN);
  CHECK(MustUnpack(Codec::kZstd, packed) == input);
}

TEST_CASE("truncated input is an error at every length") {
  Random random("codecs cut");
  const Bytes input = random.Text(3000);
  for (const Codec codec : kPacking) {
    const Bytes packed = Pack(codec, input);
    for (size_t length = 0; length < packed.size(); ++length) {
      // A xerial stream may end after any chunk, so also after its header.
      if (codec == Codec::kSnappy && length == 16) continue;
      CAPTURE(static_cast<int>(codec));
      CAPTURE(length);
      Bytes out;
      const Bytes cut(packed.begin(), packed.begin() + static_cast<ptrdiff_t>(length));
      CHECK(Unpack(codec, cut, 1 << 20, &out).code == kErrorCodecFailed);
    }
    Bytes out;
    CHECK(Unpack(codec, test::Join({packed, {1, 2, 3}}), 1 << 20, &out).code == kErrorCodecFailed);
  }
}

// Regression: each thread kept its lz4 context, and a reset does not forget the size that a cut
// frame had still to decode. Each further frame of the thread failed.
TEST_CASE("lz4 is read after a frame with a content size that was cut") {
  const Bytes input = Random("lz4 cut").Text(5000);
  const Bytes plain = Pack(Codec::kLz4, input);
  // The same frame with the flag of the content size, 5,000 in eight bytes, and their checksum.
  const Bytes header{0x04, 0x22, 0x4d, 0x18, 0x68, 0x40, 0x88, 0x13, 0, 0, 0, 0, 0, 0, 0xc9};
  const Bytes sized = test::Join({header, Bytes(plain.begin() + 7, plain.end())});
  Bytes out;
  REQUIRE(Unpack(Codec::kLz4, sized, 1 << 20, &out).ok());
  REQUIRE(out == input);
  const Bytes cut(sized.begin(), sized.end() - 100);
  CHECK(Unpack(Codec::kLz4, cut, 1 << 20, &out).code == kErrorCodecFailed);
  CHECK(Unpack(Codec::kLz4, plain, 1 << 20, &out).ok());
  CHECK(out == input);
}

TEST_CASE("an unknown codec is refused by number") {
  const Bytes input{1, 2, 3};
  Bytes out;
  for (int codec = 5; codec < 8; ++codec) {
    CHECK(Unpack(static_cast<Codec>(codec), input, 100, &out).code == kErrorCodecUnsupported);
    CHECK(Codecs().Compress(static_cast<Codec>(codec), input.data(), 3, &out).code ==
          kErrorCodecUnsupported);
  }
}

}  // namespace
}  // namespace longhaul
