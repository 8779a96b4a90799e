// Handles a batch that its broker refused, once all batches of its partition in flight are
// answered: the batch is sent again, sent again after a scan of the target, split, encoded in
// another codec, cut before a record that the broker refuses, or fetched again; or the partition
// faults.
#pragma once

#include <cstdint>
#include <string>

#include "core/lane_context.h"
#include "core/leaders.h"

namespace longhaul {

class RefusedBatch {
 public:
  static constexpr int32_t kScansInVainMax = 6;  // in a row, then a fault
  static constexpr int32_t kRefetchesMax = 3;    // of a batch that the broker finds damaged

  RefusedBatch(LaneContext* lane, Leaders* leaders) : lane_(lane), leaders_(leaders) {}

  // Keeps the refusal of the earliest batch, which is the cause: batches after it are refused as
  // out of order. `record`: the index in the batch of the record that the broker names, -1: it
  // names none.
  void Note(Partition* p, uint64_t ordinal, Obstacle refusal, int32_t record);
  // Call when no batch of the partition is in flight.
  void Settle(Partition* p);

 private:
  void Handle(Partition* p, int32_t code, const std::string& where);
  void Split(Partition* p, const std::string& where);
  void RefuseCodec(Partition* p, int32_t code, const std::string& where);
  void RefuseRecord(Partition* p, const Obstacle& refusal, const std::string& where);
  void FetchAgain(Partition* p, int32_t code, const std::string& where);
  void Retry(Partition* p, int32_t code, const std::string& where);
  void ScanThenRetry(Partition* p, int32_t code, const std::string& where);
  void ScanDoubted(Partition* p, const std::string& where);
  void Delay(Partition* p, int32_t code, const std::string& where);

  LaneContext* lane_;
  Leaders* leaders_;
};

}  // namespace longhaul
