// DescribeQuorum v1, of brokers from 3.3 on in KRaft mode (KIP-836). The controller reports of
// itself the time at which it answers: the only clock of a cluster that a request shows without a
// record being written.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/protocol/request.h"
#include "core/status.h"

namespace longhaul {

inline constexpr Api kDescribeQuorumApi{"DescribeQuorum", 55, 1, 1};

struct QuorumLeader {
  int16_t error = 0;
  int32_t node = -1;
  int64_t fetched_ms = -1;  // its own clock, epoch ms; -1: not reported
};

void EncodeDescribeQuorum(EncodedRequest* out);
Status ParseDescribeQuorum(const uint8_t* data, size_t size, QuorumLeader* out);

}  // namespace longhaul
