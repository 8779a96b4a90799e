// Requests about consumer groups, of both group protocols: which broker coordinates a group, which
// groups a broker coordinates, and the committed offsets of a group. Brokers from 2.6 on.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/protocol/request.h"
#include "core/status.h"

namespace longhaul {

// v4 asks for many groups at once (Kafka 3.0 and later).
inline constexpr Api kFindCoordinatorApi{"FindCoordinator", 10, 3, 4};
// v4 returns states, v5 types.
inline constexpr Api kListGroupsApi{"ListGroups", 16, 4, 5};
// v8 asks for many groups at once (Kafka 3.0 and later).
inline constexpr Api kOffsetFetchApi{"OffsetFetch", 9, 7, 8};
inline constexpr Api kOffsetCommitApi{"OffsetCommit", 8, 8, 8};

struct Coordinator {
  std::string_view group;  // empty: the only group of the request
  int32_t node;            // -1: none
  int16_t error;
};

struct ListedGroup {
  std::string_view name;
  std::string_view protocol_type;  // empty: offsets are committed without members
  std::string_view state;
  std::string_view type;  // empty: the broker does not return types
};

struct CommittedOffset {
  std::string_view topic;
  int32_t partition;
  int64_t offset;
  std::string_view metadata;
};

struct GroupOffsets {
  std::string_view group;  // empty: the only group of the request
  int16_t error;
  std::vector<CommittedOffset> offsets;  // only partitions with a committed offset
};

struct CommitResult {
  std::string_view topic;
  int32_t partition;
  int16_t error;
};

// Before v4 exactly one group.
void EncodeFindCoordinator(const std::vector<std::string_view>& groups, int16_t version,
                           EncodedRequest* out);
Status ParseFindCoordinator(const uint8_t* data, size_t size, int16_t version,
                            std::vector<Coordinator>* out);

void EncodeListGroups(int16_t version, EncodedRequest* out);
Status ParseListGroups(const uint8_t* data, size_t size, int16_t version, int16_t* error,
                       std::vector<ListedGroup>* out);

// All committed offsets of the groups. Before v8 exactly one group.
void EncodeOffsetFetch(const std::vector<std::string_view>& groups, int16_t version,
                       EncodedRequest* out);
Status ParseOffsetFetch(const uint8_t* data, size_t size, int16_t version,
                        std::vector<GroupOffsets>* out);

// Commits without being a member: the coordinator refuses the commit while the group has members.
// Offsets of one topic must be adjacent.
void EncodeOffsetCommit(std::string_view group, const std::vector<CommittedOffset>& offsets,
                        EncodedRequest* out);
Status ParseOffsetCommit(const uint8_t* data, size_t size, std::vector<CommitResult>* out);

}  // namespace longhaul
