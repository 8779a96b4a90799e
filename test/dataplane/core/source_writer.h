// Writes into the logs of a simulated source cluster what producers, transactions and the log
// cleaner leave there, and knows what a read_committed reader sees of it.
#pragma once

#include <map>
#include <vector>

#include "random.h"
#include "simulated_log.h"

namespace longhaul::test {

struct WriterOptions {
  bool transactions = true;
  bool odd_batches = true;  // thinned, empty, LogAppendTime
  bool legacy = false;      // the log begins with magic 0 and 1
  size_t value_max = 100;
  size_t records_max = 12;
  int64_t timestamp = 1'700'000'000'000;
};

class SourceWriter {
 public:
  SourceWriter(SimulatedLog* log, Random* random, WriterOptions options)
      : log_(log), random_(random), options_(options) {}

  void WriteSomething();
  void WriteBatch(size_t records, size_t value_bytes, Codec codec = Codec::kNone);
  // The log cleaner has removed the record after them, so the batch cannot pass through.
  void WriteThinned(size_t records, size_t value_bytes, Codec codec);
  // Ends what is open, so that a reader can get to the end.
  void EndTransactions();

  // The records that a read_committed reader has been able to see, with their source offsets.
  const std::vector<TestRecord>& committed();

 private:
  std::vector<TestRecord> Records(size_t count, bool gaps);
  std::vector<TestRecord> RecordsOf(size_t count, size_t value_bytes);
  void WriteTransactional(int64_t producer_id);
  void End(int64_t producer_id, bool commit);
  void WriteOdd();
  void WriteLegacy();
  void Add(const std::vector<TestRecord>& records, int64_t producer_id = -1);

  struct Written {
    TestRecord record;
    int64_t transaction = -1;  // index into committed_transactions_
  };
  SimulatedLog* log_;
  Random* random_;
  WriterOptions options_;
  std::vector<Written> written_;
  std::vector<bool> transactions_;   // true: committed
  std::map<int64_t, int64_t> open_;  // producer -> transaction
  std::vector<TestRecord> committed_;
  size_t seen_ = 0;  // of written_, moved to committed_ or left out
};

}  // namespace longhaul::test
