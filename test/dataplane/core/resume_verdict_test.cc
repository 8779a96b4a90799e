// How a resume judges a target, as tables: findings in, verdict out.
#include "core/resume_verdict.h"

#include <doctest/doctest.h>

#include "batch_fixture.h"

namespace longhaul::test {
namespace {

constexpr int64_t kOurs = 77;
constexpr Progress kRecorded{.upstream = 100, .downstream = 50, .sequence = 30, .leader_epoch = 2};

Bytes Batch(int64_t producer_id, int64_t offset, int32_t sequence, size_t records,
            int64_t last_offset = -1) {
  std::vector<TestRecord> all;
  for (size_t i = 0; i < records; ++i)
    all.push_back({.offset = offset + static_cast<int64_t>(i), .timestamp = 1, .key = "k"});
  BatchOptions options{.base_offset = offset};
  if (last_offset >= 0) options.last_offset = last_offset;
  Bytes bytes = BuildBatch(all, options);
  StoreI64(&bytes[kProducerIdOffset], producer_id);
  StoreI32(&bytes[kBaseSequenceOffset], sequence);
  SealCrc(bytes);
  return bytes;
}

struct Scanned {
  TargetFindings findings{kRecorded, -1};
  int64_t lacking = 0;
  Scanned& Add(const Bytes& bytes) {
    lacking += AddBatch(RecordBatchView(bytes.data()), kOurs, kRecorded.sequence, &findings)
                   .records_lacking;
    return *this;
  }
};

TEST_CASE("records of the flow are counted by sequence, whichever producers write in between") {
  Scanned scan;
  scan.Add(Batch(kOurs, 50, 30, 5)).Add(Batch(-1, 55, -1, 3)).Add(Batch(kOurs, 58, 35, 2));
  CHECK(scan.findings.records_found == 7);
  CHECK(scan.findings.sequence_next == 37);
  CHECK(scan.findings.downstream_next == 60);
  CHECK(scan.findings.scan_offset == 60);
  CHECK(scan.findings.duplicate_records == 0);
}

TEST_CASE("deleted records count, and records that never existed do not") {
  struct Case {
    const char* name;
    int64_t offset;
    int32_t sequence;
    int64_t found, lacking, duplicates;
  };
  const Case cases[] = {
      {"next", 50, 30, 3, 0, 0},
      {"a gap of four offsets hides four of ours", 54, 34, 7, 0, 0},
      {"or fewer of ours", 54, 32, 5, 0, 0},
      {"but not more", 54, 35, 0, 5, 0},
      {"no gap, and yet later", 50, 31, 0, 1, 0},
      {"a duplicate of what was before", 50, 27, 0, 0, 3},
      {"a duplicate from before the wrap", 50, 0x7ffffffe, 0, 0, 3},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    Scanned scan;
    scan.Add(Batch(kOurs, row.offset, row.sequence, 3));
    CHECK(scan.findings.records_found == row.found);
    CHECK(scan.lacking == row.lacking);
    CHECK(scan.findings.duplicate_records == row.duplicates);
  }
}

TEST_CASE("sequences wrap") {
  const Progress recorded{.downstream = 50, .sequence = 0x7fffffff};
  TargetFindings findings(recorded, -1);
  const Bytes bytes = Batch(kOurs, 50, 0x7fffffff, 3);
  AddBatch(RecordBatchView(bytes.data()), kOurs, recorded.sequence, &findings);
  CHECK(findings.records_found == 3);
  CHECK(findings.sequence_next == 2);
}

TEST_CASE("a compacted batch of the flow counts by its offsets, not by its records") {
  Scanned scan;
  scan.Add(Batch(kOurs, 50, 30, 1, 57));
  CHECK(scan.findings.records_found == 8);
}

TEST_CASE("the record before the recorded offset is the flow's, another's, or not seen yet") {
  struct Case {
    const char* name;
    int64_t producer, offset;
    size_t records;
    bool overwritten, still_open;
  };
  const Case cases[] = {
      {"ours", kOurs, 45, 5, false, false},
      {"another's", -1, 45, 5, true, false},
      {"deleted, and another's behind", -1, 50, 5, false, false},
      {"a batch before it", -1, 40, 5, false, true},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    TargetFindings findings(kRecorded, -1);
    CHECK(findings.must_verify_last_record);
    const Bytes bytes = Batch(row.producer, row.offset, 25, row.records);
    CHECK(IsOverwritten(RecordBatchView(bytes.data()), kOurs, &findings) == row.overwritten);
    CHECK(findings.must_verify_last_record == row.still_open);
  }
  CHECK_FALSE(TargetFindings({.downstream = 50}, -1).must_verify_last_record);  // no such record
  CHECK_FALSE(TargetFindings(kRecorded, 60).must_verify_last_record);           // trimmed
}

TEST_CASE("a scan ends at the log end of its beginning") {
  struct Case {
    const char* name;
    int64_t scan_offset, log_end;
    bool at_watermark, verify;
    int64_t trimmed;
    ScanStep step;
  };
  const Case cases[] = {
      {"more to read", 50, 60, false, false, 0, ScanStep::kRead},
      {"at the end", 60, 60, true, false, 0, ScanStep::kDone},
      {"others write on", 60, 60, false, false, 0, ScanStep::kDone},
      {"hidden behind the watermark", 55, 60, true, false, 0, ScanStep::kWaitForFollowers},
      {"the end was not told yet", 60, -1, true, false, 0, ScanStep::kWaitForFollowers},
      {"not told yet, and more to read", 60, -1, false, false, 0, ScanStep::kRead},
      {"never told: the watermark", 60, 0, true, false, 0, ScanStep::kDone},
      {"never told, and more to read", 55, 0, false, false, 0, ScanStep::kRead},
      {"trimmed", 60, 60, true, false, 4, ScanStep::kAskLeader},
      {"ends before our last record", 50, 40, true, true, 0, ScanStep::kTruncated},
      {"our last record is to be seen", 50, 50, true, true, 0, ScanStep::kWaitForFollowers},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    TargetFindings findings(kRecorded, -1);
    findings.scan_offset = row.scan_offset;
    findings.log_end = row.log_end;
    findings.at_watermark = row.at_watermark;
    findings.must_verify_last_record = row.verify;
    findings.offsets_trimmed = row.trimmed;
    CHECK(NextStep(findings) == row.step);
  }
}

TEST_CASE("the leader's last sequence counts trimmed records, and only those") {
  struct Case {
    const char* name;
    int64_t log_start, log_end;
    int32_t last_sequence;
    ScanStep step;
    int64_t found, trimmed;
  };
  const Case cases[] = {
      {"all of ours was trimmed", 60, 60, 35, ScanStep::kDone, 6, 0},
      {"some of what was trimmed was another's", 60, 60, 31, ScanStep::kDone, 2, 0},
      {"more than was trimmed: another log", 60, 60, 45, ScanStep::kDone, 0, 10},
      {"forgotten", 60, 60, -1, ScanStep::kDone, 0, 10},
      {"hidden batches, remembered", 50, 70, 35, ScanStep::kDone, 0, 0},
      {"hidden batches, forgotten", 50, 70, -1, ScanStep::kWaitForFollowers, 0, 0},
      {"hidden behind what was trimmed", 60, 70, 35, ScanStep::kWaitForFollowers, 0, 10},
      {"the end was not told", 60, -1, 35, ScanStep::kWaitForFollowers, 0, 10},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    TargetFindings findings(kRecorded, row.log_start);
    findings.log_end = row.log_end;
    CHECK(TakeLeaderMemory(row.last_sequence, kRecorded, &findings) == row.step);
    CHECK(findings.records_found == row.found);
    CHECK(findings.offsets_trimmed == row.trimmed);
    CHECK(findings.last_batch_trimmed == (row.found > 0));
  }
}

TEST_CASE("the plan: pop, skip, or continue") {
  TargetFindings nothing(kRecorded, -1);
  TargetFindings five = nothing;
  five.records_found = 5;
  five.downstream_next = 58;
  five.sequence_next = 35;
  TargetFindings trimmed(kRecorded, 60);
  TargetFindings doubled = nothing;
  doubled.downstream_next = 70;
  const QueueMatch other{}, none_of_it{true, 0, 0, -1}, front{true, 2, 107, 3};
  struct Case {
    const char* name;
    TargetFindings findings;
    QueueMatch queue;
    Progress progress;
    size_t pop;
    int64_t skip;
    bool keeps;
    int64_t uncertain;
  };
  const Case cases[] = {
      {"nothing found, nothing queued", nothing, other, kRecorded, 0, 0, false, 0},
      {"nothing found, the queue is sent again", nothing, none_of_it, kRecorded, 0, 0, true, 0},
      {"found at the front of the queue", five, front, {107, 58, 35, 3}, 2, 0, true, 0},
      {"found, and skipped on the source", five, other, kRecorded, 0, 5, false, 0},
      {"trimmed: uncertain, once", trimmed, other, {100, 60, 30, 2}, 0, 0, false, 10},
      {"duplicates are passed over", doubled, none_of_it, {100, 70, 30, 2}, 0, 0, true, 0},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    const ResumePlan plan = PlanResume(row.findings, kRecorded, row.queue);
    CHECK(plan.progress == row.progress);
    CHECK(plan.batches_in_queue == row.pop);
    CHECK(plan.records_to_skip == row.skip);
    CHECK(plan.keeps_queue == row.keeps);
    CHECK(plan.records_uncertain == row.uncertain);
  }
}

}  // namespace
}  // namespace longhaul::test
