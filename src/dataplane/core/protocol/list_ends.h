// ListOffsets v1 with the id of a debugging replica (-2): the leader returns the end of its log,
// where a consumer would get the high watermark (ListOffsetsRequest.DEBUGGING_REPLICA_ID,
// Partition.fetchOffset).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/protocol/request.h"
#include "core/status.h"

namespace longhaul {

inline constexpr Api kListOffsetsApi{"ListOffsets", 2, 1, 1};

// Where the log of a leader ends.
struct ListedEnd {
  std::string_view topic;
  int32_t partition;
  int16_t error;
  int64_t offset;
};

void EncodeListEnds(const std::vector<NamedPartition>& partitions, EncodedRequest* out);
Status ParseListEnds(const uint8_t* data, size_t size, std::vector<ListedEnd>* out);

}  // namespace longhaul
