// Where librdkafka puts the responses of brokers.
#pragma once

namespace longhaul {

// From now on librdkafka receives responses into blocks of BlockPool::OfProcess(). Comes before the
// first client is opened. The two pointers that it sets are ours: .ci/setup/librdkafka-mends.mjs.
void ReceiveIntoBlockPool();

}  // namespace longhaul
