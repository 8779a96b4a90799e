#include "core/known_producers.h"

namespace longhaul {

ProducerVerdict KnownProducers::Judge(int64_t producer_id) const {
  if (!judges_ || producer_id < 0) return ProducerVerdict::kForward;
  const auto inbound = inbound_.find(producer_id);
  if (inbound != inbound_.end())
    return inbound->second ? ProducerVerdict::kLeaveOut : ProducerVerdict::kForward;
  return others_.contains(producer_id) ? ProducerVerdict::kForward : ProducerVerdict::kUnknown;
}

void KnownProducers::AddOther(int64_t producer_id) {
  if (others_.size() >= kOthersMax) others_.clear();
  others_.insert(producer_id);
}

int64_t KnownProducers::Ask(uint32_t partition) {
  waiting_[partition] = ++asked_;
  return asked_;
}

std::vector<uint32_t> KnownProducers::Answer(const ProducersAnswer& answer) {
  for (const InboundProducer& producer : answer.inbound) {
    inbound_[producer.id] = producer.is_left_out;
    others_.erase(producer.id);
  }
  std::vector<uint32_t> answered;
  std::erase_if(waiting_, [&](const auto& waiting) {
    if (waiting.second > answer.question) return false;
    answered.push_back(waiting.first);
    return true;
  });
  return answered;
}

}  // namespace longhaul
