#include "core/stripes.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/assertion.h"
#include "core/record_batch.h"

namespace longhaul {
namespace {

// A hole is asked for by one Fetch after another, each a round trip later, and the stripes ahead
// wait for it. So such a Fetch may be as large as several stripes.
constexpr int64_t kHoleStripes = 8;

}  // namespace

BatchSurvey SurveyBatches(const uint8_t* records, size_t size, int64_t log_end) {
  BatchSurvey survey;
  BatchWalker walker(records, size);
  RecordBatchView batch;
  for (;;) {
    const BatchWalker::Step step = walker.Next(&batch);
    if (step == BatchWalker::Step::kMalformed) survey.is_sound = false;
    if (step != BatchWalker::Step::kBatch) break;
    const int64_t first = batch.base_offset();
    if (batch.is_legacy() || first < survey.next || first > std::max(log_end, survey.next)) {
      survey.is_sound = false;
      break;
    }
    if (survey.batches == 0) survey.first = first;
    survey.next = batch.last_offset() + 1;
    survey.batches++;
    survey.bytes += static_cast<int64_t>(batch.size());
    survey.largest = std::max(survey.largest, static_cast<int64_t>(batch.size()));
  }
  const size_t left = walker.left();
  if (survey.is_sound && survey.batches > 0 && left >= sizeof(int64_t))
    survey.cut_first = LoadI64(records + size - left);
  return survey;
}

void BatchShape::See(const BatchSurvey& survey, int64_t offset) {
  if (!survey.is_sound || survey.batches == 0) {
    if (!survey.is_sound) *this = {};
    return;
  }
  const auto batches = static_cast<double>(survey.batches);
  const double mean_bytes = static_cast<double>(survey.bytes) / batches;
  // A gap before the first batch counts, as gaps between batches do.
  const int64_t from = offset < 0 ? survey.first : std::min(offset, survey.first);
  const double mean_offsets = static_cast<double>(survey.next - from) / batches;
  const double spread = (static_cast<double>(survey.largest) - mean_bytes) / 2;
  const double error = is_known() ? std::max(std::abs(mean_bytes - bytes), spread) : spread;
  // A guess is many batches ahead, and multiplies an error of the mean by their number.
  const double weight = batches / (batches + seen);
  seen = std::min(seen + batches, kSeenMax);
  bytes += weight * (mean_bytes - bytes);
  offsets += weight * (mean_offsets - offsets);
  deviation += weight * (error - deviation);
}

int64_t BatchShape::BytesOf(int64_t offset_count) const {
  return is_known() ? static_cast<int64_t>(static_cast<double>(offset_count) * bytes / offsets) : 0;
}

int64_t BytesBelow(const Stripe& stripe, int64_t position) {
  int64_t bytes = 0;
  BatchWalker walker(stripe.fetched.records, stripe.fetched.records_size);
  for (RecordBatchView batch; walker.Next(&batch) == BatchWalker::Step::kBatch;) {
    if (batch.last_offset() >= position) break;
    bytes += static_cast<int64_t>(batch.size());
  }
  return bytes;
}

bool Stripes::Awaits(uint64_t tag) const {
  const auto found = std::ranges::find(stripes_, tag, &Stripe::tag);
  return found != stripes_.end() && !found->has_arrived;
}

// A broker returns one batch however small the limit is. For more batches the limit leaves some
// room for batches that are larger than the mean one: a batch that is cut crosses the line again.
Stripes::Ask Stripes::Size(const BatchShape& shape, int64_t batches) {
  Ask ask;
  ask.batches = batches;
  const double mean = shape.bytes * static_cast<double>(batches);
  const double spread = shape.deviation * std::sqrt(static_cast<double>(batches));
  const double room = std::min(shape.bytes / 2, shape.bytes / 32 + spread);
  ask.bytes = static_cast<int64_t>(mean + room);
  ask.bytes_max = batches == 1 ? 1 : ask.bytes;
  return ask;
}

std::optional<Stripes::Ask> Stripes::Next(const BatchShape& shape, int64_t end, int64_t bytes,
                                          bool may_go_ahead) const {
  if (!shape.is_known()) return std::nullopt;
  const double offsets = std::max(shape.offsets, 1.0);
  const int64_t most = std::max<int64_t>(
      static_cast<int64_t>(static_cast<double>(bytes) / shape.bytes), 1);
  // Up to `known` all was stored or has arrived, if no stripe before it is in flight.
  int64_t known = position_;
  bool is_known = true;
  for (const Stripe& stripe : stripes_) {
    // Of a guess in flight it is not known where its first batch begins, but it does not begin two
    // batches before the guess.
    const bool is_guess = !stripe.has_arrived && !stripe.is_exact;
    const int64_t begin = stripe.has_arrived ? stripe.from : stripe.offset;
    if (is_known && begin - (is_guess ? static_cast<int64_t>(2 * offsets) : 0) > known) {
      const double missing = static_cast<double>(begin - known) / offsets;
      const auto batches = static_cast<int64_t>(is_guess ? missing : std::round(missing));
      Ask ask = Size(shape, std::clamp<int64_t>(batches, 1, kHoleStripes * most));
      ask.offset = known;
      ask.is_exact = true;
      ask.is_first = known == position_;
      return ask;
    }
    is_known = stripe.has_arrived;
    if (stripe.has_arrived) known = std::max(known, stripe.survey.next);
  }
  if (!may_go_ahead && !stripes_.empty()) return std::nullopt;
  Ask ask = Size(shape, most);
  double last_end = static_cast<double>(known);
  if (!is_known) {
    const Stripe& last = stripes_.back();
    double first = static_cast<double>(last.offset);
    if (!last.is_exact) {
      const double behind = std::max(first - static_cast<double>(known), 0.0);
      first = std::min(first, static_cast<double>(known) + std::floor(behind / offsets) * offsets);
    }
    last_end = std::max(first + static_cast<double>(last.batches) * offsets,
                        static_cast<double>(last.offset));
  }
  // A stripe that the log cannot fill is left to the session, which waits for records.
  if (last_end + static_cast<double>(most + 1) * offsets > static_cast<double>(end))
    return std::nullopt;
  ask.offset = is_known ? known : static_cast<int64_t>(last_end + offsets / 2);
  if (!is_known) ask.offset = std::max(ask.offset, stripes_.back().offset + 1);
  ask.is_exact = is_known;
  ask.is_first = stripes_.empty();
  return ask;
}

void Stripes::Asked(const Ask& ask, uint64_t tag) {
  Stripe stripe;
  stripe.tag = tag;
  stripe.offset = ask.offset;
  stripe.batches = ask.batches;
  stripe.bytes = ask.bytes;
  stripe.is_exact = ask.is_exact;
  in_flight_bytes_ += stripe.bytes;
  const auto at = std::ranges::upper_bound(stripes_, stripe.offset, {}, &Stripe::offset);
  stripes_.insert(at, std::move(stripe));
}

void Stripes::AwaitSession(const BatchShape& shape, int64_t bytes_max) {
  Assert(empty(), "stripes begin behind the Fetch of the session");
  Stripe stripe;
  stripe.offset = position_;
  stripe.batches = std::max<int64_t>(
      static_cast<int64_t>(static_cast<double>(bytes_max) / shape.bytes), 1);
  stripe.is_exact = stripe.is_session = true;
  stripes_.push_back(std::move(stripe));
}

void Stripes::SessionAnswered(int64_t position) {
  Assert(has_session() && position >= position_, "the Fetch of the session is the first stripe");
  stripes_.pop_front();
  position_ = position;
  cut_first_ = -1;
}

bool Stripes::Arrived(uint64_t tag, FetchedPartition fetched, const BatchSurvey& survey,
                      HeldRef buffer) {
  const auto stripe = std::ranges::find(stripes_, tag, &Stripe::tag);
  Assert(stripe != stripes_.end() && !stripe->has_arrived, "a stripe arrives once");
  in_flight_bytes_ -= stripe->bytes;
  stripe->has_arrived = true;
  stripe->bytes = survey.bytes;
  held_bytes_ += stripe->bytes;
  stripe->from = std::min(stripe->offset, survey.first);
  stripe->survey = survey;
  stripe->fetched = std::move(fetched);
  stripe->buffer = std::move(buffer);
  if (!survey.is_sound || survey.batches == 0 || survey.next <= stripe->offset) return false;
  const auto index = static_cast<size_t>(stripe - stripes_.begin());
  JoinCut(index);
  if (index + 1 < stripes_.size()) JoinCut(index + 1);
  return true;
}

// If the answer before shows that its next batch is the first one of this stripe, nothing is
// between them. Both answers must name the same offset: no checksum covers it.
void Stripes::JoinCut(size_t index) {
  Stripe& stripe = stripes_[index];
  if (!stripe.has_arrived) return;
  const bool is_front = index == 0;
  if (!is_front && !stripes_[index - 1].has_arrived) return;
  const int64_t cut_first = is_front ? cut_first_ : stripes_[index - 1].survey.cut_first;
  const int64_t next = is_front ? position_ : stripes_[index - 1].survey.next;
  if (cut_first == stripe.survey.first) stripe.from = std::min(stripe.from, next);
}

std::optional<Stripe> Stripes::Take() {
  if (empty()) return std::nullopt;
  JoinCut(0);
  Stripe& front = stripes_.front();
  if (!front.has_arrived || front.from > position_) return std::nullopt;
  Stripe taken = std::move(front);
  stripes_.pop_front();
  held_bytes_ -= taken.bytes;
  return taken;
}

void Stripes::Passed(const Stripe& stripe, int64_t position) {
  position_ = position;
  if (position == stripe.survey.next) cut_first_ = stripe.survey.cut_first;
}

void Stripes::CheckInvariants() const {
  int64_t held = 0, in_flight = 0;
  int64_t offset = -1;
  for (const Stripe& stripe : stripes_) {
    Assert(stripe.offset >= offset, "stripes are in the order of their offsets");
    offset = stripe.offset;
    (stripe.has_arrived ? held : in_flight) += stripe.bytes;
    Assert(!stripe.is_session || &stripe == &stripes_.front(),
           "the Fetch of the session is the first stripe");
  }
  Assert(held == held_bytes_ && in_flight == in_flight_bytes_,
         "the bytes of stripes are the sums of their stripes");
}

}  // namespace longhaul
