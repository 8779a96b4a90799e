#include "core/protocol/groups.h"

#include <utility>

#include "core/protocol/wire.h"

namespace longhaul {
namespace {

constexpr int8_t kGroupKey = 0;  // the key of a coordinator is a group, not a transactional id

GroupOffsets ReadGroupOffsets(Reader* in, bool is_named) {
  GroupOffsets group{};
  if (is_named) group.group = in->String();
  const size_t topics = in->ArrayLength(3);
  for (size_t t = 0; t < topics && in->ok(); t++) {
    const std::string_view topic = in->String();
    const size_t partitions = in->ArrayLength(20);
    for (size_t p = 0; p < partitions && in->ok(); p++) {
      CommittedOffset committed{topic, in->Int32(), in->Int64(), {}};
      in->Int32();  // leader epoch
      committed.metadata = in->String();
      const int16_t error = in->Int16();
      in->SkipTags();
      if (in->ok() && error == 0 && committed.offset >= 0) group.offsets.push_back(committed);
    }
    in->SkipTags();
  }
  group.error = in->Int16();
  if (is_named) in->SkipTags();
  return group;
}

}  // namespace

void EncodeFindCoordinator(const std::vector<std::string_view>& groups, int16_t version,
                           EncodedRequest* out) {
  out->is_flexible = true;
  Writer w(&out->bytes, true);
  if (version < 4) w.String(groups.front());
  w.Int8(kGroupKey);
  if (version >= 4) {
    w.ArrayLength(groups.size());
    for (std::string_view group : groups) w.String(group);
  }
  TakeBytes(out);
}

Status ParseFindCoordinator(const uint8_t* data, size_t size, int16_t version,
                            std::vector<Coordinator>* out) {
  Reader in(data, size, true);
  in.Int32();  // throttle time
  if (version < 4) {
    Coordinator coordinator{};
    coordinator.error = in.Int16();
    in.String();  // error message
    coordinator.node = in.Int32();
    in.String();  // host
    in.Int32();   // port
    out->push_back(coordinator);
  } else {
    const size_t count = in.ArrayLength(14);
    for (size_t i = 0; i < count && in.ok(); i++) {
      Coordinator coordinator{in.String(), in.Int32(), 0};
      in.String();  // host
      in.Int32();   // port
      coordinator.error = in.Int16();
      in.String();  // error message
      in.SkipTags();
      if (in.ok()) out->push_back(coordinator);
    }
  }
  in.SkipTags();
  return in.ok() ? Status::Ok() : Malformed("FindCoordinator", in.left());
}

void EncodeListGroups(int16_t version, EncodedRequest* out) {
  out->is_flexible = true;
  Writer w(&out->bytes, true);
  w.ArrayLength(0);                    // of any state
  if (version >= 5) w.ArrayLength(0);  // of any type
  TakeBytes(out);
}

Status ParseListGroups(const uint8_t* data, size_t size, int16_t version, int16_t* error,
                       std::vector<ListedGroup>* out) {
  Reader in(data, size, true);
  in.Int32();  // throttle time
  *error = in.Int16();
  const size_t count = in.ArrayLength(4);
  for (size_t i = 0; i < count && in.ok(); i++) {
    ListedGroup group{in.String(), in.String(), in.String(), {}};
    if (version >= 5) group.type = in.String();
    in.SkipTags();
    if (in.ok()) out->push_back(group);
  }
  in.SkipTags();
  return in.ok() ? Status::Ok() : Malformed("ListGroups", in.left());
}

void EncodeOffsetFetch(const std::vector<std::string_view>& groups, int16_t version,
                       EncodedRequest* out) {
  out->is_flexible = true;
  Writer w(&out->bytes, true);
  if (version >= 8) w.ArrayLength(groups.size());
  for (std::string_view group : groups) {
    w.String(group);
    w.NullString();  // a null array of topics, encoded like a null string: all topics
    if (version >= 8) w.NoTags();
  }
  w.Int8(0);  // require stable: no. Offsets of open transactions are ignored
  TakeBytes(out);
}

Status ParseOffsetFetch(const uint8_t* data, size_t size, int16_t version,
                        std::vector<GroupOffsets>* out) {
  Reader in(data, size, true);
  in.Int32();  // throttle time
  const bool is_named = version >= 8;
  const size_t count = is_named ? in.ArrayLength(5) : 1;
  for (size_t i = 0; i < count && in.ok(); i++) {
    GroupOffsets group = ReadGroupOffsets(&in, is_named);
    if (in.ok()) out->push_back(std::move(group));
  }
  in.SkipTags();
  return in.ok() ? Status::Ok() : Malformed("OffsetFetch", in.left());
}

void EncodeOffsetCommit(std::string_view group, const std::vector<CommittedOffset>& offsets,
                        EncodedRequest* out) {
  out->is_flexible = true;
  Writer w(&out->bytes, true);
  w.String(group);
  w.Int32(-1);     // no generation
  w.String("");    // no member
  w.NullString();  // no static member
  WriteByTopic(&w, offsets, [&](const CommittedOffset& committed) {
    w.Int32(committed.partition);
    w.Int64(committed.offset);
    w.Int32(-1);  // leader epoch: not known
    w.String(committed.metadata);
    w.NoTags();
  });
  TakeBytes(out);
}

Status ParseOffsetCommit(const uint8_t* data, size_t size, std::vector<CommitResult>* out) {
  Reader in(data, size, true);
  in.Int32();  // throttle time
  const size_t topics = in.ArrayLength(3);
  for (size_t t = 0; t < topics && in.ok(); t++) {
    const std::string_view topic = in.String();
    const size_t partitions = in.ArrayLength(7);
    for (size_t p = 0; p < partitions && in.ok(); p++) {
      const CommitResult result{topic, in.Int32(), in.Int16()};
      in.SkipTags();
      if (in.ok()) out->push_back(result);
    }
    in.SkipTags();
  }
  in.SkipTags();
  return in.ok() ? Status::Ok() : Malformed("OffsetCommit", in.left());
}

}  // namespace longhaul
