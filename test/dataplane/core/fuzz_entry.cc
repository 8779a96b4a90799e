// The entry of libFuzzer to the same target. From the root of the checkout, with L as the
// librdkafka sources:
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Isrc/dataplane
//     -Itest/dataplane/core -isystem $L test/dataplane/core/fuzz_entry.cc
//     src/dataplane/core/{crc32c,record_batch,record_cursor,reencode}.cc
//     src/dataplane/kafka/codecs.cc $L/librdkafka.a -lz -lzstd -lssl -lcrypto -lpthread -ldl -lm
// The first byte selects the codec, or the walk.
#include "fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t length) {
  if (length == 0) return 0;
  const uint8_t choice = data[0] % 8;
  if (choice <= static_cast<uint8_t>(longhaul::Codec::kZstd)) {
    longhaul::test::FuzzCodec(static_cast<longhaul::Codec>(choice), data + 1, length - 1);
  } else {
    longhaul::test::FuzzWalk(data + 1, length - 1);
  }
  return 0;
}
