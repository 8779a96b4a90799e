// Whether records of two clusters are the same records, whatever batches, codecs and formats hold
// them. Pure. The seam of a resume compares the last records of the target with those of the source
// (seam.h); a verification of two clusters compares all of them.
#pragma once

#include <cstdint>
#include <vector>

#include "core/record_cursor.h"

namespace longhaul {

struct RecordDigest {
  int64_t timestamp = -1;
  uint64_t content = 0;  // of key, value and headers; null differs from empty

  bool operator==(const RecordDigest&) const = default;
};

// A record of magic 0 or 1 has the digest of the magic 2 record that it is re-encoded to.
RecordDigest DigestOf(const RecordSlice& record);

// A digest and its place, counted back from the last record of a stretch, which has place 0. Log
// cleaners remove records, but the places of the others do not change.
struct PlacedDigest {
  int64_t from_end = 0;
  RecordDigest digest;
};

// Do two stretches that end at the same place hold the same records? Places that only one of them
// holds are not compared. False if they have no place in common.
bool SameTail(const std::vector<PlacedDigest>& a, const std::vector<PlacedDigest>& b,
              bool compares_timestamps);

}  // namespace longhaul
